package cartesia_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/cartesia"
	"parley/providers/providertest"
	"parley/providers/wire"
)

const secret = "sk_car_secret"

// client is a Client of a fake server; both end with the test.
func client(t testing.TB, server *providertest.Cartesia) *cartesia.Client {
	t.Helper()
	server.Key = secret
	c := &cartesia.Client{BaseURL: providertest.StartCartesia(t, server), Key: secret, Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// manual is one whose Ink is asked at the end of each stretch.
func manual(t *testing.T, server *providertest.Cartesia) *cartesia.Client {
	t.Helper()
	c := client(t, server)
	c.STTModel = cartesia.Whisper
	return c
}

func TestTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return manual(t, &providertest.Cartesia{}) })
}

func TestTurnsTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return client(t, &providertest.Cartesia{}) })
}

func limited(c *cartesia.Client) *cartesia.Client {
	c.DialLimit, c.FinalLimit, c.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
	return c
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	providertest.TranscriberTroubles(t, "cartesia", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
		return limited(manual(t, &providertest.Cartesia{Hear: trouble, Transcripts: said}))
	})
}

// A caller is a transcription with its media clock.
type caller struct {
	pipeline.Transcription
	t       *testing.T
	at      time.Duration
	results chan result
}

type result struct {
	pipeline.Transcript
	err error
}

func call(t *testing.T, c *cartesia.Client) *caller {
	t.Helper()
	tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000, Lang: "en-US", Words: []string{"Parley"}})
	if err != nil {
		t.Fatalf("Transcribe: %v", err)
	}
	k := &caller{Transcription: tr, t: t, results: make(chan result, 1000)}
	go func() {
		defer close(k.results)
		for r, err := range tr.Results() {
			k.results <- result{r, err}
		}
	}()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return k
}

// hear writes sound; a transcription that has failed does not hear it, as its results say.
func (k *caller) hear(pcm []int16) {
	for ; len(pcm) >= 160; pcm = pcm[160:] {
		_ = k.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: k.at})
		k.at += media.FrameTime
	}
}

func (k *caller) say(words string)       { k.hear(providertest.Tones(words, 8000)) }
func (k *caller) silent(d time.Duration) { k.hear(make([]int16, int(d.Seconds()*8000))) }

func (k *caller) mark(kind pipeline.EdgeKind, n int, at time.Duration) {
	k.t.Helper()
	if err := k.Mark(pipeline.Edge{Kind: kind, N: n, At: at}); err != nil {
		k.t.Fatalf("Mark: %v", err)
	}
}

// next is the next result of a kind.
func (k *caller) next(kind pipeline.TranscriptKind) pipeline.Transcript {
	k.t.Helper()
	for {
		select {
		case r, ok := <-k.results:
			if !ok || r.err != nil {
				k.t.Fatalf("Results ended with %v", r.err)
			}
			if r.Kind == kind {
				return r.Transcript
			}
		case <-time.After(time.Minute):
			k.t.Fatal("no result within 20 s")
		}
	}
}

func TestHearsASentence(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 1)
	k := call(t, manual(t, &providertest.Cartesia{Transcripts: []string{"Yes, please."}, Asked: func(_ string, q url.Values) { asked <- q }}))
	if got, want := (<-asked).Encode(), "encoding=pcm_mulaw&language=en&model=ink-whisper&sample_rate=8000"; got != want {
		t.Errorf("asked with %s, want %s", got, want)
	}
	k.at = 5 * time.Second
	k.mark(pipeline.Began, 1, k.at)
	k.say("hello there")
	if got := k.next(pipeline.Partial); got.Text == "" {
		t.Errorf("got %+v", got)
	}
	end := k.at
	k.mark(pipeline.Ended, 1, end)
	got := k.next(pipeline.Final)
	if got.Text != "Yes, please." || got.Edge != 1 || got.Lang != "en" || len(got.Words) != 2 {
		t.Fatalf("got %+v", got)
	}
	if w := got.Words; w[0].Start < 5*time.Second || w[0].Start > 5*time.Second+40*time.Millisecond || w[1].End > end {
		t.Errorf("words %+v, spoken from 5s to %v", w, end)
	}
}

func TestTurnsEndByThemselves(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 1)
	server := &providertest.Cartesia{Transcripts: []string{"Yes, please.", "No."}, Asked: func(_ string, q url.Values) { asked <- q }}
	k := call(t, client(t, server))
	if got, want := (<-asked).Encode(), "encoding=pcm_mulaw&keyterm=Parley&model=ink-2&sample_rate=8000"; got != want {
		t.Errorf("asked with %s, want %s", got, want)
	}
	k.mark(pipeline.Began, 1, k.at)
	k.say("hello there")
	end := k.at
	k.silent(480 * time.Millisecond)
	if got := k.next(pipeline.EagerEnd); got.Text != "Yes, please." {
		t.Errorf("got %+v", got)
	}
	if got := k.next(pipeline.EndOfTurn); got.Text != "Yes, please." || got.Lang != "en-US" || got.Edge != 0 {
		t.Errorf("got %+v", got)
	}
	k.mark(pipeline.Ended, 1, end)
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
		t.Errorf("got %+v, want the answer to Ended 1 without the words, which were told", got)
	}
	k.mark(pipeline.Began, 2, k.at)
	k.say("again")
	k.mark(pipeline.Ended, 2, k.at) // and no more is heard: silence ends the turn
	if got := k.next(pipeline.EndOfTurn); got.Text != "No." {
		t.Errorf("got %+v", got)
	}
	if got := k.next(pipeline.Final); got.Edge != 2 || got.Text != "" {
		t.Errorf("got %+v", got)
	}
	if n := server.Turned.Load(); n != 2 {
		t.Errorf("%d turns ended, want 2", n)
	}
}

