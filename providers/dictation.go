package providers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/media"
	"parley/pipeline"
)

// read takes what a recogniser understands until its transcription ends.
func (d *dictation) read(ctx context.Context, h *hearer) {
	for tr, err := range h.Results() {
		if err != nil {
			d.fails(h, err)
			return
		}
		d.take(h, tr)
	}
	if ctx.Err() == nil {
		d.fails(h, errOver)
	}
}

// take tells what a recogniser has understood, unless it was told before.
func (d *dictation) take(h *hearer, tr pipeline.Transcript) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h != d.now {
		return
	}
	deaf := false
	switch tr.Kind {
	case pipeline.Final, pipeline.EndOfTurn:
		var told bool
		if tr, told = d.fresh(h, tr); told {
			return
		}
		deaf = d.settle(tr)
	case pipeline.Partial, pipeline.EagerEnd:
		d.pending = d.pending || tr.Text != ""
	}
	if tr.Text != "" {
		d.mute, d.tried, d.laps = 0, 0, 0
	}
	d.out.put(tr)
	if deaf {
		d.again(func(context.Context) { d.fails(h, errDeaf) })
		return
	}
	if d.idle() {
		select {
		case d.calm <- struct{}{}:
		default:
		}
		d.seek()
	}
}

// fresh is what of a transcript has not been told; told says that nothing is left of it. An Ended is answered once: words for one that has
// had its answer, where they are new, answer none.
func (d *dictation) fresh(h *hearer, tr pipeline.Transcript) (left pipeline.Transcript, told bool) {
	stale := func(w pipeline.Word) bool { return (w.Start+w.End)/2 < d.settled }
	answers := tr.Edge != 0 && slices.ContainsFunc(d.awaited, func(a awaited) bool { return a.n == tr.Edge })
	if tr.Edge != 0 && !answers {
		if !d.pending && len(tr.Words) == 0 || tr.Text == "" {
			return tr, true
		}
		tr.Edge = 0
	}
	again := len(tr.Words) > 0 && tr.Words[0].Start < h.until
	if again || !answers {
		if words := slices.DeleteFunc(slices.Clone(tr.Words), stale); len(words) == 0 && len(tr.Words) > 0 || again && len(words) < len(tr.Words) {
			texts := make([]string, len(words))
			for i, w := range words {
				texts[i] = w.Text
			}
			tr.Words, tr.Text = words, strings.Join(texts, " ")
		}
	}
	return tr, tr.Text == "" && !answers
}

// settle notes an answer; deaf says that nothing was understood too often.
func (d *dictation) settle(tr pipeline.Transcript) (deaf bool) {
	if k := len(tr.Words); k > 0 {
		d.settled = max(d.settled, tr.Words[k-1].End)
	}
	if tr.Text != "" {
		d.pending = false
	}
	if tr.Edge != 0 {
		i := slices.IndexFunc(d.awaited, func(a awaited) bool { return a.n == tr.Edge })
		was := d.awaited[i]
		d.awaited = slices.Delete(d.awaited, i, i+1)
		if !d.turns(d.now.n) {
			d.settled, d.pending = max(d.settled, was.to), false
		}
		if tr.Text == "" && !d.pending && was.to-was.from >= muteLeast && !d.how.Patient {
			d.mute++
		}
		d.arm()
	}
	if d.idle() {
		d.tape.forget(d.tape.head - min(d.tape.head-d.tape.from, uint64(tapeIdle/media.FrameTime)))
	}
	return d.mute >= muteMost && !d.exhausted(d.now.n) && !d.turns(d.now.n)
}

// fails gives a recogniser up, if it is the one of now, and seeks the next, unless the call's transcription is being closed. That closes who
// is told what comes, and nobody else.
func (d *dictation) fails(h *hearer, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case h != d.now:
		return
	case d.closing && h != d.live:
		d.now = nil
		d.again(func(context.Context) { d.dismiss(h) })
		return
	case d.closing:
		return
	}
	d.now, d.live, d.mute = nil, nil, 0
	d.tried |= 1 << h.n
	d.arm()
	d.again(func(context.Context) { d.dismiss(h) })
	d.again(func(ctx context.Context) { d.replace(ctx, h.n, err) })
}

// dismiss lets a recogniser go.
func (d *dictation) dismiss(h *hearer) {
	_ = h.Close() // what it says no longer matters
}

// replace finds the next recogniser, and tells it what was not understood.
func (d *dictation) replace(ctx context.Context, failed int, why error) {
	d.of.fails(failed, why)
	for {
		for _, n := range d.of.rota.order(len(d.of.All)) {
			if d.hasTried(n) {
				continue
			}
			if d.of.Failed != nil {
				d.of.Failed(failed, n, why)
			}
			open, err := d.reopen(ctx, n)
			if ctx.Err() != nil {
				if err == nil {
					_ = open.Close() // nobody wants it any more
				}
				return
			}
			if err == nil {
				h := &hearer{Transcription: open, n: n}
				d.mu.Lock()
				d.now = h
				d.mu.Unlock()
				d.hand(ctx, h)
				return
			}
			failed, why = n, err
			d.of.fails(n, err)
			d.hasFailed(n)
		}
		if !d.nextLap(ctx, why) {
			return
		}
	}
}

