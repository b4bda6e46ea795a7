// Package exotel places calls by Exotel's REST API.
//
//	Place ──POST Calls/connect.json──▶ the call's id      Find ──GET Calls.json?From=…&DateCreated=gte:…──▶ what is over
//	Look ──GET Calls/….json──▶                            HangUp ──▶ there is none
//
// Exotel calls what it names From, and connects whoever answers to a flow of the account's, whose Voicebot applet knows where this server is. That a
// call is answered, and that it is over, goes to Account.Status, which has the order's token in its query. Whether the applet tells the token, which
// is the call's CustomField, is UNCONFIRMED: a call that it does not tell of is known by its id.
//
// It has no way to end a call, nor to lead one elsewhere: a call ends when its stream closes and the flow has nothing after it.
//
// Sources: developer.exotel.com, Voice v1: "Outgoing call to a call flow", "Call details", "StatusCallback"; "Error code dictionary".
package exotel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/callapi"
)

// DefaultBase is the server of Exotel's cluster in Singapore; the one in Mumbai is https://api.in.exotel.com.
const DefaultBase = "https://api.exotel.com"

// An Account is one of Exotel's. All but Base and Client must be set; Check says so. It may be used by any goroutine.
type Account struct {
	SID        string // of the account
	Key, Token string // of its API
	App        string // id of the flow that whoever answers is connected to
	Base       string // another server than that in Singapore; empty: DefaultBase
	Status     string // URL that is told what becomes of a call; with user and password in it, for Exotel signs nothing

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
}

var (
	isSID = regexp.MustCompile(`^[0-9a-zA-Z_-]{1,64}$`)
	isApp = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// Check names all that is wrong with the account.
func (a *Account) Check() error {
	var bad []error
	if !isSID.MatchString(a.SID) {
		bad = append(bad, fmt.Errorf("account sid %q: want letters and digits", a.SID))
	}
	if a.Key == "" {
		bad = append(bad, errors.New("API key is missing"))
	}
	if a.Token == "" {
		bad = append(bad, errors.New("API token is missing"))
	}
	if !isApp.MatchString(a.App) {
		bad = append(bad, fmt.Errorf("app id %q: want the number of a flow", a.App))
	}
	status := ""
	if u, err := url.Parse(a.Status); err == nil {
		status = u.Redacted() // for errors are read
		if !withPassword(u) {
			bad = append(bad, errors.New("user and password of the status URL are missing"))
		}
	}
	return errors.Join(append(bad, callapi.CheckURLs(map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "status URL": status}))...)
}

func withPassword(u *url.URL) bool {
	password, _ := u.User.Password()
	return password != ""
}

// explain reads Exotel's errors, whose codes are words.
func explain(answer []byte) (code int, message string) {
	var told struct {
		RestException struct{ Message string }
	}
	_ = json.Unmarshal(answer, &told) // what is no JSON says nothing
	return 0, told.RestException.Message
}

func (a *Account) api() *callapi.Client {
	return &callapi.Client{
		Base: strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/") + "/v1/Accounts/" + url.PathEscape(a.SID), Explain: explain, HTTP: a.Client,
		Sign: func(r *http.Request) error {
			r.SetBasicAuth(a.Key, a.Token)
			return nil
		},
	}
}

// Place implements pipeline.Carrier. That Exotel takes its own number, CallerId, with a plus is UNCONFIRMED: its pages have it as it is dialled in India.
func (a *Account) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	form := url.Values{
		"From": {o.To}, "CallerId": {o.From}, "Url": {"http://my.exotel.com/" + url.PathEscape(a.SID) + "/exoml/start_voice/" + a.App},
		"StatusCallback": {callapi.WithToken(a.Status, o.Token)}, "StatusCallbackEvents[]": {"terminal", "answered"}, "CustomField": {o.Token},
	}
	if o.Ring > 0 {
		form.Set("TimeOut", fmt.Sprint(callapi.Seconds(o.Ring, 1, 600)))
	}
	var made struct{ Call call }
	if err := callapi.Placing(ctx, func(ctx context.Context) error {
		return a.api().Ask(ctx, http.MethodPost, "/Calls/connect.json", form, &made)
	}); err != nil {
		return pipeline.Placed{}, err
	}
	if made.Call.SID == "" { // its callbacks will
		return pipeline.Placed{}, errors.New("place call: the answer names no call")
	}
	// Exotel says of a call that has just been asked for that it is in progress.
	return pipeline.Placed{ID: made.Call.SID, From: o.From, To: o.To, State: pipeline.PlacedRinging}, nil
}

