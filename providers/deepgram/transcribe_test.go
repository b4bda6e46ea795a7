package deepgram_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// A caller is a transcription with its media clock.
type caller struct {
	pipeline.Transcription
	t       *testing.T
	at      time.Duration
	mayFail bool // at any Write or Mark
	results chan result
}

type result struct {
	pipeline.Transcript
	err error
}

func call(t *testing.T, c *deepgram.Client) *caller {
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

// say writes a stretch of sound.
func (k *caller) say(words string) {
	k.t.Helper()
	pcm := providertest.Tones(words, 8000)
	for len(pcm) >= 160 {
		if err := k.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: k.at}); err != nil && !k.mayFail {
			k.t.Fatalf("Write: %v", err)
		}
		k.at += media.FrameTime
		pcm = pcm[160:]
	}
}

func (k *caller) ended(n int) {
	k.t.Helper()
	if err := k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n, At: k.at}); err != nil {
		k.t.Fatalf("Mark: %v", err)
	}
}

func (k *caller) began(n int) {
	k.t.Helper()
	if err := k.Mark(pipeline.Edge{Kind: pipeline.Began, N: n, At: k.at}); err != nil && !k.mayFail {
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

// fails is the error that Results ends with.
func (k *caller) fails() error {
	k.t.Helper()
	for {
		select {
		case r, ok := <-k.results:
			if !ok {
				k.t.Fatal("Results ended without an error")
			}
			if r.err != nil {
				return r.err
			}
		case <-time.After(time.Minute):
			k.t.Fatal("no error within 20 s")
		}
	}
}

func TestTranscriptionHearsASentence(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{Transcripts: []string{"Yes, please.", "No."}}
	k := call(t, client(t, server))
	k.at = 5 * time.Second
	k.began(1)
	k.say("hello there")
	if got := k.next(pipeline.Partial); got.Text != "Yes," && got.Text != "Yes, please." {
		t.Errorf("Partial %q, want the first words", got.Text)
	}
	end := k.at
	k.ended(1)
	got := k.next(pipeline.Final)
	if got.Text != "Yes, please." || got.Edge != 1 || got.Lang != "en" {
		t.Errorf("got %+v", got)
	}
	if len(got.Words) != 2 || got.Words[0].Text != "Yes," || got.Words[1].Text != "please." {
		t.Fatalf("words %+v", got.Words)
	}
	if w := got.Words[0].Start; w < 5*time.Second || w > 5*time.Second+40*time.Millisecond {
		t.Errorf("the first word begins at %v, want the beginning of the sound, 5 s", w)
	}
	if w := got.Words[1].End; w > end || w < end-200*time.Millisecond {
		t.Errorf("the last word ends at %v, want about %v", w, end)
	}
	k.at += time.Minute // the call was on hold: nothing was written
	k.began(2)
	began := k.at
	k.say("no")
	k.ended(2)
	got = k.next(pipeline.Final)
	if got.Text != "No." || got.Edge != 2 || len(got.Words) != 1 || (got.Words[0].Start-began).Abs() > 40*time.Millisecond {
		t.Errorf("got %+v, want No. at %v", got, began)
	}
}

func TestTranscriptionHearsWhatTheEarDidNot(t *testing.T) {
	t.Parallel()
	k := call(t, client(t, &providertest.Deepgram{Transcripts: []string{"Hm."}}))
	k.say("mumbling") // and no Mark
	quiet := make([]int16, 160)
	for range 70 { // UtteranceEnd comes 1 s after the last word
		if err := k.Write(media.Frame{PCM: quiet, Rate: 8000, At: k.at}); err != nil && !errors.Is(err, pipeline.ErrBehind) {
			t.Fatalf("Write: %v", err)
		}
		k.at += media.FrameTime
		<-time.After(2 * time.Millisecond)
	}
	if got := k.next(pipeline.Final); got.Text != "Hm." || got.Edge != 0 {
		t.Errorf("got %+v, want Hm. that answers no Ended", got)
	}
}

func TestOwnEndpointingDoesNotSplitAStretch(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{Transcripts: []string{"One.", "Two."}})
	c.Endpointing = 100 * time.Millisecond
	k := call(t, c)
	k.began(1)
	for range 2 {
		k.say("wordy")
		quiet := make([]int16, 160)
		for range 6 {
			if err := k.Write(media.Frame{PCM: quiet, Rate: 8000, At: k.at}); err != nil {
				t.Fatalf("Write: %v", err)
			}
			k.at += media.FrameTime
		}
	}
	k.ended(1)
	if got := k.next(pipeline.Final); got.Text != "One. Two." || got.Edge != 1 {
		t.Errorf("got %+v, want both segments in the Final of Ended 1", got)
	}
}

func TestTranscribeIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		trouble  providertest.Trouble
		hopeless bool
	}{
		{"401", providertest.Trouble{Fault: providertest.Refuse, Status: 401}, true},
		{"402", providertest.Trouble{Fault: providertest.Refuse, Status: 402}, true},
		{"400", providertest.Trouble{Fault: providertest.Refuse, Status: 400}, true},
		{"429", providertest.Trouble{Fault: providertest.Refuse, Status: 429}, false},
		{"500", providertest.Trouble{Fault: providertest.Refuse, Status: 500}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Deepgram{Listen: tt.trouble, Speak: tt.trouble})
			_, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
			var refused *deepgram.Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a *deepgram.Error", err)
			}
			if refused.Status != tt.trouble.Status || refused.Hopeless() != tt.hopeless {
				t.Errorf("got status %d, hopeless %v; want %d, %v", refused.Status, refused.Hopeless(), tt.trouble.Status, tt.hopeless)
			}
			if refused.Code != "FAKE_TROUBLE" || !strings.HasPrefix(refused.RequestID, "fake-") || refused.Op != "listen" {
				t.Errorf("got %+v, want the code and request id of the body", refused)
			}
			_, err = speak(t.Context(), c, "Hello.")
			if !errors.As(err, &refused) || refused.Op != "speak" || refused.Status != tt.trouble.Status {
				t.Errorf("Speak: got %v", err)
			}
		})
	}
}

