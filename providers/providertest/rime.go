package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A Rime is a stand-in for Rime's voices over real sockets, for tests and load. It speaks in tones (see Tones), one context at a time, with the
// times of words. Its fields must not change while it runs.
type Rime struct {
	Key        string        // wanted as bearer token; empty: any
	FirstAudio time.Duration // between a text and its first sound
	Pace       float64       // of the voice, as a multiple of real time; 0: all at once
	Speak      Trouble
	Asked      func(path string, query url.Values) // told of each connection that was admitted, by any goroutine; nil: nobody is
	Told       func(message string)                // told of each message, by any goroutine; nil: nobody is

	earServer
}

// StartRime runs r on a loopback port until the test ends, and returns its base URL. Its counts: Asks are texts to speak, Goodbyes what was
// cleared, Audio messages of sound.
func StartRime(t testing.TB, r *Rime) (baseURL string) {
	t.Helper()
	return "ws://" + startEar(t, r.Run)
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (r *Rime) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws3", func(w http.ResponseWriter, req *http.Request) { r.speakOn(ctx, w, req) })
	return r.serveEars(ctx, ln, mux)
}

// A rimeSocket is one socket. One goroutine reads, another speaks.
type rimeSocket struct {
	ear
	r     *Rime
	rate  int
	width int
	news  chan struct{} // there is text

	mu      sync.Mutex
	waits   string // that is not being spoken
	context string // the last that was named
}

// speakOn serves a socket.
func (r *Rime) speakOn(ctx context.Context, w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	s := &rimeSocket{ear: ear{trouble: r.Speak}, r: r, news: make(chan struct{}, 1), width: map[string]int{"mulaw": 1, "pcm": 2}[q.Get("audioFormat")]}
	s.rate, _ = strconv.Atoi(q.Get("samplingRate"))
	r.listen(ctx, w, req, &s.ear, func() (int, string) {
		if r.Asked != nil {
			r.Asked(req.URL.Path, q)
		}
		switch {
		case r.Key != "" && req.Header.Get("Authorization") != "Bearer "+r.Key:
			return http.StatusUnauthorized, `{"message":"Invalid API key: ` + req.Header.Get("Authorization") + `"}`
		case s.width == 0 || s.rate < 4000 || q.Get("speaker") == "" || q.Get("modelId") == "" || q.Get("segment") != "immediate":
			return http.StatusBadRequest, `{"message":"audioFormat, samplingRate, speaker, modelId and segment are needed"}`
		}
		return 0, ""
	}, func() {
		ctx, cancel := context.WithCancel(ctx)
		var speaking sync.WaitGroup
		speaking.Go(func() {
			if s.recite(ctx) != nil {
				_ = s.Close() // the reader is done too
			}
		})
		defer speaking.Wait()
		defer cancel()
		s.attend(ctx, func([]byte) error { return net.ErrClosed }, s.obey)
	})
}

// obey does what a message says.
func (s *rimeSocket) obey(message []byte) error {
	if s.r.Told != nil {
		s.r.Told(string(message))
	}
	var o struct {
		Text      string `json:"text"`
		Context   string `json:"contextId"`
		Operation string `json:"operation"`
	}
	strict := json.NewDecoder(bytes.NewReader(message))
	strict.DisallowUnknownFields()
	err := strict.Decode(&o)
	switch {
	case err != nil || o.Operation != "" && o.Operation != "clear":
		return s.complain("The message is not understood.")
	case o.Operation == "clear":
		s.counts.Goodbyes.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waits = ""
		return nil
	case s.trouble.Fault == CloseEarly:
		code := s.trouble.Close
		if code == 0 {
			code = websocket.CloseInternalServerErr
		}
		s.hangUp(code, s.trouble.Reason)
		return net.ErrClosed
	case s.trouble.Fault == Complain:
		return s.complain(s.trouble.Reason)
	}
	s.counts.Asks.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits += o.Text
	if o.Context != "" {
		s.context = o.Context
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
	return nil
}

func (s *rimeSocket) complain(message string) error {
	return s.say(fields{"type": "error", "message": message}, 0)
}

// take is what waits, and its context.
func (s *rimeSocket) take() (text, context string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, s.waits = s.waits, ""
	return text, s.context
}

// recite speaks what waits until ctx ends: all of it at once, and after it what came meanwhile. It says when nothing is left.
func (s *rimeSocket) recite(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.news:
		}
		spoken := ""
		for text, id := s.take(); strings.TrimSpace(text) != ""; text, id = s.take() {
			spoken = id
			if err := s.sound(ctx, text, id); err != nil {
				return err
			}
		}
		if spoken == "" || s.trouble.Fault == NeverAnswers {
			continue
		}
		if err := s.say(fields{"type": "done", "contextId": spoken}, 0); err != nil {
			return err
		}
	}
}

// sound speaks a text in tones, with the times of its words from its own beginning, until ctx ends.
func (s *rimeSocket) sound(ctx context.Context, text, id string) error {
	rate, pace := s.rate, s.r.Pace
	switch s.trouble.Fault {
	case NeverAnswers:
		return nil
	case WrongRate:
		rate *= 2
	case Drip:
		pace = 0.25
	}
	if !nap(ctx, s.r.FirstAudio) {
		return nil
	}
	if err := s.say(fields{"type": "timestamps", "word_timestamps": timed(text, 0), "contextId": id}, 0); err != nil {
		return err
	}
	sound, piece := wired(Tones(text, rate), s.width), rate/10*s.width
	for at := 0; at < len(sound); at += piece {
		if wait := time.Duration(float64(100*time.Millisecond) / pace); at > 0 && pace > 0 && !nap(ctx, wait) {
			return nil
		}
		part := sound[at:min(at+piece, len(sound))]
		if s.trouble.Fault == CutOff {
			part = part[:len(part)/2]
		}
		s.counts.Audio.Add(1)
		if err := s.say(fields{"type": "chunk", "data": part, "contextId": id}, 0); err != nil {
			return err
		}
		if s.trouble.Fault == CutOff {
			return net.ErrClosed
		}
	}
	return nil
}
