package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"parley/media"
)

// TestTransfer: what the far end tells of a transfer ends it; a BYE in place of that counts as success.
func TestTransfer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		frags  []string
		bye    bool
		want   string
	}{
		"answered": {202, []string{"SIP/2.0 100 Trying", "SIP/2.0 200 OK"}, false, ""},
		"busy":     {202, []string{"SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"}, false, "486"},
		"refused":  {405, nil, false, "405"},
		"left":     {202, nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, p, l := talking(t, nil)
			done := make(chan error, 1)
			go func() { done <- l.Transfer(t.Context(), "+15550100099") }()
			refer := p.asked("REFER")
			if to := value(refer, "Refer-To"); !strings.HasPrefix(to, "<sip:+15550100099@") {
				t.Errorf("Refer-To %s", to)
			}
			p.answer(refer, c.status, "")
			for _, frag := range c.frags {
				p.send("NOTIFY", number, frag+"\n", "Event: refer", "Subscription-State: active;expires=60", "Content-Type: message/sipfrag;version=2.0")
				p.wants(200)
			}
			if c.bye {
				settledTransfer(l)
				p.leave()
			}
			err := within(t, done, "end of the transfer")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if !c.bye {
				p.leave()
			}
		})
	}
}

// settledTransfer returns when the answer to a REFER has been taken in.
func settledTransfer(l *Leg) {
	for took := make(chan bool, 1); ; {
		l.post(func() { took <- l.transfer != nil && l.transfer.took })
		if <-took {
			return
		}
	}
}

// TestBadTransfers are refused before anything is sent, and one that the far end wants too.
func TestBadTransfers(t *testing.T) {
	t.Parallel()
	_, p, l := talking(t, nil)
	for _, to := range []string{"", "sip:a@b>\r\nX: y", "mailto:a@b", "sip:a@b?Replaces=x", "1 2"} {
		if err := l.Transfer(context.Background(), to); err == nil {
			t.Errorf("%q is asked for", to)
		}
	}
	p.send("REFER", number, "", "Refer-To: <sip:x@evil.example>")
	p.wants(603)
	p.leave()
}

// TestAttended: the REFER names the dialog that is to be taken over.
func TestAttended(t *testing.T) {
	t.Parallel()
	a, p, l := talking(t, func(o *Options) {
		o.Trunks = func() []Trunk {
			return []Trunk{{ID: "t", Org: "o", Host: "127.0.0.1", Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
		}
	})
	q := newPhone(t, a.udp())
	q.send("INVITE", number, described(40000))
	q.wants(200)
	q.ack(number, "")
	other := a.take(t)
	done := make(chan error, 1)
	go func() { done <- l.TransferTo(t.Context(), other) }()
	refer := p.asked("REFER")
	if to := value(refer, "Refer-To"); !strings.Contains(to, "?Replaces="+q.call+"%3Bto-tag%3D"+q.tag+"%3Bfrom-tag%3D"+q.peer) {
		t.Errorf("Refer-To %s", to)
	}
	p.answer(refer, 202, "")
	p.send("NOTIFY", number, "SIP/2.0 200 OK\n", "Event: refer", "Subscription-State: terminated", "Content-Type: message/sipfrag")
	p.wants(200)
	if err := within(t, done, "end of the transfer"); err != nil {
		t.Error(err)
	}
	p.leave()
	q.leave()
}

// TestAttendedElsewhere: calls that no trunk is between are not connected by their far ends, and nothing is asked of these.
func TestAttendedElsewhere(t *testing.T) {
	t.Parallel()
	a, p, l := talking(t, nil)
	q := newPhone(t, a.udp())
	q.send("INVITE", number, described(40000))
	q.wants(200)
	q.ack(number, "")
	if err := l.TransferTo(t.Context(), a.take(t)); !errors.Is(err, media.ErrNoTransfer) {
		t.Errorf("%v, want %v", err, media.ErrNoTransfer)
	}
	p.leave()
	q.leave()
}

// TestTransferAndGone: what came of a transfer counts, though the far end has left before anybody has looked.
func TestTransferAndGone(t *testing.T) {
	t.Parallel()
	for range 100 {
		l := &Leg{do: make(chan func()), gone: make(chan struct{}), transfer: &transfer{}}
		told := make(chan struct{})
		go func() {
			(<-l.do)()
			close(l.gone)
			close(told)
		}()
		if err := l.refer(t.Context(), nil); !errors.Is(err, errTransferring) {
			t.Fatalf("%v, want %v", err, errTransferring)
		}
		<-told
	}
}
