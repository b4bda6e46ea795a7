package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

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

// AsError is err as vendor's: a refused handshake, a close frame, or what broke. An *Error stays as it is.
func AsError(vendor string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return &Error{Vendor: vendor, Status: r.Status, Message: string(r.Body)}
	}
	if c, ok := errors.AsType[*websocket.CloseError](err); ok && c.Code != websocket.CloseAbnormalClosure {
		return &Error{Vendor: vendor, Close: c.Code, Message: c.Text}
	} else if ok { // it was not closed at all, but broke
		err = io.ErrUnexpectedEOF
	}
	return &Error{Vendor: vendor, Err: err}
}
