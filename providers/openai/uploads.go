package openai

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// How stretches of speech are cut out of a call.
const (
	preroll        = 400 * time.Millisecond // of sound from before the Ear was sure, which belongs to the stretch
	shortest       = 100 * time.Millisecond // what is shorter is refused; it holds no words
	longestStretch = 2 * time.Minute        // what is longer is dropped
	maxFailures    = 2                      // uploads in a row that fail; then the recogniser has
	warmLimit      = 4 * time.Second
)

// An uploading is one call's transcription by requests, one for each stretch of speech.
//
//	Write ──▶ before (a little, while nobody speaks) ──Began──▶ speech ──Ended──▶ jobs ──▶ POST {base}/audio/transcriptions ──▶ Results
//
// One goroutine makes the requests, in their order; it is gone when Close returns.
type uploading struct {
	audio    *Audio
	log      *slog.Logger
	listen   pipeline.Listening
	encoding wire.Encoding
	out      *wire.Outbox
	wake     chan struct{}
	done     chan struct{}
	stop     context.CancelFunc

	mu      sync.Mutex
	before  wire.Reel
	open    int // the N of the stretch that is going on; 0: none
	speech  stretch
	spare   []byte // the memory of a stretch that was uploaded
	jobs    []job
	closing bool
	err     error
}

// A stretch is sound and when its parts were spoken.
type stretch struct {
	sound []byte
	clock wire.Clock
}

// A job is a stretch whose words an Ended waits for; edge 0: nobody does.
type job struct {
	edge int
	due  time.Time
	stretch
}

// upload opens a transcription by uploads. There is nothing to wait for.
func (a *Audio) upload(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if _, err := wire.EncodingFor(o.Rate); err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	enc := wire.Encoding{Width: 2, Rate: o.Rate}
	u := &uploading{
		audio: a, log: a.log().With("provider", "openai"), listen: o, encoding: enc, out: wire.NewOutbox(),
		wake: make(chan struct{}, 1), done: make(chan struct{}), before: wire.NewReel(enc, &a.reels),
	}
	// The call's values may live on in its transcription; its opening's deadline may not.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	u.stop = stop
	go u.run(life)
	return u, nil
}

// Write copies the frame, which may be of any length, at the rate that was asked for. It never waits for the network.
func (u *uploading) Write(f media.Frame) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	if f.Rate != u.encoding.Rate {
		return fmt.Errorf("openai: frame of %d Hz, transcription of %d", f.Rate, u.encoding.Rate)
	}
	if u.open == 0 {
		if most := int(preroll / media.FrameTime); u.before.Waiting() >= most {
			u.before.Keep(u.before.Head() - uint64(most) + 1)
		}
		u.before.Add(f, false)
		return nil
	}
	at, n := len(u.speech.sound), len(f.PCM)*u.encoding.Width
	if at+n > u.encoding.Bytes(longestStretch) {
		return pipeline.ErrBehind
	}
	for cap(u.speech.sound) < at+n {
		u.speech.sound = append(u.speech.sound[:cap(u.speech.sound)], 0)
	}
	u.speech.sound = u.speech.sound[:at+n]
	u.encoding.Encode(u.speech.sound[at:], f.PCM)
	u.speech.clock.Add(f.At, f.Duration())
	return nil
}

// Mark notes where a stretch of speech begins, and has it uploaded where it ends.
func (u *uploading) Mark(e pipeline.Edge) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	switch e.Kind {
	case pipeline.Began:
		u.begin(e.N)
	case pipeline.Ended:
		u.cut(job{edge: e.N, due: time.Now().Add(cmp.Or(u.audio.FinalLimit, defaultUploadLimit))})
	}
	return nil
}

// begin opens a stretch with what was heard just before. It is called under mu.
func (u *uploading) begin(n int) {
	if u.open == 0 {
		u.speech = stretch{sound: u.spare[:0]}
		u.spare = nil
		u.speech.sound = u.before.Take(u.speech.sound, u.encoding.Bytes(time.Hour), u.before.Head(), &u.speech.clock)
		u.before.Keep(u.before.Head())
	}
	u.open = n
}

