package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is a refusal by the server, or a response that broke.
type Error struct {
	Status     int    // of HTTP; 0: there was no answer, or it broke after a 200
	Code       string // the server's word for it, such as rate_limit_exceeded; ours: connection, truncated, garbage, too_long, tool_arguments
	Type       string // the server's, such as invalid_request_error
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
	for _, s := range []string{e.Code, e.Message} {
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

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// refused reads the answer of a server that did not say 200.
func refused(res *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxError))
	e := serverError(body)
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
	if e.Code == "insufficient_quota" || e.Type == "insufficient_quota" {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= 500
}

// serverError reads {"error": {...}}, and what clones send in its place: {"error": "text"}, {"message": ...}, {"detail": ...}, text.
func serverError(body []byte) *Error {
	var envelope struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
		fault
	}
	if json.Unmarshal(body, &envelope) != nil {
		return &Error{Message: clip(strings.TrimSpace(string(body)))}
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
	return &Error{Code: loose(f.Code), Type: loose(f.Type), Message: clip(loose(f.Message))}
}

// fault is the inside of an error. Its members are strings, but numbers with some clones.
type fault struct {
	Code    json.RawMessage `json:"code"`
	Type    json.RawMessage `json:"type"`
	Message json.RawMessage `json:"message"`
}

// loose is the text of a JSON string; other JSON as it stands.
func loose(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// clip keeps a message short enough for one line of a log.
func clip(s string) string {
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
