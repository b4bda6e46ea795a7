// Package telnyx places and transfers calls by Telnyx' TeXML REST API.
//
//	Place ──POST texml/Accounts/…/Calls──▶ the call's sid     Find ──GET texml/Accounts/…/Calls?To=&From=──▶ what there is
//	Look ──GET …/Calls/v3:…, else calls/v3:…──▶ how it stands HangUp ──POST …/Calls/v3:… Status=completed──▶
//	Transfer ──POST …/Calls/v3:… Texml=<Dial>──▶ the call leaves its stream, and rings somebody else
//
// An answered call is told to ask Account.Voice what to do, which connects it to the server's stream, as a call that comes in does; what
// becomes of it goes to Account.Status. Both carry the order's token in their query, and are signed by Telnyx. That is why calls are not placed
// by Call Control: its calls would need webhooks and a way to their stream of their own. What it would have, a command_id by which Telnyx
// takes an order once, is not needed, as none is sent twice.
//
// Lists and calls are eventually consistent: a call of a lost answer may not be in a list yet. Its status callbacks, which name its token, come
// sooner. Of a call that TeXML does not know yet, Call Control says whether it is alive.
//
// Sources: developers.telnyx.com, "TeXML REST Commands" and "Retrieve a call status", and npm telnyx 7.24.0.
package telnyx

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/callapi"
)

// DefaultBase is Telnyx' own server.
const DefaultBase = "https://api.telnyx.com"

const (
	pages    = 5 // of a list, at most
	pageSize = 100

	errNotLive = 90018 // Telnyx' code for a command to a call that is over
)

// An Account is one of Telnyx'. SID, Key, Application, Voice and Status must be set; Check says so. It may be used by any goroutine.
type Account struct {
	SID         string // the account's id, which is webhooks' AccountSid
	Key         string // of the API
	Application string // id of the TeXML application that calls are placed by
	Base        string // another server than Telnyx'; empty: DefaultBase
	Voice       string // URL that an answered call asks what to do
	Status      string // URL that is told what becomes of a call

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
}

