package flow

import (
	"strings"
	"testing"
)

// spoken are answers to the receptionist's menu as recognisers write them, and the node that each must lead to; "" is none.
var spoken = map[string]string{
	// the words of the menu
	"Opening hours.": "hours", "opening hours": "hours", "OPENING HOURS": "hours", "The opening hours, please.": "hours",
	"I'd like the opening hours please": "hours", "Could you tell me your opening hours?": "hours", "openin ours": "hours",
	"Opening our's": "hours", "Open in hours.": "hours", "Opening-hours": "hours", "When do you close": "hours",
	"What are your hours on Friday?": "hours", "um, hours": "hours", "ours": "hours", "Openings hours": "hours",
	"are you open on saturday": "hours", "What time do you open tomorrow?": "hours", "your business hours": "hours",
	"Book an appointment.": "book", "I want to book an appointment": "book", "I would like to make an appointment, please.": "book",
	"appointment": "book", "Appointments": "book", "a pointment": "book", "An appointment": "book", "apointment": "book",
	"book a appointment": "book", "Hello, I need to see a doctor": "book", "schedule an appointment": "book", "Booking.": "book", "Look.": "book",
	"Can I book in with the doctor?": "book", "Yes, I'd like an appointment for my daughter": "book", "Book and appointment": "book",
	"Tell me about Parley.": "about", "Tell me about parlay": "about", "about partly": "about", "Parlay.": "about", "tell me about barley": "about",
	"Who are you?": "about", "tell me more": "about",
	"Echo test": "echo_intro", "Echo.": "echo_intro", "the echo test please": "echo_intro", "echotest": "echo_intro", "Eco test.": "echo_intro",
	// what Moonshine tiny wrote for a synthetic voice over 8 kHz mu-law
	"Opening errors.": "hours", "I'd like the opening-hour of police.": "hours", "Ours.": "hours", "When are you open?": "hours",
	"Book and appointments.": "book", "Appointment,": "book", "I want to see a doctor.": "book", "About Parley,": "about",
	"Echo test.": "echo_intro", "Good-bye": "goodbye", "A human pleas,": "operator", "For,": "echo_intro", "Or?": "echo_intro", "Hero.": "operator",
	// keys that are spoken
	"One.": "hours", "1": "hours", "1.": "hours", "Won": "hours", "Press one.": "hours", "press 1": "hours", "Option one, please": "hours",
	"number one": "hours", "the first one": "hours", "First.": "hours", "I'll take number 1": "hours", "I'd like to press one": "hours",
	"Two": "book", "2": "book", "To.": "book", "Too": "book", "to": "book", "Press two": "book", "option to": "book", "number two please": "book",
	"Three.": "about", "3": "about", "Tree": "about", "press three": "about",
	"Four": "echo_intro", "For.": "echo_intro", "Fore": "echo_intro", "press for": "echo_intro", "Number four.": "echo_intro",
	"zero": "operator", "Press zero": "operator", "0": "operator",
	// commands
	"Operator": "operator", "I want to speak to a human": "operator", "agent please": "operator", "Can I talk to a person?": "operator",
	"Goodbye.": "goodbye", "Good bye": "goodbye", "bye": "goodbye", "Bye-bye!": "goodbye", "No, thank you.": "goodbye", "That's all.": "goodbye",
	"Help": "main", "menu": "main", "Main menu, please.": "main", "stop": "main", "Stop.": "main", "Held.": "main", "Shop.": "main",
	// the longer match wins, and a choice beats a command in one sentence
	"Please help me book an appointment": "book", "repeat my words": "echo_intro", "I want to schedule a visit": "book",
	// nothing of it
	"": "", "The weather is nice today": "", "I need one for tomorrow": "", "What?": "", "I held the door": "", "Look at the shop": "", "7": "",
	"twenty one": "", "11": "", "press 11": "", "to be or not to be": "", "It's for two people": "", "uh": "",
}

func TestMenuUnderstands(t *testing.T) {
	t.Parallel()
	f := mustReceptionist(t)
	q := f.main.nodes["main"].step.(*question)
	for said, want := range spoken {
		fs := q.understand(hear(said), f.commands)
		var got []string
		for _, f := range fs {
			got = append(got, f.next.to)
		}
		if strings.Join(got, "+") != want {
			t.Errorf("%q is understood as %q, want %q (words %q, core %q)", said, got, want, hear(said).words, hear(said).core)
		}
	}
}

