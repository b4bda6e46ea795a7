package openai

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"parley/providers/chat"
)

// How a take's sound is read.
const (
	takePiece = speechRate / 10 * 2 // bytes of a piece: 100 ms
	takeAhead = 150                 // pieces that wait for a slow caller; then the server waits
)

// A take is words as they are spoken by a request, on a goroutine of its own.
type take struct {
	sound chan []byte // 24 kHz, little-endian; closed after the last
	ended chan struct{}
	err   error // known once it has ended
	begun bool  // sound has come; its goroutine's
}

// take asks for sound, and once more if that may help and none has come. It ends with ctx.
func (a *Audio) take(ctx context.Context, to string, body []byte) *take {
	t := &take{sound: make(chan []byte, takeAhead), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		defer close(t.sound)
		t.err = a.try(ctx, t, to, body)
		wait, again := chat.Retry(t.err)
		if !again || t.begun {
			return
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			t.err = a.try(ctx, t, to, body)
		case <-ctx.Done():
		}
	}()
	return t
}

// try makes one request and passes its sound on. A server that is silent for too long is waited for no more.
func (a *Audio) try(ctx context.Context, t *take, to string, body []byte) error {
	limit := cmp.Or(a.AudioLimit, defaultAudioLimit)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(limit, func() { cancel(fmt.Errorf("no sound for %v: %w", limit, context.DeadlineExceeded)) })
	defer late.Stop()
	broken := func(what string, err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &Error{Code: "connection", Message: what, Retryable: !errors.Is(err, context.DeadlineExceeded), Err: err}
	}
	w := a.wire()
	w.Prepare = func(r *http.Request) { r.Header.Set("Accept", "*/*") }
	res, err := w.Send(ctx, http.MethodPost, to, body)
	if err != nil {
		return broken("the request failed", err)
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return w.Refused(res)
	}
	for {
		piece := make([]byte, takePiece)
		n, err := res.Body.Read(piece)
		late.Stop()
		if n > 0 && !t.begun {
			if wrong := notSound(res.Header, piece[:n]); wrong != "" {
				return &Error{Code: "garbage", Message: wrong + " came where pcm was asked for"}
			}
		}
		if n > 0 {
			t.begun = true
			select {
			case t.sound <- piece[:n]:
			case <-ctx.Done():
				return broken("nobody listens", ctx.Err())
			}
		}
		switch {
		case errors.Is(err, io.EOF) && !t.begun:
			return &Error{Code: "truncated", Message: "the answer has no sound", Retryable: true}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken("the sound broke off", err)
		}
		late.Reset(limit)
	}
}

// notSound names what an answer is if it is anything else than samples: it would be heard as noise.
func notSound(h http.Header, begin []byte) string {
	switch kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")); kind {
	case "application/json", "text/html", "text/plain", "text/event-stream":
		return kind
	}
	for name, mark := range map[string]string{"MP3": "ID3", "WAV": "RIFF", "Ogg": "OggS", "FLAC": "fLaC"} {
		if bytes.HasPrefix(begin, []byte(mark)) {
			return name
		}
	}
	return ""
}
