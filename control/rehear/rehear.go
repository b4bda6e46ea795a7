// Package rehear puts a recording into words: both channels, each speaker on their own.
//
//	WAV ──▶ 20 ms of both ─┬─ caller ─▶ ear: where speech is ─▶ recogniser ─▶ words ─┐
//	                       └─ agent ──▶ ear ──────────────────▶ recogniser ─▶ words ─┴─▶ messages by time
//
// A recording is read as it is heard, so that its length costs no memory: what is held is the stretch of speech that is being recognised.
// Nobody waits for the words: the recogniser is asked to let live calls go first, and it has one stretch of a recording at a time.
package rehear

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"parley/media"
	"parley/media/vad"
	"parley/media/wav"
	"parley/pipeline"
	"parley/store"
)

const (
	hangover = 700 * time.Millisecond  // silence that ends a stretch of speech
	joined   = 1500 * time.Millisecond // less between two stretches of one speaker, and they are one message
	longFrom = 15 * time.Second        // a stretch that is longer is cut at its next pause,
	longest  = 25 * time.Second        // or here
	pause    = -45                     // dBFS below which a frame is one
	seldom   = 5 * time.Minute         // a Final that takes longer does not come
)

// An Ear hears recordings. It is safe for any number of goroutines, though each recording takes its own share of the recogniser.
type Ear struct {
	Ears  pipeline.Listener    // finds the speech
	Words pipeline.Transcriber // recognises it
	Pace  float64              // how much faster than real time Words may be fed; 0: as fast as it can
}

// Hear is what was said in a recording: the caller's on the left and the agent's on the right; of one channel, all is the caller's. lang
// is BCP 47, or empty.
func (e Ear) Hear(ctx context.Context, recording io.Reader, lang string) ([]store.Message, error) {
	sound, err := wav.Open(recording)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if sound.Channels > 2 {
		return nil, fmt.Errorf("read recording: it has %d channels, want 1 or 2", sound.Channels)
	}
	roles := []pipeline.Role{pipeline.Caller, pipeline.Assistant}[:sound.Channels]
	var sides []*side
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	for _, role := range roles {
		s, err := e.open(ctx, role, sound.Rate, lang)
		if err != nil {
			return nil, err
		}
		sides = append(sides, s)
	}
	if err := e.listen(ctx, sound, sides); err != nil {
		return nil, err
	}
	var said []store.Message
	for _, s := range sides {
		said = append(said, s.said...)
	}
	slices.SortStableFunc(said, func(a, b store.Message) int { return int(a.At - b.At) })
	return joinUp(said), nil
}

// listen gives the recording to its sides, to the end.
func (e Ear) listen(ctx context.Context, sound *wav.Stream, sides []*side) error {
	n := sound.Rate * int(media.FrameTime/time.Millisecond) / 1000
	began, pcm := time.Now(), []int16(nil)
	for at := 0; ; at += n {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		var err error
		pcm, err = sound.Next(pcm[:0], n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read recording: %w", err)
		}
		pcm = append(pcm, make([]int16, n*len(sides)-len(pcm))...) // the last frame is filled up
		for c, s := range sides {
			if err := s.hear(ctx, channel(pcm, c, len(sides)), media.Samples(at, sound.Rate)); err != nil {
				return err
			}
		}
		if err := e.keepPace(ctx, began, media.Samples(at, sound.Rate)); err != nil {
			return err
		}
	}
	for _, s := range sides {
		if err := s.end(ctx, s.heard); err != nil {
			return err
		}
	}
	return nil
}

