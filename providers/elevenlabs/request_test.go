package elevenlabs_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/elevenlabs"
	"parley/providers/providertest"
)

// requester is a Client that speaks by requests.
func requester(t testing.TB, server *providertest.ElevenLabs) *elevenlabs.Client {
	t.Helper()
	server.Key = secret
	c := client(t, server)
	c.Transport = elevenlabs.Requests
	return c
}

func TestRequestsSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return requester(t, &providertest.ElevenLabs{}) })
}

// TestRequestsAsk: what goes over the wire is what the reference says, with what is said around it, and what comes has the times of its words.
func TestRequestsAsk(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	server := &providertest.ElevenLabs{
		Told: func(message string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, message)
		},
		Asked: func(path string, q url.Values) {
			if path != "/v1/text-to-speech/voice1/stream/with-timestamps" || q.Encode() != "output_format=ulaw_8000" {
				t.Errorf("asked %s?%s", path, q.Encode())
			}
		},
	}
	c := requester(t, server)
	v := phone
	v.Name, v.Pace = "voice1", 1.1
	pcm, words, err := speak(t.Context(), c, v, "Hello Ana. ", "How are ", "you?")
	if got, want := media.Samples(len(pcm), 8000), providertest.TonesLength("Hello Ana. How are you?"); err != nil || got != want {
		t.Errorf("it sounds for %v, %v; want %v", got, err, want)
	}
	var texts []string
	for _, w := range words {
		texts = append(texts, w.Text)
	}
	if diff := cmp.Diff(strings.Fields("Hello Ana. How are you?"), texts); diff != "" {
		t.Fatalf("words (-want +got):\n%s", diff)
	}
	if got, want := words[3].Start, providertest.TonesLength("Hello Ana. How "); got != want {
		t.Errorf("are begins at %v, want %v", got, want)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		`{"text":"Hello Ana.","model_id":"eleven_flash_v2_5","language_code":"en","voice_settings":{"speed":1.1}}`,
		`{"text":"How are you?","model_id":"eleven_flash_v2_5","language_code":"en","voice_settings":{"speed":1.1},"previous_text":"Hello Ana."}`,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestRequestsWarm: a wrong key is told before the first words.
func TestRequestsWarm(t *testing.T) {
	t.Parallel()
	c := requester(t, &providertest.ElevenLabs{})
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Error(err)
	}
	c.Key = "wrong"
	if err := c.Warm(t.Context(), phone); providers.Class(err) != providers.Auth {
		t.Errorf("got %v, want one of a key", err)
	}
}

// TestRequestsTroubles: whatever the server does, it comes to an error that says what and why, soon, without the key.
func TestRequestsTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		class   string
		says    string
	}{
		{trouble{Fault: providertest.Refuse}, providers.Auth, "HTTP 401 invalid_api_key"},
		{trouble{Fault: providertest.Refuse, Status: 402}, providers.Quota, "HTTP 402 payment_required"},
		{trouble{Fault: providertest.Refuse, Status: 429}, providers.Quota, "HTTP 429"},
		{trouble{Fault: providertest.Refuse, Status: 500}, providers.Unavailable, "HTTP 500"},
		{trouble{Fault: providertest.Mute}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.NeverAnswers}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.CutOff}, "", "elevenlabs speak: unavailable"},
		{trouble{Fault: providertest.CloseEarly}, "", "the sound broke off"},
		{trouble{Fault: providertest.Garbage}, providers.Other, "decode line"},
		{trouble{Fault: providertest.Giant}, providers.Other, "token too long"},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status), func(t *testing.T) {
			t.Parallel()
			c := requester(t, &providertest.ElevenLabs{Trouble: tt.trouble})
			c.AudioLimit = providertest.SpeakLimit(tt.says)
			_, _, err := speak(t.Context(), c, phone, "Hello there. ", "Goodbye now.")
			var e *elevenlabs.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), secret) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if got := providers.Class(err); tt.class != "" && got != tt.class {
				t.Errorf("%v is %s, want %s", err, got, tt.class)
			}
		})
	}
}

// TestRequestsAgain: what may pass is tried once more, unless there was sound.
func TestRequestsAgain(t *testing.T) {
	t.Parallel()
	for _, trouble := range []providertest.Trouble{{Fault: providertest.Refuse, Status: 503, Times: 1}, {Fault: providertest.CloseEarly, Times: 1}} {
		c := requester(t, &providertest.ElevenLabs{Trouble: trouble})
		if pcm, _, err := speak(t.Context(), c, phone, "Hello."); err != nil || len(pcm) < 800 {
			t.Errorf("%s: %d samples, %v", trouble.Fault, len(pcm), err)
		}
	}
}
