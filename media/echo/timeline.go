package echo

// timeline is what sounds at the far end, by sample: some seconds of it, behind and ahead of now.
type timeline struct {
	pcm  []int16 // a ring; its length is a power of two
	end  int     // after the last sample that is known
	loud int     // after the last that is more than silence
}

// newTimeline holds 4 s.
func newTimeline(rate int) timeline {
	n := 1
	for n < 4*rate {
		n *= 2
	}
	return timeline{pcm: make([]int16, n)}
}

// write puts pcm at a sample; between the last before it and pcm there is silence.
func (t *timeline) write(at int, pcm []int16) {
	mask := len(t.pcm) - 1
	if at < 0 || len(pcm) > len(t.pcm) {
		return
	}
	for i := max(t.end, at-len(t.pcm)); i < at; i++ {
		t.pcm[i&mask] = 0
	}
	for i, v := range pcm {
		t.pcm[(at+i)&mask] = v
		if v > inaudible || v < -inaudible {
			t.loud = max(t.loud, at+i+1)
		}
	}
	t.end = max(t.end, at+len(pcm))
}

// cut forgets all from a sample on.
func (t *timeline) cut(at int) {
	t.end, t.loud = min(t.end, max(at, 0)), min(t.loud, max(at, 0))
}

// at is one sample; what is not known is silence.
func (t *timeline) at(i int) int16 {
	if i < 0 || i >= t.end || i < t.end-len(t.pcm) {
		return 0
	}
	return t.pcm[i&(len(t.pcm)-1)]
}

// read copies what sounds from a sample on.
func (t *timeline) read(pcm []int16, from int) {
	for i := range pcm {
		pcm[i] = t.at(from + i)
	}
}

// loudness is that of n samples, and whether anything ever sounded up to their end.
func (t *timeline) loudness(from, n int) (level float32, any bool) {
	if t.loud == 0 {
		return 0, false
	}
	if from >= t.loud {
		return 0, true
	}
	var frame [320]int16
	t.read(frame[:n], from)
	return loudness(frame[:n]), true
}
