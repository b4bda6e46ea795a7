package ivr_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/control/ivr"
	"parley/pipeline"
	"parley/pipeline/flow"
)

// example is the menu of docs/bots.md.
func example(t *testing.T) json.RawMessage {
	t.Helper()
	page, err := os.ReadFile("../../docs/bots.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1) {
		var bot struct {
			Config struct {
				Menu json.RawMessage `json:"menu"`
			} `json:"config"`
		}
		if err := json.Unmarshal(block[1], &bot); err != nil {
			t.Fatal(err)
		}
		if bot.Config.Menu != nil {
			return bot.Config.Menu
		}
	}
	t.Fatal("docs/bots.md has no menu")
	return nil
}

// A caller talks with a compiled menu.
type caller struct {
	t       *testing.T
	with    pipeline.Responder
	agent   pipeline.Agent
	history []pipeline.Message
	turn    int
	did     []pipeline.Command
}

func calls(t *testing.T, menu json.RawMessage) *caller {
	t.Helper()
	c, bad := ivr.Compile(menu)
	if len(bad) > 0 {
		t.Fatalf("the menu is refused: %v", bad)
	}
	f, err := flow.Parse(c.Flow)
	if err != nil {
		t.Fatalf("the flow is refused: %v\n%s", err, c.Flow)
	}
	return &caller{t: t, with: f.Responder(flow.Options{})}
}

// hears is what the agent answers.
func (c *caller) hears(talk pipeline.Talk) string {
	c.t.Helper()
	c.turn++
	talk.Turn, talk.Agent = c.turn, &c.agent
	if talk.Text != "" {
		c.history = append(c.history, pipeline.Message{Role: pipeline.Caller, Text: talk.Text, Turn: c.turn})
	}
	talk.History = c.history
	var b strings.Builder
	for d, err := range c.with.Respond(c.t.Context(), talk) {
		if err != nil {
			c.t.Fatal(err)
		}
		b.WriteString(d.Text)
		if d.Do != nil {
			c.did = append(c.did, *d.Do)
		}
	}
	text := strings.TrimSpace(b.String())
	c.history = append(c.history, pipeline.Message{Role: pipeline.Assistant, Text: text, Turn: c.turn})
	return text
}

func (c *caller) says(words string) string {
	c.t.Helper()
	return c.hears(pipeline.Talk{Why: pipeline.ForWords, Text: words})
}

func (c *caller) presses(key string) string {
	c.t.Helper()
	return c.hears(pipeline.Talk{Why: pipeline.ForKeys, Keys: key})
}

func (c *caller) want(got, want string) {
	c.t.Helper()
	if !strings.Contains(got, want) {
		c.t.Errorf("the agent says %q, want %q", got, want)
	}
}

const small = `{"greeting":"Welcome.","prompt":"One or two?","again":"Anything else?","options":[
	{"digit":"1","words":["address"],"say":"At the pier."},
	{"digit":"2","words":["rentals"],"say":"Rentals.","submenu":{"prompt":"Prices?","options":[
		{"digit":"1","words":["prices"],"say":"Ten pounds."},{"digit":"*","words":["go back"],"back":true}]}},
	{"digit":"3","words":["somebody"],"say":"One moment.","transfer":"+442079460000"},
	{"digit":"4","agent":"Help."},
	{"digit":"5","words":["message"],"voicemail":"Please speak after the tone."},
	{"digit":"9","words":["goodbye"],"hangup":"See you."}],
	"tries":2,"fallback":{"say":"I'm sorry.","transfer":"sip:desk@example.com"}}`