var isID = regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`)

// Check names all that is wrong with the account.
func (a *Account) Check() error {
	var bad []error
	if !isID.MatchString(a.SID) {
		bad = append(bad, fmt.Errorf("account id %q: want letters, digits and dashes", a.SID))
	}
	if !isID.MatchString(a.Application) {
		bad = append(bad, fmt.Errorf("application id %q: want digits", a.Application))
	}
	if a.Key == "" {
		bad = append(bad, errors.New("API key is missing"))
	}
	return errors.Join(append(bad, callapi.CheckURLs(map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "voice URL": a.Voice, "status URL": a.Status}))...)
}

// resource is a call as Telnyx tells it. The answer to an order names it call_sid, a list sid.
type resource struct {
	CallSID     string `json:"call_sid"`
	SID         string `json:"sid"`
	To          string `json:"to"`
	From        string `json:"from"`
	Status      string `json:"status"`
	DateCreated string `json:"date_created"`
}

// explain reads Telnyx' errors.
func explain(answer []byte) (code int, message string) {
	var told struct {
		Errors []struct{ Code, Title, Detail string }
	}
	_ = json.Unmarshal(answer, &told) // what is no JSON has no code
	if len(told.Errors) == 0 {
		return 0, ""
	}
	e := told.Errors[0]
	return callapi.Code(e.Code), cmp.Or(e.Detail, e.Title)
}

// api asks Telnyx below a path.
func (a *Account) api(below string) *callapi.Client {
	return &callapi.Client{
		Base: strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/") + "/v2" + below, Explain: explain, HTTP: a.Client,
		Sign: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+a.Key)
			return nil
		},
	}
}

func (a *Account) texml() *callapi.Client {
	return a.api("/texml/Accounts/" + url.PathEscape(a.SID) + "/Calls")
}

// Place implements pipeline.Carrier. Telnyx rings for 5 s to 2 min.
func (a *Account) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	form := map[string]any{
		"ApplicationSid": a.Application, "To": o.To, "From": o.From, "Url": callapi.WithToken(a.Voice, o.Token), "UrlMethod": http.MethodPost,
		"StatusCallback": callapi.WithToken(a.Status, o.Token), "StatusCallbackMethod": http.MethodPost,
		"StatusCallbackEvent": "initiated ringing answered completed",
	}
	if o.Ring > 0 {
		form["Timeout"] = callapi.Seconds(o.Ring, 5, 120)
	}
	var made struct {
		resource
		Data resource `json:"data"` // UNCONFIRMED: other APIs of Telnyx' answer so
	}
	if err := callapi.Placing(ctx, func(ctx context.Context) error { return a.texml().Ask(ctx, http.MethodPost, "", form, &made) }); err != nil {
		return pipeline.Placed{}, err
	}
	c := made.resource
	if c.id() == "" {
		c = made.Data
	}
	if c.id() == "" { // its status callbacks will
		return pipeline.Placed{}, errors.New("place call: the answer names no call")
	}
	return c.placed(), nil
}

// Find implements pipeline.Carrier.
func (a *Account) Find(ctx context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	query := url.Values{"To": {o.To}, "From": {o.From}, "PageSize": {strconv.Itoa(pageSize)}}
	since := o.Asked.Add(-callapi.Skew)
	var found []pipeline.Placed
	for range pages {
		var page struct {
			Calls []resource `json:"calls"`
			Next  string     `json:"next_page_uri"`
		}
		if err := a.texml().Ask(ctx, http.MethodGet, "?"+query.Encode(), nil, &page); err != nil {
			return nil, fmt.Errorf("list calls: %w", err)
		}
		for _, c := range page.Calls {
			p := c.placed()
			if p.To == o.To && p.From == o.From && (p.Made.IsZero() || !p.Made.Before(since)) {
				found = append(found, p)
			}
		}
		_, more, ok := strings.Cut(page.Next, "?")
		if !ok {
			break
		}
		query, _ = url.ParseQuery(more) // Telnyx wrote it
	}
	slices.SortStableFunc(found, func(a, b pipeline.Placed) int { return a.Made.Compare(b.Made) }) // the order of a list is not told
	return found, nil
}

// Look implements pipeline.Carrier.
func (a *Account) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	var c resource
	err := a.texml().Ask(ctx, http.MethodGet, "/"+url.PathEscape(id), nil, &c)
	if callapi.Over(err) {
		return a.alive(ctx, id)
	}
	if err != nil {
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	}
	c.SID = id
	return c.placed(), nil
}

// alive asks Call Control for a call that TeXML does not know, or not yet.
func (a *Account) alive(ctx context.Context, id string) (pipeline.Placed, error) {
	var c struct {
		Data struct {
			Alive bool `json:"is_alive"`
		} `json:"data"`
	}
	err := a.api("/calls").Ask(ctx, http.MethodGet, "/"+url.PathEscape(id), nil, &c)
	switch {
	case callapi.Over(err):
		return pipeline.Placed{}, pipeline.ErrNoCall
	case err != nil:
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	case !c.Data.Alive:
		return pipeline.Placed{}, pipeline.ErrNoCall
	}
	return pipeline.Placed{ID: id, State: pipeline.PlacedRinging}, nil
}

// HangUp implements pipeline.Carrier.
func (a *Account) HangUp(ctx context.Context, id string) error {
	err := a.texml().Ask(ctx, http.MethodPost, "/"+url.PathEscape(id), url.Values{"Status": {"completed"}}, nil)
	if err != nil && !callapi.Over(err, errNotLive) {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// Transfer has a live call leave its stream and connected to somebody else. When it returns nil Telnyx has taken it; nobody has answered there
// yet, and if nobody does the call ends. An error that is ErrNoCall says that the call is over; a *Refusal, that it stays.
func (a *Account) Transfer(ctx context.Context, id string, to pipeline.Onward) error {
	text, err := callapi.DialXML(to, "Sip", 5, 120)
	if err != nil {
		return err
	}
	err = a.texml().Ask(ctx, http.MethodPost, "/"+url.PathEscape(id), url.Values{"Texml": {text}}, nil)
	return callapi.Changing("transfer call", err, errNotLive)
}

func (c resource) id() string { return cmp.Or(c.CallSID, c.SID) }

func (c resource) placed() pipeline.Placed {
	return pipeline.Placed{ID: c.id(), From: c.From, To: c.To, State: callapi.State(c.Status), Made: when(c.DateCreated)}
}

// when reads a time of Telnyx', which may not say; zero then. RFC 2822 is what its documents say, RFC 3339 what its webhooks have.
func when(text string) time.Time {
	for _, layout := range []string{time.RFC1123Z, time.RFC3339Nano, "2006-01-02 15:04:05.999999Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
