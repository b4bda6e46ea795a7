package cartesia

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/speech"
	"parley/providers/wire"
)

// The documentation's own messages, as shared/wire has them.
const (
	connected = `{"type":"connected","request_id":"r1"}`
	started   = `{"type":"turn.start","request_id":"r1"}`
	updated   = `{"type":"turn.update","request_id":"r1","transcript":"I need"}`
	eager     = `{"type":"turn.eager_end","request_id":"r1","transcript":"I need help"}`
	resumed   = `{"type":"turn.resume","request_id":"r1"}`
	ended     = `{"type":"turn.end","request_id":"r1","transcript":"I need help."}`
	settled   = `{"type":"transcript","request_id":"r1","is_final":true,"text":" I need help","duration":1.2,"language":"en","words":[{"word":"I","start":0.1,"end":0.2}]}`
	flushed   = `{"type":"flush_done","request_id":"r1"}`
	done      = `{"type":"done","request_id":"r1"}`
	refused   = `{"type":"error","status_code":400,"title":"Invalid model","message":"The model is not valid.","error_code":"model_not_found","doc_url":"x","request_id":"r1"}`
)

func TestUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	d := &dialect{client: &Client{Key: "secret"}}
	word := pipeline.Word{Text: "I", Start: 100 * time.Millisecond, End: 200 * time.Millisecond}
	for text, want := range map[string]wire.Heard{
		connected: {},
		started:   {},
		updated:   {Told: true, Text: "I need"},
		eager:     {Turn: wire.TurnLikelyOver, Text: "I need help"},
		resumed:   {Turn: wire.TurnGoesOn},
		ended:     {Turn: wire.TurnOver, Text: "I need help."},
		settled:   {Told: true, Settled: true, Text: "I need help", Lang: "en", Words: []pipeline.Word{word}},
		flushed:   {Answer: true},
		done:      {Last: true},
		refused:   {Failure: &wire.Error{Vendor: "cartesia", Status: 400, Code: "model_not_found", Message: "The model is not valid."}},
	} {
		got, err := d.Understand([]byte(text), 0)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{`{}`, `[]`, `null`, `{"type":`} {
		if _, err := d.Understand([]byte(text), 0); err == nil {
			t.Errorf("%s was understood", text)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	providertest.Understanding(f, func() wire.Dialect { return &dialect{client: &Client{Key: "secret"}} },
		connected, started+"\n"+updated+"\n"+eager+"\n"+resumed+"\n"+ended, settled+"\n"+flushed, done, refused,
		`{"type":"turn.end","transcript":"a","words":[{"word":"a","start":1e300,"end":-1e300},{"word":" "}]}`, `{"type":"error"}`)
}

// FuzzReport: whatever Sonic says, there is an error, or what an utterance can use.
func FuzzReport(f *testing.F) {
	for _, s := range []string{
		`{"type":"chunk","context_id":"utt_1","status_code":206,"done":false,"step_time":41.2,"data":"aGVsbG8=","flush_id":1}`,
		`{"type":"timestamps","context_id":"utt_1","status_code":206,"done":false,"word_timestamps":{"words":["Hello"," "],"start":[0.02,1e300],"end":[0.41,-1]}}`,
		`{"type":"flush_done","context_id":"utt_1","status_code":206,"done":false,"flush_done":true,"flush_id":1}`,
		`{"type":"done","context_id":"utt_1","status_code":200,"done":true}`,
		`{"type":"error","context_id":"utt_1","status_code":400,"done":true,"title":"\u0000","message":"secret","error_code":"x"}`, `{}`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := sonic{client: &Client{Key: "secret"}}.Understand(text)
		if err != nil {
			return
		}
		if h.Failure != nil && (h.Failure.Error() == "" || strings.ContainsAny(h.Failure.Error(), "\x00\n\r\x1b") || strings.Contains(h.Failure.Error(), "secret")) {
			t.Errorf("got %q", h.Failure)
		}
		var last time.Duration
		for _, w := range h.Words {
			if w.Text == "" || w.Start < last || w.End < w.Start {
				t.Errorf("word %+v after one that began at %v", w, last)
			}
			last = w.Start
		}
	})
}

// TestSonicUnderstandsTheDocumentedMessages reads the literal messages of shared/wire.
func TestSonicUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]speech.Heard{
		`{"type":"chunk","context_id":"utt_1","status_code":206,"done":false,"step_time":41.2,"data":"aGVsbG8=","flush_id":1}`: {Context: "utt_1", Audio: []byte("hello")},
		`{"type":"timestamps","context_id":"utt_1","status_code":206,"done":false,"word_timestamps":{"words":["Hello"],"start":[0.02],"end":[0.41]}}`: {
			Context: "utt_1", Words: []pipeline.Word{{Text: "Hello", Start: 20 * time.Millisecond, End: 410 * time.Millisecond}},
		},
		`{"type":"flush_done","context_id":"utt_1","status_code":206,"done":false,"flush_done":true,"flush_id":1}`: {Context: "utt_1"},
		`{"type":"done","context_id":"utt_1","status_code":200,"done":true}`:                                       {Context: "utt_1", Over: true},
		`{"type":"error","context_id":"utt_1","status_code":429,"done":true,"title":"Too many","message":"Too many at once.","error_code":"concurrency_limited","request_id":"r","doc_url":"d"}`: {
			Context: "utt_1", Over: true, Failure: &wire.Error{Vendor: "cartesia", Status: 429, Code: "concurrency_limited", Message: "Too many at once."},
		},
	} {
		got, err := sonic{client: &Client{}}.Understand([]byte(text))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
}
