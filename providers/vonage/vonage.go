// Package vonage places and transfers calls by Vonage's Voice API.
//
//	Place ──POST v1/calls──▶ 201: the call's uuid    Find ──GET v1/calls?date_start=──▶ what there is, oldest first
//	Look ──GET v1/calls/…──▶ how it stands           HangUp ──PUT v1/calls/… hangup──▶
//	Transfer ──PUT v1/calls/… transfer: an NCCO──▶ the call leaves its WebSocket, and rings somebody else
//
// An answered call asks Account.Voice what to do; what becomes of it goes to Account.Status. Both carry the order's token in their query, and are
// signed by Vonage. Requests are signed by us: a JWT of the application's, by its private key. Numbers are written without their plus.
//
// Sources: developer.vonage.com, "Voice API" reference, and npm @vonage/voice 1.21.0.
package vonage

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

// DefaultBase is Vonage's own server.
const DefaultBase = "https://api.nexmo.com"

const (
	pages    = 5 // of a list, at most
	pageSize = 100
)

// An Account is an application at Vonage. Application, Key, Voice and Status must be set; Check says so. It may be used by any goroutine.
type Account struct {
	Application string // its id
	Key         string // its private key: PEM, or on one line what stands between PEM's, or base64 of all of it
	Base        string // another server than Vonage's; empty: DefaultBase
	Voice       string // URL that an answered call asks what to do
	Status      string // URL that is told what becomes of a call

	// Client sends the requests; nil: one of its own, which follows no redirects. The caller's context bounds each request.
	Client *http.Client
}