func TestTranscribeNamesTheBadSetting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		client *deepgram.Client
		rate   int
		want   string
	}{
		"rate":        {&deepgram.Client{}, 11025, "rate 11025"},
		"chunk":       {&deepgram.Client{Chunk: time.Second}, 8000, "chunk 1s"},
		"endpointing": {&deepgram.Client{Endpointing: -1}, 8000, "endpointing"},
		"scheme":      {&deepgram.Client{BaseURL: "ftp://deepgram"}, 8000, "base URL"},
		"base URL":    {&deepgram.Client{BaseURL: "ws://[deepgram"}, 8000, "base URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.client.Transcribe(t.Context(), pipeline.Listening{Rate: tt.rate})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that names %q", err, tt.want)
			}
		})
	}
}

func TestTranscribeWaitsNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{Listen: providertest.Trouble{Fault: providertest.Mute}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Transcribe(ctx, pipeline.Listening{Rate: 8000}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline of ctx", err)
	}
	c.DialLimit = 50 * time.Millisecond
	if _, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000}); err == nil || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("got %v, want the client's own limit", err)
	}
}

// TestTroubles plays each of the server's bad habits: every Ended is answered in time, or Results fails; nothing hangs.
func TestTroubles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault providertest.Trouble
		text  string // of the Final; "" and
		fails string // of the error, if it fails
	}{
		{providertest.Trouble{Fault: providertest.Deaf}, "", ""},
		{providertest.Trouble{Fault: providertest.NeverAnswers}, "I would", ""}, // the words that there were
		{providertest.Trouble{Fault: providertest.Drip}, "I would", ""},
		{providertest.Trouble{Fault: providertest.CutOff}, "", "deepgram listen:"},
		{providertest.Trouble{Fault: providertest.Garbage}, "", ""},
		{providertest.Trouble{Fault: providertest.Giant}, "", "read limit exceeded"},
		{providertest.Trouble{Fault: providertest.CloseEarly, Close: 1008, Reason: "DATA-0000: cannot decode"}, "", "closed with 1008 DATA-0000 cannot decode"},
		{providertest.Trouble{Fault: providertest.CloseEarly, Close: 1011, Reason: "NET-0000: lost"}, "", "closed with 1011 NET-0000 lost"},
	} {
		t.Run(string(tt.fault.Fault)+tt.fault.Reason, func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Deepgram{Listen: tt.fault})
			c.FinalLimit, c.CloseLimit = 300*time.Millisecond, 300*time.Millisecond
			k := call(t, c)
			k.mayFail = tt.fails != ""
			k.began(1)
			k.say("hello there")
			if tt.text != "" {
				for k.next(pipeline.Partial).Text != tt.text {
				}
			}
			_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: k.at}) // it may have failed by now
			if tt.fails != "" {
				if err := k.fails(); !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v, want %q", err, tt.fails)
				}
				if err := k.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err == nil {
					t.Error("Write succeeded on a failed transcription")
				}
				return
			}
			if got := k.next(pipeline.Final); !strings.HasPrefix(got.Text, tt.text) || got.Edge != 1 {
				t.Errorf("got %+v, want %q for Ended 1", got, tt.text)
			}
		})
	}
}

