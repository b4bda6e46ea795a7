package resample

import (
	"fmt"
	"math"
	"testing"
)

// Frames of 20 ms: go test -bench . ./media/resample
func BenchmarkFrame(b *testing.B) {
	for _, r := range [][2]int{{8000, 16000}, {16000, 8000}, {22050, 8000}, {24000, 8000}, {24000, 16000}, {48000, 16000}, {16000, 48000}, {48000, 8000}, {8000, 48000}} {
		b.Run(fmt.Sprintf("%d-%d", r[0], r[1]), func(b *testing.B) {
			s, err := New(r[0], r[1])
			if err != nil {
				b.Fatal(err)
			}
			src := make([]int16, r[0]/50)
			for i := range src {
				src[i] = int16(8000 * math.Sin(float64(i)/5))
			}
			dst := make([]int16, 0, r[1]/50+1)
			b.ReportAllocs()
			for b.Loop() {
				dst = s.Append(dst[:0], src)
			}
		})
	}
}

func BenchmarkDesign(b *testing.B) {
	for _, r := range []ratio{{2, 1}, {160, 441}, {640, 147}} {
		b.Run(fmt.Sprintf("%d-%d", r.up, r.down), func(b *testing.B) {
			for b.Loop() {
				design(r)
			}
		})
	}
}