var isID = regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`)

// Check names all that is wrong with the account.
func (a *Account) Check() error {
	var bad []error
	if !isID.MatchString(a.Application) {
		bad = append(bad, fmt.Errorf("application id %q: want hex digits and dashes", a.Application))
	}
	if _, err := parseKey(a.Key); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(append(bad, callapi.CheckURLs(map[string]string{"base URL": cmp.Or(a.Base, DefaultBase), "voice URL": a.Voice, "status URL": a.Status}))...)
}

// explain reads Vonage's errors, of which there are two kinds.
func explain(answer []byte) (code int, message string) {
	var told struct {
		Title      string `json:"title"`
		Detail     string `json:"detail"`
		ErrorTitle string `json:"error_title"`
	}
	_ = json.Unmarshal(answer, &told) // what is no JSON says nothing
	return 0, cmp.Or(told.Detail, told.Title, told.ErrorTitle)
}

func (a *Account) api() *callapi.Client {
	return &callapi.Client{
		Base: strings.TrimRight(cmp.Or(a.Base, DefaultBase), "/") + "/v1/calls", Explain: explain, HTTP: a.Client,
		Sign: func(r *http.Request) error {
			token, err := a.token(time.Now())
			if err == nil {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			return err
		},
	}
}

// An endpoint is somebody who is called, or calls.
type endpoint struct {
	Type   string `json:"type"`
	Number string `json:"number,omitempty"`
	URI    string `json:"uri,omitempty"`
}

func phone(number string) endpoint { return endpoint{Type: "phone", Number: bare(number)} }

func bare(number string) string { return strings.TrimPrefix(number, "+") }

// plus is a number of Vonage's as others write it.
func plus(number string) string {
	if number == "" || strings.HasPrefix(number, "+") || strings.ContainsAny(number, "@:") {
		return number
	}
	return "+" + number
}

// resource is a call as Vonage tells it.
type resource struct {
	UUID   string   `json:"uuid"`
	Status string   `json:"status"`
	From   endpoint `json:"from"`
	To     endpoint `json:"to"`
	Start  string   `json:"start_time"`
}

func (c resource) placed() pipeline.Placed {
	made, _ := time.Parse(time.RFC3339, c.Start) // one that was not answered has none
	return pipeline.Placed{ID: c.UUID, From: plus(c.From.Number), To: plus(c.To.Number), State: State(c.Status), Made: made.UTC()}
}

// Place implements pipeline.Carrier. Vonage rings for 1 s to 2 min.
func (a *Account) Place(ctx context.Context, o pipeline.Order) (pipeline.Placed, error) {
	body := map[string]any{
		"to": []endpoint{phone(o.To)}, "from": phone(o.From), "answer_url": []string{callapi.WithToken(a.Voice, o.Token)}, "answer_method": http.MethodPost,
		"event_url": []string{callapi.WithToken(a.Status, o.Token)}, "event_method": http.MethodPost,
	}
	if o.Ring > 0 {
		body["ringing_timer"] = callapi.Seconds(o.Ring, 1, 120)
	}
	var made resource
	if err := callapi.Placing(ctx, func(ctx context.Context) error { return a.api().Ask(ctx, http.MethodPost, "", body, &made) }); err != nil {
		return pipeline.Placed{}, err
	}
	if made.UUID == "" {
		return pipeline.Placed{}, errors.New("place call: the answer names no call")
	}
	return pipeline.Placed{ID: made.UUID, From: o.From, To: o.To, State: State(made.Status)}, nil
}

// Find implements pipeline.Carrier. Vonage lists by time alone: who calls whom is ours to see.
func (a *Account) Find(ctx context.Context, o pipeline.Order) ([]pipeline.Placed, error) {
	query := url.Values{
		"date_start": {o.Asked.Add(-callapi.Skew).UTC().Format(time.RFC3339)}, "order": {"asc"}, "page_size": {strconv.Itoa(pageSize)},
	}
	var found []pipeline.Placed
	for page := range pages {
		query.Set("record_index", strconv.Itoa(page*pageSize))
		var list struct {
			Embedded struct {
				Calls []resource `json:"calls"`
			} `json:"_embedded"`
		}
		if err := a.api().Ask(ctx, http.MethodGet, "?"+query.Encode(), nil, &list); err != nil {
			return nil, fmt.Errorf("list calls: %w", err)
		}
		for _, c := range list.Embedded.Calls {
			if p := c.placed(); p.To == o.To && p.From == o.From {
				found = append(found, p)
			}
		}
		if len(list.Embedded.Calls) < pageSize {
			break
		}
	}
	return found, nil
}

// Look implements pipeline.Carrier.
func (a *Account) Look(ctx context.Context, id string) (pipeline.Placed, error) {
	var c resource
	err := a.api().Ask(ctx, http.MethodGet, "/"+url.PathEscape(id), nil, &c)
	if callapi.Over(err) {
		return pipeline.Placed{}, pipeline.ErrNoCall
	}
	if err != nil {
		return pipeline.Placed{}, fmt.Errorf("read call: %w", err)
	}
	return c.placed(), nil
}

// HangUp implements pipeline.Carrier.
func (a *Account) HangUp(ctx context.Context, id string) error {
	err := a.change(ctx, id, map[string]any{"action": "hangup"})
	if err != nil && !errors.Is(err, pipeline.ErrNoCall) {
		return fmt.Errorf("hang up: %w", err)
	}
	return nil
}

// change does something to a live call: ErrNoCall if it is over. What Vonage says of that is not told, so it is looked at.
func (a *Account) change(ctx context.Context, id string, body any) error {
	err := a.api().Ask(ctx, http.MethodPut, "/"+url.PathEscape(id), body, nil)
	var told *callapi.Failure
	if errors.As(err, &told) && told.Status == http.StatusBadRequest {
		if now, looked := a.Look(ctx, id); errors.Is(looked, pipeline.ErrNoCall) || looked == nil && now.State.Over() {
			return pipeline.ErrNoCall
		}
	}
	return callapi.Changing("change call", err)
}

// Transfer has a live call leave its WebSocket and connected to somebody else. When it returns nil Vonage has taken it; nobody has answered there
// yet, and if nobody does the call ends. An error that is ErrNoCall says that the call is over; a *Refusal, that it stays.
func (a *Account) Transfer(ctx context.Context, id string, to pipeline.Onward) error {
	connect := map[string]any{"action": "connect", "endpoint": []endpoint{phone(to.To)}}
	if strings.HasPrefix(to.To, "sip") {
		connect["endpoint"] = []endpoint{{Type: "sip", URI: to.To}}
	}
	if to.CallerID != "" {
		connect["from"] = bare(to.CallerID)
	}
	if to.Ring > 0 {
		connect["timeout"] = callapi.Seconds(to.Ring, 1, 120)
	}
	return a.change(ctx, id, map[string]any{"action": "transfer", "destination": map[string]any{"type": "ncco", "ncco": []any{connect}}})
}

// State is a status of Vonage's in the pipeline's words.
func State(status string) pipeline.PlacedState {
	switch status {
	case "answered", "machine", "human":
		return pipeline.PlacedAnswered
	case "completed":
		return pipeline.PlacedHungUp
	case "busy":
		return pipeline.PlacedBusy
	case "timeout", "unanswered":
		return pipeline.PlacedNoAnswer
	case "cancelled":
		return pipeline.PlacedCancelled
	case "failed", "rejected":
		return pipeline.PlacedFailed
	default: // started, ringing, and whatever Vonage may come to say: it is not over
		return pipeline.PlacedRinging
	}
}
