package envelope

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/store"
)

// A Fault is an error that the client is told: why it gets no answer, and what to do about it.
type Fault struct {
	Status  int
	Message string
	Details map[string]string // by field: what is wrong with it
	Retry   time.Duration     // when to try again; 0: not said
	Header  http.Header       // of the answer, besides
	Cause   error             // for the log, never for the client
}

func (f *Fault) Error() string {
	if f.Cause != nil {
		return f.Message + ": " + f.Cause.Error()
	}
	return f.Message
}

func (f *Fault) Unwrap() error { return f.Cause }

// Bad refuses a request for what it asks.
func Bad(message string) *Fault { return &Fault{Status: http.StatusBadRequest, Message: message} }

// Missing says that there is no such thing, or not yet.
func Missing(message string) *Fault { return &Fault{Status: http.StatusNotFound, Message: message} }

// Busy says that something which the answer needs cannot be had now.
func Busy(message string, cause error) *Fault {
	return &Fault{Status: http.StatusServiceUnavailable, Message: message, Retry: 5 * time.Second, Cause: cause}
}

// Unauthorised asks for a key.
func Unauthorised(message string) *Fault {
	return &Fault{
		Status: http.StatusUnauthorized, Message: message,
		Header: http.Header{"Www-Authenticate": {`Bearer realm="parley"`}},
	}
}

// Forbidden says which scope a key lacks.
func Forbidden(scope string) *Fault {
	return &Fault{
		Status: http.StatusForbidden, Message: "the key lacks the scope " + scope, Details: map[string]string{"scope": scope},
	}
}

// Denied refuses somebody who is known, for what they may not do.
func Denied(message string) *Fault { return &Fault{Status: http.StatusForbidden, Message: message} }

// Again refuses a request for another one with the same Idempotency-Key.
func Again(message string) *Fault { return &Fault{Status: http.StatusConflict, Message: message} }

// TooMany refuses a request for those before it.
func TooMany(message string, retry time.Duration) *Fault {
	return &Fault{Status: http.StatusTooManyRequests, Message: message, Retry: max(retry, time.Second)}
}

// Wrong refuses a request for one field of it.
func Wrong(field, message string) *Fault {
	return &Fault{Status: http.StatusBadRequest, Message: "validation failed", Details: map[string]string{field: message}}
}

// FaultOf is the table from errors to statuses: what a client is told of an error that a handler returned.
func FaultOf(err error) *Fault {
	var f *Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrNotFound):
		return Missing("not found")
	case errors.Is(err, store.ErrConflict):
		return &Fault{Status: http.StatusBadRequest, Message: "not possible as things stand", Cause: err}
	case errors.Is(err, store.ErrUnavailable):
		return Busy("the database is not available, try again later", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Busy("the answer took too long, try again later", err)
	default:
		return &Fault{Status: http.StatusInternalServerError, Message: "internal error", Cause: err}
	}
}

// head sets the headers that a fault's answer has.
func (f *Fault) head(set func(name, value string)) {
	for name, values := range f.Header {
		set(name, strings.Join(values, ", "))
	}
	if f.Retry > 0 {
		set("Retry-After", strconv.Itoa(int((f.Retry+time.Second-1)/time.Second)))
	}
}

// A Failure is a fault in the shape of the voice-agents contract.
type Failure struct {
	Success bool              `json:"success" doc:"Always false." example:"false"`
	Message string            `json:"error" doc:"What went wrong, for people." example:"validation failed"`
	Details map[string]string `json:"details,omitempty" doc:"Every bad field by its name, nested ones with dots, and what is wrong with it. The whole body is called body."`
	Meta    Meta              `json:"meta"`

	status int
}

func (f *Failure) Error() string { return f.Message }

// GetStatus implements huma.StatusError.
func (f *Failure) GetStatus() int { return f.status }

// A body is a fault in the shape of some contract, as huma writes it.
type body interface {
	error
	GetStatus() int
}

// A Refusal is a fault in the shape of the CRM contract.
type Refusal struct {
	Code    int               `json:"code" doc:"The status." example:"400"`
	Kind    string            `json:"error" doc:"The status in words." example:"Bad Request"`
	Message string            `json:"message" doc:"What went wrong, for people." example:"validation failed"`
	Details map[string]string `json:"details" nullable:"false" doc:"Every bad field by its name, nested ones with dots, and what is wrong with it. The whole body is called body."`
}

func (r *Refusal) Error() string { return r.Message }

// GetStatus implements huma.StatusError.
func (r *Refusal) GetStatus() int { return r.Code }

// InCRM says whether a path belongs to the CRM contract.
func InCRM(path string) bool { return strings.HasPrefix(path, "/crm/") }

// shape puts a fault into the words of the contract that a path belongs to: bots and conversations, crm, or voice-agents.
func shape(path string, f *Fault, m Meta) body {
	switch {
	case IsBare(path):
		return bare(f)
	case InCRM(path):
		r := &Refusal{Code: f.Status, Kind: http.StatusText(f.Status), Message: f.Message, Details: f.Details}
		if r.Details == nil {
			r.Details = map[string]string{}
		}
		return r
	default:
		return &Failure{Message: f.Message, Details: f.Details, Meta: m, status: f.Status}
	}
}
