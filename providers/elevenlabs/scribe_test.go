package elevenlabs_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/elevenlabs"
	"parley/providers/providertest"
	"parley/providers/wire"
)

// scribe is a Scribe of a fake server, which ends with the test.
func scribe(t *testing.T, server *providertest.ElevenLabs) *elevenlabs.Scribe {
	t.Helper()
	server.Key = "secret"
	return &elevenlabs.Scribe{BaseURL: providertest.StartElevenLabs(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
}

func TestScribeIsATranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return scribe(t, &providertest.ElevenLabs{}) })
}

func TestScribeTroubles(t *testing.T) {
	t.Parallel()
	providertest.TranscriberTroubles(t, "elevenlabs", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
		s := scribe(t, &providertest.ElevenLabs{Listen: trouble, Transcripts: said})
		s.DialLimit, s.FinalLimit, s.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
		return s
	})
}

func TestScribeIsRefused(t *testing.T) {
	t.Parallel()
	s := scribe(t, &providertest.ElevenLabs{})
	s.Key = "wrong-key"
	_, err := s.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.StatusCode() != http.StatusUnauthorized || refused.Code != "invalid_api_key" || !refused.Hopeless() {
		t.Errorf("got %v, want a *wire.Error of HTTP 401", err)
	}
	if strings.Contains(err.Error(), s.Key) {
		t.Errorf("%v has the key", err)
	}
}

// TestScribeTimesWords: whether times count from the socket's beginning or from the last commit, words are placed where they were spoken.
func TestScribeTimesWords(t *testing.T) {
	t.Parallel()
	for _, ofCommits := range []bool{false, true} {
		asked := make(chan url.Values, 1)
		s := scribe(t, &providertest.ElevenLabs{
			Transcripts: []string{"One, two.", "Three."}, TimesOfCommits: ofCommits, Asked: func(_ string, q url.Values) { asked <- q },
		})
		tr, err := s.Transcribe(t.Context(), pipeline.Listening{Rate: 8000, Lang: "en-GB", Words: []string{"Parley", "Ana"}})
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{
			"model_id": {"scribe_v2_realtime"}, "audio_format": {"ulaw_8000"}, "commit_strategy": {"manual"}, "include_timestamps": {"true"},
			"language_code": {"en"}, "keyterms": {"Parley", "Ana"},
		}
		if diff := cmp.Diff(want, <-asked); diff != "" {
			t.Errorf("asked with (-want +got):\n%s", diff)
		}
		results, partials := make(chan pipeline.Transcript, 100), 0
		go func() {
			defer close(results)
			for r, err := range tr.Results() {
				if err != nil {
					t.Errorf("Results: %v", err)
				}
				results <- r
			}
		}()
		at := 7 * time.Second
		for n, text := range []string{"One, two.", "Three."} {
			began := at
			if err := tr.Mark(pipeline.Edge{Kind: pipeline.Began, N: n + 1, At: at}); err != nil {
				t.Fatal(err)
			}
			for pcm := providertest.Tones("abcdefghijkl mnop", 8000); len(pcm) >= 160; pcm = pcm[160:] {
				if err := tr.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: at}); err != nil && !errors.Is(err, pipeline.ErrBehind) {
					t.Fatal(err)
				}
				at += media.FrameTime
				<-time.After(time.Millisecond)
			}
			if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n + 1, At: at}); err != nil {
				t.Fatal(err)
			}
			var got pipeline.Transcript
			for got = range results {
				if got.Kind == pipeline.Final {
					break
				}
				partials++
			}
			if got.Text != text || got.Edge != n+1 || got.Lang != "en" {
				t.Errorf("got %+v, want %q for Ended %d", got, text, n+1)
			}
			if w := got.Words; len(w) != len(strings.Fields(text)) || (w[0].Start-began).Abs() > 50*time.Millisecond || (w[len(w)-1].End-at).Abs() > 150*time.Millisecond {
				t.Errorf("times of commits %v: words %+v, want them from %v to %v", ofCommits, w, began, at)
			}
			at += 2 * time.Second
		}
		if partials == 0 {
			t.Error("no Partial came")
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestScribeCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scribe *elevenlabs.Scribe
		want   string
	}{
		{&elevenlabs.Scribe{}, "Key"},
		{&elevenlabs.Scribe{Key: "k", STTModel: "scribe_v2"}, "STTModel"},
		{&elevenlabs.Scribe{Key: "k", BaseURL: "elevenlabs"}, "base URL"},
	} {
		if err := tt.scribe.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error that names %s", err, tt.want)
		}
	}
}
