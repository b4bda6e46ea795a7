// Package twilio places and transfers calls by Twilio's REST API.
//
//	Place ──POST Calls.json──▶ 201: the call's sid      Find ──GET Calls.json?To=&From=──▶ what there is, newest first
//	Look ──GET Calls/CA….json──▶ how it stands          HangUp ──POST Calls/CA….json Status=completed──▶
//	Transfer ──POST Calls/CA….json Twiml=<Dial>──▶ the call leaves its media stream, and rings somebody else
//	Confer ──the same, of two calls, Twiml=<Dial><Conference>──▶ both leave their media streams, and talk with each other
//
// An answered call is told to ask Account.Voice what to do, which connects it to the server's media stream; what becomes of it goes to
// Account.Status. Both carry the order's token in their query, as TokenParam, and are signed by Twilio.
//
// Twilio knows no idempotent requests: a POST whose answer is lost may or may not have made a call. So a request is sent once, redirects
// are not followed, and of each error it is told apart whether there surely is no call. (Go's client repeats a POST by itself only where
// nothing of it was written; the header Idempotency-Key would change that, and is not sent.)
//
// Sources: twilio.com/docs/voice/api/call-resource, and shared/wire/carriers.md section 1.8.
package twilio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"parley/pipeline"
	"parley/providers/callapi"
)

// TokenParam is the query parameter of Voice and Status that names the call.
const TokenParam = pipeline.TokenParam

// DefaultBase is Twilio's own server.
const DefaultBase = "https://api.twilio.com"

const (
	pages     = 5 // of a list, at most
	pageSize  = 100
	maxAnswer = 1 << 20
)

// An Account is one of Twilio's. SID, Token, Voice and Status must be set; Check says so. It may be used by any goroutine, and not copied
// after its first use.
type Account struct {
	SID, Token string
	Base       string // another server than Twilio's; empty: DefaultBase
	Voice      string // URL that an answered call asks what to do
	Status     string // URL that is told what becomes of a call
	Fallback   string // URL that a call asks where Voice has no answer; empty: none
	Detect     string // MachineDetection of the orders that want to know who answers: Enable, DetectMessageEnd; empty: none
	Machine    string // URL that is told who has answered, where Detect is set

	// Compatible says that it is an account elsewhere, at Base, by an API like Twilio's: SignalWire's. Its ids look otherwise.
	Compatible bool
	// Lead is the URL of a document that leads a call on, where the API takes none with the request; nil: it does.
	Lead func(to pipeline.Onward) string

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
}

