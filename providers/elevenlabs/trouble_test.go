package elevenlabs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/elevenlabs"
	"parley/providers/providertest"
)

// TestCut: an utterance that is cut closes its context, what was not sent is never made, and the line serves the next one at once, while
// the old one is still being spoken: nothing of that is heard.
func TestCut(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{Pace: 1}
	c := client(t, server)
	bargeIn := errors.New("barge-in")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	text := func(yield func(string, error) bool) {
		if yield("This is a long sentence of which hardly anything will be heard. ", nil) {
			<-ctx.Done()
			yield("And this was never asked for. ", nil)
		}
	}
	var last error
	for s, err := range c.Speak(ctx, text, phone) {
		if len(s.PCM) > 0 {
			cancel(bargeIn)
		}
		last = err
	}
	if !errors.Is(last, bargeIn) {
		t.Errorf("it ended with %v, want the cause of its end", last)
	}
	got, words, err := speak(t.Context(), c, phone, "Yes.")
	if err != nil {
		t.Fatal(err)
	}
	if want := providertest.Tones("Yes.", 8000); len(got) != len(want) || len(words) != 1 || words[0].Text != "Yes." {
		t.Errorf("%d samples and %v came after the cut, want %d of the new utterance alone", len(got), words, len(want))
	}
	counts := server.Counts()
	if counts.Sockets.Load() != 1 || counts.Closures.Load() != 2 || counts.Texts.Load() != 2 {
		t.Errorf("%d sockets, %d contexts closed, %d texts; want 1, 2 and 2", counts.Sockets.Load(), counts.Closures.Load(), counts.Texts.Load())
	}
}

// TestAStalledLineIsNotUsedAgain: what lost one utterance's patience does not get another's.
func TestAStalledLineIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.ElevenLabs{Trouble: providertest.Trouble{Fault: providertest.NeverAnswers, Times: 1}})
	c.AudioLimit = time.Second
	if _, _, err := speak(t.Context(), c, phone, "Hello."); err == nil || !strings.Contains(err.Error(), "no sound for 1s") {
		t.Errorf("got %v", err)
	}
	if pcm, _, err := speak(t.Context(), c, phone, "Hello."); err != nil || len(pcm) != len(providertest.Tones("Hello.", 8000)) {
		t.Errorf("then %d samples, %v", len(pcm), err)
	}
}

// TestCutAgainAndAgain: contexts that are still being spoken never come to be more than a socket has, where the server hangs up
// (livekit/agents-js#1985).
func TestCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{Pace: 1}
	c := client(t, server)
	const n = 12
	long := strings.Repeat("This is a long sentence of which hardly anything will be heard. ", 15) // a minute
	for i := range n {
		for _, err := range c.Speak(t.Context(), pieces(long), phone) {
			if err != nil {
				t.Fatalf("utterance %d: %v", i, err)
			}
			break
		}
	}
	if got := server.Counts(); got.Sockets.Load() != 3 || got.Contexts.Load() != n {
		t.Errorf("%d sockets for %d contexts, want 3 for %d", got.Sockets.Load(), got.Contexts.Load(), n)
	}
	if left := c.IdleLines(); left != int(server.Counts().Sockets.Load()) {
		t.Errorf("%d lines are idle of %d: the others have ended", left, server.Counts().Sockets.Load())
	}
}

func TestSpeakReplacesALineThatDiedIdle(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{Trouble: providertest.Trouble{Fault: providertest.CloseEarly, Times: 1}}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil { // this one will close at the first text
		t.Fatal(err)
	}
	got, words, err := speak(t.Context(), c, phone, "Hello there. ", "Goodbye now.")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(providertest.Tones("Hello there. Goodbye now.", 8000)); len(got) != want || len(words) != 4 {
		t.Errorf("%d samples and %d words, want %d and 4", len(got), len(words), want)
	}
	if n := server.Counts().Sockets.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
}

