package elevenlabs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// A Reason is why ElevenLabs does not speak, as far as somebody may do something about it.
type Reason string

// The reasons.
const (
	Unavailable Reason = "unavailable" // it cannot be reached, or is unwell: the same may work later
	Auth        Reason = "auth"        // the key is wrong, or may not do this
	Quota       Reason = "quota"       // the account's credits are spent
	Rate        Reason = "rate"        // too much at once: the same may work soon
	BadRequest  Reason = "bad_request" // no such voice or model, or a setting that it does not have
)

// An Error is why ElevenLabs does not speak: its refusal, the reason it gave for hanging up, or what broke. It never holds the key.
type Error struct {
	Reason  Reason
	Status  int    // HTTP status of a refused handshake; 0: there was a connection
	Close   int    // WebSocket close code, or the one that is to come; 0: none
	Code    string // ElevenLabs' own, such as quota_exceeded; may be empty
	Message string // for people
	Err     error  // what broke, if it was not ElevenLabs' word
}

// Unwrap is what broke.
func (e *Error) Unwrap() error { return e.Err }

// Error names the reason, how it was told, and ElevenLabs' words.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "elevenlabs speak: %s:", e.Reason)
	if e.Status != 0 {
		fmt.Fprintf(&b, " HTTP %d", e.Status)
	}
	if e.Close != 0 {
		fmt.Fprintf(&b, " closed with %d", e.Close)
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
	return e.Reason == Auth || e.Reason == Quota || e.Reason == BadRequest
}

// settle fills in the reason, and takes the key out of what the server said.
func (e *Error) settle(key string) *Error {
	e.Reason = reasonOf(e.Code, e.Status, e.Close)
	for _, s := range []*string{&e.Code, &e.Message} {
		if key != "" {
			*s = strings.ReplaceAll(*s, key, "[key]")
		}
		*s = printable(*s)
	}
	return e
}

// reasonOf goes by the server's own word, and else by how it was told. A spent quota comes as 401.
func reasonOf(code string, status, closed int) Reason {
	switch code {
	case "invalid_api_key", "missing_api_key", "missing_permissions", "needs_authorization", "invalid_authorization_header",
		"authentication_error", "authorization_error", "unauthorized", "forbidden":
		return Auth
	case "quota_exceeded", "insufficient_credits", "insufficient_quota", "payment_required", "subscription_required":
		return Quota
	case "rate_limit_exceeded", "too_many_concurrent_requests", "concurrent_limit_exceeded", "max_active_conversations", "system_busy":
		return Rate
	case "voice_not_found", "voice_id_does_not_exist", "model_not_found", "model_id_does_not_exist", "invalid_parameters",
		"validation_error", "invalid_request", "unsupported_model", "unsupported_language", "output_format_not_allowed", "text_too_long":
		return BadRequest
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Auth
	case status == http.StatusPaymentRequired:
		return Quota
	case status == http.StatusTooManyRequests, closed == websocket.CloseTryAgainLater:
		return Rate
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout, closed == websocket.CloseInvalidFramePayloadData:
		return BadRequest
	}
	return Unavailable // also 1008, which it sends for all kinds of things
}

// declined reads why the server did not upgrade. Gorilla has already limited the body.
func declined(answer *http.Response, key string) *Error {
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what could be read of it is what can be told
	e := &Error{Status: answer.StatusCode}
	var said struct{ Detail detail }
	if json.Unmarshal(body, &said) == nil {
		e.Code, e.Message = said.Detail.code, said.Detail.message
	}
	e.Message = cmp.Or(e.Message, strings.TrimSpace(string(body)), http.StatusText(answer.StatusCode))
	return e.settle(key)
}

// A detail is what HTTP errors say: an object, a text, or a list of what is wrong with the parameters.
type detail struct{ code, message string }

// UnmarshalJSON implements json.Unmarshaler. What has another form is no error: the whole body is told then.
func (d *detail) UnmarshalJSON(b []byte) error {
	type object struct{ Status, Code, Message, Msg string }
	var one object
	var all []object
	var plain string
	switch {
	case json.Unmarshal(b, &plain) == nil:
		d.message = plain
		return nil
	case json.Unmarshal(b, &all) == nil && len(all) > 0:
		one = all[0]
	default:
		_ = json.Unmarshal(b, &one) // see above
	}
	d.code, d.message = cmp.Or(one.Code, one.Status), cmp.Or(one.Message, one.Msg)
	return nil
}

// lost is that ElevenLabs cannot be reached, or does not do its part.
func lost(err error) *Error { return &Error{Reason: Unavailable, Err: err} }

// broken puts the end of a socket in the house's words: ElevenLabs' own reason where it gave one.
func broken(err error, key string) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code == websocket.CloseAbnormalClosure {
		return lost(err)
	}
	return (&Error{Close: closed.Code, Message: closed.Text}).settle(key)
}

// timedOut says that a read or write met its deadline.
func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// printable keeps a server's words from playing tricks in a log.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.ToValidUTF8(s[:min(len(s), 512)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
