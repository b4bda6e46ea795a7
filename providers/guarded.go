package providers

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"parley/pipeline"
)

// Unguarded is what a Guard stands before, for who wants to know who that is; anything else as it is.
func Unguarded[T any](p T) T {
	if g, ok := any(p).(interface{ unguarded() any }); ok {
		if of, ok := g.unguarded().(T); ok {
			return of
		}
	}
	return p
}

func (m guardedModel) unguarded() any      { return m.model }
func (s guardedVoice) unguarded() any      { return s.voice }
func (t guardedRecogniser) unguarded() any { return t.recogniser }

// Responder guards a model.
func (g *Guard) Responder(r pipeline.Responder) pipeline.Responder { return guardedModel{g, r} }

type guardedModel struct {
	guard *Guard
	model pipeline.Responder
}

// Respond implements [pipeline.Responder].
func (m guardedModel) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		p, err := m.guard.enter(ctx)
		if err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		how := Other // if it panics
		defer func() { p.done(how) }()
		failure, left := error(nil), false
		for d, err := range m.model.Respond(ctx, talk) {
			if err != nil {
				failure = err
			}
			if left = !yield(d, err); left {
				break
			}
		}
		how = outcome(ctx, "responder", failure, left)
	}
}

// Synthesizer guards a voice.
func (g *Guard) Synthesizer(s pipeline.Synthesizer) pipeline.Synthesizer { return guardedVoice{g, s} }

type guardedVoice struct {
	guard *Guard
	voice pipeline.Synthesizer
}

// Speak implements [pipeline.Synthesizer].
func (s guardedVoice) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		p, err := s.guard.enter(ctx)
		if err != nil {
			yield(pipeline.Speech{}, err)
			return
		}
		how := Other // if it panics
		defer func() { p.done(how) }()
		k := newKept(text)
		defer k.stop()
		how = s.speak(ctx, k, v, yield)
	}
}

// speak speaks, a second time if the first failed at once and that may be, and says how it ended.
func (s guardedVoice) speak(ctx context.Context, k *kept, v pipeline.Voice, yield func(pipeline.Speech, error) bool) string {
	for try := 1; ; try++ {
		failure, left, sounds := error(nil), false, false
		for sp, err := range s.voice.Speak(ctx, k.again(), v) {
			if failure = err; err != nil && try == 1 && !sounds && ctx.Err() == nil && !k.failed.Load() && s.guard.spend(err) {
				break
			}
			try = max(try, 2)
			sounds = sounds || len(sp.PCM) > 0
			if left = !yield(sp, err); left {
				break
			}
		}
		if failure != nil && try == 1 {
			pauseBeforeRetry(ctx)
			continue
		}
		switch {
		case k.failed.Load(): // which is its author's failure
			return Cut
		case failure == nil && !left && !sounds && k.speakable():
			failure = errNoSound
		}
		return outcome(ctx, "voice", failure, left)
	}
}

// Transcriber guards a recogniser.
func (g *Guard) Transcriber(t pipeline.Transcriber) pipeline.Transcriber {
	return guardedRecogniser{g, t}
}

type guardedRecogniser struct {
	guard      *Guard
	recogniser pipeline.Transcriber
}

// Transcribe implements [pipeline.Transcriber].
func (t guardedRecogniser) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	p, err := t.guard.enter(ctx)
	if err != nil {
		return nil, err
	}
	how := Other // if it panics
	defer func() {
		if how != OK {
			p.done(how)
		}
	}()
	open, err := t.recogniser.Transcribe(ctx, o)
	if err != nil && ctx.Err() == nil && t.guard.spend(err) {
		pauseBeforeRetry(ctx)
		open, err = t.recogniser.Transcribe(ctx, o)
	}
	if err != nil {
		how = outcome(ctx, "transcriber", err, false)
		return nil, err
	}
	how = OK
	return &guardedTranscription{Transcription: open, pass: p}, nil
}

// guardedTranscription is one call's.
type guardedTranscription struct {
	pipeline.Transcription

	pass *pass

	mu      sync.Mutex
	well    bool // it has understood something
	failed  bool
	closing bool
}

// Results implements [pipeline.Transcription].
func (t *guardedTranscription) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for r, err := range t.Transcription.Results() {
			t.note(err)
			if !yield(r, err) {
				return
			}
		}
	}
}

// note notes how it does, when that changes.
func (t *guardedTranscription) note(err error) {
	t.mu.Lock()
	how := Cut
	switch {
	case t.closing, t.failed:
	case err != nil:
		t.failed, how = true, Class(err)
	case !t.well:
		t.well, how = true, OK
	}
	t.mu.Unlock()
	if how != Cut {
		t.pass.judge(how)
	}
}

// Close implements [pipeline.Transcription].
func (t *guardedTranscription) Close() error {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	err := t.Transcription.Close()
	t.mu.Lock()
	judged := t.failed || t.well
	t.mu.Unlock()
	if judged {
		t.pass.done(Cut)
	} else {
		t.pass.done(OK)
	}
	return err
}

// retryPause is before a second try, give or take a half: those of many calls do not come all at once.
const retryPause = 60 * time.Millisecond

func pauseBeforeRetry(ctx context.Context) { rest(ctx, retryPause/2+rand.N(retryPause)) }
