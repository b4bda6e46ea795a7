package deepgram_test

import (
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// turnTaker is a Client that speaks with a voice of Flux's.
func turnTaker(t *testing.T, server *providertest.Deepgram) *deepgram.Client {
	t.Helper()
	server.Key = "secret"
	c := client(t, server)
	c.TTSModel = "flux-alexis-en"
	return c
}

func TestFluxSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return turnTaker(t, &providertest.Deepgram{}) })
}

// TestTurnsAreInterrupted: an utterance is a turn, flushed once, or interrupted with an offset that grows; its socket serves the next.
func TestTurnsAreInterrupted(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{Pace: 1}
	c := turnTaker(t, server)
	for n := range int64(3) {
		for _, err := range c.Speak(t.Context(), pieces(strings.Repeat("This is a long story. ", 10)), pipeline.Voice{Rate: 8000}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		for deadline := time.Now().Add(time.Minute); server.Counts().Clears.Load() <= n; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no turn is interrupted")
			}
		}
		pcm, err := speak(t.Context(), c, "Yes. ", "And ", "no.")
		if got, want := media.Samples(len(pcm), 8000), providertest.TonesLength("Yes. And no."); err != nil || got != want {
			t.Errorf("it sounds for %v, %v; want %v", got, err, want)
		}
	}
	if n, flushes := server.Counts().Speaks.Load(), server.Counts().Flushes.Load(); n > 2 || flushes > 6 {
		t.Errorf("%d sockets were opened, and flushed %d times", n, flushes)
	}
}

// TestTurnsThatNeverEnd: a server that owes sound is not waited for.
func TestTurnsThatNeverEnd(t *testing.T) {
	t.Parallel()
	c := turnTaker(t, &providertest.Deepgram{Speak: providertest.Trouble{Fault: providertest.NeverAnswers}})
	c.AudioLimit = 300 * time.Millisecond
	if _, err := speak(t.Context(), c, "Hello there."); err == nil || !strings.Contains(err.Error(), "no sound for 300ms") {
		t.Errorf("got %v", err)
	}
}
