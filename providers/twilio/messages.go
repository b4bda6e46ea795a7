package twilio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"parley/providers/callapi"
	"parley/providers/message"
)

// TagParam is the query parameter of Sender.Status that brings a message's tag back.
const TagParam = "parley_tag"

// A Sender is a number of an account on WhatsApp. Account and From, or Service, must be set; Check says so. It may be used by any goroutine.
type Sender struct {
	Account *Account // its Voice and Status are of calls, and not needed here
	From    string   // E.164
	Service string   // MG..., a messaging service that has a WhatsApp number, in place of From
	Status  string   // URL that is told how far messages come; empty: none
}

var (
	isService = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	isContent = regexp.MustCompile(`^HX[0-9a-fA-F]{32}$`)
)

// Check names all that is wrong with the sender.
func (s *Sender) Check() error {
	var bad []error
	if s.Account == nil || !isSID.MatchString(s.Account.SID) || s.Account.Token == "" {
		bad = append(bad, errors.New("account: want a sid, AC and hex digits, and an auth token"))
	}
	switch {
	case s.Service != "" && !isService.MatchString(s.Service):
		bad = append(bad, fmt.Errorf("messaging service %q: want MG and 32 hex digits", s.Service))
	case s.Service == "" && (message.E164(s.From) == "" || s.From[0] != '+'):
		bad = append(bad, fmt.Errorf("from %q: want a number in E.164", s.From))
	}
	if u, err := url.Parse(s.Status); s.Status != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad = append(bad, fmt.Errorf("status URL %q: want an http or https URL", s.Status))
	}
	return errors.Join(bad...)
}

// Send sends a message, once. Errors are a *message.Error; the one of a message that Twilio has no way to send names its field, and nothing is sent.
func (s *Sender) Send(ctx context.Context, o *message.Outgoing) (message.Receipt, error) {
	form, err := s.compose(o)
	if err != nil {
		return message.Receipt{}, err
	}
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	var made struct {
		SID  string `json:"sid"`
		Code int    `json:"error_code"`
		Text string `json:"error_message"`
	}
	err = s.Account.ask(traced, http.MethodPost, "/Messages.json", form, &made)
	switch told := (*callapi.Failure)(nil); {
	case errors.As(err, &told):
		return message.Receipt{}, problem(told)
	case err != nil:
		return message.Receipt{}, lost(ctx, sent.Load(), err)
	case made.SID == "":
		return message.Receipt{}, &message.Error{Reason: message.Garbled, Status: http.StatusCreated, Message: "the answer names no message"}
	case made.Code != 0:
		return message.Receipt{}, problem(&callapi.Failure{Code: made.Code, Message: made.Text})
	}
	return message.Receipt{ID: made.SID, To: o.To}, nil
}

// CheckMessage says what is wrong with a message that Twilio has no way to send: a *message.Error that names the field.
func (s *Sender) CheckMessage(o *message.Outgoing) error {
	_, err := s.compose(o)
	return err
}

// lost is of a request without an answer that makes sense.
func lost(ctx context.Context, sent bool, err error) *message.Error {
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	syntax, wrong := (*json.SyntaxError)(nil), (*json.UnmarshalTypeError)(nil)
	switch {
	case !sent:
		return &message.Error{Reason: message.Unconnected, Message: "Twilio cannot be reached", Retry: true, Err: err}
	case errors.As(err, &syntax), errors.As(err, &wrong):
		return &message.Error{Reason: message.Garbled, Message: "the answer makes no sense", Err: err}
	}
	return &message.Error{Reason: message.Unanswered, Message: "the answer is lost", Err: err}
}

// compose is a message as Twilio wants it.
func (s *Sender) compose(o *message.Outgoing) (url.Values, error) {
	form := url.Values{}
	if form.Set("From", "whatsapp:"+s.From); s.Service != "" {
		form.Del("From")
		form.Set("MessagingServiceSid", s.Service)
	}
	number := message.E164(o.To.Number)
	switch {
	case o.To.Number != "" && number == "":
		return nil, message.Wrong("to.number", "%q: want E.164", o.To.Number)
	case number != "":
		form.Set("To", "whatsapp:"+number)
	case o.To.User != "":
		form.Set("To", "whatsapp:"+o.To.User)
	default:
		return nil, message.Wrong("to", "want a number or a user id")
	}
	if o.ReplyTo != "" {
		return nil, message.Wrong("reply_to", "Twilio cannot quote a message")
	}
	if o.Tag != "" && s.Status == "" {
		return nil, message.Wrong("tag", "comes back by a status URL, and there is none")
	}
	if s.Status != "" {
		form.Set("StatusCallback", s.callback(o.Tag))
	}
	return form, say(form, o)
}

// callback is the status URL of a message.
func (s *Sender) callback(tag string) string {
	if tag == "" {
		return s.Status
	}
	separator := "?"
	if strings.Contains(s.Status, "?") {
		separator = "&"
	}
	return s.Status + separator + TagParam + "=" + url.QueryEscape(tag)
}

// LongestText is how many characters a message has at most (twilio.com/docs/messaging/api/message-resource).
const LongestText = 1600

