package carrier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Conference is how a call was in a room with others (twilio.com/docs/voice/twiml/conference).
type Conference struct {
	Room    string   `json:"room"`
	With    []string `json:"with,omitempty"` // the calls that it talked with; none: it has waited in vain
	Alone   Millis   `json:"alone_ms"`       // until it talked
	Dropped bool     `json:"dropped"`        // another ended the room by leaving it
}

// rooms are an exchange's, also those that are over. A room is there from the first who comes until the last has gone or one ends it; its name is free then.
type rooms struct {
	mu  sync.Mutex
	all []*room
}

// A room begins when there are two in it, one of whom starts it.
type room struct {
	name   string
	seats  []*seat
	begun  chan struct{} // closed
	over   chan struct{} // closed
	starts bool
}

// A seat is a call's, in a room.
type seat struct {
	call   string
	noun   *roomNoun
	result *Conference
}

// roomNoun is what <Dial><Conference> asks for.
type roomNoun struct {
	name         string
	starts, ends bool
	most         int
}

// parseConference reads a <Conference>, and takes no attribute that Twilio does not know.
func parseConference(e element) (*roomNoun, error) {
	known := map[string][]string{
		"startConferenceOnEnter": {"true", "false"}, "endConferenceOnExit": {"true", "false"}, "muted": {"true", "false"},
		"beep": {"true", "false", "onEnter", "onExit"}, "waitMethod": {"GET", "POST"}, "waitUrl": nil, "maxParticipants": nil, "participantLabel": nil,
	}
	for _, a := range e.Attrs {
		words, ok := known[a.Name.Local]
		if !ok || words != nil && !slices.Contains(words, a.Value) {
			return nil, fmt.Errorf("<Conference>: %s=%q: Twilio knows no such thing", a.Name.Local, a.Value)
		}
	}
	n := &roomNoun{name: e.text(), starts: e.attr("startConferenceOnEnter", "true") == "true", ends: e.attr("endConferenceOnExit", "false") == "true"}
	var err error
	n.most, err = strconv.Atoi(e.attr("maxParticipants", "250"))
	switch {
	case err != nil || n.most < 2 || n.most > 250:
		return nil, fmt.Errorf("<Conference>: maxParticipants %q: want 2 to 250", e.attr("maxParticipants", ""))
	case n.name == "" || len(n.name) > 128 || len(e.Children) > 0:
		return nil, errors.New("<Conference>: want the name of a room in it, of at most 128 characters")
	}
	return n, nil
}

// confer has a call be in a room until the room ends, or until it is led elsewhere or hung up: by the API, or by Exchange.HangUp.
func (p *placed) confer(ctx context.Context, e element) error {
	noun, err := parseConference(e)
	if err != nil {
		return err
	}
	if p.rooms == nil {
		return errors.New("<Conference>: nobody else can come: this call is none of an exchange")
	}
	c := &Conference{Room: noun.name}
	p.result.Conference = c
	p.note("carrier", "entered the conference", noun.name)
	came := time.Now()
	r, begins, err := p.rooms.enter(&seat{p.result.CallSID, noun, c})
	if err != nil {
		return err
	}
	defer p.rooms.leave(r, p.result.CallSID)
	if begins && p.met != nil {
		p.met(noun.name)
	}
	select {
	case <-r.begun:
		c.Alone = Millis(time.Since(came))
	case <-r.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// find is the room of that name that is there; nil: none is. The lock is held.
func (s *rooms) find(name string) *room {
	for _, r := range slices.Backward(s.all) {
		if r.name == name && r.state() != "completed" {
			return r
		}
	}
	return nil
}

// enter gives a call a seat; begins says that they talk from now on.
func (s *rooms) enter(c *seat) (r *room, begins bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r = s.find(c.noun.name); r == nil {
		r = &room{name: c.noun.name, begun: make(chan struct{}), over: make(chan struct{})}
		s.all = append(s.all, r)
	}
	if len(r.seats) >= c.noun.most {
		return nil, false, fmt.Errorf("<Conference>: %d are in the room already", len(r.seats))
	}
	r.seats = append(r.seats, c)
	r.starts = r.starts || c.noun.starts
	if len(r.seats) < 2 || !r.starts {
		return r, false, nil
	}
	if begins = r.state() == "init"; begins {
		close(r.begun)
	}
	for _, one := range r.seats {
		for _, other := range r.seats {
			if one != other && !slices.Contains(one.result.With, other.call) {
				one.result.With = append(one.result.With, other.call)
			}
		}
	}
	return r, begins, nil
}

// leave takes a call's seat away, and ends the room if it was the last or was to end it.
func (s *rooms) leave(r *room, call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(r.seats, func(c *seat) bool { return c.call == call })
	ends := r.seats[i].noun.ends
	r.seats = slices.Delete(r.seats, i, i+1)
	if r.state() == "completed" || !ends && len(r.seats) > 0 {
		return
	}
	for _, c := range r.seats {
		c.result.Dropped = true
	}
	close(r.over)
}

// state is the room's, in Twilio's words.
func (r *room) state() string {
	select {
	case <-r.over:
		return "completed"
	default:
	}
	select {
	case <-r.begun:
		return "in-progress"
	default:
		return "init"
	}
}

// list shows the rooms of a name, newest first.
func (s *rooms) list(w http.ResponseWriter, r *http.Request, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, found := r.URL.Query().Get("FriendlyName"), []map[string]string{}
	for _, one := range slices.Backward(s.all) {
		if one.name == cmp.Or(name, one.name) {
			found = append(found, map[string]string{"account_sid": account, "friendly_name": one.name, "status": one.state()})
		}
	}
	write(w, http.StatusOK, map[string]any{"conferences": found, "page": 0, "page_size": 50, "next_page_uri": nil})
}
