// Package twilio places and transfers calls by Twilio's REST API.
//
//	Place ──POST Calls.json──▶ 201: the call's sid      Find ──GET Calls.json?To=&From=──▶ what there is, newest first
//	Look ──GET Calls/CA….json──▶ how it stands          HangUp ──POST Calls/CA….json Status=completed──▶
//	Transfer ──POST Calls/CA….json Twiml=<Dial>──▶ the call leaves its media stream, and rings somebody else
//	Confer ──the same, of two calls, Twiml=<Dial><Conference>──▶ both leave their media streams, and talk with each other
//
// An answered call is told to ask Account.Voice what to do, which connects it to the server's media stream; what becomes of it goes to
// Account.Status. Both carry the order's token in their query, as pipeline.TokenParam, and are signed by Twilio.
//
// Twilio knows no idempotent requests, so each is sent once (package callapi; the header Idempotency-Key, at which Go's client would repeat a
// POST by itself, is not sent).
//
// Sources: twilio.com/docs/voice/api/call-resource, and shared/wire/carriers.md section 1.8.
package twilio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/callapi"
)

// DefaultBase is Twilio's own server.
const DefaultBase = "https://api.twilio.com"

const (
	pages    = 5 // of a list, at most
	pageSize = 100
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
	bad = append(bad, callapi.CheckURLs(map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "voice URL": a.Voice, "status URL": a.Status}))
	return errors.Join(bad...)
}

// resource is a call as Twilio tells it.
type resource struct {
	SID         string `json:"sid"`
	To          string `json:"to"`
	From        string `json:"from"`
	Status      string `json:"status"`
	DateCreated string `json:"date_created"`
}

// explain reads Twilio's errors.
func explain(answer []byte) (code int, message string) {
	var told struct {
		Code    int
		Message string
	}
	_ = json.Unmarshal(answer, &told) // what is no JSON has no code
	return told.Code, told.Message
}

// api asks Twilio below a base.
func (a *Account) api(base string) *callapi.Client {
	return &callapi.Client{Base: base, Explain: explain, HTTP: a.Client, Sign: func(r *http.Request) error {
		r.SetBasicAuth(a.SID, a.Token)
		return nil
	}}
}

// ask sends a request of one of the account's own resources.
func (a *Account) ask(ctx context.Context, method, path string, form url.Values, into any) error {
	var body any
	if form != nil {
		body = form
	}
	return a.api(strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/")+"/2010-04-01/Accounts/"+a.SID).Ask(ctx, method, path, body, into)
}

// ofCall is the path of a call.
func ofCall(id string) string { return "/Calls/" + url.PathEscape(id) + ".json" }

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
		form.Set("Timeout", strconv.Itoa(callapi.Seconds(o.Ring, 1, 600)))
	}
	var made resource
	err := callapi.Placing(ctx, func(ctx context.Context) error { return a.ask(ctx, http.MethodPost, "/Calls.json", form, &made) })
	if err != nil {
		return pipeline.Placed{}, err
	}
	if made.SID == "" {
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
		if err := a.ask(ctx, http.MethodGet, path, nil, &page); err != nil {
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
	switch err := a.ask(ctx, http.MethodGet, ofCall(id), nil, &c); {
	case callapi.Over(err):
		return pipeline.Placed{}, pipeline.ErrNoCall
	case err != nil:
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	}
	return c.placed(), nil
}

// errNotLive is Twilio's code for a call that is over (twilio.com/docs/api/errors/21220).
const errNotLive = 21220

// HangUp implements pipeline.Carrier.
func (a *Account) HangUp(ctx context.Context, id string) error {
	err := a.ask(ctx, http.MethodPost, ofCall(id), url.Values{"Status": {"completed"}}, nil)
	if err != nil && !callapi.Over(err, errNotLive) {
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
	text, err := callapi.DialXML(to, "Sip", 5, 600)
	if err != nil {
		return err
	}
	return a.redirect(ctx, id, url.Values{"Twiml": {text}})
}

// redirect has a live call do something else.
func (a *Account) redirect(ctx context.Context, id string, form url.Values) error {
	return callapi.Changing("transfer call", a.ask(ctx, http.MethodPost, ofCall(id), form, nil), errNotLive)
}

func (c resource) placed() pipeline.Placed {
	made, _ := time.Parse(time.RFC1123Z, c.DateCreated) // Twilio may not say
	return pipeline.Placed{ID: c.SID, From: c.From, To: c.To, State: callapi.State(c.Status), Made: made}
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
