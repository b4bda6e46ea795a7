package openai_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
	"parley/providers/providertest"
	"parley/providers/wire"
)

func TestSocketsTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return audio(t, &providertest.OpenAIAudio{}, openai.Sockets)
	})
}

func TestLiveTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return audio(t, &providertest.OpenAIAudio{Live: true}, openai.Sockets)
	})
}

func TestSocketTroubles(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]bool{"words after the commit": false, "words at once": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.TranscriberTroubles(t, "openai", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
				a := audio(t, &providertest.OpenAIAudio{Hear: trouble, Transcripts: said, Live: live}, openai.Sockets)
				a.DialLimit, a.FinalLimit, a.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
				return a
			})
		})
	}
}

// TestSocketAsks: the session is told how to listen, and what is sent is what is spoken, and a little before it.
func TestSocketAsks(t *testing.T) {
	t.Parallel()
	for rate, format := range map[int]string{8000: `{"type":"audio/pcmu"}`, 16000: `{"rate":24000,"type":"audio/pcm"}`} {
		asked := make(chan string, 10)
		server := &providertest.OpenAIAudio{Transcripts: []string{"I need help."}, Asked: func(_ string, body []byte) { asked <- string(body) }}
		a := audio(t, server, openai.Sockets)
		a.Prompt = "A bookshop."
		k := call(t, a, rate)
		want := `{"session":{"audio":{"input":{"format":` + format + `,"transcription":{"language":"en","model":"gpt-4o-transcribe","prompt":"A bookshop. Names: Parley, Ana"},` +
			`"turn_detection":null}},"type":"transcription"},"type":"session.update"}`
		if diff := cmp.Diff(want, <-asked); diff != "" {
			t.Errorf("session (-want +got):\n%s", diff)
		}
		k.silent(10 * time.Second)
		k.say(1, "hello there")
		if got := k.next(pipeline.Final); got.Text != "I need help." || got.Edge != 1 || got.Lang != "en-US" {
			t.Errorf("got %+v", got)
		}
		if got, want := <-asked, `{"type":"input_audio_buffer.commit","event_id":"commit_1"}`; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		k.silent(10 * time.Second)
		wireRate := map[int]int{8000: 8000, 16000: 24000}[rate]
		most := providertest.TonesLength("hello there") + 600*time.Millisecond
		if heard := media.Samples(int(server.Counts().Heard.Load()), wireRate); heard > most || heard < most-400*time.Millisecond {
			t.Errorf("%d Hz: %v were sent, want at most the stretch and what is around it, %v", rate, heard, most)
		}
	}
}

// TestContextOfNewerModels: they take languages and words as lists.
func TestContextOfNewerModels(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	note := func(_ string, body []byte) { asked <- string(body) }
	a := audio(t, &providertest.OpenAIAudio{Asked: note}, openai.Sockets)
	a.STTModel = "gpt-live-transcribe"
	call(t, a, 8000)
	if got, want := <-asked, `"transcription":{"keywords":["Parley","Ana"],"languages":["en"],"model":"gpt-live-transcribe"}`; !strings.Contains(got, want) {
		t.Errorf("asked %s, want %s", got, want)
	}
	b := audio(t, &providertest.OpenAIAudio{Asked: note}, openai.Uploads)
	b.STTModel = "gpt-transcribe"
	k := call(t, b, 8000)
	k.say(1, "hello")
	k.next(pipeline.Final)
	form := <-asked
	for _, want := range []string{"\"languages[]\"\r\n\r\nen\r\n", "\"keywords[]\"\r\n\r\nParley\r\n", "\"keywords[]\"\r\n\r\nAna\r\n"} {
		if !strings.Contains(form, want) {
			t.Errorf("%q is not in the form", want)
		}
	}
}

// TestWordsAtOnce: who understands while it hears is heard before the stretch has ended.
func TestWordsAtOnce(t *testing.T) {
	t.Parallel()
	k := call(t, audio(t, &providertest.OpenAIAudio{Transcripts: []string{"I need help."}, Live: true}, openai.Sockets), 8000)
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1})
	k.hear(providertest.Tones("hello", 8000))
	if got := k.next(pipeline.Partial); got.Text != "I" {
		t.Errorf("got %+v", got)
	}
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: k.at})
	if got := k.next(pipeline.Final); got.Text != "I need help." || got.Edge != 1 {
		t.Errorf("got %+v", got)
	}
}

// TestItemsOutOfOrder: words go to the Ended that asked for them, whichever are completed first.
func TestItemsOutOfOrder(t *testing.T) {
	t.Parallel()
	k := call(t, audio(t, &providertest.OpenAIAudio{Transcripts: []string{"One.", "Two."}, Swapped: true}, openai.Sockets), 8000)
	k.say(1, "one")
	k.say(2, "two")
	for n, want := range []string{"One.", "Two."} {
		if got := k.next(pipeline.Final); got.Edge != n+1 || got.Text != want {
			t.Errorf("got %+v, want %s for Ended %d", got, want, n+1)
		}
	}
}

// TestTooLittleIsNothing: of a stretch without audio nothing was understood, and the next is heard.
func TestTooLittleIsNothing(t *testing.T) {
	t.Parallel()
	k := call(t, audio(t, &providertest.OpenAIAudio{}, openai.Sockets), 8000)
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1})
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1})
	began := time.Now()
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
		t.Errorf("got %+v", got)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	k.say(2, "hello there")
	if got := k.next(pipeline.Final); got.Edge != 2 || got.Text != providertest.DefaultTranscript {
		t.Errorf("got %+v", got)
	}
}

// TestWhatASocketRefuses is told when it is opened, without the key.
func TestWhatASocketRefuses(t *testing.T) {
	t.Parallel()
	a := audio(t, &providertest.OpenAIAudio{}, openai.Sockets)
	a.STTModel = "no-model"
	_, err := a.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	var e *wire.Error
	if !errors.As(err, &e) || e.StatusCode() != http.StatusBadRequest || !strings.Contains(err.Error(), "no-model is not supported") || !e.Hopeless() {
		t.Errorf("got %v", err)
	}
	b := audio(t, &providertest.OpenAIAudio{}, openai.Sockets)
	b.Key = "sk-wrong"
	_, err = b.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	if providers.Class(err) != providers.Auth || !strings.Contains(err.Error(), "invalid_api_key") || strings.Contains(err.Error(), "sk-wrong") {
		t.Errorf("got %v", err)
	}
	if _, err := a.Transcribe(t.Context(), pipeline.Listening{Rate: 11025}); err == nil || !strings.Contains(err.Error(), "rate 11025") {
		t.Errorf("got %v", err)
	}
}

// TestExpiredSessionIsOpenedAgain: after an hour a session ends; the call does not.
func TestExpiredSessionIsOpenedAgain(t *testing.T) {
	t.Parallel()
	server := &providertest.OpenAIAudio{Hear: providertest.Trouble{Fault: providertest.Complain, Reason: "Your session hit the maximum duration of 60 minutes.", Times: 1}}
	k := call(t, audio(t, server, openai.Sockets), 8000)
	k.say(1, "hello there")
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != providertest.DefaultTranscript {
		t.Errorf("got %+v", got)
	}
	if n := server.Counts().Sockets.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
}
