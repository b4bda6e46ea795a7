package media

import "sync"

// tape holds samples of one utterance, from the first that is still needed to the last written, in blocks of 20 ms that come
// from a shelf and go back to it. Samples are named by their number in the utterance.
type tape struct {
	shelf  *shelf
	blocks []*block // blocks[:gone] are nil
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
		n := copy(t.blocks[block].pcm[at:], pcm)
		t.end += n
		pcm = pcm[n:]
	}
}

// span is the longest unbroken piece from sample from, of at most n samples. It is lent until the next drop.
func (t *tape) span(from, n int) []int16 {
	off := from - t.base
	block, at := t.gone+off/t.shelf.frame, off%t.shelf.frame
	return t.blocks[block].pcm[at:min(at+n, t.shelf.frame)]
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

// A block is 20 ms of samples.
type block struct{ pcm []int16 }

// shelf keeps the blocks of one Playout for their next use while something is to be played, and gives them to all calls when not.
type shelf struct {
	frame int // samples a block
	free  []*block
}

// spare are the blocks that no call needs just now, by their size: of 8, 16, 24 and 48 kHz, and all others. What stays there is the garbage
// collector's. They have no goroutine, and nobody waits for them.
var spare [5]sync.Pool

func (s *shelf) spare() *sync.Pool {
	switch s.frame {
	case 160:
		return &spare[0]
	case 320:
		return &spare[1]
	case 480:
		return &spare[2]
	case 960:
		return &spare[3]
	}
	return &spare[4]
}

func (s *shelf) take() *block {
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b
	}
	if b, ok := s.spare().Get().(*block); ok && len(b.pcm) == s.frame {
		return b
	}
	return &block{make([]int16, s.frame)}
}

func (s *shelf) put(b *block) { s.free = append(s.free, b) }

// rest gives away what is kept: nothing is to be played.
func (s *shelf) rest() {
	for _, b := range s.free {
		s.spare().Put(b)
	}
	clear(s.free) // what is given away is another's
	s.free = s.free[:0]
}
