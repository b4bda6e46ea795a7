package flow_test

import (
	"os"
	"strings"

	"parley/pipeline/flow"
)

func ExamplePlay() {
	f, err := flow.Receptionist()
	if err != nil {
		panic(err)
	}
	caller := strings.NewReader("I'd like to book an appointment.\non friday please\n/4271\nThat's right.\nGoodbye.\n")
	if err := flow.Play(os.Stdout, caller, f); err != nil {
		panic(err)
	}
	// Output:
	// agent: Hello, and welcome to Northwind Clinic. I'm Parley's demo receptionist. For our opening hours, press one. To book an appointment, press two. To hear about Parley, press three. For an echo test, press four. Or just tell me what you need.
	// agent: With pleasure. Which day would suit you, from Monday to Saturday?
	// agent: Friday it is. Now please say, or key in, the last four digits of your phone number.
	// agent: I heard four two seven one. Is that right?
	// agent: Thank you. Your appointment is on Friday, at half past ten, under the number four two seven one. This is only a demo, so nobody will be waiting. What else can I do for you? If you are not sure, say help.
	// agent: Thank you for calling Northwind Clinic. Goodbye!
	//        (hangs up)
}