// TestTroubles: whatever the server does, it comes to an error that says what and why, soon, without the key.
func TestTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		reason  elevenlabs.Reason
		says    string
	}{
		{trouble{Fault: providertest.Refuse}, elevenlabs.Auth, "auth: HTTP 401 invalid_api_key Refused: Unauthorized"},
		{trouble{Fault: providertest.Refuse, Status: 402}, elevenlabs.Quota, "quota: HTTP 402"},
		{trouble{Fault: providertest.Refuse, Status: 404}, elevenlabs.BadRequest, "bad_request: HTTP 404"},
		{trouble{Fault: providertest.Refuse, Status: 429}, elevenlabs.Rate, "rate: HTTP 429 too_many_concurrent_requests"},
		{trouble{Fault: providertest.Refuse, Status: 503}, elevenlabs.Unavailable, "unavailable: HTTP 503"},
		{trouble{Fault: providertest.Mute}, elevenlabs.Unavailable, "no answer within 300ms"},
		{trouble{Fault: providertest.Deaf}, elevenlabs.Unavailable, "no sound for 300ms"},
		{trouble{Fault: providertest.NeverAnswers}, elevenlabs.Unavailable, "no sound for 300ms"},
		{trouble{Fault: providertest.CutOff}, elevenlabs.Unavailable, "unexpected EOF"},
		{trouble{Fault: providertest.Garbage}, elevenlabs.Unavailable, "5 unreadable messages"},
		{trouble{Fault: providertest.Giant}, elevenlabs.Unavailable, "read limit exceeded"},
		{trouble{Fault: providertest.WrongCodec}, elevenlabs.BadRequest, "MP3 came where ulaw_8000 was asked for"},
		{trouble{Fault: providertest.CloseEarly, Close: 1011, Reason: "lost " + secret}, elevenlabs.Unavailable, "closed with 1011 lost [key]"},
		{trouble{Fault: providertest.Complain, Reason: "quota_exceeded"}, elevenlabs.Quota, "quota: closed with 1008 quota_exceeded There is a trouble."},
		{trouble{Fault: providertest.Complain, Reason: "invalid_api_key"}, elevenlabs.Auth, "auth: closed with 1008 invalid_api_key"},
		{trouble{Fault: providertest.Complain, Reason: "system_busy"}, elevenlabs.Rate, "rate:"},
		{trouble{Fault: providertest.Complain, Reason: "unheard_of"}, elevenlabs.Unavailable, "unheard_of"},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status, tt.trouble.Reason), func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.ElevenLabs{Trouble: tt.trouble, Piece: 10 * time.Millisecond})
			c.AudioLimit, c.DialLimit = providertest.SpeakLimit(tt.says), providertest.SpeakLimit(tt.says)
			_, _, err := speak(t.Context(), c, phone, "Hello there. ", "Goodbye now.")
			var e *elevenlabs.Error
			if !errors.As(err, &e) || e.Reason != tt.reason || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "elevenlabs speak: ") {
				t.Errorf("got %v, want %s: %q", err, tt.reason, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the key is told: %v", err)
			}
			if want := tt.reason == elevenlabs.Auth || tt.reason == elevenlabs.Quota || tt.reason == elevenlabs.BadRequest; e != nil && e.Hopeless() != want {
				t.Errorf("Hopeless is %v for %s", e.Hopeless(), tt.reason)
			}
		})
	}
}

// TestWhatCannotBeAsked: it is refused before anybody is asked, by name.
func TestWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	base := providertest.StartElevenLabs(t, server)
	for name, tt := range map[string]struct {
		client *elevenlabs.Client
		voice  pipeline.Voice
		says   string
	}{
		"a rate":               {&elevenlabs.Client{Key: "k"}, pipeline.Voice{Rate: 11025}, "rate 11025"},
		"a voice":              {&elevenlabs.Client{Key: "k"}, pipeline.Voice{Rate: 8000, Name: "../../convai"}, "no voice's id"},
		"a model":              {&elevenlabs.Client{Key: "k"}, pipeline.Voice{Rate: 8000, Model: "a&b"}, "no model's name"},
		"another kind of one":  {&elevenlabs.Client{Key: "k"}, pipeline.Voice{Rate: 8000, Model: "eleven_v3"}, "eleven_flash_v2_5"},
		"no key":               {&elevenlabs.Client{}, phone, "Key is empty"},
		"the client's voice":   {&elevenlabs.Client{Key: "k", Voice: "?"}, phone, "Voice"},
		"the client's model":   {&elevenlabs.Client{Key: "k", Model: "?"}, phone, "Model"},
		"the client's address": {&elevenlabs.Client{Key: "k", BaseURL: "ftp://x"}, phone, "BaseURL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.client.BaseURL == "" {
				tt.client.BaseURL = base
			}
			_, _, err := speak(t.Context(), tt.client, tt.voice, "Hello.")
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if err := tt.client.Warm(t.Context(), tt.voice); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("warm: got %v, want %q", err, tt.says)
			}
		})
	}
}

// TestClosed: a Client that was closed speaks no more, and says so.
func TestClosed(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := speak(t.Context(), c, phone, "Hello."); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
	soon(t, "its sockets are gone", func() bool { return server.Counts().Open.Load() == 0 })
}
