package gemini

import (
	"bytes"
	"testing"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/socket"
)

// FuzzLive: whatever a server sends, an answer has the key that was asked for, and ends at most once.
func FuzzLive(f *testing.F) {
	for _, seed := range []string{
		`{"setupComplete":{}}
{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"AAAA"}}]}}}
{"serverContent":{"outputTranscription":{"text":"Sure."}}}
{"serverContent":{"generationComplete":true},"usageMetadata":{"promptTokenCount":3}}
{"serverContent":{"turnComplete":true}}`,
		`{"setupComplete":{}}
{"toolCall":{"functionCalls":[{"id":"1","name":"book","args":{}}]}}
{"toolCallCancellation":{"ids":["1"]}}
{"serverContent":{"interrupted":true}}
{"goAway":{"timeLeft":"10s"}}
{"sessionResumptionUpdate":{"newHandle":"h","resumable":true}}`,
		"{\n[]\nnull\n1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		in, err := resample.New(8000, liveHears)
		if err != nil {
			t.Fatal(err)
		}
		out, err := resample.New(liveSpeaks, 8000)
		if err != nil {
			t.Fatal(err)
		}
		s := &live{socket: &socket.Socket{}, late: time.NewTimer(time.Hour), in: in, out: out, names: map[string]string{}, open: map[string]bool{}}
		if err := s.Ask(2, []pipeline.Edit{{Kind: pipeline.Heard, Key: 1}}); err != nil {
			t.Fatal(err)
		}
		garbage, ends := 0, 0
		for message := range bytes.SplitSeq(stream, []byte("\n")) {
			outcomes, err := s.hear(message, &garbage)
			for _, o := range outcomes {
				if o.Key != 0 && o.Key != 2 {
					t.Errorf("of answer %d: %+v", o.Key, o)
				}
				if o.Done {
					ends++
				}
			}
			if err != nil {
				break
			}
		}
		if ends > 1 {
			t.Errorf("the answer has ended %d times", ends)
		}
	})
}
