package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// An Error is a refusal by the server, or a response that broke.
type Error struct {
	Status     int    // of HTTP, or what the server's word within a stream stands for; 0: there was no answer, or it broke after a 200
	Code       string // the server's word for it, such as rate_limit_exceeded; ours: connection, truncated, garbage, too_long, tool_arguments, refusal
	Type       string // the server's, such as invalid_request_error, overloaded_error, RESOURCE_EXHAUSTED
	Message    string // for people
	Retryable  bool   // the same request may succeed later
	RetryAfter time.Duration
	Err        error // what broke, if it was not the server's word
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Status != 0 {
		fmt.Fprintf(&b, "status %d", e.Status)
	}
	for _, s := range []string{cmp.Or(e.Code, e.Type), e.Message} {
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(s)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// StatusCode is Status, for who sorts failures (providers.Class).
func (e *Error) StatusCode() int { return e.Status }

// Kind is what went wrong, for who has to mend it.
type Kind string

// The kinds.
const (
	Auth        Kind = "auth"        // the key is refused, or may not do this
	Quota       Kind = "quota"       // it is not paid for, or used up for longer than a call lasts
	Rate        Kind = "rate"        // too much was asked for just now
	BadRequest  Kind = "bad_request" // the server does not take the request: settings, tools, or a model that it has not
	Unavailable Kind = "unavailable" // the server cannot, or nobody answers
	Declined    Kind = "declined"    // the model, or what guards it, does not want to answer this
	Broken      Kind = "broken"      // the answer makes no sense, or ends early
)

// Kind sorts the error by its status, and by the server's words where one status means two things.
func (e *Error) Kind() Kind {
	words := e.Code + " " + e.Type
	switch {
	case e.Code == "refusal":
		return Declined
	case strings.Contains(words, "insufficient_quota"), strings.Contains(words, "billing"), e.Status == http.StatusPaymentRequired:
		return Quota
	case e.Status == http.StatusTooManyRequests:
		return Rate
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden, e.Code == "API_KEY_INVALID":
		return Auth
	case e.Status >= 500, e.Status == http.StatusRequestTimeout, e.Code == "connection":
		return Unavailable
	case e.Status >= 400:
		return BadRequest
	}
	return Broken
}

// Hopeless says that asking again will be refused again until somebody does something: about the key, the account or the settings.
func (e *Error) Hopeless() bool {
	k := e.Kind()
	return k == Auth || k == Quota || k == BadRequest
}

// AsError is the *Error that an error wraps; nil: none.
func AsError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// refused reads the answer of a server that did not say 200.
func refused(res *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxError))
	e := ServerError(body)
	e.Status = res.StatusCode
	if e.Message == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	e.Retryable = temporary(e)
	switch res.Header.Get("X-Should-Retry") {
	case "true":
		e.Retryable = true
	case "false":
		e.Retryable = false
	}
	e.RetryAfter = retryAfter(res.Header, time.Now())
	return e
}

// temporary says whether a status is worth a second try. A quota that is used up stays used up, although it comes as a 429.
func temporary(e *Error) bool {
	if e.Kind() == Quota {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= 500
}

// ServerError reads {"error": {...}}, which all vendors send, and what clones send in its place: {"error": "text"}, {"message": ...},
// {"detail": ...}, text. Google wraps it into a list where it was to send one, and names its reason among the details.
func ServerError(body []byte) *Error {
	var envelope struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
		fault
	}
	body = bytes.TrimSpace(body)
	if list := []json.RawMessage(nil); json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	if json.Unmarshal(body, &envelope) != nil {
		return &Error{Message: Clip(string(body))}
	}
	var f fault
	if json.Unmarshal(envelope.Error, &f) != nil {
		f = fault{Code: envelope.Code, Type: envelope.Type}
		for _, raw := range []json.RawMessage{envelope.Error, envelope.Message, envelope.Detail} {
			if len(raw) > 0 && string(raw) != "null" {
				f.Message = raw
				break
			}
		}
	}
	e := &Error{Code: Loose(f.Code), Type: Loose(f.Type), Message: Clip(Loose(f.Message))}
	if word := Loose(f.Status); googles.MatchString(word) { // its code is the status of HTTP
		e.Status, _ = strconv.Atoi(e.Code)
		e.Code, e.Type = f.reason(), word
	}
	return e
}

// fault is the inside of an error. Its members are strings, but numbers with some clones.
type fault struct {
	Code    json.RawMessage `json:"code"`
	Type    json.RawMessage `json:"type"`
	Message json.RawMessage `json:"message"`
	Status  json.RawMessage `json:"status"` // Google's word
	Details json.RawMessage `json:"details"`
}

// googles is how Google's words for a status look: google.rpc.Code.
var googles = regexp.MustCompile(`^[A-Z][A-Z_]+$`)

// reason is Google's word for why, if it has one: google.rpc.ErrorInfo.
func (f fault) reason() string {
	var details []struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(f.Details, &details) // others put there what they like
	for _, d := range details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	return ""
}

// Loose is the text of a JSON string; other JSON as it stands.
func Loose(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// Clip keeps a message short enough for one line of a log.
func Clip(s string) string {
	const most = 500
	s = strings.ToValidUTF8(s, "�")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// retryAfter reads how long the server wants us to wait: retry-after-ms, or Retry-After in seconds or as a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
