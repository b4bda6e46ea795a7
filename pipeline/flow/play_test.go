package flow_test

import (
	"os"
	"strings"
	"time"

	"parley/pipeline/flow"
)

func ExamplePlay() {
	f, err := flow.Receptionist()
	if err != nil {
		panic(err)
	}
	caller := strings.NewReader("I'd like to book an appointment.\nnext Friday please\nhalf past ten\nIt's Ana.\nyes\nThat's right.\nGoodbye.\n")
	now := time.Date(2026, time.November, 24, 12, 0, 0, 0, f.Zone())
	o := flow.Options{Context: map[string]string{"from": "+442071234567"}, Now: func() time.Time { return now }}
	if err := flow.Play(os.Stdout, caller, f, o); err != nil {
		panic(err)
	}
	// Output:
	// agent: Hello, and welcome to Northwind Clinic. I'm Parley's demo receptionist. For our opening hours, press one. To book an appointment, press two. To hear about Parley, press three. For the echo test, press four. To leave a message, press five. Or just tell me what you need.
	// agent: With pleasure. Which day would suit you? Say, for example, next Tuesday, or key in month and day.
	// agent: Friday, December fourth. And at what time? You may also key it in, with four digits.
	// agent: ten thirty in the morning. May I have your name, please? Or press star to go on without it.
	// agent: May we call you at the number that you are calling from?
	// agent: So that is Friday, December fourth, at ten thirty in the morning, for Ana. Shall I book it?
	// agent: Thank you, it is booked. We will call you if anything changes. This is only a demo, so nobody will be waiting. What else can I do for you? If you are not sure, say help.
	// agent: Thank you for calling Northwind Clinic. Goodbye!
	//        (hangs up)
	// appointment = 2026-12-04 10:30
	// day = 2026-12-04
	// name = Ana
	// phone = +442071234567
	// time = 10:30
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
	// pin = 427
	// who = Ana
}
