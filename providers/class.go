package providers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"parley/pipeline"
)

// How requests end, as metrics name it.
const (
	OK  = "ok"
	Cut = "cut" // nobody wanted the rest of it: the caller interrupted, or has gone

	Late        = "late"        // it, or its first sound, did not come in time
	Auth        = "auth"        // the key was refused
	Quota       = "quota"       // too much was asked for, or it is not paid for
	Refused     = "refused"     // the request was
	Unavailable = "unavailable" // the provider says that it cannot
	Overloaded  = "overloaded"  // local speech has more to do than it can
	Connection  = "connection"  // none could be made, or it was lost
	Silent      = "silent"      // there was text, and no sound
	Other       = "other"       // such as answers that make no sense
)

// Classes are the classes of failures.
func Classes() []string {
	return []string{Late, Auth, Quota, Refused, Unavailable, Overloaded, Connection, Silent, Other}
}

// Class is the class of a provider's failure. Errors say by their methods what they are: StatusCode() int of HTTP, Timeout() bool as
// net.Error has it, Overloaded() bool.
func Class(err error) string {
	status, known := errors.AsType[interface {
		error
		StatusCode() int
	}](err)
	overload, full := errors.AsType[interface {
		error
		Overloaded() bool
	}](err)
	wire, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errTooQuiet):
		return Late
	case errors.Is(err, errNoSound), errors.Is(err, errSilent):
		return Silent
	case known && status.StatusCode() != 0:
		return ofStatus(status.StatusCode())
	case full && overload.Overloaded():
		return Overloaded
	case errors.Is(err, context.DeadlineExceeded), network && wire.Timeout():
		return Late
	case network, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return Connection
	}
	return Other
}

// ofStatus is the class of a status of HTTP.
func ofStatus(status int) string {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Auth
	case status == http.StatusPaymentRequired, status == http.StatusTooManyRequests:
		return Quota
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return Late
	case status >= http.StatusInternalServerError:
		return Unavailable
	case status >= http.StatusBadRequest:
		return Refused
	}
	return Other
}

// outcome is how a request ended: with a failure or none, or left by who had asked. Whose context has ended did not fail, unless it was
// ended since this very part was late.
func outcome(ctx context.Context, part string, failure error, left bool) string {
	if cause := context.Cause(ctx); cause != nil {
		late, ok := errors.AsType[*pipeline.LateError](cause)
		if ok && late.Part == part || errors.Is(cause, errTooQuiet) || errors.Is(cause, errStalled) || errors.Is(cause, context.DeadlineExceeded) {
			return Late
		}
		return Cut
	}
	switch {
	case failure != nil:
		return Class(failure)
	case left:
		return Cut
	}
	return OK
}
