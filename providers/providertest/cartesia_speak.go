package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// sonicExpiry is how long a context lives without text, when all is spoken that it was told.
const sonicExpiry = time.Second

// A sonicSocket is one socket of Sonic. One goroutine reads, and each context speaks on one of its own.
type sonicSocket struct {
	ear
	c    *Cartesia
	work sync.WaitGroup

	mu       sync.Mutex
	contexts map[string]*sonicContext // nil: one that has ended
}

// A sonicContext is an utterance, or a part of one.
type sonicContext struct {
	first sonicOrder
	texts chan string // of the reader, which closes it
	stop  context.CancelFunc
	at    time.Duration // how much of it was spoken
	width int
}

// sonicOrder is a message of a client's. What it does not know it refuses.
type sonicOrder struct {
	Model      string          `json:"model_id"`
	Transcript string          `json:"transcript"`
	Voice      json.RawMessage `json:"voice"`
	Language   string          `json:"language"`
	Context    string          `json:"context_id"`
	Continue   bool            `json:"continue"`
	Format     struct {
		Container string `json:"container"`
		Encoding  string `json:"encoding"`
		Rate      int    `json:"sample_rate"`
	} `json:"output_format"`
	Timestamps bool            `json:"add_timestamps"`
	Delay      *int            `json:"max_buffer_delay_ms"`
	Generation json.RawMessage `json:"generation_config"`
	Cancel     bool            `json:"cancel"`
}

// speakOn serves a socket of Sonic.
func (c *Cartesia) speakOn(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	s := &sonicSocket{ear: ear{trouble: c.Speak}, c: c, contexts: map[string]*sonicContext{}}
	c.voices.listen(ctx, w, r, &s.ear, func() (int, string) {
		if c.Asked != nil {
			c.Asked(r.URL.Path, r.URL.Query())
		}
		return c.known(r)
	}, func() {
		ctx, cancel := context.WithCancel(ctx)
		defer s.work.Wait()
		defer cancel()
		s.attend(ctx, func([]byte) error { return net.ErrClosed }, func(message []byte) error { return s.obey(ctx, message) })
	})
}

// complain tells of an error in a context, or of none.
func (s *sonicSocket) complain(id string, status int, code, message string) error {
	e := fields{"type": "error", "status_code": status, "done": true, "title": http.StatusText(status), "message": message, "error_code": code, "request_id": s.request}
	if id != "" {
		e["context_id"] = id
	}
	return s.say(e, 0)
}

// obey does what a message says.
func (s *sonicSocket) obey(ctx context.Context, message []byte) error {
	if s.c.Told != nil {
		s.c.Told(string(message))
	}
	var o sonicOrder
	strict := json.NewDecoder(bytes.NewReader(message))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&o); err != nil || o.Context == "" {
		return s.complain(o.Context, http.StatusBadRequest, "invalid_request", "The message is not understood.")
	}
	s.mu.Lock()
	at, known := s.contexts[o.Context]
	s.mu.Unlock()
	switch {
	case o.Cancel:
		s.counts.Goodbyes.Add(1)
		if at != nil {
			at.stop()
		}
		return nil
	case known && at == nil:
		return s.complain(o.Context, http.StatusBadRequest, "context_expired", "The context has expired.")
	case at == nil:
		if at = s.begin(ctx, o); at == nil {
			return s.complain(o.Context, http.StatusBadRequest, "invalid_request", "The output_format, model_id or voice is missing.")
		}
	}
	if o.Model != at.first.Model || !bytes.Equal(o.Voice, at.first.Voice) || o.Format != at.first.Format || o.Language != at.first.Language {
		return s.complain(o.Context, http.StatusBadRequest, "invalid_request", "A context keeps its settings.")
	}
	switch {
	case strings.TrimSpace(o.Transcript) == "":
	case s.trouble.Fault == CloseEarly:
		code := s.trouble.Close
		if code == 0 {
			code = 1011
		}
		s.hangUp(code, s.trouble.Reason)
		return net.ErrClosed
	case s.trouble.Fault == Complain:
		status := s.trouble.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		return s.complain(o.Context, status, s.trouble.Reason, "There is a trouble.")
	default:
		s.counts.Asks.Add(1)
		select {
		case at.texts <- o.Transcript:
		case <-ctx.Done():
		}
	}
	if !o.Continue {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.contexts[o.Context] != nil {
			s.contexts[o.Context] = nil
			close(at.texts)
		}
	}
	return nil
}