func (d *dictation) hasTried(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tried&(1<<n) != 0
}

// lastOpening is how long a recogniser may take that is the last one not to have failed.
const lastOpening = 4 * time.Second

// reopen opens the next recogniser, in good time while there is another.
func (d *dictation) reopen(ctx context.Context, n int) (pipeline.Transcription, error) {
	d.mu.Lock()
	last := d.exhausted(n)
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lastOpening)
	defer cancel()
	return d.of.open(ctx, n, d.how, !last)
}

func (d *dictation) hasFailed(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried |= 1 << n
}

// nextLap waits a little before all are tried again; false: the transcription has failed, or is closed.
func (d *dictation) nextLap(ctx context.Context, why error) bool {
	d.mu.Lock()
	d.tried = 0
	d.laps++
	if d.laps >= mostLaps {
		d.err = why
		d.mu.Unlock()
		d.out.end(why)
		return false
	}
	d.mu.Unlock()
	timer := time.NewTimer(betweenLaps)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// What a recogniser is told again comes faster than it was said, but not all at once: it drops what it cannot keep.
const (
	againPiece = 10                    // frames
	againPause = 10 * time.Millisecond // so 8 s take 0.4
)

// hand tells the recogniser of now what was not understood, and then what came meanwhile, until it is up with the call.
func (d *dictation) hand(ctx context.Context, h *hearer) {
	d.mu.Lock()
	at := d.tape.since(d.settled)
	mark := d.tape.marksFrom(at)
	words := d.expected
	lost, some := d.tape.onset(at, mark, d.open)
	d.mu.Unlock()
	d.again(func(ctx context.Context) { d.read(ctx, h) })
	if words != nil {
		h.Expect(words)
	}
	if some {
		if err := h.Mark(lost); err != nil {
			d.fails(h, err)
			return
		}
	}
	d.catchUp(ctx, h, at, mark)
}

// catchUp tells a recogniser all frames and marks from some on.
func (d *dictation) catchUp(ctx context.Context, h *hearer, at, mark uint64) {
	pcm := make([]int16, d.tape.rate/50)
	for n := 1; ; n++ {
		d.mu.Lock()
		if d.now != h {
			d.mu.Unlock()
			return
		}
		if d.closing || ctx.Err() != nil {
			d.mu.Unlock()
			d.dismiss(h)
			return
		}
		at, mark = max(at, d.tape.from), max(mark, d.tape.unmarked)
		var err error
		edge, marked := d.tape.edge(mark, at)
		switch {
		case marked:
			mark++
			d.mu.Unlock()
			err = h.Mark(edge)
		case at == d.tape.head:
			d.live = h
			for i := range d.awaited {
				d.awaited[i].since = time.Now()
			}
			d.arm()
			d.mu.Unlock()
			return
		default:
			f := d.tape.frame(at, pcm)
			h.until = f.At + f.Duration()
			at++
			d.mu.Unlock()
			err = h.Write(f)
		}
		if err != nil && !errors.Is(err, pipeline.ErrBehind) {
			d.fails(h, err)
			return
		}
		if n%againPiece == 0 {
			rest(ctx, againPause)
		}
	}
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// seek has a better recogniser opened, if one is well. mu is held.
func (d *dictation) seek() {
	if d.seeking || d.closing || d.live == nil {
		return
	}
	if best := d.of.rota.order(len(d.of.All))[0]; best < d.live.n {
		d.seeking = true
		d.again(func(ctx context.Context) { d.goBack(ctx, best) })
	}
}

// goBack opens a better recogniser, and changes to it when nobody speaks and nothing is awaited.
func (d *dictation) goBack(ctx context.Context, n int) {
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seeking = false
	}()
	open, err := d.of.open(ctx, n, d.how, true)
	if err != nil {
		if ctx.Err() == nil {
			d.of.fails(n, err)
		}
		return
	}
	h := &hearer{Transcription: open, n: n}
	over := time.NewTimer(calmLimit)
	defer over.Stop()
	for {
		switch done, given := d.swap(h); {
		case given:
			d.hand(ctx, h)
			return
		case done:
			d.dismiss(h)
			return
		}
		select {
		case <-d.calm:
		case <-over.C:
			d.dismiss(h)
			return
		case <-ctx.Done():
			d.dismiss(h)
			return
		}
	}
}

// swap makes h the recogniser of now if this is a pause; done: nobody wants it any more.
func (d *dictation) swap(h *hearer) (done, given bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closing, d.live == nil:
		return true, false
	case !d.idle():
		return false, false
	}
	was := d.now
	d.now, d.live, d.mute = h, nil, 0
	d.again(func(context.Context) { d.dismiss(was) })
	return false, true
}
