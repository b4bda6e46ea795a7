package azure_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/azure"
	"parley/providers/providertest"
	"parley/providers/wire"
)

const secret = "azure-secret"

var phone = pipeline.Voice{Lang: "en-US", Rate: 8000}

// client is a Client of a fake server; both end with the test.
func client(t testing.TB, server *providertest.Azure) *azure.Client {
	t.Helper()
	server.Key = secret
	c := &azure.Client{BaseURL: providertest.StartAzure(t, server), Key: secret}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return client(t, &providertest.Azure{}) })
}

// said is text that arrives as given.
func said(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// speak speaks text to its end, or to an error.
func speak(ctx context.Context, c *azure.Client, v pipeline.Voice, text ...string) (time.Duration, error) {
	n := 0
	for s, err := range c.Speak(ctx, said(text...), v) {
		if err != nil {
			return media.Samples(n, v.Rate), err
		}
		n += len(s.PCM)
	}
	return media.Samples(n, v.Rate), nil
}

// TestMarkup: what goes over the wire is what the reference says, and no text can be markup.
func TestMarkup(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	server := &providertest.Azure{Asked: func(r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Header.Get("X-Microsoft-OutputFormat")+" "+string(body))
	}}
	c := client(t, server)
	c.Bearer = true
	length, err := speak(t.Context(), c, phone, "Hello Ana. ", `Is 1 < 2 & "3"</voice>?`)
	if want := providertest.TonesLength(`Hello Ana. Is 1 < 2 & "3"</voice>?`); err != nil || length != want {
		t.Errorf("it sounds for %v, %v; want %v", length, err, want)
	}
	wide := pipeline.Voice{Lang: `x"/>`, Rate: 16000, Name: "es-MX-DaliaNeural", Pace: 1.25}
	if _, err := speak(t.Context(), c, wide, "Hola."); err != nil {
		t.Error(err)
	}
	const begins, ends = `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US"><voice name="`, "</voice></speak>"
	want := []string{
		"raw-8khz-8bit-mono-mulaw " + begins + `en-US-AvaMultilingualNeural">Hello Ana.` + ends,
		"raw-8khz-8bit-mono-mulaw " + begins + `en-US-AvaMultilingualNeural">Is 1 &lt; 2 &amp; &#34;3&#34;&lt;/voice&gt;?` + ends,
		"raw-16khz-16bit-mono-pcm " + begins + `es-MX-DaliaNeural"><prosody rate="+25%">Hola.</prosody>` + ends,
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestCutIsCancelled: a request of an utterance that nobody wants any more ends at the server.
func TestCutIsCancelled(t *testing.T) {
	t.Parallel()
	server := &providertest.Azure{Pace: 1}
	c := client(t, server)
	for _, err := range c.Speak(t.Context(), said(strings.Repeat("This is a long story. ", 10)), phone) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	for deadline := time.Now().Add(time.Minute); server.Counts().Abandoned.Load() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server speaks on")
		}
	}
}

// TestWarm: the first words after Warm need no other connection, and a wrong key is told then.
func TestWarm(t *testing.T) {
	t.Parallel()
	server := &providertest.Azure{}
	c := client(t, server)
	if err := c.Warm(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	if _, err := speak(t.Context(), c, phone, "Yes."); err != nil {
		t.Error(err)
	}
	if n := server.Counts().Connections.Load(); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
	c.Key = "wrong"
	if err := c.Warm(t.Context(), phone); providers.Class(err) != providers.Auth || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v, want one of a key", err)
	}
}

// TestTroubles: whatever the server does, it comes to an error that says what and why, soon, without the key.
func TestTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		class   string
		says    string
	}{
		{trouble{Fault: providertest.Refuse}, providers.Auth, "HTTP 401 Access denied due to invalid subscription key [key]"},
		{trouble{Fault: providertest.Refuse, Status: 400}, providers.Refused, "HTTP 400 Bad Request"},
		{trouble{Fault: providertest.Refuse, Status: 429}, providers.Quota, "HTTP 429"},
		{trouble{Fault: providertest.Refuse, Status: 502}, providers.Unavailable, "HTTP 502"},
		{trouble{Fault: providertest.Mute}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.NeverAnswers}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.CutOff}, providers.Connection, "the sound broke off"},
		{trouble{Fault: providertest.CloseEarly}, providers.Connection, "the request failed"},
		{trouble{Fault: providertest.Garbage}, providers.Other, "text/html came where samples were asked for"},
		{trouble{Fault: providertest.WrongCodec}, providers.Other, "MP3 came where samples were asked for"},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status), func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Azure{Speak: tt.trouble})
			c.AudioLimit = 300 * time.Millisecond
			_, err := speak(t.Context(), c, phone, "Hello there. ", "Goodbye now.")
			var e *wire.Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "azure: ") || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if got := providers.Class(err); got != tt.class {
				t.Errorf("%v is %s, want %s", err, got, tt.class)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the key is told: %v", err)
			}
		})
	}
}

// TestAskedAgain: what may pass is tried once more, unless there was sound.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	for _, trouble := range []providertest.Trouble{{Fault: providertest.Refuse, Status: 503, Times: 1}, {Fault: providertest.CloseEarly, Times: 1}} {
		c := client(t, &providertest.Azure{Speak: trouble})
		if got, err := speak(t.Context(), c, phone, "Hello."); err != nil || got < 100*time.Millisecond {
			t.Errorf("%s: it sounds for %v, %v", trouble.Fault, got, err)
		}
	}
}

// TestWhatCannotBeAsked: it is refused before anybody is asked, by name.
func TestWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for says, tt := range map[string]struct {
		client *azure.Client
		voice  pipeline.Voice
	}{
		"rate 11025":   {&azure.Client{Key: "k", Region: "westeurope"}, pipeline.Voice{Rate: 11025}},
		"voice's name": {&azure.Client{Key: "k", Region: "westeurope"}, pipeline.Voice{Rate: 8000, Name: `x">`}},
		"Voice":        {&azure.Client{Key: "k", Region: "westeurope", Voice: "?"}, phone},
		"Key":          {&azure.Client{Region: "westeurope"}, phone},
		"Region":       {&azure.Client{Key: "k", Region: "evil.example/"}, phone},
		"BaseURL":      {&azure.Client{Key: "k", BaseURL: "ftp://x"}, phone},
	} {
		if _, err := speak(t.Context(), tt.client, tt.voice, "Hello."); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
