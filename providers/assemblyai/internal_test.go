package assemblyai

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

// The documentation's own messages, as shared/wire has them.
const (
	begin       = `{"type":"Begin","id":"cc6b…","expires_at":1760000000}`
	started     = `{"type":"SpeechStarted","timestamp":1280}`
	growing     = `{"type":"Turn","turn_order":0,"turn_is_formatted":false,"end_of_turn":false,"transcript":"hi i need","end_of_turn_confidence":0.21,"words":[{"text":"hi","start":1280,"end":1440,"confidence":0.98,"word_is_final":true}]}`
	heard       = `{"type":"Turn","turn_order":0,"turn_is_formatted":false,"end_of_turn":true,"transcript":"hi i need help","end_of_turn_confidence":0.91,"words":[{"text":"hi","start":1280,"end":1440,"confidence":0.98,"word_is_final":true},{"text":"help","start":1900,"end":2200,"confidence":0.98,"word_is_final":true}]}`
	written     = `{"type":"Turn","turn_order":0,"turn_is_formatted":true,"end_of_turn":true,"transcript":"Hi, I need help.","end_of_turn_confidence":0.91,"words":[]}`
	termination = `{"type":"Termination","audio_duration_seconds":31,"session_duration_seconds":32}`
	warning     = `{"type":"Warning","warning_code":3101,"warning":"…"}`
	failure     = `{"type":"Error","error_code":3005,"error":"Server error"}`
	heartbeat   = `{"type":"Heartbeat","total_audio_received_ms":3000,"total_duration_ms":3000,"realtime_factor":1.0,"max_speech_probability":0.2}`
	silence     = `{"type":"Silence","start_ms":100,"end_ms":900}`
)

func socket(c *Client) *dialect {
	return &dialect{client: c, query: c.query(pipeline.Listening{}, wire.Encoding{Width: 1, Rate: 8000}), order: -1}
}

func TestUnderstandsTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	d := socket(&Client{Key: "secret"})
	hi := pipeline.Word{Text: "hi", Start: 1280 * time.Millisecond, End: 1440 * time.Millisecond, Confidence: 0.98}
	help := pipeline.Word{Text: "help", Start: 1900 * time.Millisecond, End: 2200 * time.Millisecond, Confidence: 0.98}
	for _, tt := range []struct {
		text string
		want wire.Heard
	}{
		{begin, wire.Heard{}},
		{started, wire.Heard{}},
		{growing, wire.Heard{Told: true, Text: "hi", Words: []pipeline.Word{hi}, End: hi.End}},
		{heard, wire.Heard{Told: true, Soon: true, Text: "hi i need help", Words: []pipeline.Word{hi, help}, End: help.End}},
		{written, wire.Heard{Told: true, Settled: true, Over: true, Answer: true, Text: "Hi, I need help.", End: help.End}},
		{written, wire.Heard{}}, // once is enough
		{heartbeat, wire.Heard{}},
		{silence, wire.Heard{}},
		{warning, wire.Heard{Warning: "3101 …"}},
		{termination, wire.Heard{Last: true}},
		{failure, wire.Heard{Failure: &wire.Error{Vendor: "assemblyai", Status: 503, Code: "3005", Message: "Server error"}}},
	} {
		got, err := d.Understand([]byte(tt.text), 0)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
	for _, text := range []string{`{}`, `[]`, `null`, `{"type":`} {
		if _, err := d.Understand([]byte(text), 0); err == nil {
			t.Errorf("%s was understood", text)
		}
	}
}

func TestSaysTheDocumentedMessages(t *testing.T) {
	t.Parallel()
	d := socket(&Client{})
	for got, want := range map[string]string{
		string(d.Ask()):                       `{"type":"ForceEndpoint"}`,
		string(d.Alive()):                     `{"type":"KeepAlive"}`,
		string(d.Bye()):                       `{"type":"Terminate"}`,
		string(d.Expect([]string{"Acme"})):    `{"type":"UpdateConfiguration","keyterms_prompt":["Acme"]}`,
		string(d.Expect(nil)):                 `{"type":"UpdateConfiguration","keyterms_prompt":[]}`,
		string(must(d.Audio(nil, []byte{7}))): "\a",
	} {
		if got != want {
			t.Errorf("says %s, want %s", got, want)
		}
	}
	d.always = []string{"Parley"}
	if got, want := string(d.Expect([]string{"Acme"})), `{"type":"UpdateConfiguration","keyterms_prompt":["Acme","Parley"]}`; got != want {
		t.Errorf("says %s, want %s", got, want)
	}
	long := strings.Repeat("x", termLength+1)
	q := (&Client{STTModel: "u3-rt-pro"}).query(pipeline.Listening{Words: []string{"Parley", long, "Ana"}}, wire.Encoding{Width: 2, Rate: 16000})
	for key, want := range map[string]string{
		"sample_rate": "16000", "encoding": "pcm_s16le", "speech_model": "u3-rt-pro", "format_turns": "true", "keyterms_prompt": `["Parley","Ana"]`,
		"end_of_turn_confidence_threshold": "1",
	} {
		if got := q.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func must(b []byte, _ int) []byte { return b }

func TestCloseCodesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]struct {
		status   int
		hopeless bool
	}{
		4001: {401, true}, 4002: {402, true}, 4003: {402, true}, 4029: {429, false}, 3009: {429, false}, 3007: {400, true}, 4000: {400, true},
		3005: {503, false}, 3008: {503, false}, 1000: {0, false},
	} {
		e := &wire.Error{Close: code, Status: statusOf(code, "")}
		if e.Status != want.status || e.Hopeless() != want.hopeless {
			t.Errorf("close code %d: status %d, hopeless %v; want %+v", code, e.Status, e.Hopeless(), want)
		}
	}
	if got := statusOf(1008, "Unauthorized connection: Incorrect padding"); got != 401 {
		t.Errorf("a wrong key is status %d, want 401", got)
	}
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		client *Client
		want   string
	}{
		{&Client{}, "Key"},
		{&Client{Key: "k", STTModel: "no model"}, "STTModel"},
		{&Client{Key: "k", BaseURL: "ftp://assemblyai"}, "base URL"},
	} {
		if err := tt.client.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error that names %s", err, tt.want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	providertest.Understanding(f, func() wire.Dialect { return socket(&Client{Key: "secret"}) },
		begin, growing+"\n"+heard+"\n"+written, termination, warning, failure, silence,
		`{"type":"Turn","turn_order":-1,"end_of_turn":true,"words":[{"text":"a","start":1e300,"end":-1e300,"confidence":7},{"text":" "}]}`)
}
