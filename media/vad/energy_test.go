package vad_test

import (
	"testing"

	"parley/media"
	"parley/media/vad"
)

// heard says for each frame of a script what d takes for speech: | or nothing.
func heard(d vad.Detector, script []int16) string {
	verdicts := make([]byte, len(script))
	for i, amplitude := range script {
		verdicts[i] = '.'
		if d.Hear(media.Frame{PCM: tone(8000, amplitude), Rate: 8000}) {
			verdicts[i] = '|'
		}
	}
	return string(verdicts)
}

// frames are n frames of each amplitude in turn.
func frames(amplitudes ...int16) (script []int16) {
	for i := 0; i < len(amplitudes); i += 2 {
		for range amplitudes[i] {
			script = append(script, amplitudes[i+1])
		}
	}
	return script
}

func TestEnergy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		energy vad.Energy
		script []int16 // pairs: so many frames of that amplitude
		want   string  // of the last 10 frames
	}{
		{"silence", vad.Energy{}, frames(120, 0), ".........."},
		{"idle noise of a line", vad.Energy{}, frames(120, 50), ".........."},
		{"speech after silence", vad.Energy{}, frames(120, 0, 10, 2000), "||||||||||"},
		{"speech as the call begins", vad.Energy{}, frames(10, 2000), "||||||||||"},
		{"speech over noise", vad.Energy{}, frames(120, 300, 5, 2000, 5, 300), "|||||....."},
		{"8 dB over noise", vad.Energy{}, frames(120, 300, 10, 750), ".........."},
		{"8 dB over noise, a lower bar", vad.Energy{Above: 6}, frames(120, 300, 10, 750), "||||||||||"},
		{"a whisper below the least", vad.Energy{}, frames(120, 0, 10, 50), ".........."},
		{"a whisper, a lower least", vad.Energy{Least: -60}, frames(120, 0, 10, 50), "||||||||||"},
		{"a noise that begins is background 2 s later", vad.Energy{}, frames(120, 10, 105, 1000), ".........."},
		{"a noise that began 1 s ago is not", vad.Energy{}, frames(120, 10, 50, 1000), "||||||||||"},
		{"a lost frame is not the background", vad.Energy{}, frames(120, 300, 1, 0, 10, 300), ".........."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			energy := tt.energy
			all := heard(&energy, tt.script)
			if got := all[len(all)-10:]; got != tt.want {
				t.Errorf("last frames %q, want %q (all: %q)", got, tt.want, all)
			}
		})
	}
}

func TestEnergyOnRecordedSpeech(t *testing.T) {
	t.Parallel()
	listen(t, func() vad.Detector { return &vad.Energy{} }, []bar{
		{clean, 0, 0, 80 * ms, 100 * ms, 140 * ms},
		{20, 0, 0, 80 * ms, 100 * ms, 160 * ms},
		{10, 1, 1, 100 * ms, 180 * ms, 320 * ms}, // the first 2 s of so much noise seem speech
	})
}

func TestEnergyAllocatesNothing(t *testing.T) {
	var energy vad.Energy
	f := media.Frame{PCM: tone(8000, 300), Rate: 8000}
	if n := testing.AllocsPerRun(1000, func() { energy.Hear(f) }); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

func BenchmarkEnergy(b *testing.B) {
	var energy vad.Energy
	f := media.Frame{PCM: tone(8000, 300), Rate: 8000}
	b.ReportAllocs()
	for b.Loop() {
		energy.Hear(f)
	}
}