// cut has the stretch that is going on uploaded. It is called under mu.
func (u *uploading) cut(j job) {
	j.stretch, u.speech, u.open = u.speech, stretch{}, 0
	u.jobs = append(u.jobs, j)
	u.nudge()
}

// Expect does nothing: what follows is asked for with Listening.Words.
func (u *uploading) Expect([]string) {}

// Results yields what was understood. Only the newest Partial is kept for a slow reader.
func (u *uploading) Results() iter.Seq2[pipeline.Transcript, error] { return u.out.All() }

// Close uploads what is left, waits for its words no longer than the Audio's CloseLimit, and for the goroutine.
func (u *uploading) Close() error {
	limit := cmp.Or(u.audio.CloseLimit, defaultCloseLimit)
	u.mu.Lock()
	if u.open != 0 && !u.closing {
		u.cut(job{due: time.Now().Add(limit)})
	}
	u.closing = true
	u.nudge()
	u.mu.Unlock()
	late := time.AfterFunc(limit, u.stop)
	<-u.done
	late.Stop()
	u.stop()
	return nil
}

func (u *uploading) usable() error {
	switch {
	case u.err != nil:
		return u.err
	case u.closing:
		return fmt.Errorf("openai: transcription is closed: %w", io.ErrClosedPipe)
	}
	return nil
}

func (u *uploading) nudge() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// run uploads stretches until the transcription is closed or fails.
func (u *uploading) run(life context.Context) {
	defer close(u.done)
	warming, warmed := context.WithTimeout(life, warmLimit)
	var warm sync.WaitGroup
	warm.Go(func() { u.warm(warming) })
	defer warm.Wait()
	defer warmed()
	for failures := 0; ; {
		j, some, closing := u.next()
		switch {
		case some:
			err := u.answer(life, j)
			if failures++; err == nil {
				failures = 0
			}
			if err != nil && life.Err() == nil {
				u.log.Warn("words were not understood: the upload failed", "err", err)
			}
			if err != nil && (hopeless(err) || failures == maxFailures) && life.Err() == nil {
				u.finish(err)
				return
			}
		case closing:
			u.finish(nil)
			return
		default:
			<-u.wake
		}
	}
}

// warm opens a connection, so that the first upload need not.
func (u *uploading) warm(ctx context.Context) {
	if to, err := u.audio.endpoint("models"); err == nil {
		_ = u.audio.wire().Warm(ctx, to) // what is wrong, the first upload will say
	}
}

// next takes the next job.
func (u *uploading) next() (j job, some, closing bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.jobs) == 0 {
		return j, false, u.closing
	}
	j = u.jobs[0]
	u.jobs = append(u.jobs[:0], u.jobs[1:]...)
	return j, true, false
}

// answer uploads a stretch, and tells its words; without an answer in time, those that there are.
func (u *uploading) answer(life context.Context, j job) error {
	ctx, cancel := context.WithDeadlineCause(life, j.due, fmt.Errorf("no words in time: %w", context.DeadlineExceeded))
	defer cancel()
	var w words
	var err error
	if len(j.sound) >= u.encoding.Bytes(shortest) {
		w, err = u.audio.transcribe(ctx, u.listen, u.encoding.Rate, j.sound, func(text string) {
			u.out.Put(pipeline.Transcript{Kind: pipeline.Partial, Text: text, Lang: u.listen.Lang})
		})
	}
	for i := range w.words {
		w.words[i].Start, w.words[i].End = j.clock.At(w.words[i].Start), j.clock.At(w.words[i].End)
	}
	if j.edge != 0 || w.text != "" {
		u.out.Put(pipeline.Transcript{Kind: pipeline.Final, Text: w.text, Words: w.words, Lang: cmp.Or(w.lang, u.listen.Lang), Edge: j.edge})
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.spare = j.sound[:0]
	return err
}

// finish ends the results: in good order after Close, else with err. Who still waits is told that nothing was understood.
func (u *uploading) finish(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closing {
		err = nil
	}
	for _, j := range u.jobs {
		if j.edge != 0 {
			u.out.Put(pipeline.Transcript{Kind: pipeline.Final, Edge: j.edge, Lang: u.listen.Lang})
		}
	}
	u.err, u.jobs = err, nil
	u.before.Keep(u.before.Head())
	u.out.End(err)
}
