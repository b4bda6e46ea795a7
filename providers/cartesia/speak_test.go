package cartesia_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/cartesia"
	"parley/providers/providertest"
	"parley/providers/wire"
)

var phone = pipeline.Voice{Lang: "en-US", Rate: 8000}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return client(t, &providertest.Cartesia{}) })
}

// said is text that arrives as given; an empty piece is a pause of so long.
func said(pause time.Duration, text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if s == "" {
				<-time.After(pause)
				continue
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// speak speaks text to its end, or to an error.
func speak(ctx context.Context, c *cartesia.Client, v pipeline.Voice, text iter.Seq2[string, error]) (length time.Duration, words []pipeline.Word, err error) {
	n := 0
	for s, err := range c.Speak(ctx, text, v) {
		if err != nil {
			return media.Samples(n, v.Rate), words, err
		}
		n += len(s.PCM)
		words = append(words, s.Words...)
	}
	return media.Samples(n, v.Rate), words, nil
}

// soon waits until something is so.
func soon(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// TestSonicIsTold: what goes over the wire is what the reference says, and what comes has the times of its words.
func TestSonicIsTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	server := &providertest.Cartesia{Told: func(message string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, message)
	}}
	c := client(t, server)
	v := phone
	v.Pace = 1.25
	length, words, err := speak(t.Context(), c, v, said(0, "Hello Ana. ", "How are ", "you?"))
	if want := providertest.TonesLength("Hello Ana. How are you?"); err != nil || length != want {
		t.Errorf("it sounds for %v, %v; want %v", length, err, want)
	}
	var texts []string
	for _, w := range words {
		texts = append(texts, w.Text)
	}
	if diff := cmp.Diff(strings.Fields("Hello Ana. How are you?"), texts); diff != "" {
		t.Fatalf("words (-want +got):\n%s", diff)
	}
	if got, want := words[2].Start, providertest.TonesLength("Hello Ana. "); got != want {
		t.Errorf("How begins at %v, want %v", got, want)
	}
	message := func(text, more string) string {
		return `{"model_id":"sonic-3","transcript":"` + text + `","voice":{"mode":"id","id":"f786b574-daa5-4673-aa0c-cbe3e8534c02"},"language":"en","context_id":"u1-1",` +
			`"continue":` + more + `,"output_format":{"container":"raw","encoding":"pcm_mulaw","sample_rate":8000},"add_timestamps":true,"max_buffer_delay_ms":0,"generation_config":{"speed":1.25}}`
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{message("Hello Ana. ", "true"), message("How are you? ", "true"), message("", "false")}, told); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestContextsExpire: what is said after a long pause is spoken in another context, with times that go on.
func TestContextsExpire(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"long ago": 1300 * time.Millisecond, "maybe": 800 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Cartesia{})
			length, words, err := speak(t.Context(), c, phone, said(pause, "Hello Ana. ", "", "How are you?"))
			if want := providertest.TonesLength("Hello Ana. How are you?"); err != nil || length != want {
				t.Errorf("it sounds for %v, %v; want %v", length, err, want)
			}
			if len(words) != 5 || words[2].Start != providertest.TonesLength("Hello Ana.") {
				t.Errorf("words %+v", words)
			}
		})
	}
}

