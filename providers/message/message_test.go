package message_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/providers"
	"parley/providers/message"
)

func TestE164(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"16505551234": "+16505551234", "+16505551234": "+16505551234", " 1650 ": "+1650", "": "", "+": "", "ana": "", "1-650": "", "++1": "", "ID.4566": "",
	} {
		if got := message.E164(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestSame: the user id counts where both have one, for numbers are given away.
func TestSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b message.Party
		want bool
	}{
		{message.Party{Number: "+1"}, message.Party{Number: "+1"}, true},
		{message.Party{Number: "+1", User: "a"}, message.Party{Number: "+2", User: "a"}, true},
		{message.Party{Number: "+1", User: "a"}, message.Party{Number: "+1", User: "b"}, false},
		{message.Party{Number: "+1", User: "a"}, message.Party{Number: "+1"}, true},
		{message.Party{User: "a"}, message.Party{Number: "+1"}, false},
		{message.Party{}, message.Party{}, false},
	} {
		if got := test.a.Same(test.b); got != test.want || test.b.Same(test.a) != test.want {
			t.Errorf("%+v and %+v: %v", test.a, test.b, got)
		}
	}
	if got := (message.Party{Number: "+1", User: "a"}).Address(); got != "+1" {
		t.Error(got)
	}
	if got := (message.Party{User: "a"}).Address(); got != "a" {
		t.Error(got)
	}
}

// TestBeyond: in whatever order statuses come, the same one is left.
func TestBeyond(t *testing.T) {
	t.Parallel()
	all := []message.State{message.Accepted, message.Sent, message.Delivered, message.Read, message.Played}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 3, 1}, {3, 3, 4, 4, 0}} {
		state := message.State("")
		for _, i := range order {
			if all[i].Beyond(state) {
				state = all[i]
			}
		}
		if state != message.Played {
			t.Errorf("%v: %s", order, state)
		}
	}
	for _, test := range []struct {
		s, old message.State
		want   bool
	}{
		{message.Failed, message.Sent, true}, {message.Failed, message.Delivered, false}, {message.Sent, message.Failed, false}, {message.Delivered, message.Failed, true},
		{message.Sent, message.Sent, false}, {"pondered", "", false},
	} {
		if got := test.s.Beyond(test.old); got != test.want {
			t.Errorf("%s after %s: %v", test.s, test.old, got)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	lost := errors.New("reset")
	for want, e := range map[string]*message.Error{
		"text: is missing": message.Wrong("text", "is missing"),
		"(#131047) Re-engagement message: 24 hours (code 131047)": {Code: 131047, Status: 400, Message: "(#131047) Re-engagement message", Details: "24 hours"},
		"Not Found (status 404)":                                  {Status: 404, Message: "Not Found", Details: "Not Found"},
		"the answer is lost: reset":                               {Message: "the answer is lost", Err: lost, Reason: message.Unanswered},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	wrapped := fmt.Errorf("send: %w", &message.Error{Status: 401, Reason: message.Token})
	if e := message.As(wrapped); e == nil || e.Reason != message.Token || e.Unsure() || providers.Class(wrapped) != providers.Auth {
		t.Errorf("%+v", e)
	}
	if message.As(lost) != nil || !(&message.Error{Reason: message.Garbled}).Unsure() {
		t.Error("an error is not what it is")
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	free, template := message.Outgoing{Text: "Hi"}, message.Outgoing{Template: &message.Template{}}
	for _, test := range []struct {
		o    message.Outgoing
		last time.Time
		open bool
	}{
		{free, now, true}, {free, now.Add(-message.Window + 1), true}, {free, now.Add(-message.Window), false}, {free, time.Time{}, false},
		{template, time.Time{}, true}, {message.Outgoing{Content: &message.Content{}}, time.Time{}, true},
	} {
		if err := test.o.Check(test.last, now); (err == nil) != test.open {
			t.Errorf("%v before: %v", now.Sub(test.last), err)
		}
	}
}
