// Package callapi asks the REST APIs by which carriers place calls, whosever they are.
//
//	Account.Place ──▶ Placing ──▶ Client.Ask ──one request, once──▶ carrier
//	      ErrUntaken, *Refusal ◀── surely no call        any other error ◀── there may be one
//
// A POST whose answer is lost may or may not have made a call. So a request is sent once, redirects are not followed, and of each error it is
// told apart whether there surely is no call. (Go's client repeats a POST by itself only where nothing of it was written.)
package callapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley/pipeline"
)

const maxAnswer = 1 << 20

// Skew is how far a carrier's clock may be behind ours, where its times are compared with ours.
const Skew = 2 * time.Minute

// Plain is the client that is used where none is given: it follows no redirects.
var Plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// A Client asks one carrier. It may be used by any goroutine.
type Client struct {
	Base    string                                         // what paths are put behind
	Sign    func(r *http.Request) error                    // says who asks
	Explain func(answer []byte) (code int, message string) // what a carrier's error says; an empty message: it says nothing
	HTTP    *http.Client                                   // nil: Plain
}

// A Failure is an answer that is none of success.
type Failure struct {
	Status, Code int
	Message      string
}

func (f *Failure) Error() string { return fmt.Sprintf("%d %s (%d)", f.Status, f.Message, f.Code) }

// Surely says that what was asked for was not done.
func (f *Failure) Surely() bool { return f.Status/100 == 4 && f.Status != http.StatusRequestTimeout }

// Refusal is the failure as a call's.
func (f *Failure) Refusal() *pipeline.Refusal {
	return &pipeline.Refusal{Code: cmp.Or(f.Code, f.Status), Message: f.Message}
}

// Over says that an error is a carrier's, of a call that it does not know or that is over: by the status of its answer, or by one of codes.
func Over(err error, codes ...int) bool {
	f := (*Failure)(nil)
	if !errors.As(err, &f) {
		return false
	}
	for _, c := range codes {
		if f.Code == c {
			return true
		}
	}
	return f.Status == http.StatusNotFound
}

// Ask sends one request and decodes its answer into what is not nil. Body is url.Values, which are sent as a form, nil, or what is sent as
// JSON. An answer that is none of success is a *Failure.
func (c *Client) Ask(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	var kind string
	switch b := body.(type) {
	case nil:
	case url.Values:
		content, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		content, kind = bytes.NewReader(text), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.Base, "/")+path, content)
	if err != nil {
		return err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept", "application/json")
	if err := c.Sign(r); err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	answer, err := cmp.Or(c.HTTP, Plain).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		f := Failure{Status: answer.StatusCode}
		f.Code, f.Message = c.Explain(text)
		f.Message = cmp.Or(f.Message, answer.Status)
		return &f
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// Placing has ask ask for a call, and makes pipeline.Carrier's errors of its own.
func Placing(ctx context.Context, ask func(ctx context.Context) error) error {
	var sent atomic.Bool
	err := ask(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}))
	var told *Failure
	switch {
	case err == nil:
		return nil
	case !sent.Load(), errors.As(err, &told) && told.Status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", pipeline.ErrUntaken, err)
	case told != nil && told.Surely():
		return told.Refusal()
	}
	return fmt.Errorf("place call: %w", err)
}

// Changing makes an error of a live call's change: ErrNoCall if it is over, which codes say besides, a *Refusal if it stays as it is.
func Changing(what string, err error, codes ...int) error {
	var told *Failure
	switch {
	case err == nil:
		return nil
	case Over(err, codes...):
		return pipeline.ErrNoCall
	case errors.As(err, &told) && told.Surely():
		return told.Refusal()
	}
	return fmt.Errorf("%s: %w", what, err)
}

// WithToken is a URL with an order's token in its query.
func WithToken(base, token string) string {
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	return base + separator + pipeline.TokenParam + "=" + url.QueryEscape(token)
}

// Seconds are whole ones, within bounds.
func Seconds(d time.Duration, least, most int) int {
	return min(max(int(d/time.Second), least), most)
}

// Code is a carrier's code of an error, if it is a number.
func Code(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// CheckURLs names those that are none of a server.
func CheckURLs(urls map[string]string) error {
	var bad []error
	for name, s := range urls {
		if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad = append(bad, fmt.Errorf("%s %q: want an http or https URL", name, s))
		}
	}
	return errors.Join(bad...)
}

// A dialVerb is a document that connects a call, as carriers of Twilio's family take it.
type dialVerb struct {
	XMLName xml.Name `xml:"Response"`
	Dial    struct {
		CallerID string `xml:"callerId,attr,omitempty"`
		Timeout  int    `xml:"timeout,attr,omitempty"`
		To       struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		}
	} `xml:"Dial"`
}

// DialXML is a document with <Dial>, which rings somebody else for a call, least to most seconds. An address of SIP stands in an element of the name
// sip.
func DialXML(to pipeline.Onward, sip string, least, most int) (string, error) {
	var doc dialVerb
	doc.Dial.CallerID, doc.Dial.To.XMLName.Local, doc.Dial.To.Text = to.CallerID, "Number", to.To
	if to.Ring > 0 {
		doc.Dial.Timeout = Seconds(to.Ring, least, most)
	}
	if strings.HasPrefix(to.To, "sip") {
		doc.Dial.To.XMLName.Local = sip
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("write transfer: %w", err)
	}
	return string(text), nil
}

// State is a status in the pipeline's words, as Twilio and carriers of its family tell it.
func State(status string) pipeline.PlacedState {
	switch status {
	case "in-progress", "answered":
		return pipeline.PlacedAnswered
	case "completed":
		return pipeline.PlacedHungUp
	case "busy":
		return pipeline.PlacedBusy
	case "no-answer":
		return pipeline.PlacedNoAnswer
	case "canceled":
		return pipeline.PlacedCancelled
	case "failed":
		return pipeline.PlacedFailed
	default: // queued, initiated, ringing, and whatever they may come to say: it is not over
		return pipeline.PlacedRinging
	}
}
