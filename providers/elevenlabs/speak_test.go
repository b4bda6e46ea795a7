package elevenlabs_test

import (
	"context"
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
	for limit := time.After(time.Minute); !done(); {
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
					Style: pipeline.Choice[float64]{Made: true, Value: 0.2}, Boost: pipeline.Choice[bool]{Made: true}, Verbatim: true,
				},
			},
			"/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/multi-stream-input",
			url.Values{"model_id": {"eleven_multilingual_v2"}, "output_format": {"pcm_16000"}, "apply_text_normalization": {"off"}}, // this model is told no language
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
