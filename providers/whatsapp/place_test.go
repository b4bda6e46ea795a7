package whatsapp_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"parley/media"
	"parley/media/webrtc"
	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

// order is a call to Ana.
func order(tag string) whatsapp.Order {
	return whatsapp.Order{
		Line: message.Line{Number: "+" + providertest.FakeDisplay}, To: message.Party{Number: "+" + ana},
		Info: media.Info{Kind: "whatsapp", Owners: []string{"org"}}, Tag: tag,
	}
}

// place calls, and says how that has ended.
func (x *exchange) place(ctx context.Context, o whatsapp.Order) <-chan error {
	placed := make(chan error, 1)
	go func() { placed <- x.Place(ctx, x.n, o) }()
	return placed
}

// told is what a webhook tells of a call.
func (x *exchange) told(body []byte) *message.Call {
	x.t.Helper()
	events, err := whatsapp.Parse(body)
	if err != nil || len(events) != 1 || events[0].Call == nil {
		x.t.Fatalf("%v, %+v", err, events)
	}
	return events[0].Call
}

// pickUp has Ana take a call, by news in some order.
func (x *exchange) pickUp(call providertest.WhatsAppAct, far *webrtc.Peer, early bool) {
	x.t.Helper()
	all := []*message.Call{
		x.told(x.f.Stands(call, ana, "RINGING")), x.told(x.f.Answers(call, ana, far.SDP())), x.told(x.f.Stands(call, ana, "ACCEPTED")),
	}
	if early {
		all[1], all[2] = all[2], all[1]
	}
	for _, n := range all {
		x.News(n, "another") // whose call it is not
		x.News(n, "org")
	}
}

// TestPlace: a person is called and talked with.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		x := newExchange(t)
		if x == nil {
			return
		}
		o := order("ses_02")
		if err := x.Place(t.Context(), x.n, o); reason(err) != message.NoConsent {
			t.Errorf("%v", err)
		}
		x.f.Allow(ana)
		made, taken := make(chan string, 1), make(chan string, 1)
		o.Made = func(id string) { made <- id }
		o.Taken = func(_ context.Context, id string) error { taken <- id; return nil }
		placed := x.place(t.Context(), o)
		ask := x.act("connect")
		if ask.Tag != "ses_02" || wait(t, "the id", made) != ask.Call {
			t.Errorf("asked for %+v", ask)
		}
		far, err := x.meta.Answer(t.Context(), media.Info{ID: "meta"}, ask.SDP)
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		x.pickUp(ask, far, early)
		there, err := far.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l := wait(t, "a talk", x.talks)
		if i := l.Info(); i.ID != ask.Call || i.From != o.Line.Number || i.To != o.To.Number || wait(t, "taken", taken) != ask.Call {
			t.Errorf("%+v", i)
		}
		sound(t, there, l)
		_ = l.Hangup(media.CauseAgent)
		if err := wait(t, "the end", placed); err != nil {
			t.Error(err)
		}
		if c, _ := x.f.Call(ask.Call); c.State != "terminate" {
			t.Errorf("Meta was told %s", c.State)
		}
		if x.News(x.told(x.f.Stands(ask, ana, "RINGING")), "org") {
			t.Error("a call that is over has news")
		}
	}
}

// TestPlaceEnds: a call that nobody talks on says why, and Meta is told of its end where it does not know.
func TestPlaceEnds(t *testing.T) {
	t.Parallel()
	unwanted, given := errors.New("nobody waits for it"), errors.New("it was cancelled")
	for name, c := range map[string]struct {
		ring time.Duration
		ends func(x *exchange, call providertest.WhatsAppAct) []byte // how Meta says that it is over; nil: it does not
		stop error                                                   // we hang up
		want error
	}{
		"rejected":  {ends: func(x *exchange, c providertest.WhatsAppAct) []byte { return x.f.Stands(c, ana, "REJECTED") }, want: whatsapp.ErrRefused},
		"not taken": {ends: func(x *exchange, c providertest.WhatsAppAct) []byte { return x.f.Ends(c, ana, "FAILED") }, want: whatsapp.ErrUnanswered},
		"too long":  {ring: 50 * time.Millisecond, want: whatsapp.ErrUnanswered},
		"cancelled": {stop: given, want: given},
		"unwanted":  {want: unwanted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t)
			if x == nil {
				return
			}
			x.f.Allow(ana)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			o := order("ses_03")
			o.Ring = c.ring
			o.Taken = func(context.Context, string) error { return unwanted }
			placed := x.place(ctx, o)
			ask := x.act("connect")
			switch {
			case c.ends != nil:
				x.News(x.told(c.ends(x, ask)), "org")
			case c.stop != nil:
				cancel(c.stop)
			case name == "unwanted":
				far, err := x.meta.Answer(t.Context(), media.Info{ID: "meta"}, ask.SDP)
				if err != nil {
					t.Fatal(err)
				}
				defer far.Close()
				x.pickUp(ask, far, false)
				if _, err := far.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := wait(t, "the end", placed); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if len(x.talks) > 0 {
				t.Error("there was a talk")
			}
			if c.ends == nil && x.act("terminate").Call != ask.Call {
				t.Error("another call is ended")
			}
		})
	}
}

// losing loses the answers to POSTs of calls, once the far end has made what they ask for.
type losing struct{ http.RoundTripper }

func (l losing) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost {
		_ = res.Body.Close()
		return nil, errors.New("the line is cut")
	}
	return res, err
}

// TestPlaceLost: Meta's answer is lost, and the call goes on as soon as something is told of it by its tag.
func TestPlaceLost(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	if x == nil {
		return
	}
	x.f.Allow(ana)
	x.n.Client = &http.Client{Transport: losing{http.DefaultTransport}}
	o := order("ses_04")
	made := make(chan string, 1)
	o.Made = func(id string) { made <- id }
	placed := x.place(t.Context(), o)
	ask := x.act("connect")
	select {
	case id := <-made:
		t.Fatalf("call %s is known, and nothing has been told of it", id)
	default:
	}
	x.News(x.told(x.f.Stands(ask, ana, "RINGING")), "org")
	if id := wait(t, "the id", made); id != ask.Call {
		t.Errorf("call %s, want %s", id, ask.Call)
	}
	x.News(x.told(x.f.Stands(ask, ana, "REJECTED")), "org")
	if err := wait(t, "the end", placed); !errors.Is(err, whatsapp.ErrRefused) {
		t.Error(err)
	}
}
