package assemblyai_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wire"
)

// TestAWrongKeyIsTold: AssemblyAI admits whoever comes, and hangs up with the reason.
func TestAWrongKeyIsTold(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.AssemblyAI{})
	c.Key = "wrong-key"
	_, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.StatusCode() != http.StatusUnauthorized || refused.Close != 4001 || !refused.Hopeless() {
		t.Errorf("got %v, want a *wire.Error that is like HTTP 401", err)
	}
	if strings.Contains(err.Error(), c.Key) {
		t.Errorf("%v has the key", err)
	}
}

func TestTranscribeWaitsNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	for _, fault := range []providertest.Fault{providertest.Mute, providertest.Deaf} {
		c := client(t, &providertest.AssemblyAI{Trouble: providertest.Trouble{Fault: fault}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c.Transcribe(ctx, pipeline.Listening{Rate: 8000}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline of ctx", fault, err)
		}
	}
}

// TestTheTurnIsTakenAsItIsWritten, unless that takes long; and it is taken once.
func TestTheTurnIsTakenAsItIsWritten(t *testing.T) {
	t.Parallel()
	for formatting, want := range map[time.Duration]string{10 * time.Millisecond: "Hi, I need help.", time.Second: "hi i need help"} {
		asked := make(chan url.Values, 1)
		c := client(t, &providertest.AssemblyAI{Transcripts: []string{"Hi, I need help."}, Formatting: formatting, Asked: func(q url.Values) { asked <- q }})
		tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000, Words: []string{"Acme"}})
		if err != nil {
			t.Fatal(err)
		}
		if q := <-asked; q.Get("encoding") != "pcm_mulaw" || q.Get("sample_rate") != "8000" || q.Get("keyterms_prompt") != `["Acme"]` {
			t.Errorf("asked with %v", q)
		}
		at := 5 * time.Second
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1, At: at}); err != nil {
			t.Fatal(err)
		}
		for pcm := providertest.Tones("something", 8000); len(pcm) >= 160; pcm = pcm[160:] {
			if err := tr.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: at}); err != nil {
				t.Fatal(err)
			}
			at += media.FrameTime
		}
		if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: at}); err != nil {
			t.Fatal(err)
		}
		var finals []pipeline.Transcript
		for r, err := range tr.Results() {
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind != pipeline.Final {
				continue
			}
			if finals = append(finals, r); len(finals) == 1 {
				go func() { _ = tr.Close() }()
			}
		}
		if len(finals) != 1 || finals[0].Text != want || finals[0].Edge != 1 {
			t.Fatalf("written after %v: got %+v, want %q once", formatting, finals, want)
		}
		if w := finals[0].Words; len(w) != 4 || w[0].Start < 5*time.Second || w[3].End > at+20*time.Millisecond {
			t.Errorf("words %+v, want them within 5s and %v", w, at)
		}
	}
}
