package wyoming_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wyoming"
)

// told collects what a client tells a fake.
type told struct {
	mu  sync.Mutex
	all []string
}

func (l *told) add(kind string, data json.RawMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.all); kind == "audio-chunk" && n > 0 && l.all[n-1] == kind {
		return
	}
	if kind == "audio-chunk" {
		data = nil
	}
	l.all = append(l.all, strings.TrimSpace(kind+" "+string(data)))
}

func (l *told) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}

// hear says stretches of sound, with pauses of 600 ms in them, and returns what was understood of each.
func hear(t *testing.T, c *wyoming.Client, o pipeline.Listening, stretches ...[]string) (finals []pipeline.Transcript) {
	t.Helper()
	tr, err := c.Transcribe(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan pipeline.Transcript, 100)
	go func() {
		defer close(results)
		for r, err := range tr.Results() {
			if err != nil {
				t.Errorf("Results: %v", err)
			}
			results <- r
		}
	}()
	var at time.Duration
	play := func(pcm []int16) {
		for ; len(pcm) >= 160; pcm = pcm[160:] {
			if err := tr.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: at}); err != nil {
				t.Fatal(err)
			}
			at += media.FrameTime
			<-time.After(2 * time.Millisecond)
		}
	}
	play(make([]int16, 8000))
	for n, parts := range stretches {
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: n + 1, At: at}); err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			if i > 0 {
				play(make([]int16, 4800))
			}
			play(providertest.Tones(part, 8000))
		}
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n + 1, At: at}); err != nil {
			t.Fatal(err)
		}
		for r := range results {
			if r.Kind == pipeline.Final {
				finals = append(finals, r)
				break
			}
		}
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	return finals
}

func TestStretchesAreSentAsTheProtocolHasIt(t *testing.T) {
	t.Parallel()
	var l told
	c := client(t, &providertest.Wyoming{Transcripts: []string{"Turn on the lights."}, Told: l.add})
	c.STTModel = "tiny"
	got := hear(t, c, pipeline.Listening{Rate: 8000, Lang: "en-US", Words: []string{"Parley"}}, []string{"something"})
	if len(got) != 1 || got[0].Text != "Turn on the lights." || got[0].Edge != 1 || got[0].Lang != "en" {
		t.Errorf("got %+v", got)
	}
	want := []string{
		"describe", `transcribe {"name":"tiny","language":"en","transcript_names":["Parley"]}`,
		`audio-start {"rate":16000,"width":2,"channels":1}`, "audio-chunk", "audio-stop",
	}
	if diff := cmp.Diff(want, l.list()[:len(want)]); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestAServersOwnPauses: a server that takes a pause for the end is asked to hear the rest, and no word is lost.
func TestAServersOwnPauses(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Wyoming{Pauses: true, Transcripts: []string{"One.", "Two.", "Three."}})
	got := hear(t, c, pipeline.Listening{Rate: 8000}, []string{"something", "anything"}, []string{"nothing"})
	if len(got) != 2 || got[0].Text != "One. Two." || got[1].Text != "Three." {
		t.Errorf("got %+v, want One. Two. and then Three.", got)
	}
}

func TestPartialsOfAStreamingServer(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Wyoming{Streams: true, Transcripts: []string{"One two three."}})
	tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tr.Close() }()
	if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1}); err != nil {
		t.Fatal(err)
	}
	at := time.Duration(0)
	for pcm := providertest.Tones("hello wonderful", 8000); len(pcm) >= 160; pcm = pcm[160:] {
		if err := tr.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: at}); err != nil {
			t.Fatal(err)
		}
		at += media.FrameTime
	}
	for r, err := range tr.Results() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != pipeline.Partial || !strings.HasPrefix("One two three.", r.Text) {
			t.Fatalf("got %+v, want the first words", r)
		}
		if r.Text == "One two" || r.Text == "One two three." {
			return
		}
	}
}

func TestAServerWithoutTheGiftSaysSo(t *testing.T) {
	t.Parallel()
	c := &wyoming.Client{BaseURL: "tcp://127.0.0.1:1", DialLimit: time.Second}
	if _, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000}); err == nil || !strings.Contains(err.Error(), "wyoming: dial") {
		t.Errorf("got %v, want that nobody listens there", err)
	}
	for field, c := range map[string]*wyoming.Client{
		"base URL": {BaseURL: "ws://localhost:10300"}, "STTModel": {STTModel: "a\nb"}, "Voice": {Voice: "\x00"},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want an error that names %s", err, field)
		}
	}
	if err := (&wyoming.Client{}).Check(); err != nil {
		t.Errorf("a Client needs no settings: %v", err)
	}
}