// TestMenu: a caller goes through a menu by keys and by words.
func TestMenu(t *testing.T) {
	t.Parallel()
	c := calls(t, json.RawMessage(small))
	c.want(c.hears(pipeline.Talk{Why: pipeline.ForGreeting}), "Welcome. One or two?")
	c.want(c.presses("1"), "At the pier. Anything else?")
	c.want(c.says("rentals please"), "Rentals. Prices?")
	c.want(c.says("the prices"), "Ten pounds.")
	c.want(c.presses("*"), "One or two?")
	c.want(c.says("somebody"), "One moment.")
	if len(c.did) != 1 || c.did[0].Kind != pipeline.Transfer || c.did[0].To != "+442079460000" {
		t.Errorf("the caller is connected by %+v", c.did)
	}
	c = calls(t, json.RawMessage(small))
	c.hears(pipeline.Talk{Why: pipeline.ForGreeting})
	c.want(c.says("elephants"), "didn't understand. One or two?")
	c.want(c.says("elephants"), "I'm sorry.")
	if len(c.did) != 1 || c.did[0].To != "sip:desk@example.com" {
		t.Errorf("who is not understood is led to %+v", c.did)
	}
	c = calls(t, json.RawMessage(small))
	c.hears(pipeline.Talk{Why: pipeline.ForGreeting})
	c.want(c.presses("4"), "I'm sorry.") // there is no model
	c = calls(t, json.RawMessage(small))
	c.hears(pipeline.Talk{Why: pipeline.ForGreeting})
	c.want(c.presses("5"), "after the tone")
	c = calls(t, json.RawMessage(small))
	c.hears(pipeline.Talk{Why: pipeline.ForGreeting})
	c.want(c.says("goodbye"), "See you.")
	if len(c.did) != 1 || c.did[0].Kind != pipeline.HangUp {
		t.Errorf("goodbye does %+v", c.did)
	}
}

// TestExample: the menu of the docs, and others, are sound.
func TestExample(t *testing.T) {
	t.Parallel()
	for name, menu := range map[string]string{
		"the docs'":       string(example(t)),
		"the least":       `{"prompt":"One?","options":[{"digit":"1","hangup":"Bye."}]}`,
		"always closed":   `{"prompt":"One?","options":[{"digit":"1","say":"Yes."}],"hours":{"open":{},"closed":{"say":"We are closed."}}}`,
		"a message":       `{"prompt":"One?","options":[{"digit":"1","voicemail":"Speak."},{"digit":"2","voicemail":"Speak up."}],"fallback":{"voicemail":"Speak now."}}`,
		"a model":         `{"prompt":"One?","options":[{"digit":"1","agent":"Help."}],"fallback":{"agent":"Help too."}}`,
		"a foreign one":   `{"language":"de-DE","prompt":"Eins?","options":[{"digit":"1","transfer":"+49301234567"}],"fallback":{"hangup":"Auf Wiederhören."}}`,
		"a closed menu":   `{"prompt":"One?","options":[{"digit":"1","say":"Yes."}],"hours":{"open":{"daily":"08:00-18:00"},"closed":{"transfer":"+442079460000"}}}`,
		"words, no digit": `{"prompt":"Yes?","options":[{"words":["yes"],"say":"Good."}]}`,
	} {
		if c, bad := ivr.Compile(json.RawMessage(menu)); len(bad) > 0 {
			t.Errorf("%s: %v\n%s", name, bad, c.Flow)
		}
	}
}

