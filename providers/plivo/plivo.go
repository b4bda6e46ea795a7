// Package plivo places and transfers calls by Plivo's REST API.
//
//	Place ──POST Call/──▶ the request's id          Find ──GET Call/?status=live, queued, and those that are over──▶ what there is
//	Look ──GET Call/…/?status=queued, live, …──▶    HangUp ──DELETE Request/…/, else Call/…/──▶
//	Transfer ──POST Call/…/ aleg_url──▶ Account.Lead: <Dial>
//
// An answered call asks Account.Voice what to do; that it rings and that it is over goes to Account.Status. Both carry the order's token in their
// query, and are signed by Plivo. Numbers are written without their plus.
//
// Plivo answers an order with the id of the request, which webhooks name as ALegRequestUUID. That calls go by the same id, as CallUUID, is UNCONFIRMED,
// and relied on by clients that are in use: here it is by Look and HangUp of a call that was placed, and not by what is told of it.
//
// Sources: npm plivo 4.79.0, plivo.com/docs/voice/api/call and its "Call status".
package plivo

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
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/callapi"
)

// DefaultBase is Plivo's own server.
const DefaultBase = "https://api.plivo.com"

// looked is how many calls of a list are looked at, at most: the lists of live calls have their ids alone.
const looked = 20

// An Account is one of Plivo's. ID, Token, Voice and Status must be set; Check says so. It may be used by any goroutine.
type Account struct {
	ID, Token string // auth id and auth token
	Base      string // another server than Plivo's; empty: DefaultBase
	Voice     string // URL that an answered call asks what to do
	Status    string // URL that is told what becomes of a call

	// Lead is the URL of a document that leads a call on: Plivo takes none with the request. Nil: no call is transferred.
	Lead func(to pipeline.Onward) string

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
}

var isID = regexp.MustCompile(`^[0-9A-Z]{1,64}$`)

// Check names all that is wrong with the account.
func (a *Account) Check() error {
	var bad []error
	if !isID.MatchString(a.ID) {
		bad = append(bad, fmt.Errorf("auth id %q: want capitals and digits", a.ID))
	}
	if a.Token == "" {
		bad = append(bad, errors.New("auth token is missing"))
	}
	return errors.Join(append(bad, callapi.CheckURLs(map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "voice URL": a.Voice, "status URL": a.Status}))...)
}

// explain reads Plivo's errors, which are a text or have texts by their field.
func explain(answer []byte) (code int, message string) {
	var told struct {
		Error json.RawMessage `json:"error"`
	}
	_ = json.Unmarshal(answer, &told) // what is no JSON says nothing
	if text := ""; json.Unmarshal(told.Error, &text) == nil {
		return 0, text
	}
	return 0, string(told.Error)
}

func (a *Account) api() *callapi.Client {
	return &callapi.Client{
		Base: strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/") + "/v1/Account/" + url.PathEscape(a.ID), Explain: explain, HTTP: a.Client,
		Sign: func(r *http.Request) error {
			r.SetBasicAuth(a.ID, a.Token)
			return nil
		},
	}
}

// bare is a number as Plivo writes it.
func bare(number string) string { return strings.TrimPrefix(number, "+") }

// plus is a number of Plivo's as others write it.
func plus(number string) string {
	if number == "" || strings.HasPrefix(number, "+") || strings.Contains(number, "@") {
		return number
	}
	return "+" + number
}

// Place implements pipeline.Carrier.
func (a *Account) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	status := callapi.WithToken(a.Status, o.Token)
	body := map[string]any{
		"from": bare(o.From), "to": bare(o.To), "answer_url": callapi.WithToken(a.Voice, o.Token), "answer_method": http.MethodPost,
		"ring_url": status, "ring_method": http.MethodPost, "hangup_url": status, "hangup_method": http.MethodPost,
	}
	if o.Ring > 0 {
		body["ring_timeout"] = callapi.Seconds(o.Ring, 1, 600)
	}
	var made struct {
		Request json.RawMessage `json:"request_uuid"` // a text, or of several calls a list
	}
	if err := callapi.Placing(ctx, func(ctx context.Context) error { return a.api().Ask(ctx, http.MethodPost, "/Call/", body, &made) }); err != nil {
		return pipeline.Placed{}, err
	}
	id, several := "", []string(nil)
	if json.Unmarshal(made.Request, &id) != nil && json.Unmarshal(made.Request, &several) == nil && len(several) == 1 {
		id = several[0]
	}
	if id == "" { // its webhooks will
		return pipeline.Placed{}, errors.New("place call: the answer names no call")
	}
	return pipeline.Placed{ID: id, From: o.From, To: o.To, State: pipeline.PlacedRinging}, nil
}

// call is one as Plivo tells it: live and queued in other words than when it is over.
type call struct {
	CallUUID    string `json:"call_uuid"`
	RequestUUID string `json:"request_uuid"`
	From        string `json:"from"`
	To          string `json:"to"`
	Status      string `json:"call_status"`
	Session     string `json:"session_start"`

	FromNumber string `json:"from_number"`
	ToNumber   string `json:"to_number"`
	Initiated  string `json:"initiation_time"`
	Answered   string `json:"answer_time"`
	Hangup     string `json:"hangup_cause_name"`
}