func pieces(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func speak(ctx context.Context, c *wyoming.Client, v pipeline.Voice, text ...string) (pcm []int16, err error) {
	for s, err := range c.Speak(ctx, pieces(text...), v) {
		if err != nil {
			return pcm, err
		}
		pcm = append(pcm, s.PCM...)
	}
	return pcm, nil
}

func TestTextIsSentAsTheProtocolHasIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		streams bool
		voice   pipeline.Voice
		want    []string
	}{
		{false, pipeline.Voice{Rate: 8000, Name: "en_US-amy-medium"}, []string{
			"describe", `synthesize {"text":"Good morning. ","voice":{"name":"en_US-amy-medium"}}`,
			`synthesize {"text":"How are you? ","voice":{"name":"en_US-amy-medium"}}`, `synthesize {"text":"Bye","voice":{"name":"en_US-amy-medium"}}`,
		}},
		{true, pipeline.Voice{Rate: 8000, Lang: "en-US"}, []string{
			"describe", `synthesize-start {"voice":{"language":"en-US"}}`, `synthesize-chunk {"text":"Good morning. "}`, "synthesize-stop",
			`synthesize-start {"voice":{"language":"en-US"}}`, `synthesize-chunk {"text":"How are you? "}`, `synthesize-chunk {"text":"Bye"}`, "synthesize-stop",
		}},
	} {
		var l told
		c := client(t, &providertest.Wyoming{Streams: tt.streams, Told: l.add})
		pcm, err := speak(t.Context(), c, tt.voice, "Good morn", "ing. How are you? ", "Bye")
		if err != nil {
			t.Fatal(err)
		}
		if want := media.Samples(len(pcm), 8000); (want - providertest.TonesLength("Good morning. How are you? Bye")).Abs() > 20*time.Millisecond {
			t.Errorf("it sounds for %v", want)
		}
		if diff := cmp.Diff(tt.want, l.list()); diff != "" {
			t.Errorf("streams %v: told (-want +got):\n%s", tt.streams, diff)
		}
	}
}

func TestLinesAreKept(t *testing.T) {
	t.Parallel()
	for streams, once := range map[bool]bool{true: false, false: false} {
		server := &providertest.Wyoming{Streams: streams, Once: once}
		c := client(t, server)
		if err := c.Warm(t.Context(), pipeline.Voice{Rate: 8000}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := speak(t.Context(), c, pipeline.Voice{Rate: 16000}, "Hello there. ", "Goodbye now."); err != nil {
				t.Fatal(err)
			}
		}
		if n := server.Counts().Connections.Load(); n != 1 {
			t.Errorf("%d connections were opened for 3 utterances, want 1", n)
		}
	}
}

// TestWhatIsCutIsMadeNoMore: the server is left, as there is no other way to stop it.
func TestWhatIsCutIsMadeNoMore(t *testing.T) {
	t.Parallel()
	server := &providertest.Wyoming{Pace: 1}
	c := client(t, server)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	bargeIn := errors.New("barge-in")
	var last error
	for s, err := range c.Speak(ctx, pieces("This is a long sentence of which hardly anything will be heard."), pipeline.Voice{Rate: 8000}) {
		if len(s.PCM) > 0 {
			cancel(bargeIn)
		}
		last = err
	}
	if !errors.Is(last, bargeIn) {
		t.Errorf("it ended with %v, want the cause of its end", last)
	}
	for deadline := time.Now().Add(time.Minute); server.Counts().Open.Load() != 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the connection is still open")
		}
	}
}

// TestTroublesOfAVoice: an utterance ends in time, with an error that names what is wrong, or is spoken whole.
func TestTroublesOfAVoice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		trouble providertest.Trouble
		fails   string // what the error names; empty: it is spoken whole
	}{
		{providertest.Trouble{Fault: providertest.Mute}, "no answer within"},
		{providertest.Trouble{Fault: providertest.Deaf}, "no sound within"},
		{providertest.Trouble{Fault: providertest.NeverAnswers}, "no sound within"},
		{providertest.Trouble{Fault: providertest.Drip}, ""},
		{providertest.Trouble{Fault: providertest.CutOff}, "EOF"},
		{providertest.Trouble{Fault: providertest.CloseEarly}, "EOF"},
		{providertest.Trouble{Fault: providertest.Garbage}, "no event"},
		{providertest.Trouble{Fault: providertest.Giant}, "payload_length 1000000000"},
		{providertest.Trouble{Fault: providertest.Complain, Reason: "There is a trouble."}, "ValueError There is a trouble."},
		{providertest.Trouble{Fault: providertest.WrongCodec}, "4 bytes a sample"},
		{providertest.Trouble{Fault: providertest.WrongRate}, "12345 Hz"},
	} {
		for _, streams := range []bool{false, true} {
			t.Run(string(tt.trouble.Fault), func(t *testing.T) {
				t.Parallel()
				c := client(t, &providertest.Wyoming{Speak: tt.trouble, Streams: streams})
				c.DialLimit, c.AudioLimit = time.Minute, time.Minute
				if strings.HasSuffix(tt.fails, "within") {
					c.DialLimit, c.AudioLimit = 500*time.Millisecond, 500*time.Millisecond
				}
				began := time.Now()
				pcm, err := speak(t.Context(), c, pipeline.Voice{Rate: 8000}, "Yes, please.")
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %v", took)
				}
				whole := (media.Samples(len(pcm), 8000) - providertest.TonesLength("Yes, please.")).Abs() < 50*time.Millisecond
				switch {
				case tt.fails == "" && (err != nil || !whole):
					t.Errorf("got %v and %d samples, want all of it", err, len(pcm))
				case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || !strings.Contains(err.Error(), "wyoming")):
					t.Errorf("got %v, want an error that names %q", err, tt.fails)
				}
			})
		}
	}
}

// TestALineThatDiedIdleIsReplaced: a server that hangs up after each text costs a connection each, and no word.
func TestALineThatDiedIdleIsReplaced(t *testing.T) {
	t.Parallel()
	server := &providertest.Wyoming{Once: true}
	c := client(t, server)
	const text = "Hello there. How are you? Goodbye now."
	for range 2 {
		pcm, err := speak(t.Context(), c, pipeline.Voice{Rate: 8000}, text)
		if err != nil {
			t.Fatal(err)
		}
		if d := media.Samples(len(pcm), 8000) - providertest.TonesLength(text); d.Abs() > 50*time.Millisecond {
			t.Errorf("it sounds %v longer than it should", d)
		}
	}
}
