package rime

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/pipeline"
	"parley/providers/speech"
	"parley/providers/wire"
)

// TestUnderstandsTheDocumentedMessages reads the literal messages of shared/wire.
func TestUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	d := dialect{&Client{Key: "secret"}}
	for text, want := range map[string]speech.Heard{
		`{"type":"chunk","data":"aGVsbG8=","contextId":"utt_1"}`: {Context: "utt_1", Audio: []byte("hello")},
		`{"type":"timestamps","word_timestamps":{"words":["Hello"],"start":[0.0],"end":[0.4]},"contextId":"utt_1"}`: {
			Context: "utt_1", Words: []pipeline.Word{{Text: "Hello", End: 400 * time.Millisecond}},
		},
		`{"type":"done","contextId":"utt_1"}`:             {Context: "utt_1", Over: true},
		`{"type":"done","contextId":null}`:                {Over: true},
		`{"type":"error","message":"no voice of secret"}`: {Failure: &wire.Error{Vendor: "rime", Message: "no voice of [key]"}},
		`{"type":"later"}`:                                {},
	} {
		got, err := d.Understand([]byte(text))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{`{}`, `[]`, `null`, `{"type":`, `{"type":"chunk","data":"?"}`} {
		if _, err := d.Understand([]byte(text)); err == nil {
			t.Errorf("%s was understood", text)
		}
	}
}

// FuzzReport: whatever Rime says, there is an error, or what an utterance can use.
func FuzzReport(f *testing.F) {
	for _, s := range []string{
		`{"type":"chunk","data":"aGVsbG8=","contextId":"utt_1"}`, `{"type":"done","contextId":null}`, `{"type":"error","message":"\u0000 secret"}`,
		`{"type":"timestamps","word_timestamps":{"words":["Hello"," "],"start":[0.02,1e300],"end":[0.41,-1]}}`, `{}`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := dialect{&Client{Key: "secret"}}.Understand(text)
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

// TestAddress: what is asked for is in the words of the model.
func TestAddress(t *testing.T) {
	t.Parallel()
	c := &Client{Key: "k"}
	for want, v := range map[string]pipeline.Voice{
		"audioFormat=mulaw&lang=en&modelId=coda&samplingRate=8000&segment=immediate&speaker=astra":                  {Rate: 8000, Lang: "en-US"},
		"audioFormat=pcm&lang=ger&modelId=mistv2&samplingRate=16000&segment=immediate&speaker=cove&speedAlpha=0.8":  {Rate: 16000, Lang: "de", Model: "mistv2", Name: "cove", Pace: 1.25},
		"audioFormat=pcm&lang=es&modelId=mistv3&samplingRate=24000&segment=immediate&speaker=astra&speedAlpha=1.25": {Rate: 24000, Lang: "es-MX", Model: "mistv3", Pace: 1.25},
		"audioFormat=pcm&modelId=mist&samplingRate=48000&segment=immediate&speaker=astra":                           {Rate: 48000, Lang: "pl", Model: "mist", Pace: 1},
	} {
		e, err := wire.EncodingFor(v.Rate)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.address(v, e)
		if err != nil || got != "wss://users-ws.rime.ai/ws3?"+want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}