// TestCutIsCancelled: an utterance that is cut is cancelled at the server, which makes no more of it, and its socket serves the next.
func TestCutIsCancelled(t *testing.T) {
	t.Parallel()
	server := &providertest.Cartesia{Pace: 1}
	c := client(t, server)
	for range 3 {
		for _, err := range c.Speak(t.Context(), said(0, strings.Repeat("This is a long story. ", 10)), phone) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	soon(t, "contexts are cancelled", func() bool { return server.Voices().Goodbyes.Load() == 3 })
	if n := server.Voices().Sockets.Load(); n != 1 {
		t.Errorf("%d sockets were opened, want 1", n)
	}
}

// TestWarm: the first utterance after Warm opens no socket, and a wrong key is told then.
func TestWarm(t *testing.T) {
	t.Parallel()
	server := &providertest.Cartesia{}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	if _, _, err := speak(t.Context(), c, phone, said(0, "Yes.")); err != nil {
		t.Error(err)
	}
	if n := server.Voices().Sockets.Load(); n != 1 {
		t.Errorf("%d sockets were opened, want 1", n)
	}
	c.Key = "wrong"
	if err := c.Warm(t.Context(), phone); providers.Class(err) != providers.Auth {
		t.Errorf("got %v, want one of a key", err)
	}
}

// TestDeadSocketIsReplaced: one that died while it was idle costs an utterance nothing but time.
func TestDeadSocketIsReplaced(t *testing.T) {
	t.Parallel()
	server := &providertest.Cartesia{Speak: providertest.Trouble{Fault: providertest.CloseEarly, Times: 1}}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	length, _, err := speak(t.Context(), c, phone, said(0, "Hello there. ", "Goodbye."))
	if want := providertest.TonesLength("Hello there. Goodbye."); err != nil || length != want {
		t.Errorf("it sounds for %v, %v; want %v", length, err, want)
	}
}

// TestSpeechTroubles: whatever the server does, it comes to an error that says what and why, soon, without the key.
func TestSpeechTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		class   string
		says    string
	}{
		{trouble{Fault: providertest.Refuse}, providers.Auth, "HTTP 401"},
		{trouble{Fault: providertest.Refuse, Status: 402}, providers.Quota, "HTTP 402"},
		{trouble{Fault: providertest.Refuse, Status: 429}, providers.Quota, "HTTP 429"},
		{trouble{Fault: providertest.Refuse, Status: 500}, providers.Unavailable, "HTTP 500"},
		{trouble{Fault: providertest.Mute}, "", "no answer within 300ms"},
		{trouble{Fault: providertest.Deaf}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.NeverAnswers}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.CutOff}, providers.Connection, "cartesia: "},
		{trouble{Fault: providertest.Garbage}, providers.Other, "5 unreadable messages"},
		{trouble{Fault: providertest.Giant}, providers.Other, "read limit exceeded"},
		{trouble{Fault: providertest.CloseEarly, Reason: "lost " + secret}, providers.Unavailable, "closed with 1011 lost [key]"},
		{trouble{Fault: providertest.Complain, Status: 429, Reason: "concurrency_limited"}, providers.Quota, "concurrency_limited There is a trouble."},
		{trouble{Fault: providertest.Complain, Status: 400, Reason: "voice_not_found"}, providers.Refused, "voice_not_found"},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status), func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Cartesia{Speak: tt.trouble})
			c.AudioLimit, c.DialLimit = 300*time.Millisecond, 300*time.Millisecond
			_, _, err := speak(t.Context(), c, phone, said(0, "Hello there, and welcome to all of you. ", "Goodbye now."))
			var e *wire.Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "cartesia: ") || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if got := providers.Class(err); tt.class != "" && got != tt.class {
				t.Errorf("%v is %s, want %s", err, got, tt.class)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the key is told: %v", err)
			}
		})
	}
}

// TestRefusedContextLeavesItsSocket: an error of a context is not the socket's.
func TestRefusedContextLeavesItsSocket(t *testing.T) {
	t.Parallel()
	server := &providertest.Cartesia{Speak: providertest.Trouble{Fault: providertest.Complain, Status: 400, Reason: "voice_not_found"}}
	c := client(t, server)
	for range 2 {
		if _, _, err := speak(t.Context(), c, phone, said(0, "Hello.")); err == nil {
			t.Error("it was spoken")
		}
	}
	if n := server.Voices().Sockets.Load(); n != 1 {
		t.Errorf("%d sockets were opened, want 1", n)
	}
}

// TestWhatCannotBeAsked: it is refused before anybody is asked, by name.
func TestWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for says, tt := range map[string]struct {
		client *cartesia.Client
		voice  pipeline.Voice
	}{
		"rate 11025":   {&cartesia.Client{Key: "k"}, pipeline.Voice{Rate: 11025}},
		"voice's id":   {&cartesia.Client{Key: "k"}, pipeline.Voice{Rate: 8000, Name: "../x"}},
		"model's name": {&cartesia.Client{Key: "k"}, pipeline.Voice{Rate: 8000, Model: "a&b"}},
		"Key":          {&cartesia.Client{}, phone},
		"Voice":        {&cartesia.Client{Key: "k", Voice: "?"}, phone},
		"Model":        {&cartesia.Client{Key: "k", Model: "?"}, phone},
		"STTModel":     {&cartesia.Client{Key: "k", STTModel: "?"}, phone},
		"Endpointing":  {&cartesia.Client{Key: "k", Endpointing: time.Minute}, phone},
		"base URL":     {&cartesia.Client{Key: "k", BaseURL: "ftp://x"}, phone},
	} {
		_, _, err := speak(t.Context(), tt.client, tt.voice, said(0, "Hello."))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
		if err := tt.client.Warm(t.Context(), tt.voice); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("warm: got %v, want %q", err, says)
		}
	}
}
