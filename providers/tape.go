package providers

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"parley/media"
	"parley/media/g711"
	"parley/pipeline"
)

// How much of a call's audio is kept for the next recogniser.
const (
	tapeMost = 8 * time.Second // of what is not understood yet
	tapeIdle = time.Second     // while nobody speaks and no words are awaited: speech is noticed a little late
)

// A tape is what a recogniser was told last, and the next one would have to be told again: frames in the encoding of the telephone, or as
// they are where they are better than that, and edges between them. It is not safe for concurrent use.
//
//	from                                  head
//	 ▼                                     ▼
//	 [ frame frame Began frame ... Ended ...]
//	 [ block ][ block ][ block ]
type tape struct {
	rate, size int // samples a second; bytes of a full frame
	spare      *sync.Pool
	blocks     []*tapeBlock
	from, head uint64 // counts of frames since the beginning
	marks      []tapeMark
	unmarked   uint64 // marks that were forgotten
}

// A tapeMark is an edge that came before frame at.
type tapeMark struct {
	edge pipeline.Edge
	at   uint64
}

// tapeBlockFrames is how many frames a block holds: 200 ms.
const tapeBlockFrames = 10

// A tapeBlock holds the frames from a multiple of tapeBlockFrames on.
type tapeBlock struct {
	at   [tapeBlockFrames]time.Duration
	n    [tapeBlockFrames]int // samples
	slab []byte
}

func newTape(rate int, spare *sync.Pool) tape {
	return tape{rate: rate, spare: spare, size: rate / 50 * sampleBytes(rate)}
}

// sampleBytes is how many bytes a sample takes: telephones have mu-law.
func sampleBytes(rate int) int {
	if rate == 8000 {
		return 1
	}
	return 2
}

// add copies f, in pieces if it is longer than 20 ms, and forgets what is older than most.
func (t *tape) add(f media.Frame, most time.Duration) {
	full := t.rate / 50
	for at, pcm := f.At, f.PCM; len(pcm) > 0; {
		n := min(full, len(pcm))
		b, i := t.place(t.head)
		b.at[i], b.n[i] = at, n
		t.encode(b.slab[i*t.size:], pcm[:n])
		t.head++
		at += media.Samples(n, t.rate)
		pcm = pcm[n:]
	}
	if frames := uint64(most / media.FrameTime); t.head-t.from > frames {
		t.forget(t.head - frames)
	}
}

func (t *tape) encode(dst []byte, pcm []int16) {
	if sampleBytes(t.rate) == 1 {
		g711.Ulaw.Encode(dst, pcm)
		return
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(s))
	}
}

// frame is frame i, in memory that is the caller's.
func (t *tape) frame(i uint64, pcm []int16) media.Frame {
	b, at := t.place(i)
	pcm, src := pcm[:b.n[at]], b.slab[at*t.size:]
	if sampleBytes(t.rate) == 1 {
		g711.Ulaw.Decode(pcm, src[:len(pcm)])
	} else {
		for k := range pcm {
			pcm[k] = int16(binary.LittleEndian.Uint16(src[2*k:]))
		}
	}
	return media.Frame{PCM: pcm, Rate: t.rate, At: b.at[at]}
}

// place is where frame i is or, if it is the one at head, will be.
func (t *tape) place(i uint64) (b *tapeBlock, at int) {
	block := int(i/tapeBlockFrames - t.from/tapeBlockFrames)
	if block == len(t.blocks) {
		fresh, ok := t.spare.Get().(*tapeBlock)
		if !ok || len(fresh.slab) != tapeBlockFrames*t.size {
			fresh = &tapeBlock{slab: make([]byte, tapeBlockFrames*t.size)}
		}
		t.blocks = append(t.blocks, fresh)
	}
	return t.blocks[block], int(i % tapeBlockFrames)
}

// mark notes an edge.
func (t *tape) mark(e pipeline.Edge) { t.marks = append(t.marks, tapeMark{e, t.head}) }

// forget drops the frames before one, and the marks among them.
func (t *tape) forget(before uint64) {
	if before <= t.from {
		return
	}
	gone := min(int(before/tapeBlockFrames-t.from/tapeBlockFrames), len(t.blocks))
	for _, b := range t.blocks[:gone] {
		t.spare.Put(b)
	}
	t.blocks = slices.Delete(t.blocks, 0, gone)
	t.from = before
	n := 0
	for n < len(t.marks) && t.marks[n].at < before {
		n++
	}
	t.marks = slices.Delete(t.marks, 0, n)
	t.unmarked += uint64(n)
}

// marksFrom is the first mark that does not come before a frame, as a count since the beginning.
func (t *tape) marksFrom(at uint64) uint64 {
	n := 0
	for n < len(t.marks) && t.marks[n].at < at {
		n++
	}
	return t.unmarked + uint64(n)
}

// edge is a mark, if it is due before a frame.
func (t *tape) edge(mark, at uint64) (pipeline.Edge, bool) {
	if i := int(mark - t.unmarked); i < len(t.marks) && t.marks[i].at <= at {
		return t.marks[i].edge, true
	}
	return pipeline.Edge{}, false
}

// onset is the beginning of the stretch of speech in which a frame lies, if its own mark comes before that; open is the stretch that is
// going on now.
func (t *tape) onset(at, mark uint64, open int) (pipeline.Edge, bool) {
	e := pipeline.Edge{Kind: pipeline.Resumed, N: open}
	if i := int(mark - t.unmarked); i < len(t.marks) {
		e = t.marks[i].edge
	}
	if at == t.head || e.N == 0 || e.Kind == pipeline.Began {
		return pipeline.Edge{}, false
	}
	b, i := t.place(at)
	return pipeline.Edge{Kind: pipeline.Began, N: e.N, At: b.at[i], Sure: true}, true
}

// since is the first frame that ends after a time.
func (t *tape) since(at time.Duration) uint64 {
	i := t.from
	for i < t.head {
		b, k := t.place(i)
		if b.at[k]+media.Samples(b.n[k], t.rate) > at {
			break
		}
		i++
	}
	return i
}