// call is one as Exotel tells it.
type call struct {
	SID     string `json:"Sid"`
	From    string // who is called
	Phone   string `json:"PhoneNumberSid"` // the account's number
	Status  string
	Created string `json:"DateCreated"`
}

func (c call) placed() pipeline.Placed {
	return pipeline.Placed{ID: c.SID, From: c.Phone, To: c.From, State: callapi.State(c.Status), Made: when(c.Created)}
}

// india is where Exotel's clocks are: its pages show the beginning of Unix' time as half past five. That they are there for accounts elsewhere is
// UNCONFIRMED.
var india = time.FixedZone("IST", 5*60*60+30*60)

const clock = "2006-01-02 15:04:05"

// when reads a time of Exotel's, which may not say; zero then.
func when(text string) time.Time {
	t, err := time.ParseInLocation(clock, text, india)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Find implements pipeline.Carrier. Exotel lists no calls that are under way: what comes of one whose order's answer is lost is known before its end
// by what is told of it alone.
func (a *Account) Find(ctx context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	since := o.Asked.Add(-callapi.Skew)
	query := url.Values{
		"From": {o.To}, "DateCreated": {"gte:" + since.In(india).Format(clock)}, "Direction": {"outbound-api"}, "SortBy": {"DateCreated:asc"}, "PageSize": {"100"},
	}
	var list struct{ Calls []call }
	if err := a.api().Ask(ctx, http.MethodGet, "/Calls.json?"+query.Encode(), nil, &list); err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	var found []pipeline.Placed
	for _, c := range list.Calls {
		p := c.placed()
		if Same(p.To, o.To) && Same(p.From, o.From) && (p.Made.IsZero() || !p.Made.Before(since.Truncate(time.Second))) {
			p.To, p.From = o.To, o.From
			found = append(found, p)
		}
	}
	return found, nil
}

// Look implements pipeline.Carrier.
func (a *Account) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	var told struct{ Call call }
	err := a.api().Ask(ctx, http.MethodGet, "/Calls/"+url.PathEscape(id)+".json", nil, &told)
	if callapi.Over(err) {
		return pipeline.Placed{}, pipeline.ErrNoCall
	}
	if err != nil {
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	}
	p := told.Call.placed()
	p.ID = id
	return p, nil
}

// errRings says what Exotel cannot do.
var errRings = errors.New("exotel has no way to hang up a call that rings: whoever answers it is hung up on")

// HangUp implements pipeline.Carrier as far as Exotel lets it: one that rings goes on ringing, which is an error, and one that is answered ends
// when its stream closes. Exotel may call one that rings in progress.
func (a *Account) HangUp(ctx context.Context, id string) error {
	p, err := a.Look(ctx, id)
	switch {
	case errors.Is(err, pipeline.ErrNoCall):
		return nil
	case err != nil:
		return fmt.Errorf("hang up: %w", err)
	case p.State == pipeline.PlacedRinging:
		return errRings
	}
	return nil
}

// Transfer refuses: Exotel leads no call that is under way elsewhere.
func (a *Account) Transfer(context.Context, string, pipeline.Onward) error {
	return &pipeline.Refusal{Message: "Exotel transfers no calls"}
}

// least is how many digits say that two numbers are the same: those of a number in India without its country.
const least = 10

// Same says whether two numbers are one, whether they are written as E.164 has it or as they are dialled within a country, with a zero before them.
func Same(a, b string) bool {
	a, b = strings.TrimLeft(a, "+0"), strings.TrimLeft(b, "+0")
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) >= least && strings.HasSuffix(b, a)
}