func TestTurnsAreResumed(t *testing.T) {
	t.Parallel()
	k := call(t, client(t, &providertest.Cartesia{Transcripts: []string{"One two three."}, Hangover: time.Second}))
	k.mark(pipeline.Began, 1, 0)
	k.say("hello there")
	end := k.at
	k.silent(700 * time.Millisecond)
	k.next(pipeline.EagerEnd)
	k.mark(pipeline.Ended, 1, end)
	k.mark(pipeline.Began, 2, k.at)
	k.say("you")
	k.next(pipeline.TurnResumed)
	end = k.at
	k.silent(1200 * time.Millisecond)
	k.mark(pipeline.Ended, 2, end)
	if got := k.next(pipeline.EndOfTurn); got.Text != "One two three." {
		t.Errorf("got %+v", got)
	}
	if got := k.next(pipeline.Final); got.Edge != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestTurnsThatDoNotEnd: an Ended gets the words that there are in time, and they are not told again.
func TestTurnsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	server := &providertest.Cartesia{Transcripts: []string{"One two three four."}, Hangover: 3 * time.Second}
	k := call(t, limited(client(t, server)))
	k.mark(pipeline.Began, 1, 0)
	k.say("hello")
	for k.next(pipeline.Partial).Text == "" {
	}
	k.mark(pipeline.Ended, 1, k.at)
	got := k.next(pipeline.Final)
	if got.Edge != 1 || got.Text != "One" {
		t.Fatalf("got %+v, want the words so far", got)
	}
	k.mark(pipeline.Began, 2, k.at)
	k.say("and some more")
	end := k.at
	for range 4 { // a second of audio is all that may wait
		k.silent(900 * time.Millisecond)
		soon(t, "the silence is heard", func() bool { return server.Counts().Audio.Load() >= int64(k.at/(60*time.Millisecond))-1 })
	}
	if got := k.next(pipeline.EndOfTurn); got.Text != "two three four." {
		t.Errorf("got %+v, want the words that were not told", got)
	}
	k.mark(pipeline.Ended, 2, end)
	if got := k.next(pipeline.Final); got.Edge != 2 || got.Text != "" {
		t.Errorf("got %+v", got)
	}
}

// TestTurnTroubles plays what a socket of turns may do: it comes to an end, one that says why.
func TestTurnTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		text    string // of the Final, or
		says    string // of the error
	}{
		{trouble{Fault: providertest.Garbage}, "", "5 unreadable messages"},
		{trouble{Fault: providertest.Giant}, "", "read limit exceeded"},
		{trouble{Fault: providertest.CutOff}, "", "cartesia: "},
		{trouble{Fault: providertest.CloseEarly, Reason: "no " + secret}, "", "closed with 1011 no [key]"},
		{trouble{Fault: providertest.Complain, Reason: "There is a trouble."}, "", "internal_error There is a trouble."},
		{trouble{Fault: providertest.NeverAnswers}, "I would", ""},
		{trouble{Fault: providertest.Deaf}, "", ""},
		{trouble{Fault: providertest.Drip}, "I would", ""},
	} {
		t.Run(string(tt.trouble.Fault), func(t *testing.T) {
			t.Parallel()
			k := call(t, limited(client(t, &providertest.Cartesia{Hear: tt.trouble})))
			_ = k.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1})
			k.say("hello there")
			end := k.at
			k.silent(400 * time.Millisecond)
			_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: end})
			for {
				select {
				case r, ok := <-k.results:
					switch {
					case !ok:
						t.Fatal("Results ended without an error")
					case r.err != nil && (tt.says == "" || !strings.Contains(r.err.Error(), tt.says)):
						t.Fatalf("got %v, want %q", r.err, tt.says)
					case r.err != nil:
						return
					case r.Kind == pipeline.Final && tt.says == "":
						if r.Edge != 1 || !strings.HasPrefix(r.Text, tt.text) {
							t.Errorf("got %+v, want %q", r.Transcript, tt.text)
						}
						return
					}
				case <-time.After(time.Minute):
					t.Fatal("nothing came within 20 s")
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for status, hopeless := range map[int]bool{401: true, 402: true, 429: false, 500: false} {
		c := client(t, &providertest.Cartesia{Hear: providertest.Trouble{Fault: providertest.Refuse, Status: status}})
		_, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
		var e *wire.Error
		if !errors.As(err, &e) || e.StatusCode() != status || e.Hopeless() != hopeless {
			t.Errorf("status %d: got %v", status, err)
		}
	}
	c := client(t, &providertest.Cartesia{})
	c.Key = "wrong"
	_, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	var e *wire.Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Code != "unauthorized" || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v", err)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	for want, tt := range map[string]struct {
		model string
		o     pipeline.Listening
	}{
		"/stt/turns/websocket ink-2":            {o: pipeline.Listening{Lang: "en-GB"}},
		"/stt/websocket ink-whisper":            {o: pipeline.Listening{Lang: "de"}},
		"/stt/websocket ink-whisper-2025-06-04": {model: "ink-whisper-2025-06-04"},
		"/stt/turns/websocket ink-preview":      {model: "ink-preview", o: pipeline.Listening{Lang: "de"}},
	} {
		asked := make(chan string, 1)
		c := client(t, &providertest.Cartesia{Asked: func(path string, q url.Values) { asked <- path + " " + q.Get("model") }})
		c.STTModel = tt.model
		tt.o.Rate = 16000
		tr, err := c.Transcribe(t.Context(), tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
}