func TestAmbiguousWordsGiveSeveralChoices(t *testing.T) {
	t.Parallel()
	f := mustReceptionist(t)
	q := f.main.nodes["main"].step.(*question)
	for _, said := range []string{"opening hours and an appointment", "An appointment or the echo test", "press one or press two"} {
		if fs := q.understand(hear(said), f.commands); len(fs) != 2 {
			t.Errorf("%q fits %d choices, want 2", said, len(fs))
		}
	}
}

// TestPhraseFindsSpellings has words that Moonshine is known to spell in its own way.
func TestPhraseFindsSpellings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		phrase, said string
		want         bool
	}{
		{"juliet", "Juliette.", true}, {"x-ray", "X ray", true}, {"xray", "X-ray.", true}, {"foxtrot", "Fucks trot!", true},
		{"whiskey", "Whisky", true}, {"yankee", "Yanky.", true}, {"kilo", "Keelow,", true}, {"foxtrot", "Fox trot.", true}, {"quebec", "Quebec, Quebec,", true}, {"alpha", "Alfa.", true}, {"quebec", "Kebec", true}, {"november", "Novembre", true}, {"mike", "Mic", false},
		{"twenty one", "21.", true}, {"24 hours", "twenty-four hours", true}, {"option two", "Option 2.", true}, {"two", "12", false},
		{"appointment", "disappointment", true}, {"sales", "sails", true}, {"sales", "Wales", true}, {"billing", "Bill in.", true},
		{"support", "sport", true}, {"book", "look", true}, {"book", "I look at it", false}, {"no", "know", false}, {"help", "held the door", false},
		{"cancel my appointment", "please cancel my apointment now", true}, {"café", "CAFÉ", true}, {"account balance", "a count balance", true},
		{"1", "10", false}, {"january", "Febuary", false}, {"february", "Febuary", true}, {"opening hours", "hours of opening", false},
	} {
		if got := newPhrase(tt.phrase).find(hear(tt.said)).grade > unlike; got != tt.want {
			t.Errorf("%q in %q: found %v, want %v", tt.phrase, tt.said, got, tt.want)
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		said string
		n    int // how many are wanted
		want string
	}{
		{"four two seven one", 4, "4271"}, {"4271", 4, "4271"}, {"4 2 7 1.", 4, "4271"}, {"4-2-7-1", 4, "4271"}, {"4,271", 4, "4271"},
		{"4,2,7,1", 4, "4271"}, {"Forty-two seventy-one.", 4, "4271"}, {"42 71", 4, "4271"}, {"for to seven won", 4, "4271"},
		{"It's four two seven one, please.", 4, "4271"}, {"It's for two seven one.", 4, "4271"}, {"my number is 4 2 7 1", 4, "4271"},
		{"four thousand two hundred and seventy-one", 4, "4271"}, {"Four thousand two hundred seventy one", 4, "4271"},
		{"double seven one oh", 4, "7710"}, {"triple two nine", 4, "2229"}, {"oh oh seven", 3, "007"}, {"zero zero seven", 3, "007"},
		{"007", 3, "007"}, {"four oh five one", 4, "4051"}, {"four twenty seven", 3, "427"}, {"four hundred twenty seven", 3, "427"},
		{"one hundred", 3, "100"}, {"a hundred and five", 3, "105"}, {"twelve thirty four", 4, "1234"}, {"Nine, nine, nine.", 3, "999"},
		{"niner fife tree", 3, "953"}, {"ate ate ate", 3, "888"}, {"Oh, it's 4 2 7 1", 4, "4271"}, {"twelve hundred", 4, "1200"},
		{"five", 4, "5"}, {"to be or not to be", 4, ""}, {"hello there", 4, ""}, {"", 4, ""}, {"1234 5678", 8, "12345678"},
		{"I think it is 4 2 7 1 for my wife", 4, "4271"}, {"forty 2 71", 4, "40271"},
		{"For,", 1, "4"}, {"Four, two, seven, one.", 4, "4271"}, {"0, 0, 9, 3.", 4, "0093"}, {"Seven, seven, zero, four,", 4, "7704"},
		{"Or two seven one.", 4, "4271"}, {"Double seven, one o.", 4, "7710"}, {"Forty to seventy one.", 4, "4271"},
	} {
		if got := hear(tt.said).digits(func(n int) bool { return n == tt.n }); got != tt.want {
			t.Errorf("%q gives %q, want %q", tt.said, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]int{
		"twenty five": 25, "25": 25, "Twenty-five, please.": 25, "a hundred and one": 101, "two": 2, "for": 4, "Two people": 2, "two five": 25,
		"about thirty": 30, "1,200": 1200, "three thousand": 3000, "There will be four of us": 4, "zero": 0, "none": -1, "": -1,
		"between two and twenty": -1,
	} {
		got, ok := hear(said).number()
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", said, got, want)
		}
	}
}

func TestYesNo(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"Yes.": "yes", "yeah": "yes", "Yep!": "yes", "Yes, that's right.": "yes", "That's correct": "yes", "Correct.": "yes", "uh-huh": "yes",
		"mm-hmm": "yes", "sure": "yes", "Of course.": "yes", "Yes please": "yes", "okay": "yes", "Yes, no problem.": "yes", "I do": "yes",
		"right": "yes", "Yea.": "yes", "Great,": "yes", "it is": "yes",
		"No.": "no", "nope": "no", "No, that's wrong.": "no", "That's not right": "no", "that is incorrect": "no", "Know.": "no", "nah": "no",
		"No no no": "no", "not really": "no", "that isn't right": "no", "No, thank you": "no", "wrong": "no",
		"": "", "maybe": "", "I don't know": "", "hello": "", "not sure": "",
	} {
		got := ""
		if yes, ok := hear(said).yes(); ok {
			got = map[bool]string{true: "yes", false: "no"}[yes]
		}
		if got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

func TestPersonName(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"Hi, my name is ana.": "Ana", "It's Ana Maria Lopez.": "Ana Maria Lopez", "this is bob speaking": "Bob", "I’m Zoë": "Zoë", "O'Brien": "O'Brien",
		"call me al please": "Al", "": "", "my name is": "",
	} {
		if got := personName(said); got != want {
			t.Errorf("%q names %q, want %q", said, got, want)
		}
	}
}

func TestAloud(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]string{
		"4271": "four two seven one", "07": "zero seven", "5551234": "five five five, one two three four", "1": "one", "": "",
		"4155550123": "four one five, five five five, zero one two three",
	} {
		if got := aloud(digits); got != want {
			t.Errorf("%s is read %q, want %q", digits, got, want)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"One. Two? Three!": "One.|Two?|Three!", "Dr. Who is in. Yes.": "Dr. Who is in.|Yes.", "At 8 a.m. we open.": "At 8 a.m. we open.",
		"no end": "no end", "": "", `He said "go." Then left.`: `He said "go."|Then left.`,
	} {
		if got := strings.Join(sentences(text), "|"); got != want {
			t.Errorf("%q is cut into %q, want %q", text, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for said := range spoken {
		f.Add(said)
	}
	f.Add("a a a a hundred thousand double double 7")
	flow, err := Receptionist()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said string) {
		h := hear(said)
		for _, n := range flow.main.nodes {
			q, ok := n.step.(*question)
			if !ok {
				continue
			}
			first, second := q.understand(h, flow.commands), q.understand(hear(said), flow.commands)
			if len(first) != len(second) {
				t.Fatalf("%q is understood in two ways at %s", said, n.name)
			}
			for _, f := range first {
				if f.from < 0 || f.to > len(h.words) || f.from >= f.to {
					t.Fatalf("%q fits words %d to %d of %d", said, f.from, f.to, len(h.words))
				}
			}
			if q.slot == nil {
				continue
			}
			if v, ok := q.slot.kind.spoken(h); ok && q.slot.kind.name() == "digits" && !numeric([]rune(v)) {
				t.Fatalf("%q gives the digits %q", said, v)
			}
		}
		h.number()
		h.yes()
		personName(said)
		if got := strings.Join(sentences(said), " "); got != strings.Join(strings.Fields(said), " ") {
			t.Fatalf("sentences of %q lost words: %q", said, got)
		}
	})
}

func mustReceptionist(t *testing.T) *Flow {
	t.Helper()
	f, err := Receptionist()
	if err != nil {
		t.Fatal(err)
	}
	return f
}
