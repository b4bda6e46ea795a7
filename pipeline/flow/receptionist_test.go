package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// desk is a call of the receptionist: what is said, how each answer begins, and what is in the record then.
type desk struct {
	from   string
	now    time.Time // zero: sunday
	model  *model    // nil: there is none
	script [][2]string
	told   map[string]string
}

const (
	offered  = "May we call you at the number that you are calling from?"
	shallI   = "So that is Tuesday, November twenty-fourth, at ten thirty in the morning, for Ana. Shall I book it?"
	itIs     = "Thank you, it is booked."
	whatElse = "What else can I do for you?"
)

var receptionistCalls = map[string]desk{
	"an appointment by words": {from: "+442071234567", script: [][2]string{
		{"An appointment, please.", "With pleasure. Which day would suit you?"}, {"On Tuesday.", "Tuesday, November twenty-fourth. And at what time?"},
		{"Half past ten.", "ten thirty in the morning. May I have your name"}, {"My name is Ana.", offered}, {"Yes, please.", shallI}, {"Yes.", itIs},
	}, told: map[string]string{"day": "2026-11-24", "time": "10:30", "name": "Ana", "phone": "+442071234567", "appointment": "2026-11-24 10:30"}},
	"an appointment by keys": {from: "+442071234567", script: [][2]string{
		{"/2", "With pleasure."}, {"/1124", "Tuesday, November twenty-fourth."}, {"/1030", "ten thirty in the morning. May I"}, {"/*", offered}, {"/2", "Please say your telephone number, or key it in"},
		{"/02071234567", "I heard zero two zero, seven one two, three four five, six seven. Is that right?"}, {"/1", "So that is Tuesday, November twenty-fourth, at ten thirty in the morning. Shall I"}, {"/1", itIs},
	}, told: map[string]string{"day": "2026-11-24", "time": "10:30", "phone": "02071234567", "appointment": "2026-11-24 10:30"}},
	"a caller without a number": {from: "anonymous", script: [][2]string{
		{"book", "With pleasure."}, {"tomorrow", "Monday, November twenty-third."}, {"noon", "noon. May I"}, {"", "May I have your name, please?"}, {"", "I can't hear you. Please say your name"},
		{"", "Please say your telephone number"}, {"five five five", "I heard five five five. A telephone number has at least seven"}, {"what?", "Sorry, I still didn't get it."}, {"555 0123", "I heard five five five, zero one two three. Is that right?"},
		{"no, it's 555 0124", "I heard five five five, zero one two four. Is that right?"}, {"no", "Let's try again."}, {"555 0125", "I heard five five five, zero one two five. Is"}, {"", "I heard five five five, zero one two five. Is"},
		{"that's right", "So that is Monday, November twenty-third, at noon. Shall I book it?"},
	}, told: map[string]string{"day": "2026-11-23", "time": "12:00", "phone": "5550125"}},
	"days and times that cannot be had": {script: [][2]string{
		{"book", "With pleasure."}, {"today", "I understood Sunday, November twenty-second. We book from tomorrow on"}, {"on Sunday", "I'm sorry, on Sunday, November twenty-ninth, we are closed. Which day would"},
		{"December twenty-fifth", "I'm sorry, on Friday, December twenty-fifth, we are closed."}, {"March second", "I understood Tuesday, March second."}, {"Saturday", "Saturday, November twenty-eighth. And at what"},
		{"two in the afternoon", "I'm sorry, on Saturday, November twenty-eighth, we are closed at two in the afternoon. At what time would"}, {"ten past nine", "I understood nine ten in the morning. Appointments begin"},
		{"seven in the evening", "I understood seven in the evening."}, {"another day", "With pleasure. Which day"}, {"Christmas Eve, the twenty-fourth of December", "Thursday, December twenty-fourth."}, {"one o'clock", "I'm sorry, on Thursday, December twenty-fourth, we are closed at one in the afternoon."},
		{"eleven thirty", "eleven thirty in the morning. May I"},
	}, told: map[string]string{"day": "2026-12-24", "time": "11:30"}},
	"answers that are changed": {from: "+442071234567", script: [][2]string{
		{"/2", "With"}, {"Tuesday", "Tuesday,"}, {"ten thirty", "ten thirty"}, {"Anna", offered}, {"the same number", "So that is Tuesday, November twenty-fourth, at ten thirty in the morning, for Anna."},
		{"No, the name is wrong.", "Please spell your name"}, {"A N A", shallI}, {"no", "What shall I change?"}, {"the day", "With pleasure. Which day"},
		{"Saturday", "So that is Saturday, November twenty-eighth, at ten thirty"}, {"change the time please", "Saturday, November twenty-eighth. And at what time?"}, {"four", "I'm sorry, on Saturday, November twenty-eighth, we are closed at four"},
		{"eleven", "So that is Saturday, November twenty-eighth, at eleven"}, {"/2", "What shall I change?"}, {"/4", "Please say your telephone number"}, {"/5550123", "I heard five"}, {"yes", "So that is Saturday"},
		{"/2", "What"}, {"/3", "Please spell"}, {"/*", "So that is Saturday, November twenty-eighth, at eleven in the morning. Shall"}, {"no thank you", "What shall I change?"}, {"nothing", "So that is"}, {"yes please", itIs},
		{"an appointment", "With pleasure."}, {"Thursday", "Thursday, November twenty-sixth. And"}, {"nine", "So that is Thursday, November twenty-sixth, at nine in the morning. Shall I"},
	}, told: map[string]string{"day": "2026-11-26", "time": "09:00", "phone": "5550123", "appointment": "2026-11-28 11:00"}},
	"lost in a form": {from: "+442071234567", script: [][2]string{
		{"/2", "With"}, {"xyzzy", "Sorry, which day was that?"}, {"xyzzy", "Sorry, I still didn't get the day. Please key in"}, {"/9999", "Sorry, I still didn't get the day."}, {"xyzzy", "I would gladly"},
		{"/2", "With"}, {"", "Which day would you like"}, {"", "Please say a day, or key in"}, {"", "I would gladly"}, {"/5", "Please leave your message"},
	}},
	"hours on a Sunday": {script: [][2]string{{"When do you open?", "We are open from Monday to Friday, from eight in the morning until six in the evening. On Saturday we close at noon, and on Sunday we are closed. We are closed now, and open again tomorrow at eight in the morning. What else"}}},
	"hours on a Monday": {now: sunday.AddDate(0, 0, 1).Add(5 * time.Hour), script: [][2]string{{"/1",
		"We are open from Monday to Friday, from eight in the morning until six in the evening. On Saturday we close at noon, and on Sunday we are closed. We are open now, and close today at six in the evening."}, {"/0", "I would gladly put you through, but this is a demo"}}},
	"a message": {script: [][2]string{
		{"/5", "Please leave your message after the tone. When you have finished, press pound, or just be silent. [beep]"}, {"This is Ana.", ""}, {"Please call me.", ""}, {"", "Shall I keep your message?"}, {"no", "Please leave your message"},
		{"", "I didn't hear anything. Please leave"}, {"Call me.", ""}, {"/#", "Shall I keep"}, {"/1", "Thank you, I have kept your message. " + whatElse},
	}, told: map[string]string{"message": "Call me."}},
	"nobody to talk to": {script: [][2]string{
		{"I want to talk to a human", "I would gladly put you through, but nobody is here now. We are back tomorrow at eight in the morning. To leave a message, say message, or press five. " + whatElse},
		{"a message, please", "Please leave your message"}, {"goodbye", ""}, {"/#", "Shall I keep"}, {"yes", "Thank you, I have kept your message."}, {"/0", "I would gladly"}, {"when are you open", "We are open"},
	}},
	"a model to talk to": {model: &model{script: [][]pipeline.Delta{{says("I'll see to it.")}, {calls(ReturnTool, `{"result": "wants a new prescription"}`)}}}, script: [][2]string{
		{"operator", "Our people are busy, but I can listen."}, {"A new prescription", "I'll see to it."}, {"Thanks", "All right. What else can I do"}, {"goodbye", "Thank you for calling"},
	}, told: map[string]string{"result": "wants a new prescription"}},
	"back from the model by key": {model: &model{}, script: [][2]string{{"/0", "Our people"}, {"/*", "All right. " + whatElse}, {"/0", "Our people"}, {"back to the menu", "All right."}}},
	"echo": {script: [][2]string{{"echo", "This is the echo test."}, {"Hello there. How are you?", "Hello there. How are you?"}, {"goodbye", "goodbye"}, {"repeat", "repeat"},
		{"help", "help"}, {"the main menu is nice", "the main menu is nice"}, {"", "Say anything"}, {"?!", "I didn't understand any words."},
		{"Stop.", "For our opening hours"}, {"echo", "This is the echo test. Say something, and I will repeat it. When you have had enough, say main menu."}, {"/*", "For our opening hours"}}},
	"lost":   {script: [][2]string{{"xyzzy", "Sorry, I didn't catch that."}, {"xyzzy", "Sorry, I still"}, {"xyzzy", "Sorry, I still"}, {"xyzzy", "I would gladly"}, {"xyzzy", "Sorry, I didn't catch that."}}},
	"silent": {script: [][2]string{{"", "Are you still there?"}, {"", "I can't hear you."}, {"opening hours", "We are open"}, {"", "Are you still there?"}}},
}

