package elevenlabs

import (
	"testing"
	"time"
)

// FuzzLine: whatever a line says, there is an error, or words in order.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`{"audio_base64":"aGVsbG8=","alignment":{"characters":["H","i"],"character_start_times_seconds":[0.0,0.06],"character_end_times_seconds":[0.06,0.14]},"normalized_alignment":null}`,
		`{"audio_base64":"","normalized_alignment":{"characters":["a"," "],"character_start_times_seconds":[1e300,-1],"character_end_times_seconds":[0]}}`, `{}`, `null`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		_, spelt, err := decodeLine(line)
		if err != nil {
			return
		}
		var w words
		var last time.Duration
		for _, w := range w.finish(w.add(nil, spelt, 0)) {
			if w.Text == "" || w.Start < last || w.End < w.Start {
				t.Errorf("word %+v after one that began at %v", w, last)
			}
			last = w.Start
		}
	})
}
