package openai

import (
	"testing"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// TestUploadsAllocateNothing is not parallel: AllocsPerRun counts the whole process.
func TestUploadsAllocateNothing(t *testing.T) {
	for _, speaking := range []bool{false, true} {
		enc := wire.Encoding{Width: 2, Rate: 8000}
		u := &uploading{audio: &Audio{}, encoding: enc, wake: make(chan struct{}, 1), before: wire.NewReel(enc, new(wire.Spare))}
		if speaking {
			if err := u.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1}); err != nil {
				t.Fatal(err)
			}
		}
		f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
		if n := testing.AllocsPerRun(1000, func() {
			if err := u.Write(f); err != nil {
				t.Fatal(err)
			}
			f.At += media.FrameTime
		}); n != 0 {
			t.Errorf("speaking %v: Write allocates %v times a frame, want 0", speaking, n)
		}
	}
}
