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
	if err := flow.Play(os.Stdout, caller, f, flow.Options{}); err != nil {
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

// Keys are cut into entries by what is expected; an entry of unknown length ends with a pound key.
func ExamplePlay_keys() {
	f, err := flow.Parse([]byte(`
flow: keys
start: pin
nodes:
  pin: {gather: {slot: pin, type: digits, min: 2, max: 6, prompt: "Your number?", confirm: "{pin}?", goto: who}}
  who: {gather: {slot: who, type: name, prompt: "Your name?", no_match: "I need a name.", goto: bye}}
  bye: {hang_up: "Goodbye, {who}."}`))
	if err != nil {
		panic(err)
	}
	if err := flow.Play(os.Stdout, strings.NewReader("/427#1\n/12#34#\n\nAna\n"), f, flow.Options{}); err != nil {
		panic(err)
	}
	// Output:
	// agent: Your number?
	// agent: four two seven?
	// agent: Your name?
	// agent: I need a name.
	// agent: I need a name.
	// agent: Your name?
	// agent: Goodbye, Ana.
	//        (hangs up)
}
