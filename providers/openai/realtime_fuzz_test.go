package openai

import (
	"bytes"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/socket"
)

// FuzzRealtime: whatever a server sends, an answer has the key that was asked for, and ends at most once.
func FuzzRealtime(f *testing.F) {
	for _, seed := range []string{
		`{"type":"response.created","response":{"id":"resp_1"}}
{"type":"response.output_item.added","response_id":"resp_1","item":{"id":"item_B","type":"message"}}
{"type":"response.output_audio.delta","event_id":"event_9","response_id":"resp_1","item_id":"item_B","output_index":0,"content_index":0,"delta":"//8="}
{"type":"response.output_audio_transcript.delta","response_id":"resp_1","item_id":"item_B","delta":"Sure."}
{"type":"response.done","event_id":"event_20","response":{"id":"resp_1","object":"realtime.response","status":"cancelled","status_details":{"type":"cancelled","reason":"turn_detected"},"output":[],"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121}}}`,
		`{"type":"response.created","response":{"id":"r"}}
{"type":"response.output_item.done","response_id":"r","item":{"id":"i","type":"function_call","call_id":"c","name":"book","arguments":"{\"n\":2}"}}
{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"code":"rate_limit_exceeded"}}}}`,
		`{"type":"input_audio_buffer.committed","item_id":"i"}
{"type":"error","event_id":"event_21","error":{"type":"invalid_request_error","code":"response_cancel_not_active","message":"…","param":null,"event_id":null}}`,
		"{\n[]\nnull\n1",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, wide bool) {
		rate := 8000
		if wide {
			rate = 16000
		}
		sound, err := newRealtimeSound(rate)
		if err != nil {
			t.Fatal(err)
		}
		s := &realtime{socket: &socket.Socket{}, tired: time.NewTimer(time.Hour), sound: sound, items: map[int]*spokenItems{}, answers: map[string]int{}, called: map[string]bool{}}
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
				if o.Key == 2 && o.Done {
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