// TestReceptionist walks every branch of the receptionist.
func TestReceptionist(t *testing.T) {
	t.Parallel()
	for name, tt := range receptionistCalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Context: map[string]string{"from": tt.from}}
			if tt.model != nil {
				o.Model = tt.model
			}
			// Its clock hangs in New York; the calls are told by it.
			now := tt.now
			if now.IsZero() {
				now = sunday
			}
			o.Now = func() time.Time { return now.In(mustReceptionist(t).Zone()) }
			c := dialWith(t, string(receptionist), o)
			c.say("")
			for i, line := range tt.script {
				if got := c.say(line[0]); !strings.HasPrefix(got, line[1]) {
					t.Fatalf("line %d, %q: the agent says %q, want %q", i+1, line[0], got, line[1])
				}
			}
			if tt.told != nil {
				if diff := cmp.Diff(tt.told, c.told); diff != "" {
					t.Errorf("the record (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestEveryRepromptAddsSomething: nowhere does the receptionist say the same twice in a row to a caller who was silent or not understood.
func TestEveryRepromptAddsSomething(t *testing.T) {
	t.Parallel()
	f := mustReceptionist(t)
	plain := func(x text) string { return x.fill(func(slot string) string { return "{" + slot + "}" }) }
	for _, s := range f.scripts() {
		s.each(func(n *node) {
			q, ok := n.step.(*question)
			if !ok || n.name == "echo" { // whose prompt is what the caller said
				return
			}
			for what, again := range map[string][]text{"no_input": q.retorts.noInput, "no_match": q.retorts.noMatch} {
				if len(again) == 0 {
					t.Errorf("%s has no %s of its own", n.name, what)
				}
				said := map[string]bool{plain(q.prompt): what == "no_match"}
				for _, x := range again {
					if said[plain(x)] {
						t.Errorf("%s says %q twice in a row", n.name, plain(x))
					}
					said[plain(x)] = true
				}
			}
		})
	}
}

// TestPromptsAreShort: a caller listens to no question for longer than some 12 s, at 2.5 words a second; the menu of five keys may take 20.
func TestPromptsAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range mustReceptionist(t).scripts() {
		s.each(func(n *node) {
			limit := 30
			if n.name == "main" {
				limit = 50
			}
			if n.name == "about" {
				return
			}
			if _, model := n.step.(*handover); model {
				return // the first of its texts is for the model
			}
			for _, x := range n.step.texts() {
				if words := len(strings.Fields(x.fill(func(string) string { return "one two three" }))); words > limit {
					t.Errorf("%s: %d words at once, want %d at most: %v", n.name, words, limit, x)
				}
			}
		})
	}
}

// TestPassageIsLongEnough: the passage that is made to be interrupted lasts 25 to 45 seconds, at 2.5 to 3 words a second.
func TestPassageIsLongEnough(t *testing.T) {
	t.Parallel()
	f := mustReceptionist(t)
	n := len(strings.Fields(f.main.nodes["about"].step.texts()[0].fill(func(string) string { return "" })))
	if fast, slow := time.Duration(n)*time.Second/3, time.Duration(n)*2*time.Second/5; fast < 25*time.Second || slow > 45*time.Second {
		t.Errorf("%d words last %v to %v", n, fast, slow)
	}
}