var (
	isSID     = regexp.MustCompile(`^AC[0-9a-zA-Z]{1,64}$`)
	isProject = regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`)
)

// Check names all that is wrong with the account.
func (a *Account) Check() error {
	var bad []error
	if a.Compatible {
		if !isProject.MatchString(a.SID) {
			bad = append(bad, fmt.Errorf("project id %q: want hex digits and dashes", a.SID))
		}
	} else if !isSID.MatchString(a.SID) {
		bad = append(bad, fmt.Errorf("account sid %q: want AC and hex digits", a.SID))
	}
	if a.Token == "" {
		bad = append(bad, errors.New("auth token is missing"))
	}
	for name, s := range map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "voice URL": a.Voice, "status URL": a.Status} {
		if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad = append(bad, fmt.Errorf("%s %q: want an http or https URL", name, s))
		}
	}
	return errors.Join(bad...)
}

// plain is the client that is used where none is given.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// resource is a call as Twilio tells it.
type resource struct {
	SID         string `json:"sid"`
	To          string `json:"to"`
	From        string `json:"from"`
	Status      string `json:"status"`
	DateCreated string `json:"date_created"`
}

// failure is an error as Twilio tells it.
type failure struct {
	status  int
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s (%d)", f.status, f.Message, f.Code) }

// surely says that what was asked for was not done.
func (f *failure) surely() bool { return f.status/100 == 4 && f.status != http.StatusRequestTimeout }

// Place implements pipeline.Carrier.
func (a *Account) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	form := url.Values{
		"To": {o.To}, "From": {o.From}, "Url": {callapi.WithToken(a.Voice, o.Token)}, "Method": {http.MethodPost},
		"StatusCallback": {callapi.WithToken(a.Status, o.Token)}, "StatusCallbackMethod": {http.MethodPost},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
	}
	if a.Fallback != "" {
		form.Set("FallbackUrl", callapi.WithToken(a.Fallback, o.Token))
		form.Set("FallbackMethod", http.MethodPost)
	}
	if a.Detect != "" && o.Who {
		form.Set("MachineDetection", a.Detect)
		form.Set("AsyncAmd", "true") // else the call is connected only when it is known, and they hear nothing until then
		form.Set("AsyncAmdStatusCallback", callapi.WithToken(a.Machine, o.Token))
		form.Set("AsyncAmdStatusCallbackMethod", http.MethodPost)
	}
	if o.Ring > 0 {
		form.Set("Timeout", strconv.Itoa(min(max(int(o.Ring/time.Second), 1), 600)))
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	var made resource
	err := a.call(ctx, http.MethodPost, "/Calls.json", form, &made)
	var told *failure
	switch {
	case err != nil && !sent.Load(), errors.As(err, &told) && told.status == http.StatusTooManyRequests:
		return pipeline.Placed{}, fmt.Errorf("%w: %w", pipeline.ErrUntaken, err)
	case told != nil && told.surely():
		return pipeline.Placed{}, &pipeline.Refusal{Code: told.Code, Message: told.Message}
	case err != nil:
		return pipeline.Placed{}, fmt.Errorf("place call: %w", err)
	case made.SID == "":
		return pipeline.Placed{}, errors.New("place call: the answer names no call")
	}
	return made.placed(), nil
}

// Find implements pipeline.Carrier. StartTime is not asked for: a call that still waits has none.
func (a *Account) Find(ctx context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	query := url.Values{"To": {o.To}, "From": {o.From}, "PageSize": {strconv.Itoa(pageSize)}}
	path := "/Calls.json?" + query.Encode()
	since := o.Asked.Add(-callapi.Skew)
	var found []pipeline.Placed
	for range pages {
		var page struct {
			Calls []resource `json:"calls"`
			Next  string     `json:"next_page_uri"`
		}
		if err := a.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, fmt.Errorf("list calls: %w", err)
		}
		older := false
		for _, c := range page.Calls {
			p := c.placed()
			if older = !p.Made.IsZero() && p.Made.Before(since); older {
				continue
			}
			if p.To == o.To && p.From == o.From {
				found = append([]pipeline.Placed{p}, found...)
			}
		}
		root := "/2010-04-01/Accounts/" + a.SID
		_, rest, ours := strings.Cut(page.Next, root) // others have their own paths before it
		if older || !ours {
			break
		}
		path = rest
	}
	return found, nil
}

// Look implements pipeline.Carrier.
func (a *Account) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	var c resource
	err := a.call(ctx, http.MethodGet, "/Calls/"+url.PathEscape(id)+".json", nil, &c)
	if told := (*failure)(nil); errors.As(err, &told) && told.status == http.StatusNotFound {
		return pipeline.Placed{}, pipeline.ErrNoCall
	}
	if err != nil {
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	}
	return c.placed(), nil
}

// errNotLive is Twilio's code for a call that is over (twilio.com/docs/api/errors/21220).
const errNotLive = 21220

// HangUp implements pipeline.Carrier.
func (a *Account) HangUp(ctx context.Context, id string) error {
	var c resource
	err := a.call(ctx, http.MethodPost, "/Calls/"+url.PathEscape(id)+".json", url.Values{"Status": {"completed"}}, &c)
	if told := (*failure)(nil); errors.As(err, &told) && (told.status == http.StatusNotFound || told.Code == errNotLive) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// Transfer has a live call leave its media stream and connected to somebody else. When it returns nil Twilio has taken it; nobody has
// answered there yet, and if nobody does the call ends. An error that is ErrNoCall says that the call is over; a *Refusal, that it stays.
func (a *Account) Transfer(ctx context.Context, id string, to pipeline.Onward) error {
	if a.Lead != nil {
		return a.redirect(ctx, id, url.Values{"Url": {a.Lead(to)}, "Method": {http.MethodPost}})
	}
	text, err := callapi.DialXML(to, 5, 600)
	if err != nil {
		return err
	}
	return a.redirect(ctx, id, url.Values{"Twiml": {text}})
}

// redirect has a live call do something else.
func (a *Account) redirect(ctx context.Context, id string, form url.Values) error {
	var c resource
	err := a.call(ctx, http.MethodPost, "/Calls/"+url.PathEscape(id)+".json", form, &c)
	var told *failure
	switch {
	case errors.As(err, &told) && (told.status == http.StatusNotFound || told.Code == errNotLive):
		return pipeline.ErrNoCall
	case told != nil && told.surely():
		return &pipeline.Refusal{Code: told.Code, Message: told.Message}
	case err != nil:
		return fmt.Errorf("transfer call: %w", err)
	}
	return nil
}

// call sends one request and decodes its answer. An answer that is none of success is a *failure.
func (a *Account) call(ctx context.Context, method, path string, form url.Values, into any) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	target := strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/") + "/2010-04-01/Accounts/" + a.SID + path
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(a.SID, a.Token)
	answer, err := cmp.Or(a.Client, plain).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		f := failure{Message: answer.Status}
		_ = json.Unmarshal(text, &f) // what is no JSON has no code
		f.status = answer.StatusCode
		return &f
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

func (c resource) placed() pipeline.Placed {
	made, _ := time.Parse(time.RFC1123Z, c.DateCreated) // Twilio may not say
	return pipeline.Placed{ID: c.SID, From: c.From, To: c.To, State: State(c.Status), Made: made}
}

// Party is who has answered, in the pipeline's words (twilio.com/docs/voice/answering-machine-detection).
func Party(answeredBy string) pipeline.Party {
	switch {
	case answeredBy == "human":
		return pipeline.Human
	case strings.HasPrefix(answeredBy, "machine_"): // start; end_beep, end_silence, end_other
		return pipeline.Machine
	case answeredBy == "fax":
		return pipeline.Fax
	default: // unknown, and whatever Twilio may come to say
		return pipeline.Unknown
	}
}

// State is a status of Twilio's in the pipeline's words.
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
	default: // queued, initiated, ringing, and whatever Twilio may come to say: it is not over
		return pipeline.PlacedRinging
	}
}
