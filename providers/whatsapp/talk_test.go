package whatsapp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/media"
	"parley/media/opus"
	"parley/media/webrtc"
	"parley/providers/message"
	"parley/providers/providertest"
	"parley/providers/whatsapp"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// An exchange is a number with calls, and the far end of their sound, in Meta's place.
type exchange struct {
	*whatsapp.Calls
	t     *testing.T
	f     *providertest.WhatsApp
	n     *whatsapp.Number
	meta  *webrtc.Peers
	talks chan *webrtc.Leg
	acts  chan providertest.WhatsAppAct
}

// newExchange is nil where this build has no Opus, which all calls of WhatsApp are in.
func newExchange(t *testing.T) *exchange {
	t.Helper()
	if err := opus.Available(); err != nil {
		t.Logf("this build takes no calls: %v", err)
		return nil
	}
	peers := func() *webrtc.Peers {
		p, err := webrtc.NewPeers(webrtc.PeerOptions{Host: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := p.Close(ctx); err != nil {
				t.Error(err)
			}
		})
		return p
	}
	x := &exchange{t: t, meta: peers(), talks: make(chan *webrtc.Leg, 1), acts: make(chan providertest.WhatsAppAct, 64)}
	x.f = &providertest.WhatsApp{OnAct: func(a providertest.WhatsAppAct) { x.acts <- a }}
	x.n = graph(t, x.f)
	x.Calls = &whatsapp.Calls{Peers: peers(), Talk: func(ctx context.Context, l *webrtc.Leg) {
		x.talks <- l
		for ctx.Err() == nil { // until somebody hangs up
			if _, err := l.Receive(); err != nil {
				return
			}
		}
	}}
	return x
}

// event is what a webhook's body tells.
func (x *exchange) event(field string, value map[string]any) message.Event {
	x.t.Helper()
	events, err := whatsapp.Parse(x.f.Hook(field, value))
	if err != nil || len(events) != 1 || events[0].Call == nil {
		x.t.Fatalf("%v, %+v", err, events)
	}
	return events[0]
}

// offered is the webhook of a person's call.
func (x *exchange) offered(sdp string) message.Event {
	x.t.Helper()
	return x.event("calls", map[string]any{"calls": []any{map[string]any{
		"id": x.f.Ring(ana, sdp), "from": ana, "to": providertest.FakeDisplay, "event": "connect", "direction": "USER_INITIATED",
		"session": map[string]any{"sdp_type": "offer", "sdp": sdp},
	}}})
}

func (x *exchange) terminated(id string) *message.Call {
	x.t.Helper()
	return x.event("calls", map[string]any{"calls": []any{map[string]any{"id": id, "from": ana, "event": "terminate", "status": "COMPLETED"}}}).Call
}

// wait waits for what comes from a goroutine of the test.
func wait[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
		panic("unreachable")
	}
}

// act waits until something is done with a call.
func (x *exchange) act(action string) providertest.WhatsAppAct {
	x.t.Helper()
	for {
		if a := wait(x.t, action, x.acts); a.Action == action {
			return a
		}
	}
}

// sound has one leg say something to the other, which hears it.
func sound(t *testing.T, from, to *webrtc.Leg) {
	t.Helper()
	heard := make(chan error, 1)
	go func() {
		for {
			p, err := to.Receive()
			if err != nil || len(p.Frame.PCM) > 0 {
				heard <- err
				return
			}
		}
	}()
	for range 500 {
		if err := from.Send(media.Frame{PCM: make([]int16, 320), Rate: 16000}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-heard:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("nothing is heard")
}

// TestServe: a person's call is answered, accepted once there is a way, talked on, and ended from either side.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{true, false} {
		x := newExchange(t)
		if x == nil {
			return
		}
		far, err := x.meta.Offer(t.Context(), media.Info{ID: "meta"})
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		e := x.offered(far.SDP())
		served := make(chan error, 1)
		go func() { served <- x.Serve(t.Context(), x.n, media.Info{Kind: "whatsapp", Owners: []string{"org"}}, e) }()
		answer := x.act("pre_accept").SDP
		if err := far.Answered(answer); err != nil {
			t.Fatal(err)
		}
		there, err := far.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l := wait(t, "a talk", x.talks)
		if i := l.Info(); i.ID != e.Call.ID || i.From != "+"+ana || i.To != "+"+providertest.FakeDisplay || i.Kind != "whatsapp" || i.Owners[0] != "org" {
			t.Errorf("%+v", i)
		}
		if x.act("accept").SDP != answer {
			t.Error("two answers")
		}
		sound(t, l, there)
		x.News(x.terminated(e.Call.ID), "another") // whose webhook it is not
		x.News(x.terminated(e.Call.ID))
		sound(t, l, there)
		if err := x.Serve(t.Context(), x.n, media.Info{Owners: []string{"org"}}, e); err != nil {
			t.Errorf("told again: %v", err)
		}
		if ours {
			_ = l.Hangup(media.CauseAgent)
		} else {
			x.News(x.terminated(e.Call.ID), "org")
		}
		if err := wait(t, "the end", served); err != nil {
			t.Errorf("%v", err)
		}
		c, _ := x.f.Call(e.Call.ID)
		if (c.State == "terminate") != ours {
			t.Errorf("hung up by us is %v, and Meta was told %s", ours, c.State)
		}
		if err := x.Serve(t.Context(), x.n, media.Info{Owners: []string{"org"}}, e); err != nil || len(x.talks) > 0 {
			t.Errorf("told again: %v", err)
		}
		if n := x.Peers.Live(); n != 0 {
			t.Errorf("%d peers are left", n)
		}
	}
}

// TestServeMissed: calls that cannot be taken, in whatever order things are told.
func TestServeMissed(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	if x == nil {
		return
	}
	offer := providertest.MetaSDP("127.0.0.1:9", "actpass")
	e := x.offered("v=0\r\n")
	if err := x.Serve(t.Context(), x.n, media.Info{}, e); err == nil || x.act("reject").Call != e.Call.ID {
		t.Errorf("%v", err)
	}
	e = x.offered(offer)
	x.News(x.terminated(e.Call.ID)) // before the offer
	if err := x.Serve(t.Context(), x.n, media.Info{}, e); !errors.Is(err, whatsapp.ErrMissed) {
		t.Errorf("%v", err)
	}
	e = x.offered(offer)
	e.At = time.Now().Add(-time.Minute)
	if err := x.Serve(t.Context(), x.n, media.Info{}, e); !errors.Is(err, whatsapp.ErrMissed) {
		t.Errorf("%v", err)
	}
	e = x.offered(offer)
	served := make(chan error, 1)
	go func() { served <- x.Serve(t.Context(), x.n, media.Info{}, e) }()
	x.act("pre_accept")
	x.News(x.terminated(e.Call.ID)) // while there is no way yet
	if err := wait(t, "the end", served); !errors.Is(err, whatsapp.ErrMissed) {
		t.Errorf("%v", err)
	}
	if err := x.Serve(t.Context(), x.n, media.Info{}, message.Event{}); err == nil {
		t.Error("nothing is served")
	}
	for i := range 5000 { // of calls that nobody knows
		x.News(&message.Call{ID: string(rune('a' + i)), Step: message.CallEnded})
	}
	if len(x.talks) > 0 {
		t.Error("there was a talk")
	}
}
