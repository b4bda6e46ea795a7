package local

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
)

// What of a call's audio is kept, and how long pieces of it are.
const (
	preRoll    = 200 * time.Millisecond // heard before Began: 90 % of onsets are noticed within it
	postRoll   = 100 * time.Millisecond // heard after the last voiced frame
	kept       = time.Second            // between turns, so that Began can reach back
	pieceMost  = 14 * time.Second       // longer input makes the recogniser slow and apt to repeat itself
	pieceLeast = 5 * time.Second        // what ends in a pause and is as long as that is recognised by itself
)

// A turn that grows beyond pieceMost is cut at its quietest point after cutFrom.
const cutFrom = 8 * time.Second

// firstPartial is how much speech a partial transcript needs; the next comes after as much again, or a sixth of what there is.
const firstPartial = 500 * time.Millisecond

// errTranscriptionClosed says that nobody will hear this any more.
var errTranscriptionClosed = errors.New("the transcription is closed")

// Transcribe waits for the model and opens one call's transcription. Lang may be empty or English: the model knows no other
// language. Where there is no model, every Ended is answered at once with an empty Final: the caller has the keypad.
func (e *Engine) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	m, err := e.wait(ctx)
	if err != nil {
		return nil, fmt.Errorf("transcribe: %w", err)
	}
	if o.Lang != "" && !strings.HasPrefix(strings.ToLower(o.Lang), "en") {
		return nil, fmt.Errorf("transcribe: Lang is %q: the offline recogniser understands English only", o.Lang)
	}
	switch o.Rate {
	case 8000, 16000, 24000, 48000:
	default:
		return nil, fmt.Errorf("transcribe: Rate is %d: say 8000, 16000, 24000 or 48000", o.Rate)
	}
	t := &transcription{
		pool: e.pool, stt: m.stt, judges: e.judges, turns: m.turns, rate: o.Rate, log: e.log, exact: e.exact,
		always: slices.Clone(o.Words), words: o.Words, patient: o.Patient,
		news: make(chan struct{}, 1),
	}
	return t, nil
}

// transcription is one call's.
//
//	Write ──▶ tape ──▶ turn: piece, piece, ... last piece ──▶ Final
//	                    ├ guess: the last piece, if the turn ends here ──▶ EagerEnd
//	                    │   └ judgement: whether it sounds as if it did ──┘
//	                    └ partial: a look at what there is
//
// Each of piece, guess and partial is a take: a copy of some tape and the job that recognises it.
type transcription struct {
	pool    *pool
	stt     recogniser // nil: keypad only
	judges  *pool
	turns   turnModel // nil: nobody judges by the sound
	rate    int
	log     *slog.Logger
	exact   bool
	patient bool          // nobody waits
	news    chan struct{} // holds a token when there may be something for Results

	mu      sync.Mutex
	tape    tape
	always  []string      // expected throughout
	words   []string      // expected now
	spoken  time.Duration // when the turn before ended
	since   time.Duration // when the caller's turn began, of which the turns are stretches
	turn    *turn         // being spoken, or nil
	pending []*turn       // ended, not all recognised; oldest first
	out     []pipeline.Transcript
	closed  bool
}

// A turn is one stretch of speech.
type turn struct {
	n        int
	begin    time.Duration // where its tape begins
	end      time.Duration // its last voiced frame, once ended
	from     time.Duration // where the piece now growing begins
	pieces   []*take
	guess    *take
	partial  *take
	nextLook time.Duration // when the next partial is due
	last     []string      // words of the partial before
	agreed   []string      // words that two partials in a row had
	words    []string      // what was expected when it ended
	ended    bool
	answers  bool // to an Ended, rather than to Close
}

// A take is a copy of some tape on its way through the recogniser.
type take struct {
	to     time.Duration // where it was cut off
	job    *job
	text   string
	done   bool
	failed bool
	sound  *judgement // of a guess; nil: none is made
}

// Write copies the frame. It never drops: what was spoken between turns is forgotten after a second, and turns are cut into pieces.
func (t *transcription) Write(f media.Frame) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return errTranscriptionClosed
	case t.stt == nil:
		return nil
	}
	t.tape.write(f, t.rate)
	u := t.turn
	if u == nil {
		t.tape.forget(t.remember(t.tape.end(t.rate)-kept), t.rate)
		return nil
	}
	now := t.tape.end(t.rate)
	if now-u.from >= pieceMost {
		t.cutPiece(u)
	}
	if !t.patient && now >= u.nextLook && u.guess == nil && u.partial == nil && t.pool.idle() {
		t.look(u, now)
	}
	return nil
}