// TestLateAnswerIsNotTheNext: an answer that came after its Ended was given up neither answers the next nor repeats its words.
func TestLateAnswerIsNotTheNext(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{Transcripts: []string{"One two.", "Three."}, Delay: 600 * time.Millisecond})
	c.FinalLimit = 400 * time.Millisecond
	k := call(t, c)
	k.began(1)
	k.say("hello there")
	for k.next(pipeline.Partial).Text != "One two." {
	}
	k.ended(1)
	if got := k.next(pipeline.Final); got.Text != "One two." || got.Edge != 1 {
		t.Fatalf("got %+v, want the words so far", got)
	}
	k.at += time.Second
	k.began(2)
	k.say("again")
	k.ended(2)
	if got := k.next(pipeline.Final); got.Edge != 2 || strings.Contains(got.Text, "One") || strings.Contains(got.Text, "two") {
		t.Errorf("got %+v, want Ended 2 and none of the first words", got)
	}
}

func TestLostSocketIsDialledAgain(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{
		Transcripts: []string{"All of it."},
		Listen:      providertest.Trouble{Fault: providertest.CutOff, Times: 1},
	}
	k := call(t, client(t, server))
	k.began(1)
	k.say("hello wonderful") // the socket breaks after 300 ms of it
	end := k.at
	k.ended(1)
	got := k.next(pipeline.Final)
	if got.Text != "All of it." || got.Edge != 1 {
		t.Fatalf("got %+v, want what was said, heard on the second socket", got)
	}
	if n := server.Counts().Listens.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
	// The second socket was sent the sound from its beginning: the words span all of it.
	if first, last := got.Words[0].Start, got.Words[2].End; first > 40*time.Millisecond || last < end-200*time.Millisecond {
		t.Errorf("the words span %v to %v, want 0 to about %v", first, last, end)
	}
}

func TestKeyTermsAreToldAtTheOpening(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{"": "keyterm", "nova-3-medical": "keyterm", "nova-2-phonecall": "keywords"} {
		asked := deepgram.ListenQuery(&deepgram.Client{STTModel: model}, pipeline.Listening{Rate: 16000, Lang: "de-DE", Words: []string{"Parley", "Ana"}})
		if diff := cmp.Diff([]string{"Parley", "Ana"}, asked[want]); diff != "" {
			t.Errorf("%q: %s (-want +got):\n%s", model, want, diff)
		}
		if asked.Get("encoding") != "linear16" || asked.Get("sample_rate") != "16000" || asked.Get("language") != "de-DE" {
			t.Errorf("%q: got %v", model, asked)
		}
	}
}