// begin opens a context; nil if it lacks something.
func (s *sonicSocket) begin(ctx context.Context, o sonicOrder) *sonicContext {
	width := map[string]int{"pcm_mulaw": 1, "pcm_s16le": 2}[o.Format.Encoding]
	if width == 0 || o.Format.Rate < 8000 || o.Format.Container != "raw" || o.Model == "" || len(o.Voice) == 0 {
		return nil
	}
	c := &sonicContext{first: o, texts: make(chan string, 64), width: width}
	ctx, c.stop = context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contexts[o.Context] = c
	s.work.Go(func() {
		defer c.stop()
		if s.speak(ctx, c) != nil {
			_ = s.Close() // the reader is done too
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.contexts[o.Context] = nil
	})
	return c
}

// speak speaks what a context is told, to its end or until it is cancelled or has expired.
func (s *sonicSocket) speak(ctx context.Context, c *sonicContext) error {
	expiry := time.NewTimer(time.Hour)
	defer expiry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case text, ok := <-c.texts:
			if !ok {
				return s.over(c)
			}
			if err := s.sound(ctx, c, text); err != nil {
				return err
			}
			expiry.Reset(sonicExpiry)
		case <-expiry.C:
			return s.over(c)
		}
	}
}

// over says that nothing follows in a context.
func (s *sonicSocket) over(c *sonicContext) error {
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	return s.say(fields{"type": "done", "context_id": c.first.Context, "status_code": 200, "done": true}, 0)
}

// sound speaks a text in tones, with the times of its words, until ctx ends.
func (s *sonicSocket) sound(ctx context.Context, c *sonicContext, text string) error {
	rate, pace := c.first.Format.Rate, s.c.Pace
	switch s.trouble.Fault {
	case NeverAnswers:
		return nil
	case WrongRate:
		rate *= 2
	case Drip:
		pace = 0.25
	}
	if !nap(ctx, s.c.FirstAudio) {
		return nil
	}
	wire, piece, began := wired(Tones(text, rate), c.width), rate/10*c.width, c.at
	c.at += TonesLength(text)
	for at := 0; at < len(wire); at += piece {
		if wait := time.Duration(float64(100*time.Millisecond) / pace); at > 0 && pace > 0 && !nap(ctx, wait) {
			return nil
		}
		part := wire[at:min(at+piece, len(wire))]
		if s.trouble.Fault == CutOff {
			part = part[:len(part)/2]
		}
		s.counts.Audio.Add(1)
		if err := s.say(fields{"type": "chunk", "context_id": c.first.Context, "status_code": 206, "done": false, "step_time": 41.2, "data": part}, 0); err != nil {
			return err
		}
		if s.trouble.Fault == CutOff {
			return net.ErrClosed
		}
	}
	if !c.first.Timestamps {
		return nil
	}
	return s.say(fields{"type": "timestamps", "context_id": c.first.Context, "status_code": 206, "done": false, "word_timestamps": timed(text, began)}, 0)
}

// timed are the words of a text, and when they are said in its Tones, which begin at some time.
func timed(text string, began time.Duration) fields {
	words, start, end := []string{}, []float64{}, []float64{}
	for _, w := range strings.Fields(text) {
		words, start, end = append(words, w), append(start, began.Seconds()), append(end, (began+wordTime(w)).Seconds())
		began += wordTime(w) + wordGap
	}
	return fields{"words": words, "start": start, "end": end}
}

// nap waits; false if ctx ended meanwhile.
func nap(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
