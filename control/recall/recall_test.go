package recall_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/control/recall"
	"parley/control/traits"
	"parley/pipeline"
	"parley/store"
)

// rows are conversations that a test has made up.
type rows struct {
	asked []store.Remembering
	found []store.Remembered
	peers []string
}

func (r *rows) Remember(_ context.Context, _ string, ask store.Remembering) ([]store.Remembered, error) {
	r.asked = append(r.asked, ask)
	return r.found, nil
}

func (r *rows) Peers(context.Context, string, string) ([]string, error) { return r.peers, nil }

func desk(r *rows, organisation string) *recall.Desk {
	return &recall.Desk{Rows: r, Organisation: func(org string) string {
		if org != "ours" {
			return ""
		}
		return organisation
	}}
}

// TestMay: an organisation allows, an agent has less of it, and a name that is nobody's finds nothing.
func TestMay(t *testing.T) {
	t.Parallel()
	const on = `{"enabled":true,"days":10,"channels":["voice","whatsapp"]}`
	for name, c := range map[string]struct {
		organisation, org, settings, other string
		want                               bool
	}{
		"nothing is said":               {"", "ours", "", "+442071234567", false},
		"the agent alone":               {"", "ours", `{"memory":{"enabled":true}}`, "+442071234567", false},
		"off":                           {`{"enabled":false,"days":10}`, "ours", `{"memory":{"enabled":true}}`, "+442071234567", false},
		"on":                            {on, "ours", "", "+442071234567", true},
		"off, of the agent":             {on, "ours", `{"memory":{"enabled":false}}`, "+442071234567", false},
		"no channel of both":            {`{"enabled":true,"channels":["voice"]}`, "ours", `{"memory":{"enabled":true,"channels":["whatsapp"]}}`, "+442071234567", false},
		"another organisation":          {on, "theirs", "", "+442071234567", false},
		"withheld":                      {on, "ours", "", "", false},
		"withheld, as a number":         {on, "ours", "", "+266696687", false},
		"a name that a phone has given": {on, "ours", "", "anonymous", false},
	} {
		_, got := desk(&rows{}, c.organisation).Search(store.Agent{Org: c.org, Settings: c.settings}, "", recall.Called("sip", c.other)...)
		if got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := recall.Called("whatsapp", "US.1349"); !slices.Equal(got, []string{"US.1349"}) {
		t.Errorf("the id of a channel names %v", got)
	}
	if _, ok := (*recall.Desk)(nil).Search(store.Agent{}, "", "+442071234567"); ok {
		t.Error("nobody recalls something")
	}
}

// TestLimits: of each limit the lower one holds.
func TestLimits(t *testing.T) {
	t.Parallel()
	r := &rows{}
	d := desk(r, `{"enabled":true,"days":10,"messages":5,"time_zone":"Asia/Tokyo"}`)
	s, ok := d.Search(store.Agent{Org: "ours", Settings: `{"memory":{"enabled":true,"days":20,"conversations":1,"channels":["voice"]}}`}, "now", "US.1349")
	if _, err := d.Recall(t.Context(), s); err != nil || !ok {
		t.Fatal(err)
	}
	ask := r.asked[0]
	if since := time.Since(ask.Since); ask.Most != 1 || ask.Messages != 5 || ask.Except != "now" || !slices.Equal(ask.Channels, []store.Channel{store.Voice}) ||
		since < 9*24*time.Hour || since > 11*24*time.Hour {
		t.Errorf("asked %+v", ask)
	}
	if s.Clock().String() != "Asia/Tokyo" {
		t.Errorf("the clock is that of %v", s.Clock())
	}
	for number, want := range map[string]string{"+442071234567": "Europe/London", "+12125550123": "America/New_York", "+18005550123": "Asia/Tokyo"} {
		s, _ := d.Search(store.Agent{Org: "ours"}, "", number)
		if s.Clock().String() != want {
			t.Errorf("the clock of %s is that of %v, want %s", number, s.Clock(), want)
		}
	}
}

// TestTold: a call by its model's summary, or else by its words; a thread by its words, of which those that were not sent are none.
func TestTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 17, 4, 0, 0, time.UTC)
	said := []store.Message{{Role: "caller", Text: "Where is my bike?"}, {Role: "assistant", Text: "In the work"}}
	r := &rows{peers: []string{"+442071234567", "GB.1349"}, found: []store.Remembered{
		{Conversation: store.Conversation{ID: "a", Channel: store.Voice, Created: at}, Report: `{"summary":"A bike is in the workshop.","made_by":"model"}`, Spoken: said},
		{Conversation: store.Conversation{ID: "b", Channel: store.Voice, Created: at}, Report: `{"summary":"By rules.","made_by":"rules"}`, Spoken: said},
		{Conversation: store.Conversation{ID: "c", Channel: store.WhatsApp, Updated: at}, Written: []store.ThreadMessage{
			{Role: "user", Type: "image"}, {Role: "assistant", Content: "Lost.", Status: store.MessageFailed}, {Role: "assistant", Content: "Nice bike!", Status: store.MessageRead}}},
	}}
	d := desk(r, `{"enabled":true}`)
	note, ids, err := d.Thread(t.Context(), store.Agent{Org: "ours"}, store.Conversation{ID: "d", Org: "ours", Channel: store.WhatsApp, External: "+442071234567"})
	if err != nil || !slices.Equal(ids, []string{"a", "b", "c"}) || !slices.Contains(r.asked[0].Names, "GB.1349") || r.asked[0].Except != "d" {
		t.Fatalf("%v, %v, asked %+v", ids, err, r.asked)
	}
	for _, want := range []string{"Summary: A bike is in the workshop.", `We said: "In the work"`, `They said: "(image)"`, `We said: "Nice bike!"`, "Sunday, 22 November 2026, 17:04 GMT"} {
		if !strings.Contains(note, want) {
			t.Errorf("no %q in\n%s", want, note)
		}
	}
	if strings.Contains(note, "By rules") || strings.Contains(note, "Lost.") || strings.Count(note, "Where is my bike") != 1 {
		t.Errorf("the note is\n%s", note)
	}
	if note, _, err := desk(r, "").Thread(t.Context(), store.Agent{Org: "ours"}, store.Conversation{Org: "ours", External: "+442071234567"}); note != "" || err != nil || len(r.asked) != 1 {
		t.Errorf("off: %q, %v, asked %d times", note, err, len(r.asked))
	}
}

// TestMemorySettings: what is wrong is named.
func TestMemorySettings(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`{"memory":{"enabled":true,"days":7}}`:                   "",
		`{"memory":{"enabled":true,"time_zone":"Mars/Olympus"}}`: "settings.memory.time_zone",
		`{"memory":{"enabled":true,"time_zone":"Local"}}`:        "settings.memory.time_zone",
		`{"memory":[]}`: "settings.memory",
	} {
		_, found := traits.Read(settings, pipeline.Manners{})
		got := ""
		if len(found) > 0 {
			got = found[0].Path
		}
		if got != want {
			t.Errorf("%s: %v", settings, found)
		}
	}
}