// keepPace waits until a recogniser that is fed by a stopwatch may have what comes at a time.
func (e Ear) keepPace(ctx context.Context, began time.Time, at time.Duration) error {
	if e.Pace <= 0 {
		return nil
	}
	early := time.Duration(float64(at)/e.Pace) - time.Since(began)
	if early < 100*time.Millisecond { // in portions, not by the frame
		return nil
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// channel is one channel of interleaved samples, in memory of its own: ears and recognisers may keep it.
func channel(pcm []int16, c, channels int) []int16 {
	out := make([]int16, 0, len(pcm)/channels)
	for i := c; i < len(pcm); i += channels {
		out = append(out, pcm[i])
	}
	return out
}

// A side is one speaker of a recording.
type side struct {
	role  pipeline.Role
	rate  int
	ear   pipeline.Ear
	words pipeline.Transcription
	shut  func() error // closes words, once
	free  func() bool  // lets go of the context
	next  func() (pipeline.Transcript, error, bool)
	stop  func()

	heard time.Duration // the end of the last frame
	n     int           // stretches so far
	open  bool
	from  time.Duration // of the stretch
	said  []store.Message
}

// open makes a side. Whatever waits for it ends with ctx.
func (e Ear) open(ctx context.Context, role pipeline.Role, rate int, lang string) (*side, error) {
	ear, err := e.Ears.Listen(ctx, pipeline.EarOptions{Rate: rate, MaybeAfter: hangover, EndAfter: hangover})
	if err != nil {
		return nil, fmt.Errorf("open ear: %w", err)
	}
	words, err := e.Words.Transcribe(ctx, pipeline.Listening{Rate: rate, Lang: lang, Patient: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open transcription: %w", err), ear.Close())
	}
	s := &side{role: role, rate: rate, ear: ear, words: words, shut: sync.OnceValue(words.Close)}
	s.free = context.AfterFunc(ctx, func() { _ = s.shut() })
	s.next, s.stop = iter.Pull2(words.Results())
	return s, nil
}

// close lets go of everything; what is still being recognised is forgotten.
func (s *side) close() {
	s.free()
	_ = s.shut() // nothing of it is wanted any more
	s.stop()
	_ = s.ear.Close()
}

// hear takes in a frame, and waits for the words of a stretch that it ends.
func (s *side) hear(ctx context.Context, pcm []int16, at time.Duration) error {
	f := media.Frame{PCM: pcm, Rate: s.rate, At: at}
	s.heard = at + f.Duration()
	if err := s.words.Write(f); err != nil && !errors.Is(err, pipeline.ErrBehind) {
		return fmt.Errorf("write to the recogniser: %w", err)
	}
	edge, some := s.ear.Hear(f)
	switch {
	case some && edge.Kind == pipeline.Began && !s.open:
		return s.begin(edge.At)
	case some && edge.Kind == pipeline.Ended && s.open:
		return s.end(ctx, edge.At)
	case s.open && (s.heard-s.from >= longest || s.heard-s.from >= longFrom && vad.Level(pcm) < pause):
		if err := s.end(ctx, s.heard); err != nil {
			return err
		}
		return s.begin(s.heard) // the speaker goes on
	}
	return nil
}

func (s *side) begin(at time.Duration) error {
	s.n++
	s.open, s.from = true, at
	if err := s.words.Mark(pipeline.Edge{Kind: pipeline.Began, N: s.n, At: at}); err != nil {
		return fmt.Errorf("mark speech: %w", err)
	}
	return nil
}

// end closes the stretch, if there is one, and waits for its words.
func (s *side) end(ctx context.Context, at time.Duration) error {
	if !s.open {
		return nil
	}
	s.open = false
	at = max(at, s.from)
	if err := s.words.Mark(pipeline.Edge{Kind: pipeline.Ended, N: s.n, At: at}); err != nil {
		return fmt.Errorf("mark speech: %w", err)
	}
	late := time.AfterFunc(seldom, func() { _ = s.shut() })
	defer late.Stop()
	for {
		t, err, more := s.next()
		switch {
		case err != nil:
			return fmt.Errorf("recognise: %w", err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !more:
			return errors.New("recognise: no words came in time")
		case t.Kind == pipeline.Final && t.Edge == s.n:
			if t.Text != "" {
				s.said = append(s.said, store.Message{Role: string(s.role), Text: t.Text, At: s.from, Length: at - s.from})
			}
			return nil
		}
	}
}

// joinUp makes one message of stretches that follow each other closely, and numbers them.
func joinUp(said []store.Message) []store.Message {
	var out []store.Message
	for _, m := range said {
		if n := len(out) - 1; n >= 0 && out[n].Role == m.Role && m.At-out[n].At-out[n].Length < joined {
			out[n].Text += " " + m.Text
			out[n].Length = m.At + m.Length - out[n].At
			continue
		}
		m.Seq = len(out)
		out = append(out, m)
	}
	return out
}
