package media

// tape holds samples of one utterance, from the first that is still needed to the last written, in blocks of 20 ms that come
// from a shelf and go back to it. Samples are named by their number in the utterance.
type tape struct {
	shelf  *shelf
	blocks [][]int16 // blocks[:gone] are nil
	gone   int
	base   int // the number of the first sample of blocks[gone]
	end    int // one past the last sample written
}

// write appends a copy of pcm.
func (t *tape) write(pcm []int16) {
	for len(pcm) > 0 {
		off := t.end - t.base
		block, at := t.gone+off/t.shelf.frame, off%t.shelf.frame
		if block == len(t.blocks) {
			t.blocks = append(t.blocks, t.shelf.take())
		}
		n := copy(t.blocks[block][at:], pcm)
		t.end += n
		pcm = pcm[n:]
	}
}

// span is the longest unbroken piece from sample from, of at most n samples. It is lent until the next drop.
func (t *tape) span(from, n int) []int16 {
	off := from - t.base
	block, at := t.gone+off/t.shelf.frame, off%t.shelf.frame
	return t.blocks[block][at:min(at+n, t.shelf.frame)]
}

// read copies the samples from from on to dst; they must have been written and not dropped.
func (t *tape) read(dst []int16, from int) {
	for len(dst) > 0 {
		n := copy(dst, t.span(from, len(dst)))
		dst, from = dst[n:], from+n
	}
}

// rewrite puts pcm in the place of the samples from from on; they must have been written and not dropped.
func (t *tape) rewrite(from int, pcm []int16) {
	for len(pcm) > 0 {
		n := copy(t.span(from, len(pcm)), pcm)
		pcm, from = pcm[n:], from+n
	}
}

// drop gives the samples before to back, as far as they fill blocks.
func (t *tape) drop(to int) {
	for t.gone < len(t.blocks) && t.base+t.shelf.frame <= to {
		t.shelf.put(t.blocks[t.gone])
		t.blocks[t.gone] = nil
		t.gone++
		t.base += t.shelf.frame
	}
	if 2*t.gone > len(t.blocks) { // move up: each block is moved once for each time that it is dropped, at most
		t.blocks = t.blocks[:copy(t.blocks, t.blocks[t.gone:])]
		t.gone = 0
	}
}

// free gives everything back; nothing can be read any more.
func (t *tape) free() {
	for _, b := range t.blocks[t.gone:] {
		t.shelf.put(b)
	}
	t.blocks, t.gone, t.base = nil, 0, t.end
}

// shelf keeps blocks of one Playout for their next use.
type shelf struct {
	frame int // samples a block
	free  [][]int16
}

func (s *shelf) take() []int16 {
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b
	}
	return make([]int16, s.frame)
}

func (s *shelf) put(b []int16) { s.free = append(s.free, b) }

// trim forgets all but n blocks, so that a silent call is a small one.
func (s *shelf) trim(n int) {
	if len(s.free) > n {
		s.free = append([][]int16(nil), s.free[:n]...)
	}
}
