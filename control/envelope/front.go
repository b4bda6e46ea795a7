package envelope

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxBody is how many bytes a request's body may have, but for operations that ask for a LongBody.
const MaxBody = 1 << 20

// A Front is what all of the API stands behind. It gives each request an id, bounds its body, turns a panic into a 500 and plain-text
// errors of net/http (the mux's 404 and 405, ServeContent's 416) into envelopes, and tells the log and the metrics of it. It never
// logs a query or a header: there are secrets in them.
type Front struct {
	Next    http.Handler
	Log     *slog.Logger
	Observe func(route, method string, status int, d time.Duration) // route is a pattern; nil: nobody counts

	// Answered is told of a request, with its context, by the same words; nil: nobody is.
	Answered func(ctx context.Context, route, method string, status int)
}

// A request is what the Front knows of the one it serves.
type request struct {
	id    string
	fault *Fault        // that was answered, if its cause is for the log
	body  io.ReadCloser // as it came, of whatever length
}

// LongBody is the body of the request that is being served, for an operation that takes more than MaxBody: at most so many bytes, after
// which reading gives a *http.MaxBytesError. It is to be asked for before anything of the body has been read.
func LongBody(w http.ResponseWriter, r *http.Request, most int64) io.ReadCloser {
	if q, ok := r.Context().Value(requestKey{}).(*request); ok {
		return http.MaxBytesReader(w, q.body, most)
	}
	return http.MaxBytesReader(w, r.Body, most)
}

type requestKey struct{}

// RequestID is the id of the request that is being served; empty outside of one.
func RequestID(ctx context.Context) string {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.id
	}
	return ""
}

// note keeps a fault for the log line of its request.
func note(ctx context.Context, f *Fault) {
	if q, ok := ctx.Value(requestKey{}).(*request); ok && f.Cause != nil {
		q.fault = f
	}
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	q := &request{id: identify(r.Header.Get("X-Request-Id")), body: r.Body}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	h := w.Header()
	h.Set("X-Request-Id", q.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")

	out := &writer{ResponseWriter: w}
	defer func() {
		p := recover()
		half := p != nil && !f.recovered(out, r, q, p)
		took := time.Since(began)
		if !out.left.IsZero() {
			took = out.left.Sub(began)
		}
		f.report(r, q, out.status, took)
		if half {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
	}()
	f.Next.ServeHTTP(out, r)
	if out.plain {
		Write(w, r, plainFault(out.status, h.Get("Allow")))
	} else if out.status == 0 {
		out.WriteHeader(http.StatusOK)
	}
}

// recovered answers a request whose handler panicked, if nothing went out yet. A reader who has gone makes huma panic too: that is
// nobody's fault.
func (f *Front) recovered(out *writer, r *http.Request, q *request, p any) (answered bool) {
	if p == http.ErrAbortHandler || out.failed != nil || r.Context().Err() != nil { //nolint:errorlint // recover gives the very value
		out.status = 499 // nginx's word for: the client closed the request
		return false
	}
	fault := &Fault{
		Status: http.StatusInternalServerError, Message: "internal error", Cause: fmt.Errorf("panic: %v\n%s", p, debug.Stack()),
	}
	q.fault = fault
	if out.status != 0 && !out.plain {
		return false
	}
	out.status = fault.Status
	Write(out.ResponseWriter, r, fault)
	return true
}

// report tells log and metrics of a request, once.
func (f *Front) report(r *http.Request, q *request, status int, took time.Duration) {
	route := route(r)
	if f.Observe != nil {
		f.Observe(route, method(r), status, took)
	}
	if f.Answered != nil {
		f.Answered(r.Context(), route, method(r), status)
	}
	attrs := []slog.Attr{
		slog.String("request_id", q.id), slog.String("method", method(r)), slog.String("route", route), slog.Int("status", status),
		slog.Duration("took", took),
	}
	if q.fault == nil || q.fault.Status < http.StatusInternalServerError || r.Context().Err() != nil {
		f.Log.LogAttrs(r.Context(), slog.LevelDebug, "request", attrs...)
		return
	}
	level := slog.LevelError
	if q.fault.Status == http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	f.Log.LogAttrs(r.Context(), level, "request failed", append(attrs, slog.Any("err", q.fault.Cause))...)
}

// Write answers with a fault, in the shape of its path's contract.
func Write(w http.ResponseWriter, r *http.Request, f *Fault) {
	note(r.Context(), f)
	f.head(w.Header().Set)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store") // which net/http takes out of its own errors
	h.Del("Content-Length")
	w.WriteHeader(f.Status)
	_ = Format.Marshal(w, shape(r.URL.Path, f, metaOf(r.Context()))) // who does not read it any more is not told
}

// plainFault says in our words what net/http said in plain text.
func plainFault(status int, allow string) *Fault {
	f := &Fault{Status: status, Message: strings.ToLower(http.StatusText(status))}
	switch status {
	case http.StatusNotFound:
		f.Message = "no such path"
	case http.StatusMethodNotAllowed:
		f.Message = "method not allowed here: use " + allow
	case http.StatusRequestedRangeNotSatisfiable:
		f.Message = "the file has no such range"
	}
	return f
}

// route is the pattern that a request matched, without its method.
func route(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method is a request's method, if it is one of the usual ones: a client may send any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	default:
		return "other"
	}
}

// identify takes a client's request id if it is harmless, and makes one otherwise.
func identify(given string) string {
	if given == "" || len(given) > 128 {
		return uuid.NewString()
	}
	for _, c := range []byte(given) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("-_.:", rune(c)) {
			return uuid.NewString()
		}
	}
	return given
}

// A writer remembers what was answered, and keeps plain-text errors from going out.
type writer struct {
	http.ResponseWriter
	status int
	plain  bool      // the answer is a plain-text error that the Front will say better
	failed error     // the reader has gone
	left   time.Time // when the connection became a WebSocket's; zero: it is HTTP
}

// Hijack implements http.Hijacker. The request counts as answered by then, however long the socket lives.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status, w.left = http.StatusSwitchingProtocols, time.Now()
	}
	return conn, rw, err //nolint:wrapcheck // it is the server's
}

func (w *writer) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status >= 100 && status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if w.plain = status >= 400 && strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain"); !w.plain {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.plain {
		return len(p), nil
	}
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		w.failed = err
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files go out without being copied through us.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.WriteHeader(http.StatusOK)
	if w.plain {
		return io.Copy(io.Discard, r)
	}
	n, err := io.Copy(w.ResponseWriter, r)
	if err != nil {
		w.failed = err
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
