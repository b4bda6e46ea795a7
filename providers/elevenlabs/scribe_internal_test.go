package elevenlabs

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wire"
)

// The documentation's own messages, as shared/wire has them.
const (
	sessionStarted = `{"message_type":"session_started","session_id":"s_01","config":{"sample_rate":8000,"audio_format":"ulaw_8000","language_code":"en","commit_strategy":"vad","vad_silence_threshold_secs":1.5,"model_id":"scribe_v2_realtime"}}`
	partial        = `{"message_type":"partial_transcript","text":"I need"}`
	committed      = `{"message_type":"committed_transcript","text":"I need help."}`
	timed          = `{"message_type":"committed_transcript_with_timestamps","text":"I need help.","language_code":"en","words":[{"text":"I","start":0.1,"end":0.2,"type":"word","logprob":-0.1}]}`
	authError      = `{"message_type":"auth_error","error":"The key secret is wrong."}`
	throttled      = `{"message_type":"commit_throttled","error":"too soon"}`
)

func newTestDialect() *scribeDialect {
	return newScribeDialect(&Scribe{Key: "secret"}, pipeline.Listening{}, wire.Encoding{Width: 1, Rate: 8000})
}

func TestScribeUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	d := newTestDialect()
	i := pipeline.Word{Text: "I", Start: 100 * time.Millisecond, End: 200 * time.Millisecond, Confidence: math.Exp(-0.1)}
	for _, tt := range []struct {
		text string
		want wire.Heard
	}{
		{sessionStarted, wire.Heard{}},
		{partial, wire.Heard{Told: true, Text: "I need"}},
		{committed, wire.Heard{Told: true, Soon: true, Text: "I need help."}},
		{timed, wire.Heard{Told: true, Settled: true, Answer: true, Text: "I need help.", Lang: "en", Words: []pipeline.Word{i}}},
		{committed, wire.Heard{}}, // twice
		{timed, wire.Heard{}},
		{`{"message_type":"committed_transcript","text":""}`, wire.Heard{Told: true, Settled: true, Answer: true}},
		{`{"message_type":"committed_transcript_with_timestamps","text":"","words":[]}`, wire.Heard{}},
		{throttled, wire.Heard{Answer: true, Warning: "commit_throttled too soon"}},
		{authError, wire.Heard{Failure: &wire.Error{Vendor: "elevenlabs", Status: 401, Code: "auth_error", Message: "The key [key] is wrong."}}},
		{`{"message_type":"quota_exceeded","error":"…"}`, wire.Heard{Failure: &wire.Error{Vendor: "elevenlabs", Status: 402, Code: "quota_exceeded", Message: "…"}}},
		{`{"message_type":"something_new","text":"…"}`, wire.Heard{}},
	} {
		got, err := d.Understand([]byte(tt.text), 0)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

// TestScribeSaysTheDocumentedMessages is not parallel: AllocsPerRun counts the whole process.
func TestScribeSaysTheDocumentedMessages(t *testing.T) {
	d := newTestDialect()
	audio, _ := d.Audio(nil, []byte{1, 2, 3})
	for got, want := range map[string]string{
		string(audio):   `{"message_type":"input_audio_chunk","audio_base_64":"AQID","commit":false,"sample_rate":8000}`,
		string(d.Ask()): `{"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":8000}`,
	} {
		if got != want {
			t.Errorf("says %s, want %s", got, want)
		}
	}
	buf := make([]byte, 0, 4096)
	law := make([]byte, 800)
	if n := testing.AllocsPerRun(100, func() { d.Audio(buf, law) }); n != 0 {
		t.Errorf("a message of audio costs %v allocations, want 0", n)
	}
}

func FuzzScribe(f *testing.F) {
	providertest.Understanding(f, func() wire.Dialect { return newTestDialect() },
		sessionStarted, partial+"\n"+committed+"\n"+timed, authError, throttled,
		`{"message_type":"committed_transcript_with_timestamps","text":"a","words":[{"text":"a","start":-1e300,"end":1e300,"logprob":1e300}]}`)
}
