package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// An Error is a recogniser's refusal, the reason it gave for ending a socket, or what broke. It never holds the key.
type Error struct {
	Vendor  string
	Status  int    // HTTP's, of a refused handshake, or the one that says the same as Code or Close; 0: none does
	Close   int    // WebSocket close code; 0: none
	Code    string // the vendor's own; may be empty
	Message string // for people
	Err     error  // what broke, if it was not the vendor's word
}

// StatusCode is Status, for who sorts failures (providers.Class).
func (e *Error) StatusCode() int { return e.Status }

// Unwrap is what broke.
func (e *Error) Unwrap() error { return e.Err }

// Error names the vendor, how it was told, and the vendor's words.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Vendor + ":")
	switch {
	case e.Close != 0:
		fmt.Fprintf(&b, " closed with %d", e.Close)
	case e.Status != 0 && e.Code == "":
		fmt.Fprintf(&b, " HTTP %d", e.Status)
	}
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			b.WriteString(" " + s)
		}
	}
	if e.Err != nil {
		b.WriteString(" " + e.Err.Error())
	}
	return b.String()
}

// Hopeless says that asking again will be refused again until somebody does something: about the key, the account or the settings.
func (e *Error) Hopeless() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}

// againAfter is how long a request that failed is not made again.
const againAfter = 150 * time.Millisecond

// Again says whether a request that ended so is worth a second try, and after what time. One that nobody answered for so long is not: who
// waits for it has waited enough.
func Again(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*Error](err)
	return againAfter, ok && !e.Hopeless() && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// Clean takes the key, and what plays tricks in a log, out of the vendor's words.
func (e *Error) Clean(key string) *Error {
	for _, s := range []*string{&e.Code, &e.Message} {
		if key != "" {
			*s = strings.ReplaceAll(*s, key, "[key]")
		}
		*s = strings.TrimSpace(Printable(*s))
	}
	return e
}

// A lateError is that something did not come in time. It implements net.Error.
type lateError struct {
	what  string
	limit time.Duration
}

// Late says that there was no what, such as "answer", within limit. Its class is providers.Late.
func Late(what string, limit time.Duration) error { return &lateError{what, limit} }

func (e *lateError) Error() string   { return fmt.Sprintf("no %s within %v", e.what, e.limit) }
func (e *lateError) Timeout() bool   { return true }
func (e *lateError) Temporary() bool { return true }

// closed are the statuses of HTTP that say the same as WebSocket's own close codes.
var closed = map[int]int{
	websocket.CloseInternalServerErr: http.StatusInternalServerError,
	websocket.CloseServiceRestart:    http.StatusServiceUnavailable,
	websocket.CloseTryAgainLater:     http.StatusTooManyRequests,
	websocket.CloseUnsupportedData:   http.StatusBadRequest,
}

// AsError is err as vendor's: a refused handshake, a close frame, or what broke. An *Error stays as it is.
func AsError(vendor string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return &Error{Vendor: vendor, Status: r.Status, Message: string(r.Body)}
	}
	c, ok := errors.AsType[*websocket.CloseError](err)
	switch {
	case !ok:
		return &Error{Vendor: vendor, Err: err}
	case c.Code == websocket.CloseAbnormalClosure:
		return &Error{Vendor: vendor, Err: fmt.Errorf("the connection broke: %w", io.ErrUnexpectedEOF)}
	}
	return &Error{Vendor: vendor, Close: c.Code, Status: closed[c.Code], Message: c.Text}
}
