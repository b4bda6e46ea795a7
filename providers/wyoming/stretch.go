package wyoming

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/media/resample"
	"parley/pipeline"
)

// How stretches are sent.
const (
	hearRate   = 16000
	hearPiece  = 100 * time.Millisecond
	mostPauses = 20 // ends of the server's own in one stretch
)

// A said is what was understood of a stretch.
type said struct {
	texts []string
	lang  string
}

// A converter makes audio what recognisers work at.
type converter struct {
	r    *resample.Resampler
	pcm  []int16
	wire []byte
}

func newConverter(rate int) (*converter, error) {
	r, err := resample.New(rate, hearRate)
	if err != nil {
		return nil, err
	}
	return &converter{r: r}, nil
}

// convert is lent until the next time.
func (c *converter) convert(pcm []int16, last bool) []byte {
	c.pcm = c.r.Append(c.pcm[:0], pcm)
	if last {
		c.pcm = c.r.Flush(c.pcm)
	}
	c.wire = c.wire[:0]
	for _, s := range c.pcm {
		c.wire = binary.LittleEndian.AppendUint16(c.wire, uint16(s))
	}
	return c.wire
}

// listen has a stretch heard: on the connection that waits, or on a new one if that has died, and on another if the server takes a pause
// for the end.
func (t *transcription) listen(life context.Context, s *stretch) (w said, err error) {
	from, failed := s.from, false
	for range mostPauses {
		if due, ended, dropped := t.state(s); dropped || ended && (from >= s.to || !time.Now().Before(due)) {
			return w, nil
		}
		k := t.spare
		t.spare = nil
		if k == nil {
			if k, _, err = t.client.dial(life, t.base); err != nil {
				return w, err
			}
		}
		next, over, err := t.exchange(life, k, s, from, &w)
		switch {
		case err == nil && over:
			return w, nil
		case err == nil: // the server has ended it, and the caller has not
			from, failed = next, false
		case failed || life.Err() != nil:
			return w, failure(err)
		default:
			failed = true
			t.log.Debug("a stretch of speech is sent again", "err", err)
		}
	}
	return w, failure(errRestless)
}

// A reading is what the reader of a connection makes of an event, or the error with which it ended.
type reading struct {
	piece string // of a transcript that comes word by word
	all   bool   // text is all that was understood
	text  string
	lang  string
	err   error
}

// exchange sends a stretch from a place on while it is spoken, and adds to w what was understood. over says that all of it was heard, or
// that nobody waits any longer; if not, next is how far it was sent. The connection is closed and its reader gone when it returns.
func (t *transcription) exchange(life context.Context, k *conn, s *stretch, from int64, w *said) (next int64, over bool, err error) {
	defer context.AfterFunc(life, func() { _ = k.Close() })()
	left, read := make(chan struct{}), make(chan reading)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		k.read(read, left)
	}()
	defer func() {
		close(left)
		_ = k.Close()
		<-gone
	}()
	turn, err := newConverter(t.rate)
	if err != nil {
		return from, false, err
	}
	if err := t.announce(k); err != nil {
		return from, false, err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	piece := int(t.samples(hearPiece))
	var pcm []int16
	var growing string
	for stopped := false; ; {
		var last bool
		if !stopped {
			if pcm, from, last = t.piece(pcm, s, from, piece); len(pcm) > 0 || last {
				if err := t.send(k, turn.convert(pcm, last)); err != nil {
					return from, false, err
				}
			}
			if last {
				if err := k.say("audio-stop", nil, nil); err != nil {
					return from, false, err
				}
				due, _, _ := t.state(s)
				timer.Reset(time.Until(due))
				stopped = true
			}
			if len(pcm) > 0 {
				continue
			}
		}
		select {
		case <-t.wake:
			if _, _, dropped := t.state(s); dropped {
				return from, true, nil
			}
		case r := <-read:
			switch {
			case r.err != nil:
				return from, false, r.err
			case r.all:
				if text := strings.TrimSpace(r.text); text != "" {
					w.texts, w.lang = append(w.texts, text), r.lang
				}
				return from, stopped, nil
			}
			growing += r.piece
			t.partial(w, growing)
		case <-timer.C:
			if text := strings.TrimSpace(growing); text != "" {
				w.texts = append(w.texts, text)
			}
			return from, true, nil
		}
	}
}

// announce says what is to come.
func (t *transcription) announce(k *conn) error {
	type request struct {
		Name     string   `json:"name,omitempty"`
		Language string   `json:"language,omitempty"`
		Words    []string `json:"transcript_names,omitempty"`
	}
	lang, _, _ := strings.Cut(t.lang, "-") // servers know "en", and not "en-US"
	if err := k.say("transcribe", request{t.client.STTModel, strings.ToLower(lang), t.expected()}, nil); err != nil {
		return err
	}
	return k.say("audio-start", format{Rate: hearRate, Width: 2, Channels: 1}, nil)
}

// send sends audio; nothing if there is none.
func (t *transcription) send(k *conn, audio []byte) error {
	if len(audio) == 0 {
		return nil
	}
	return k.say("audio-chunk", format{Rate: hearRate, Width: 2, Channels: 1}, audio)
}

// partial tells the words so far.
func (t *transcription) partial(w *said, growing string) {
	text := strings.TrimSpace(strings.Join(w.texts, " ") + " " + strings.TrimSpace(growing))
	if text != "" {
		t.out.Put(pipeline.Transcript{Kind: pipeline.Partial, Text: text, Lang: t.lang})
	}
}

// read reads a connection until it ends or is left.
func (k *conn) read(to chan<- reading, left <-chan struct{}) {
	var growing string
	for {
		r, tell := k.reading(&growing)
		if !tell {
			continue
		}
		select {
		case to <- r:
		case <-left:
			return
		}
		if r.err != nil {
			return
		}
	}
}

// reading reads one event; tell is false of those that say nothing of words.
func (k *conn) reading(growing *string) (r reading, tell bool) {
	e, err := k.hear()
	if err != nil {
		return reading{err: fmt.Errorf("hear: %w", err)}, true
	}
	switch e.kind {
	case "error":
		return reading{err: e.failure()}, true
	case "transcript-chunk":
		r.piece, r.lang, err = e.text()
		*growing += r.piece
	case "transcript":
		r.all = true
		r.text, r.lang, err = e.text()
	case "transcript-stop": // of a server that does not say all of it again
		r.all, r.text = true, *growing
	default:
		return r, false
	}
	if err != nil {
		r.err = errors.Join(errForm, err)
	}
	return r, true
}
