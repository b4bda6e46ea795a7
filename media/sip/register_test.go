package sip

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestRegisters: we register with name and password, for as long as the trunk wants, and say so; without, the trunk is asked whether it is there.
func TestRegisters(t *testing.T) {
	t.Parallel()
	trunks := make(chan []Trunk, 1)
	trunks <- nil
	a := newAgent(t, func(o *Options) {
		o.Trunks = func() []Trunk {
			now := <-trunks
			trunks <- now
			return now
		}
	})
	p, q := newPhone(t, a.udp()), newPhone(t, a.udp())
	lead := func(p *phone) Trunk {
		return Trunk{ID: p.tag, Host: "127.0.0.1", Port: p.conn.LocalAddr().(*net.UDPAddr).Port, Outbound: true}
	}
	registered := lead(p)
	registered.Username, registered.Realm, registered.Registers = "acme", "pbx", true
	registered.Password = func() (string, error) { return "secret", nil }
	<-trunks
	trunks <- []Trunk{registered, lead(q)}
	first := p.asked("REGISTER")
	p.answer(first, 401, "", `WWW-Authenticate: Digest realm="pbx", nonce="n", algorithm=SHA-256, qop="auth"`)
	second := p.asked("REGISTER")
	if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || !strings.Contains(value(second, "Authorization"), `username="acme"`) || second.Contact().Address.User != "acme" {
		t.Errorf("second REGISTER:\n%s", second)
	}
	p.answer(second, 423, "", "Min-Expires: 7200")
	third := p.asked("REGISTER")
	if e := value(third, "Expires"); e != "7200" {
		t.Errorf("Expires %s", e)
	}
	p.answer(third, 200, "", "Contact: "+third.Contact().Value()+";expires=100")
	q.answer(q.asked("OPTIONS"), 404, "") // it is there all the same
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		up, held := 0, false
		for _, s := range a.TrunkStates() {
			if s.Up {
				up++
			}
			held = held || s.Registered && s.Trunk == p.tag && time.Until(s.Until) <= 100*time.Second
		}
		if up == 2 && held {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("states %+v", a.TrunkStates())
		}
	}
	<-trunks
	trunks <- nil
	if last := p.asked("REGISTER"); value(last, "Expires") != "0" {
		t.Errorf("last REGISTER:\n%s", last)
	} else {
		p.answer(last, 200, "")
	}
}

// TestCloseUnregisters: when the node goes down, the trunk is told that calls need not come here any more.
func TestCloseUnregisters(t *testing.T) {
	t.Parallel()
	p := newPhone(t, netip.AddrPort{})
	a := newAgent(t, func(o *Options) {
		o.Trunks = func() []Trunk {
			return []Trunk{{ID: "t", Host: "127.0.0.1", Port: p.conn.LocalAddr().(*net.UDPAddr).Port, Username: "acme", Registers: true}}
		}
	})
	p.to = a.udp()
	first := p.asked("REGISTER")
	p.answer(first, 200, "", "Contact: "+first.Contact().Value()+";expires=100")
	for registered := false; !registered; runtime.Gosched() {
		for _, s := range a.TrunkStates() {
			registered = registered || s.Registered
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	closed := make(chan struct{})
	go func() { a.Close(ctx); close(closed) }()
	last := p.asked("REGISTER")
	if value(last, "Expires") != "0" {
		t.Errorf("last REGISTER:\n%s", last)
	}
	p.answer(last, 200, "")
	within(t, closed, "end of Close")
}
