package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

// said is a transcript: "caller: text" or "assistant: text", 2 s each, 3 s apart.
func said(lines ...string) (messages []store.Message) {
	for i, l := range lines {
		role, text, _ := strings.Cut(l, ": ")
		messages = append(messages, store.Message{Seq: i, Role: role, Text: text, At: time.Duration(3*i) * time.Second, Length: 2 * time.Second})
	}
	return messages
}

func aCall() Call {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return Call{
		Call: store.Call{
			ID: "c", Org: "o", Direction: store.Inbound, Status: store.Completed, From: "+442071234567", Created: at, Answered: at,
			Collected: map[string]string{"booking.day": "2026-11-24", "guests": "2", "vip": "yes"},
			End:       store.End{Ended: at.Add(63 * time.Second), Length: 63 * time.Second, Cause: "caller"},
		},
		Agent: store.Agent{Name: "Ada", SystemPrompt: "Book tables."}, Source: Live,
		Messages: said("assistant: Hello.", "caller: A table for two, please.", "assistant: Done.", "caller: Great, thank you!"),
		Turned: []store.Turn{
			{N: 1, Latency: map[string]int64{"voice_to_voice": 900}}, {N: 2, Latency: map[string]int64{"voice_to_voice": 500}}, {N: 3},
		},
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	c := aCall()
	c.Messages[2].Cut = true
	c.Messages[2].Length = 4 * time.Second
	n := func(v int64) *int64 { return &v }
	want := Report{
		Extracted: map[string]any{}, Turns: 3, Cuts: 1, Duration: 63, Source: Live,
		TalkTime: TalkTime{Agent: 6, Caller: 4, Other: 53, Share: 0.6}, Latency: Latency{P50: n(500), P95: n(900), Max: n(900)},
	}
	if d := cmp.Diff(want, figures(c)); d != "" {
		t.Error(d)
	}
	none := Report{Extracted: map[string]any{}}
	if d := cmp.Diff(none, figures(Call{})); d != "" {
		t.Error(d)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	c := aCall()
	w := byRules(c)
	want := "A caller from +442071234567 reached Ada; the call lasted 1 min 3 s. The caller said first: \"A table for two, please.\". " +
		"Collected: booking.day, guests, vip. The caller hung up."
	if w.Summary != want || w.Outcome != Unknown || w.Sentiment != Positive {
		t.Errorf("%+v", w)
	}
	if d := cmp.Diff(map[string]any{"booking.day": "2026-11-24", "guests": "2", "vip": "yes"}, w.Extracted); d != "" {
		t.Error(d)
	}
	c.Fields = []Field{{Name: "day", Type: "date"}, {Name: "guests", Type: "integer"}, {Name: "vip", Type: "boolean"}, {Name: "dish", Type: "string"},
		{Name: "late", Type: "number"}}
	c.Extra = map[string]any{"dish": " soup ", "late": 1.5}
	if d := cmp.Diff(map[string]any{"day": "2026-11-24", "guests": 2.0, "vip": true, "dish": "soup", "late": 1.5}, byRules(c).Extracted); d != "" {
		t.Error(d)
	}
	c.Collected = map[string]string{"booking.day": "tomorrow", "guests": "2.5", "vip": "perhaps"}
	c.Extra = map[string]any{"dish": nil, "late": "NaN"}
	if d := cmp.Diff(map[string]any{"day": nil, "guests": nil, "vip": nil, "dish": nil, "late": nil}, byRules(c).Extracted); d != "" {
		t.Error(d)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for want, change := range map[Outcome]func(*Call){
		Unknown:     func(c *Call) { c.Messages, c.Turned = said("assistant: Press 1."), []store.Turn{{Why: "keys"}} },
		Nobody:      func(c *Call) { c.Messages = said("assistant: Hello?") },
		Voicemail:   func(c *Call) { c.Cause = "machine" },
		NotAchieved: func(c *Call) { c.Status = store.Failed },
		Achieved:    func(c *Call) { c.Vendor = &Assessment{Outcome: Achieved} },
	} {
		c := aCall()
		if change(&c); outcome(c) != want {
			t.Errorf("%s, want %s", outcome(c), want)
		}
	}
	c := aCall()
	c.Answered, c.Direction, c.Status, c.Cause, c.Messages, c.Collected = time.Time{}, store.Outbound, store.Failed, "busy", nil, nil
	if got := summary(c); got != "An outbound call that was not answered. It ended with a fault: busy." {
		t.Error(got)
	}
	c.Vendor = &Assessment{Summary: "They talked."}
	if got := summary(c); got != "They talked." {
		t.Error(got)
	}
}

func TestSentiment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Sentiment{
		"I want a table": Neutral, "This is ridiculous.": Negative, "Perfect!": Positive, "Thanks, but that was awful": Mixed, "Not great.": Negative,
		"It isn't bad": Positive,
	} {
		if got := sentiment(said("assistant: Awful, terrible.", "caller: "+text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := sentiment(said("assistant: Great!")); got != Undecided {
		t.Error(got)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	got := Fields(`{"report":[{"name":"day","type":"date","description":"When?"},{"name":""},{"name":"day"},{"name":"x"}],"else":1}`)
	if d := cmp.Diff([]Field{{"day", "date", "When?"}, {Name: "x"}}, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "{", `{"report":{}}`, `{"report":[1]}`, `[]`, `{}`} {
		if got := Fields(bad); got != nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}