// TestFaults: what is wrong is named by the menu's own fields.
func TestFaults(t *testing.T) {
	t.Parallel()
	deep := `{"prompt":"One?","options":[{"digit":"1","say":"Yes."}]}`
	for range 5 {
		deep = `{"prompt":"One?","options":[{"digit":"1","submenu":` + deep + `}]}`
	}
	for menu, want := range map[string]string{
		`{}`:                             "menu.prompt",
		`{"prompt":"One?"}`:              "menu.options",
		`{"prompt":"One?","options":[]}`: "menu.options",
		`{"prompt":"One?","options":[{"digit":"12","say":"x"}]}`:                                                                  "menu.options[0].digit",
		`{"prompt":"One?","options":[{"digit":1,"say":"x"}]}`:                                                                     "menu.options[0].digit",
		`{"prompt":"One?","options":[{"digit":"1","say":"x"},{"digit":"1","say":"y"}]}`:                                           "menu.options[1].digit",
		`{"prompt":"One?","options":[{"digit":"1","say":"x"},{"say":"y"}]}`:                                                       "menu.options[1]",
		`{"prompt":"One?","options":[{"digit":"1"}]}`:                                                                             "menu.options[0]",
		`{"prompt":"One?","options":[{"digit":"1","agent":"x","hangup":"y"}]}`:                                                    "menu.options[0]",
		`{"prompt":"One?","options":[{"digit":"1","back":true}]}`:                                                                 "menu.options[0].back",
		`{"prompt":"One?","options":[{"digit":"1","say":"x","nonsense":1}]}`:                                                      "menu.options[0].nonsense",
		`{"prompt":"One?","options":[{"words":["sales"],"say":"x"},{"words":["sales"],"say":"y"}]}`:                               "menu.options[1].words",
		`{"prompt":"One?","options":[{"words":[" "],"say":"x"}]}`:                                                                 "menu.options[0].words[0]",
		`{"prompt":"One?","options":[{"digit":"1","transfer":"nowhere at all"}]}`:                                                 "menu.options[0].transfer",
		`{"prompt":"One?","options":[{"digit":"1","say":"{nobody} is here"}]}`:                                                    "menu.options[0].say",
		`{"prompt":"{nobody}?","options":[{"digit":"1","say":"x"}]}`:                                                              "menu.prompt",
		`{"prompt":"One?","timeout":"1ms","options":[{"digit":"1","say":"x"}]}`:                                                   "menu.timeout",
		`{"prompt":"One?","tries":0.5,"options":[{"digit":"1","say":"x"}]}`:                                                       "menu.tries",
		`{"prompt":"One?","time_zone":"Mars","options":[{"digit":"1","say":"x"}]}`:                                                "menu.time_zone",
		`{"prompt":"One?","language":"de","options":[{"digit":"1","say":"x"}]}`:                                                   "menu.goodbye",
		`{"prompt":"Eins?","language":"de","fallback":{"transfer":"+49301234567"},"options":[{"digit":"1","say":"x"}]}`:           "menu.goodbye",
		`{"prompt":"Eins?","language":"de","fallback":{"hangup":"Tschüss."},"options":[{"digit":"1","voicemail":"Bitte."}]}`:      "menu.goodbye",
		`{"prompt":"One?","fallback":{},"options":[{"digit":"1","say":"x"}]}`:                                                     "menu.fallback",
		`{"prompt":"One?","hours":{"open":{"someday":"08:00-09:00"},"closed":{"say":"x"}},"options":[{"digit":"1","say":"x"}]}`:   "menu.hours.open",
		`{"prompt":"One?","hours":{"open":{"monday":"8-9"},"closed":{"say":"x"}},"options":[{"digit":"1","say":"x"}]}`:            "menu.hours.open.monday",
		`{"prompt":"One?","options":[{"digit":"1","submenu":{"prompt":"Two?","options":[{"digit":"x","say":"y"}]}}]}`:             "menu.options[0].submenu.options[0].digit",
		`{"prompt":"One?","options":[{"digit":"1","submenu":{"prompt":"{nobody}?","options":[{"digit":"1","say":"y"}]}}]}`:        "menu.options[0].submenu.prompt",
		`{"prompt":"One?","options":[{"digit":"1","submenu":{"prompt":"Two?","options":[{"digit":"1","back":true,"say":"y"}]}}]}`: "menu.options[0].submenu.options[0].say",
		deep: "menu.options[0].submenu.options[0].submenu.options[0].submenu.options[0].submenu.options[0].submenu",
	} {
		_, bad := ivr.Compile(json.RawMessage(menu))
		if !slices.ContainsFunc(bad, func(f ivr.Finding) bool { return strings.HasPrefix(f.Path, want) && f.Reason != "" }) {
			t.Errorf("%s\n%v, want %s", menu, bad, want)
		}
	}
}
