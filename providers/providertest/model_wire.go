package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ModelCounts is what a language model's stand-in has seen. They are read with Load at any time.
type ModelCounts struct {
	Connections atomic.Int64 // accepted
	Open        atomic.Int64 // now
	Requests    atomic.Int64 // for answers
	Models      atomic.Int64 // requests for the list of models
	Refused     atomic.Int64 // for their key, or because they made no sense
	Whole       atomic.Int64 // answers written to their end
	Abandoned   atomic.Int64 // answers that the client did not wait for
}

// A ModelAnswer is a response: steps of a stream, or, with a Body, a whole one.
type ModelAnswer struct {
	Status int         // 0: 200
	Header http.Header // besides the Content-Type
	Body   string      // JSON
	Steps  []ModelStep
}

// A ModelStep waits, writes, and then does what Then says.
type ModelStep struct {
	Until <-chan struct{} // wait for it to be closed
	After time.Duration   // wait
	Write string          // bytes of the stream, flushed at once
	Drip  int             // flush after each so many bytes; 0: at the end
	Then  ModelEnd
}

// ModelEnd is a way to end a stream early.
type ModelEnd uint8

// The ends.
const (
	ModelGoOn      ModelEnd = iota
	ModelHang               // nothing more is written; the connection stays open until the client closes it
	ModelHalfClose          // our side of the connection is closed, without the end of the chunked body
	ModelReset              // the connection is reset
)

// serveModel serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func serveModel(ctx context.Context, ln net.Listener, routes http.Handler, counts *ModelCounts, running *handlers) error {
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second, ConnState: counts.connection}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(ln)
	stopped()
	running.end()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

func (c *ModelCounts) connection(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		c.Connections.Add(1)
		c.Open.Add(1)
	case http.StateClosed, http.StateHijacked:
		c.Open.Add(-1)
	}
}

// playAnswer writes an answer, step by step.
func playAnswer(ctx context.Context, w http.ResponseWriter, r *http.Request, answer ModelAnswer, counts *ModelCounts) {
	if answer.Body != "" || answer.Status != 0 && answer.Status != http.StatusOK {
		writeAnswer(w, answer)
		counts.Whole.Add(1)
		return
	}
	for k, vs := range answer.Header {
		w.Header()[k] = vs
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	for _, s := range answer.Steps {
		if !doStep(ctx, w, r, s) {
			counts.Abandoned.Add(1)
			return
		}
		if s.Then == ModelHalfClose || s.Then == ModelReset {
			breakOff(ctx, w, s.Then)
			return
		}
	}
	counts.Whole.Add(1)
}

func writeAnswer(w http.ResponseWriter, a ModelAnswer) {
	w.Header().Set("Content-Type", "application/json")
	for k, vs := range a.Header {
		w.Header()[k] = vs
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body)
}

// doStep does one step; false if the client or the server has gone meanwhile.
func doStep(ctx context.Context, w http.ResponseWriter, r *http.Request, s ModelStep) bool {
	gone := func(until <-chan struct{}, after <-chan time.Time) bool {
		select {
		case <-ctx.Done():
			return true
		case <-r.Context().Done():
			return true
		case <-until:
		case <-after:
		}
		return false
	}
	if s.Until != nil && gone(s.Until, nil) {
		return false
	}
	if s.After > 0 && gone(nil, time.After(s.After)) {
		return false
	}
	for rest := s.Write; rest != ""; {
		n := len(rest)
		if s.Drip > 0 {
			n = min(n, s.Drip)
		}
		if _, err := io.WriteString(w, rest[:n]); err != nil {
			return false
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return false
		}
		rest = rest[n:]
	}
	return s.Then != ModelHang || !gone(nil, nil)
}

// breakOff takes the connection from the server and ends it the hard way.
func breakOff(ctx context.Context, w http.ResponseWriter, how ModelEnd) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if how == ModelReset {
		_ = tcp.SetLinger(0)
		return
	}
	_ = tcp.CloseWrite()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn) // until the client closes its side
}
