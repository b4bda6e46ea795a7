package vosk

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wire"
)

// The server's own messages, as shared/wire has them.
const (
	partial      = `{"partial":"i need"}`
	result       = `{"result":[{"conf":0.98,"start":0.1,"end":0.3,"word":"i"}],"text":"i need help"}`
	empty        = `{"text":""}`
	alternatives = `{"alternatives":[{"confidence":210.1,"text":"i need help","result":[{"start":0.1,"end":0.3,"word":"i"}]}]}`
)

func TestCountsReplies(t *testing.T) {
	t.Parallel()
	i := []pipeline.Word{{Text: "i", Start: 100 * time.Millisecond, End: 300 * time.Millisecond, Confidence: 0.98}}
	unsure := []pipeline.Word{{Text: "i", Start: 100 * time.Millisecond, End: 300 * time.Millisecond}}
	d := &dialect{client: &Client{}}
	d.Audio(nil, nil)
	d.Audio(nil, nil)
	if got := string(d.Ask()); got != `{"reset" : 1}` {
		t.Errorf("asks with %s", got)
	}
	d.Audio(nil, nil)
	if got := string(d.Bye()); got != `{"eof" : 1}` {
		t.Errorf("says goodbye with %s", got)
	}
	for _, tt := range []struct {
		text string
		want wire.Heard
	}{
		{partial, wire.Heard{Told: true, Text: "i need"}},
		{result, wire.Heard{Told: true, Settled: true, Over: true, Text: "i need help", Words: i}},
		{result, wire.Heard{}}, // twice
		{empty, wire.Heard{Told: true, Settled: true, Answer: true}},
		{alternatives, wire.Heard{Told: true, Settled: true, Over: true, Text: "i need help", Words: unsure}},
		{`{"text":"[unk] yes [unk]"}`, wire.Heard{Told: true, Settled: true, Over: true, Text: "yes"}},
	} {
		got, err := d.Understand([]byte(tt.text), 0)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
	for _, text := range []string{`{}`, `[]`, `null`, `{"partial":`} {
		if _, err := d.Understand([]byte(text), 0); err == nil {
			t.Errorf("%s was understood", text)
		}
	}
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		client *Client
		want   string
	}{
		{&Client{STTModel: "a\nb"}, "STTModel"},
		{&Client{BaseURL: "vosk:2700"}, "base URL"},
	} {
		if err := tt.client.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error that names %s", err, tt.want)
		}
	}
	if err := (&Client{}).Check(); err != nil {
		t.Errorf("a Client needs no settings: %v", err)
	}
}

func FuzzUnderstand(f *testing.F) {
	providertest.Understanding(f, func() wire.Dialect {
		d := &dialect{client: &Client{}}
		d.Ask()
		return d
	}, partial+"\n"+result+"\n"+empty, alternatives, `{"text":"a","result":[{"word":"a","start":-1e300,"end":1e300,"conf":-1}]}`)
}