// Mark begins a turn, guesses at its end or finishes it.
func (t *transcription) Mark(e pipeline.Edge) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errTranscriptionClosed
	}
	switch e.Kind {
	case pipeline.Began:
		if t.turn == nil || t.turn.n != e.N {
			t.abandon()
			t.turn = t.begin(e)
		}
	case pipeline.MaybeEnded:
		if u := t.turn; u != nil && t.stt != nil && !t.patient {
			t.drop(&u.guess)
			t.drop(&u.partial)
			if u.guess = t.record(u, e.At+postRoll, guess); u.guess != nil && t.turns != nil {
				t.judge(u, u.guess)
			}
		}
	case pipeline.Resumed:
		if u := t.turn; u != nil {
			t.resumed(u, e)
		}
	case pipeline.Ended:
		t.finish(e.N, e.At, true)
	}
	return nil
}

// Expect is heeded by the Final of the turn that is being spoken, or of the next.
func (t *transcription) Expect(words []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.words = append(slices.Clone(words), t.always...)
}

// Close finishes the turn being spoken and lets Results end once all has been delivered.
func (t *transcription) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	if u := t.turn; u != nil {
		t.finish(0, t.tape.end(t.rate), false)
	}
	t.closed = true
	t.tell()
	return nil
}

// Results has one reader.
func (t *transcription) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for range t.news {
			for {
				r, more, over := t.take()
				if over {
					return
				}
				if !more {
					break
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// take returns the next result, if there is one, and whether there will be none.
func (t *transcription) take() (r pipeline.Transcript, more, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out) == 0 {
		return r, false, t.closed && len(t.pending) == 0
	}
	r = t.out[0]
	t.out = slices.Delete(t.out, 0, 1)
	return r, true, false
}

// begin opens a turn. With mu held.
func (t *transcription) begin(e pipeline.Edge) *turn {
	t.joins(e)
	at := max(e.At-preRoll, t.tape.begin, min(t.spoken, e.At))
	return &turn{n: e.N, begin: at, from: at, nextLook: e.At + firstPartial}
}

// abandon gives up a turn that never ended. With mu held.
func (t *transcription) abandon() {
	if u := t.turn; u != nil {
		t.drop(&u.guess)
		t.drop(&u.partial)
		for i := range u.pieces {
			t.drop(&u.pieces[i])
		}
		t.turn = nil
	}
}

// finish ends the turn being spoken: with the guess, if nothing was voiced since, or with a last piece. With mu held.
func (t *transcription) finish(n int, at time.Duration, answers bool) {
	u := t.turn
	if u == nil {
		u = &turn{begin: at, from: at}
	}
	t.turn = nil
	u.n, u.end, u.ended, u.answers, u.words = n, at, true, answers, t.words
	t.drop(&u.partial)
	t.pending = append(t.pending, u)
	switch {
	case t.stt == nil || at <= u.from && u.guess == nil:
	case u.guess != nil && u.guess.to == at+postRoll:
		u.pieces = append(u.pieces, u.guess)
	default:
		t.drop(&u.guess)
		u.pieces = append(u.pieces, t.record(u, at+postRoll, t.urgency(urgent)))
	}
	for _, k := range u.pieces {
		if !k.done {
			t.pool.promote(k.job, t.urgency(urgent))
		}
	}
	t.spoken = at
	t.tape.forget(t.remember(at), t.rate)
	t.settle()
}

// urgency is p, unless nobody waits.
func (t *transcription) urgency(p priority) priority {
	if t.patient {
		return patient
	}
	return p
}

// cutPiece sends off the turn so far, up to its quietest point. With mu held.
func (t *transcription) cutPiece(u *turn) {
	t.drop(&u.guess)
	t.drop(&u.partial)
	at := t.tape.quietest(u.from+cutFrom, t.tape.end(t.rate)-preRoll, t.rate)
	u.pieces = append(u.pieces, t.record(u, at, t.urgency(early)))
	u.from = at
	u.last, u.agreed = nil, nil
	t.tape.forget(t.remember(at), t.rate)
}

// resumed goes on after a guess. If it was long, it becomes a piece, so that the next guess is not as much work again. With mu held.
func (t *transcription) resumed(u *turn, e pipeline.Edge) {
	k := u.guess
	if k == nil || k.failed || e.At < k.to || k.to-u.from < pieceLeast {
		t.drop(&u.guess)
		return
	}
	t.forgo(k)
	u.guess, u.pieces = nil, append(u.pieces, k)
	if !k.done {
		t.pool.promote(k.job, early)
	}
	u.from = k.to
	u.last, u.agreed = nil, nil
	t.tape.forget(t.remember(k.to), t.rate)
}

// record copies the tape from u.from to to and queues its recognition. What cannot be queued is done, and empty. With mu held.
func (t *transcription) record(u *turn, to time.Duration, p priority) *take {
	k := &take{to: to}
	pcm := t.tape.copy(u.from, to, t.rate)
	suits := func(string) bool { return true }
	if words := t.words; p != spare && t.snaps(words) {
		suits = func(text string) bool { return fits(text, words) }
	}
	k.job = &job{
		run: func(stop func() bool) {
			text, err := hear(t.stt, pcm, t.rate, suits, stop)
			t.recorded(u, k, text, err)
		},
		drop: func(err error) { t.recorded(u, k, "", err) },
	}
	if err := t.pool.submit(k.job, p); err != nil {
		if p == guess || p == spare { // not worth a word: the turn's end asks again
			return nil
		}
		t.log.Warn("speech not recognised", "turn", u.n, "err", err)
		k.done = true
	}
	return k
}

// recorded takes in what the recogniser made of k.
func (t *transcription) recorded(u *turn, k *take, text string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k.text, k.done, k.failed = text, true, err != nil
	if err != nil && !k.job.unwanted.Load() && !errors.Is(err, errStopped) {
		t.log.Warn("speech not recognised", "turn", u.n, "err", err)
	}
	switch {
	case k == u.partial:
		u.partial = nil
		if err == nil && !u.ended {
			t.agree(u, text)
		}
	case k == u.guess && !u.ended && err == nil:
		t.eager(u)
	}
	t.settle()
}

// look takes a partial transcript of the turn so far. With mu held.
func (t *transcription) look(u *turn, now time.Duration) {
	u.nextLook = now + max(firstPartial, (now-u.from)/6)
	u.partial = t.record(u, now, spare)
}

// agree tells the words that two partials in a row agree on: of those few are wrong in the end. With mu held.
func (t *transcription) agree(u *turn, text string) {
	words := strings.Fields(text)
	n := 0
	for n < min(len(words), len(u.last)) && plain(words[n]) == plain(u.last[n]) {
		n++
	}
	u.last = words
	if n > len(u.agreed) {
		u.agreed = words[:n]
		t.partial(u, u.agreed)
	}
}

// partial publishes the pieces done and words; it replaces one not yet read. With mu held.
func (t *transcription) partial(u *turn, words []string) {
	text := join(u.pieces, strings.Join(words, " "))
	if text == "" {
		return
	}
	if t.snaps(t.words) {
		text = mask(text)
	}
	r := pipeline.Transcript{Kind: pipeline.Partial, Text: text, Lang: "en", Words: spread(text, u.begin, t.tape.end(t.rate))}
	if n := len(t.out); n > 0 && t.out[n-1].Kind == pipeline.Partial {
		t.out[n-1] = r
	} else {
		t.out = append(t.out, r)
	}
	t.tell()
}

// eager publishes the words of a turn that may have ended: what the Final will say, if the caller does not go on. With mu held.
func (t *transcription) eager(u *turn) {
	pieces := append(slices.Clone(u.pieces), u.guess)
	if slices.ContainsFunc(pieces, func(k *take) bool { return !k.done }) || t.undecided(u.guess) {
		return
	}
	text := join(pieces, "")
	if t.snaps(t.words) {
		text = snap(text, t.words)
	}
	if text == "" {
		return
	}
	t.out = append(t.out, pipeline.Transcript{Kind: pipeline.EagerEnd, Text: text, Lang: "en", Words: spread(text, u.begin, u.guess.to), Finished: u.guess.likely()})
}

// settle publishes the Finals of turns that are all recognised, in order. With mu held.
func (t *transcription) settle() {
	for len(t.pending) > 0 {
		u := t.pending[0]
		if slices.ContainsFunc(u.pieces, func(k *take) bool { return !k.done }) {
			return
		}
		t.pending = slices.Delete(t.pending, 0, 1)
		text := join(u.pieces, "")
		if t.snaps(u.words) {
			text = snap(text, u.words)
		}
		if text == "" && !u.answers {
			continue
		}
		r := pipeline.Transcript{Kind: pipeline.Final, Text: text, Lang: "en", Words: spread(text, u.begin, u.end)}
		if u.answers {
			r.Edge = u.n
		}
		if n := len(u.pieces); n > 0 {
			r.Finished = u.pieces[n-1].likely()
		}
		t.out = append(t.out, r)
	}
	t.tell()
}

func (t *transcription) snaps(words []string) bool { return !t.exact && len(words) > 0 }

// drop gives up a take. With mu held.
func (t *transcription) drop(k **take) {
	if *k != nil && !(*k).done {
		t.pool.cancel((*k).job)
	}
	if *k != nil {
		t.forgo(*k)
	}
	*k = nil
}

// tell wakes Results.
func (t *transcription) tell() {
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// join is the text of a turn's pieces, then rest.
func join(pieces []*take, rest string) string {
	var texts []string
	for _, k := range pieces {
		if k.text != "" {
			texts = append(texts, k.text)
		}
	}
	if rest != "" {
		texts = append(texts, rest)
	}
	return strings.Join(texts, " ")
}

// spread gives the words of text their likely times: each as long as it has letters.
func spread(text string, begin, end time.Duration) []pipeline.Word {
	words := strings.Fields(text)
	letters := 0
	for _, w := range words {
		letters += len(w) + 1
	}
	out := make([]pipeline.Word, len(words))
	past := 0
	for i, w := range words {
		at := begin + (end-begin)*time.Duration(past)/time.Duration(letters)
		past += len(w) + 1
		out[i] = pipeline.Word{Text: w, Start: at, End: begin + (end-begin)*time.Duration(past)/time.Duration(letters)}
	}
	return out
}
