package media

import "sync"

// tape holds samples of one utterance, from the first that is still needed to the last written, in blocks of 100 ms that come
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
		block, at := t.gone+off/t.shelf.size, off%t.shelf.size
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
	block, at := t.gone+off/t.shelf.size, off%t.shelf.size
	return t.blocks[block].pcm[at:min(at+n, t.shelf.size)]
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
	for t.gone < len(t.blocks) && t.base+t.shelf.size <= to {
		t.shelf.put(t.blocks[t.gone])
		t.blocks[t.gone] = nil
		t.gone++
		t.base += t.shelf.size
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

// A block is 100 ms of samples: what voices and carriers usually send at once.
type block struct{ pcm []int16 }

const (
	blockFrames = 5 // of 20 ms in a block
	handy       = 2 // blocks that a shelf keeps: 200 ms, as much as a carrier is usually sent ahead
)

// shelf keeps a few blocks of one Playout for their next use while something is to be played. All others go, as soon as they have been
// heard, to whichever call needs them: what waits of an utterance grows while it is made and shrinks while it sounds, at other times in
// each call.
type shelf struct {
	size int // samples of a block
	free []*block
}

// spare are the blocks that no call needs just now, by their size: of 8, 16, 24 and 48 kHz, and all others. What stays there is the garbage
// collector's. They have no goroutine, and nobody waits for them.
var spare [5]sync.Pool

func (s *shelf) spare() *sync.Pool {
	switch s.size {
	case 800:
		return &spare[0]
	case 1600:
		return &spare[1]
	case 2400:
		return &spare[2]
	case 4800:
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
	if b, ok := s.spare().Get().(*block); ok && len(b.pcm) == s.size {
		return b
	}
	return &block{make([]int16, s.size)}
}

func (s *shelf) put(b *block) {
	if len(s.free) < handy {
		s.free = append(s.free, b)
		return
	}
	s.spare().Put(b)
}

// rest gives away what is kept: nothing is to be played.
func (s *shelf) rest() {
	for _, b := range s.free {
		s.spare().Put(b)
	}
	clear(s.free) // what is given away is another's
	s.free = s.free[:0]
}
