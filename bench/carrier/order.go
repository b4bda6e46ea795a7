package carrier

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// replies are how an API says what has come of an order.
type replies struct {
	fail func(w http.ResponseWriter, status int, message string)
	made func(w http.ResponseWriter, c *outward)
}

// order takes an order that an API has read, in Twilio's words, or lets it suffer.
func (x *Exchange) order(w http.ResponseWriter, r *http.Request, form url.Values, say replies) {
	var fault Fault
	if x.Fault != nil {
		fault = x.Fault(form.Get("To"))
	}
	switch fault {
	case Unheard:
		panic(http.ErrAbortHandler)
	case Broken:
		say.fail(w, http.StatusInternalServerError, "Internal server error")
		return
	case TooMany:
		say.fail(w, http.StatusTooManyRequests, "Too many requests")
		return
	case Refused:
		say.fail(w, http.StatusUnprocessableEntity, "The number to be called is no good")
		return
	}
	c, err := x.place(form)
	switch {
	case err != nil:
		say.fail(w, http.StatusInternalServerError, err.Error())
	case fault == LostAnswer:
		panic(http.ErrAbortHandler)
	case fault == BrokenRang:
		say.fail(w, http.StatusInternalServerError, "Internal server error")
	case fault == LateAnswer:
		select {
		case <-r.Context().Done():
		case <-time.After(late):
		}
		panic(http.ErrAbortHandler)
	default:
		say.made(w, c)
	}
}

// find is a call by its id, and how it stands; nil: there is none, or none yet that can be looked at.
func (x *Exchange) find(id string) (c *outward, state string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.IndexFunc(x.calls, func(c *outward) bool { return c.sid == id })
	if i < 0 {
		return nil, ""
	}
	return x.calls[i], x.calls[i].state
}

// over says of a state that the call has ended.
func over(state string) bool {
	return slices.Contains([]string{"completed", "busy", "no-answer", "failed", "canceled"}, state)
}

// between are the calls between two numbers, newest first, that lists know by now.
func (x *Exchange) between(to, from string) (found []*outward) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range slices.Backward(x.calls) {
		if (to == "" || c.to == to) && (from == "" || c.from == from) && time.Since(c.made) >= x.Lag {
			found = append(found, c)
		}
	}
	return found
}

// stands is how a call stands.
func (x *Exchange) stands(c *outward) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return c.state
}

// leadTo has a live call follow a document, which is fetched at once.
func (x *Exchange) leadTo(w http.ResponseWriter, id, target, method string, no func(w http.ResponseWriter, status int, message string), yes func(w http.ResponseWriter, c *outward)) {
	c, state := x.find(id)
	switch {
	case c == nil:
		no(w, http.StatusNotFound, "no such call")
		return
	case over(state):
		no(w, http.StatusBadRequest, "the call is over")
		return
	case method != http.MethodPost:
		no(w, http.StatusBadRequest, "this simulation posts")
		return
	}
	p := &placed{Call: x.call(c, Callee{}), outward: true, result: &Result{CallSID: c.sid, From: c.from, To: c.to}}
	p.http = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: p.dial}}
	defer p.http.CloseIdleConnections()
	body, err := p.request(context.Background(), method, target, p.form(url.Values{"CallStatus": {"in-progress"}}))
	if err != nil {
		no(w, http.StatusBadRequest, err.Error())
		return
	}
	verbs, err := parseTwiML(body)
	if err != nil {
		no(w, http.StatusBadRequest, err.Error())
		return
	}
	c.lead(verbs)
	yes(w, c)
}
