package twilio

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/media"
	"parley/pipeline"
)

const (
	entries   = 4                      // requests to let a call into a room, at most, while Twilio says that they are too many
	entryWait = 250 * time.Millisecond // before the second of them; then twice as long each
	looks     = 5                      // at a room, where the answer to such a request is lost
	lookWait  = 250 * time.Millisecond // before the first of these; then twice as long each
	dropWait  = 5 * time.Second        // for a call that was let down to be hung up
)

// A seat is a document that puts a call into a room (twilio.com/docs/voice/twiml/conference). A room ends with the first who leaves it, and with it the
// call of the other: nobody stays alone in what costs money. Nothing sounds when somebody comes. Who waits does so in silence: the other one comes in a
// moment, for which Twilio's music would only startle them.
type seat struct {
	XMLName xml.Name `xml:"Response"`
	Room    struct {
		Starts bool   `xml:"startConferenceOnEnter,attr"`
		Ends   bool   `xml:"endConferenceOnExit,attr"`
		Beep   bool   `xml:"beep,attr"`
		Most   int    `xml:"maxParticipants,attr"`
		Wait   string `xml:"waitUrl,attr"`
		Name   string `xml:",chardata"`
	} `xml:"Dial>Conference"`
}

// tooMany is Twilio's code of requests that are (twilio.com/docs/api/errors/20429), which may have none.
const tooMany = 20429

// errUnknown says that it is not known whether Twilio has done what it was asked for.
var errUnknown = errors.New("it is not known what has come of it")

// Confer has two live calls leave their media streams and talk with each other, in a room of their own. Other is put there first, and waits; caller is
// not touched before. An error says why the two do not talk: media.ErrOtherGone if other is lost by it, since they have hung up, or were hung up on as
// the caller did not come, and so was a caller who would be alone. Otherwise both calls are as they were.
func (a *Account) Confer(ctx context.Context, caller, other string) error {
	if a.Compatible {
		return media.ErrNoTransfer // elsewhere no document is taken with the request
	}
	room := "parley-" + rand.Text() // who knows an account's room could be let in
	switch err := a.enter(ctx, other, room, false); {
	case errors.Is(err, pipeline.ErrNoCall):
		return gone(err)
	case errors.Is(err, errUnknown):
		return gone(err, a.drop(ctx, other))
	case err != nil:
		return err
	}
	if err := a.enter(ctx, caller, room, true); err != nil {
		return gone(err, a.drop(ctx, other))
	}
	if p, err := a.Look(ctx, other); err == nil && p.State.Over() { // they have left the room before it had anybody to end it for
		return gone(pipeline.ErrNoCall, a.drop(ctx, caller))
	}
	return nil
}

// gone says that the other one is lost, and why.
func gone(why ...error) error { return fmt.Errorf("%w: %w", media.ErrOtherGone, errors.Join(why...)) }

// enter lets a call into a room. It is asked for once more only where that was surely not done: who is let in twice leaves the room between, which
// ends it. An error is ErrNoCall, a *pipeline.Refusal, or errUnknown.
func (a *Account) enter(ctx context.Context, call, room string, starts bool) error {
	var s seat
	s.Room.Name, s.Room.Starts, s.Room.Ends, s.Room.Most = room, starts, true, 2
	text, err := xml.Marshal(s)
	if err != nil {
		return fmt.Errorf("write conference: %w", err)
	}
	for n := 0; ; n++ {
		err := a.redirect(ctx, call, url.Values{"Twiml": {string(text)}})
		var no *pipeline.Refusal
		refused := errors.As(err, &no)
		if refused && (no.Code == tooMany || no.Code == http.StatusTooManyRequests) && n < entries-1 && pause(ctx, entryWait<<n) {
			continue
		}
		if err == nil || refused || errors.Is(err, pipeline.ErrNoCall) {
			return err
		}
		return a.entered(ctx, room, starts, err)
	}
}

// entered looks what came of a request whose answer was lost, or made no sense: a room stands from when the first waits in it (init), and is
// in-progress once they talk. Lists may be late.
func (a *Account) entered(ctx context.Context, room string, starts bool, why error) error {
	path := "/Conferences.json?" + url.Values{"FriendlyName": {room}}.Encode()
	for n := range looks {
		if !pause(ctx, lookWait<<n) {
			break
		}
		var page struct {
			Rooms []struct {
				Status string `json:"status"`
			} `json:"conferences"`
		}
		if err := a.ask(ctx, http.MethodGet, path, nil, &page); err != nil || len(page.Rooms) == 0 {
			continue
		}
		if s := page.Rooms[0].Status; s == "in-progress" || s == "init" && !starts {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", errUnknown, why)
}

// drop hangs up on a call that nobody is there for any more, even where there is no time left.
func (a *Account) drop(ctx context.Context, call string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWait)
	defer cancel()
	return a.HangUp(ctx, call)
}

// pause waits; false: ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
