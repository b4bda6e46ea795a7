package elevenlabs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/elevenlabs"
	"parley/providers/providertest"
)

// secret is a key that must be in no error.
const secret = "sk_0123456789abcdef"

// client is a Client of a fake server; both end with the test.
func client(t testing.TB, server *providertest.ElevenLabs) *elevenlabs.Client {
	t.Helper()
	c := &elevenlabs.Client{BaseURL: providertest.StartElevenLabs(t, server), Key: secret}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
		return client(t, &providertest.ElevenLabs{Key: secret})
	})
}

var phone = pipeline.Voice{Rate: 8000, Lang: "en-US"}

func pieces(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// speak speaks text and returns all of its sound and words.
func speak(ctx context.Context, c *elevenlabs.Client, v pipeline.Voice, text ...string) (pcm []int16, words []pipeline.Word, err error) {
	for s, err := range c.Speak(ctx, pieces(text...), v) {
		if err != nil {
			return pcm, words, err
		}
		pcm = append(pcm, s.PCM...)
		words = append(words, s.Words...)
	}
	return pcm, words, nil
}

// soon waits until done, for ten seconds.
func soon(t *testing.T, what string, done func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for limit := time.After(10 * time.Second); !done(); {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestSpeakSoundsLikeItsText(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.ElevenLabs{})
	const text = "Good morning, how are you? It is 3.50 in all. Bye"
	for _, rate := range []int{8000, 16000, 24000} {
		v := pipeline.Voice{Rate: rate}
		got, _, err := speak(t.Context(), c, v, strings.SplitAfter(text, "")...)
		if err != nil {
			t.Fatal(err)
		}
		want := providertest.Tones(text, rate)
		if len(got) != len(want) {
			t.Fatalf("%d Hz: %d samples, want %d", rate, len(got), len(want))
		}
		for i := range got {
			if d := int(got[i]) - int(want[i]); d > 300 || d < -300 { // mu-law's steps
				t.Fatalf("%d Hz: sample %d is %d, want %d", rate, i, got[i], want[i])
			}
		}
	}
	// There is no 48 kHz on the socket: it is made of half of it.
	got, _, err := speak(t.Context(), c, pipeline.Voice{Rate: 48000}, text)
	if d := media.Samples(len(got), 48000) - providertest.TonesLength(text); err != nil || d.Abs() > 10*time.Millisecond {
		t.Errorf("48000 Hz: %v longer than the text, %v", d, err)
	}
}

// TestWordTimes: every word is told once, as it was written and when it sounds, also where sound comes in pieces that cut it in two.
func TestWordTimes(t *testing.T) {
	t.Parallel()
	const text = "Good morning, how are you? It is 3.50 in all. Bye"
	var want []pipeline.Word
	at := time.Duration(0)
	for _, w := range strings.Fields(text) {
		long := providertest.TonesLength(w)
		want = append(want, pipeline.Word{Text: w, Start: at, End: at + long - 60*time.Millisecond})
		at += long
	}
	for _, piece := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 700 * time.Millisecond, time.Minute} {
		c := client(t, &providertest.ElevenLabs{Piece: piece})
		_, got, err := speak(t.Context(), c, phone, strings.SplitAfter(text, "")...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pieces of %v (-want +got):\n%s", piece, diff)
		}
	}
}

// TestWire: what is said on the wire is what the documentation shows, to the letter.
func TestWire(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var path string
	var query url.Values
	var told []string
	server := &providertest.ElevenLabs{
		Asked: func(p string, q url.Values) {
			mu.Lock()
			defer mu.Unlock()
			path, query = p, q
		},
		Told: func(message string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, message)
		},
	}
	c := client(t, server)
	for _, tt := range []struct {
		voice    pipeline.Voice
		path     string
		query    url.Values
		settings string
	}{
		{
			phone, "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/multi-stream-input",
			url.Values{"model_id": {"eleven_flash_v2_5"}, "output_format": {"ulaw_8000"}, "language_code": {"en"}}, "",
		},
		{
			pipeline.Voice{
				Name: "21m00Tcm4TlvDq8ikWAM", Model: "eleven_multilingual_v2", Lang: "es", Rate: 16000, Pace: 1.1,
				Timbre: pipeline.Timbre{
					Stability: pipeline.Choice[float64]{Made: true}, Similarity: pipeline.Choice[float64]{Made: true, Value: 0.75},
					Style: pipeline.Choice[float64]{Made: true, Value: 0.2}, Boost: pipeline.Choice[bool]{Made: true},
				},
			},
			"/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/multi-stream-input",
			url.Values{"model_id": {"eleven_multilingual_v2"}, "output_format": {"pcm_16000"}}, // this model is told no language
			`,"voice_settings":{"similarity_boost":0.75,"speed":1.1,"stability":0,"style":0.2,"use_speaker_boost":false}`,
		},
	} {
		mu.Lock()
		told = nil
		mu.Unlock()
		if _, _, err := speak(t.Context(), c, tt.voice, "Hello Ana. ", `How "can" I help?`); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if len(told) == 0 {
			t.Fatal("nothing was told")
		}
		id := strings.Split(told[0], `"`)[7]
		want := []string{
			`{"text":" ","context_id":"` + id + `"` + tt.settings + `}`,
			`{"text":"Hello Ana. ","context_id":"` + id + `","flush":true}`,
			`{"text":"How \"can\" I help? ","context_id":"` + id + `","flush":true}`,
			`{"context_id":"` + id + `","close_context":true}`,
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		for name, v := range map[string]string{"auto_mode": "true", "sync_alignment": "true", "inactivity_timeout": "180"} {
			tt.query.Set(name, v)
		}
		if diff := cmp.Diff(tt.query, query); diff != "" || path != tt.path {
			t.Errorf("asked for %s, want %s (-want +got):\n%s", path, tt.path, diff)
		}
		mu.Unlock()
	}
}

func TestSpeakKeepsItsLine(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	const n = 30 // many more than a socket has contexts at once
	for range n {
		if _, _, err := speak(t.Context(), c, phone, "Hello there. ", "Goodbye now."); err != nil {
			t.Fatal(err)
		}
	}
	counts := server.Counts()
	if counts.Sockets.Load() != 1 || counts.Contexts.Load() != n || counts.Closures.Load() != n || counts.Texts.Load() != 2*n {
		t.Errorf("%d sockets, %d contexts, %d closed, %d texts; want 1, %d, %[5]d, %d",
			counts.Sockets.Load(), counts.Contexts.Load(), counts.Closures.Load(), counts.Texts.Load(), n, 2*n)
	}
}

// TestNothingToSayCostsNothing: no context is opened for text without words.
func TestNothingToSayCostsNothing(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := client(t, server)
	for _, text := range []string{"", " \n", "...", "— !"} {
		if pcm, _, err := speak(t.Context(), c, phone, text); err != nil || len(pcm) > 0 {
			t.Errorf("%q: %d samples, %v", text, len(pcm), err)
		}
	}
	if n := server.Counts().Contexts.Load(); n != 0 {
		t.Errorf("%d contexts were opened", n)
	}
}

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

// TestAhead: while the caller is seconds behind, no more is asked for than will soon be heard: an interruption would waste it.
func TestAhead(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := client(t, server)
	const sentences = 200 // of 2 s each
	sounds := make(chan struct{})
	text := func(yield func(string, error) bool) {
		for i := range sentences {
			if !yield("Nobody hears all of this so soon. ", nil) {
				return
			}
			if i == 0 {
				<-sounds
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	n := 0
	for s, err := range c.Speak(t.Context(), text, phone) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			close(sounds)
		}
		if n += len(s.PCM); n > 10*8000 {
			break
		}
		<-time.After(10 * time.Millisecond) // ten times as fast as a caller hears
	}
	if n := server.Counts().Texts.Load(); n > sentences/4 {
		t.Errorf("%d sentences of %d were asked for when five had been heard", n, sentences)
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

// TestSpeakMakesTheSocketWait: a caller that is slow to take a minute of sound loses none of it, and one that breaks off frees the line.
func TestSpeakMakesTheSocketWait(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := client(t, server)
	c.AudioLimit = time.Minute // what is cut comes to its end before the next is heard: 4 MB, of a vendor and by a reader that share a busy machine
	text := strings.Repeat("An endless tale of woe and wonder. ", 30)
	v := pipeline.Voice{Rate: 24000}
	n, want := 0, len(providertest.Tones(text, v.Rate))
	for s, err := range c.Speak(t.Context(), pieces(text), v) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			<-time.After(100 * time.Millisecond)
		}
		n += len(s.PCM)
	}
	if n != want {
		t.Errorf("%d samples, want %d", n, want)
	}
	for _, err := range c.Speak(t.Context(), pieces(text), v) {
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
		break
	}
	if got, _, err := speak(t.Context(), c, v, "Yes."); err != nil || len(got) != len(providertest.Tones("Yes.", v.Rate)) {
		t.Errorf("then %d samples, %v", len(got), err)
	}
	if n := server.Counts().Sockets.Load(); n != 1 {
		t.Errorf("%d sockets were opened, want 1", n)
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

func TestSpeakGoesOnAfterAPauseOfTheText(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.ElevenLabs{})
	const before = "One moment please. Let me look that up."
	sounded := make(chan struct{})
	text := func(yield func(string, error) bool) {
		if yield(before, nil) {
			<-sounded // a tool takes its time
			yield(" Here it is.", nil)
		}
	}
	n, want := 0, len(providertest.Tones(before, 8000))
	for s, err := range c.Speak(t.Context(), text, phone) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(s.PCM)
		if n == want {
			close(sounded)
		}
	}
	if want += len(providertest.Tones("Here it is.", 8000)); n != want {
		t.Errorf("%d samples, want %d", n, want)
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
			if strings.Contains(tt.says, "300ms") {
				c.AudioLimit, c.DialLimit = 300*time.Millisecond, 300*time.Millisecond
			}
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