// say puts what a message says into its form.
func say(form url.Values, o *message.Outgoing) error {
	n := 0
	for _, given := range []bool{o.Text != "", o.Media != nil, o.Place != nil, o.Content != nil} {
		if given {
			n++
		}
	}
	for field, given := range map[string]bool{"cards": len(o.Cards) > 0, "reaction": o.Reaction != nil, "menu": o.Menu != nil, "template": o.Template != nil} {
		if given {
			return message.Wrong(field, "Twilio sends none: want text, media, place or content")
		}
	}
	if n != 1 {
		return message.Wrong("message", "want one of text, media, place and content, not %d of them", n)
	}
	switch {
	case o.Media != nil:
		return attach(form, o.Media)
	case o.Place != nil:
		p := o.Place
		if !(p.Latitude >= -90 && p.Latitude <= 90) || !(p.Longitude >= -180 && p.Longitude <= 180) { // which NaN is not
			return message.Wrong("place", "%v, %v: want degrees of latitude and longitude", p.Latitude, p.Longitude)
		}
		at := "geo:" + degrees(p.Latitude) + "," + degrees(p.Longitude)
		if label := cmp.Or(p.Name, p.Address); label != "" {
			at += "|" + label
		}
		form.Set("PersistentAction", at)
		form.Set("Body", cmp.Or(p.Name, p.Address, at))
	case o.Content != nil:
		if !isContent.MatchString(o.Content.SID) {
			return message.Wrong("content.sid", "%q: want HX and 32 hex digits", o.Content.SID)
		}
		form.Set("ContentSid", o.Content.SID)
		if len(o.Content.Variables) > 0 {
			variables, err := json.Marshal(o.Content.Variables)
			if err != nil {
				return message.Wrong("content.variables", "%v", err)
			}
			form.Set("ContentVariables", string(variables))
		}
	default:
		if k := utf8.RuneCountInString(o.Text); k > LongestText || !utf8.ValidString(o.Text) {
			return message.Wrong("text", "%d characters: want %d at most, of UTF-8", k, LongestText)
		}
		form.Set("Body", o.Text)
	}
	return nil
}

// attach puts a file into a form.
func attach(form url.Values, m *message.Attachment) error {
	u, err := url.Parse(m.Link)
	switch {
	case m.ID != "" || m.Link == "":
		return message.Wrong("media", "want a link: Twilio takes no files")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return message.Wrong("media.link", "want an http or https URL")
	case m.Caption != "" && (m.Kind == message.Audio || m.Kind == message.Sticker):
		return message.Wrong("media.caption", "%s has none", m.Kind)
	case utf8.RuneCountInString(m.Caption) > LongestText:
		return message.Wrong("media.caption", "want %d characters at most", LongestText)
	}
	form.Set("MediaUrl", m.Link)
	if m.Caption != "" {
		form.Set("Body", m.Caption)
	}
	return nil
}

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// verdicts are of Twilio's codes (twilio.com/docs/api/errors), which answers and status callbacks share.
var verdicts = map[int]struct {
	reason message.Reason
	retry  bool
	after  time.Duration
}{
	20003: {reason: message.Token}, 20006: {reason: message.Forbidden}, 20404: {reason: message.Invalid}, 20429: {message.RateLimited, true, time.Second},
	21211: {reason: message.Invalid}, 21212: {reason: message.NotReady}, 21606: {reason: message.NotReady}, 21608: {reason: message.NotReady},
	21610: {reason: message.OptedOut}, 21617: {reason: message.Invalid}, 21620: {reason: message.MediaFailed}, 21655: {reason: message.BadTemplate},
	21656: {reason: message.BadTemplate}, 30001: {message.RateLimited, true, time.Minute}, 30002: {reason: message.NotReady},
	63003: {reason: message.Undeliverable}, 63005: {reason: message.Invalid}, 63007: {reason: message.NotReady}, 63010: {reason: message.Unavailable, retry: true},
	63012: {reason: message.Unavailable, retry: true}, 63013: {reason: message.Policy}, 63015: {reason: message.NotReady}, 63016: {reason: message.WindowClosed},
	63017: {message.RateLimited, true, time.Minute}, 63018: {message.RateLimited, true, time.Minute}, 63019: {reason: message.MediaFailed},
	63020: {reason: message.NotReady}, 63021: {reason: message.Invalid}, 63024: {reason: message.Undeliverable}, 63027: {reason: message.BadTemplate},
	63028: {reason: message.BadTemplate}, 63030: {reason: message.Invalid}, 63032: {reason: message.Undeliverable}, 63033: {reason: message.OptedOut},
	63036: {reason: message.Undeliverable}, 63038: {message.RateLimited, true, time.Hour}, 63041: {reason: message.BadTemplate},
	63042: {reason: message.BadTemplate}, 63049: {message.Undeliverable, true, 24 * time.Hour}, 63051: {reason: message.NotReady},
	37000: {reason: message.NoConsent}, 37003: {reason: message.CallFailed}, 37007: {reason: message.NotReady}, 37008: {reason: message.NotReady},
}

// problem is a refusal, in the words of messaging. One of 500 and more without a code is of something between Twilio and us.
func problem(f *callapi.Failure) *message.Error {
	e := &message.Error{Reason: message.Other, Status: f.Status, Code: f.Code, Message: f.Message}
	v, known := verdicts[f.Code]
	switch {
	case known:
		e.Reason, e.Retry, e.After = v.reason, v.retry, v.after
	case f.Status == http.StatusUnauthorized:
		e.Reason = message.Token
	case f.Status == http.StatusForbidden:
		e.Reason = message.Forbidden
	case f.Status == http.StatusTooManyRequests:
		e.Reason, e.Retry, e.After = message.RateLimited, true, time.Second
	case f.Status == http.StatusBadRequest:
		e.Reason = message.Invalid
	case f.Status == http.StatusRequestTimeout, f.Status >= 500:
		e.Reason = message.Unanswered
	}
	return e
}