func (c call) placed() pipeline.Placed {
	p := pipeline.Placed{
		ID: cmp.Or(c.RequestUUID, c.CallUUID), From: plus(cmp.Or(c.From, c.FromNumber)), To: plus(cmp.Or(c.To, c.ToNumber)), Made: when(cmp.Or(c.Session, c.Initiated)),
	}
	if c.Status != "" {
		p.State = State(c.Status)
		return p
	}
	p.State = c.ended()
	if p.State == pipeline.PlacedFailed {
		p.Reason = c.Hangup
	}
	return p
}

// ended is how a call ended that is over, by the name of its cause (plivo.com/docs/voice/troubleshooting/hangup-causes).
func (c call) ended() pipeline.PlacedState {
	cause := strings.ToLower(c.Hangup)
	switch {
	case c.Answered != "":
		return pipeline.PlacedHungUp
	case strings.Contains(cause, "busy"):
		return pipeline.PlacedBusy
	case strings.Contains(cause, "no answer"), strings.Contains(cause, "timeout"):
		return pipeline.PlacedNoAnswer
	case strings.Contains(cause, "cancel"):
		return pipeline.PlacedCancelled
	}
	return pipeline.PlacedFailed
}

// when reads a time of Plivo's, which may not say; zero then.
func when(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05-07:00", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Find implements pipeline.Carrier. A call goes from one of Plivo's three lists to the next: they are asked in that order, so that none is missed
// on its way.
func (a *Account) Find(ctx context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	since := o.Asked.Add(-callapi.Skew)
	var found []pipeline.Placed
	add := func(p pipeline.Placed) {
		known := slices.ContainsFunc(found, func(f pipeline.Placed) bool { return f.ID == p.ID })
		if !known && p.To == o.To && p.From == o.From && (p.Made.IsZero() || !p.Made.Before(since)) {
			found = append([]pipeline.Placed{p}, found...)
		}
	}
	for _, status := range []string{"queued", "live"} {
		var ids struct {
			Calls []string `json:"calls"`
		}
		between := url.Values{"status": {status}, "from_number": {bare(o.From)}, "to_number": {bare(o.To)}}
		if err := a.api().Ask(ctx, http.MethodGet, "/Call/?"+between.Encode(), nil, &ids); err != nil {
			return nil, fmt.Errorf("list %s calls: %w", status, err)
		}
		for _, id := range ids.Calls[:min(len(ids.Calls), looked)] {
			if p, err := a.Look(ctx, id); err == nil { // else it is over meanwhile, and will be found so
				add(p)
			}
		}
	}
	var over struct {
		Objects []call `json:"objects"`
	}
	between := url.Values{"from_number": {bare(o.From)}, "to_number": {bare(o.To)}, "limit": {fmt.Sprint(looked)}}
	if err := a.api().Ask(ctx, http.MethodGet, "/Call/?"+between.Encode(), nil, &over); err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	for _, c := range over.Objects {
		add(c.placed())
	}
	return found, nil
}

// Look implements pipeline.Carrier. Plivo has a call in one of three places, which are asked as Find asks them.
func (a *Account) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	for _, where := range []string{"?status=queued", "?status=live", ""} {
		var c call
		err := a.api().Ask(ctx, http.MethodGet, "/Call/"+url.PathEscape(id)+"/"+where, nil, &c)
		if callapi.Over(err) {
			continue
		}
		if err != nil {
			return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
		}
		p := c.placed()
		p.ID = id
		return p, nil
	}
	return pipeline.Placed{}, pipeline.ErrNoCall
}

// HangUp implements pipeline.Carrier. A call that does not ring yet is a request.
func (a *Account) HangUp(ctx context.Context, id string) error {
	for _, what := range []string{"/Request/", "/Call/"} {
		err := a.api().Ask(ctx, http.MethodDelete, what+url.PathEscape(id)+"/", nil, nil)
		if err == nil {
			return nil
		}
		if !callapi.Over(err) {
			return fmt.Errorf("hang up: %w", err)
		}
	}
	return nil
}

// Transfer has a live call leave its stream and connected to somebody else. When it returns nil Plivo has taken it; nobody has answered there yet,
// and if nobody does the call ends. An error that is ErrNoCall says that the call is over; a *Refusal, that it stays.
func (a *Account) Transfer(ctx context.Context, id string, to pipeline.Onward) error {
	if a.Lead == nil {
		return &pipeline.Refusal{Message: "this server has no address where Plivo could be told whom to connect"}
	}
	body := map[string]string{"legs": "aleg", "aleg_url": a.Lead(to), "aleg_method": http.MethodPost}
	return callapi.Changing("transfer call", a.api().Ask(ctx, http.MethodPost, "/Call/"+url.PathEscape(id)+"/", body, nil))
}

// State is a status of Plivo's in the pipeline's words.
func State(status string) pipeline.PlacedState {
	switch status {
	case "timeout":
		return pipeline.PlacedNoAnswer
	case "cancel":
		return pipeline.PlacedCancelled
	}
	return callapi.State(status)
}

// Document is the document that Account.Lead names: it rings somebody else for a call. An address of SIP is a <User> there
// (plivo.com/docs/voice/xml/dial).
func Document(to pipeline.Onward) (string, error) {
	to.To, to.CallerID = bare(to.To), bare(to.CallerID)
	return callapi.DialXML(to, "User", 5, 600)
}
