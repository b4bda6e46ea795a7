package gemini

import (
	"testing"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/socket"
)

// TestLiveTornSound: half of a sample that an answer ended with is no part of the next answer's sound.
func TestLiveTornSound(t *testing.T) {
	t.Parallel()
	in, err := resample.New(liveSpeaks, liveHears)
	if err != nil {
		t.Fatal(err)
	}
	out, err := resample.New(liveSpeaks, liveSpeaks)
	if err != nil {
		t.Fatal(err)
	}
	s := &live{socket: &socket.Socket{}, late: time.NewTimer(time.Hour), in: in, out: out, names: map[string]string{}, open: map[string]bool{}}
	for key := range 2 {
		if err := s.Ask(key+1, []pipeline.Edit{{Kind: pipeline.Told, Message: pipeline.Message{Role: pipeline.Caller, Text: "Hello?"}}}); err != nil {
			t.Fatal(err)
		}
		garbage := 0 // 1, 2, and half of a third
		outcomes, err := s.hear([]byte(`{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"AQACAAM="}}]},"generationComplete":true,"turnComplete":true}}`), &garbage)
		if err != nil || len(outcomes) == 0 || outcomes[0].Delta.Aloud == nil {
			t.Fatal(outcomes, err)
		}
		if pcm := outcomes[0].Delta.Aloud.PCM; len(pcm) != 2 || pcm[0] != 1 || pcm[1] != 2 {
			t.Errorf("answer %d sounds %v", key+1, pcm)
		}
	}
}
