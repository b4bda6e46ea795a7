package main

import (
	"io"
	"net/netip"
	"strings"
	"testing"

	"parley/bench/phones"
)

// A storm's messages are SIP, no two of one transaction, and come from as many addresses as it has sources.
func TestStorm(t *testing.T) {
	t.Parallel()
	to := netip.MustParseAddrPort("127.0.0.1:5060")
	for _, method := range methods {
		for _, sources := range []int{1, 1000} {
			s := storm{method: method, sources: sources}
			from, branches := map[netip.Addr]bool{}, map[string]bool{}
			for _, d := range s.messages(to, 4000) {
				text := string(d.Data)
				from[d.From], branches[phones.Header(text, "Via")] = true, true
				_, body, whole := strings.Cut(text, "\r\n\r\n")
				if !strings.HasPrefix(text, method+" sip:") || !whole || d.To != to || (body != "") != (method == "INVITE" || method == "MESSAGE") {
					t.Fatalf("%s: to %v: %q", s, d.To, text)
				}
				if !strings.Contains(phones.Header(text, "Via"), d.From.String()+":4000") {
					t.Fatalf("%s: from %v: %q", s, d.From, text)
				}
			}
			if len(from) != sources || len(branches) != variety {
				t.Errorf("%s: %d sources, %d branches; want %d and %d", s, len(from), len(branches), sources, variety)
			}
		}
	}
}

// Each bar that is missed fails the run; in a quick one those alone that no slow machine explains.
func TestVerdict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil       func(*report)
		wants       string // in the error; empty: none
		quickPasses bool
	}{
		"all well":            {spoil: func(*report) {}, quickPasses: true},
		"memory grows":        {spoil: func(r *report) { r.Attacks[0].Peak += 65 << 20 }, wants: "memory grew by 75.0 MB"},
		"memory stays":        {spoil: func(r *report) { r.End += 33 << 20 }, wants: "34.0 MB above", quickPasses: true},
		"packets are lost":    {spoil: func(r *report) { r.Attacks[0].Lost = 11 }, wants: "packets lost", quickPasses: true},
		"nothing is heard":    {spoil: func(r *report) { r.Attacks[0].Heard = 0 }, wants: "packets lost", quickPasses: true},
		"packets in":          {spoil: func(r *report) { r.InLoss = 0.002 }, wants: "0.200 %", quickPasses: true},
		"few probes":          {spoil: func(r *report) { r.Attacks[0].Answered = 9 }, wants: "9 of 20", quickPasses: true},
		"no probes":           {spoil: func(r *report) { r.Attacks[0].Answered = 0 }, wants: "0 probes"},
		"a slow knock":        {spoil: func(r *report) { r.Knocks[1] = 201 }, wants: "201 ms", quickPasses: true},
		"an unanswered one":   {spoil: func(r *report) { r.Knocks[1] = -1 }, wants: "not answered"},
		"a call ends":         {spoil: func(r *report) { r.Ended = 1 }, wants: "1 calls ended"},
		"a call tells no MOS": {spoil: func(r *report) { r.Told = 19 }, wants: "19 of 20"},
		"a panic":             {spoil: func(r *report) { r.Panics = 1 }, wants: "1 panics"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report{Base: 50 << 20, End: 51 << 20, Knocks: []float64{1, 2}, Told: calls, Attacks: []attacked{{
				Name: "INVITE from 1", Sent: 1000, Peak: 60 << 20, Asked: 20, Answered: 20, Heard: 10_000,
			}}}
			c.spoil(r)
			err := r.verdict(io.Discard)
			if (err == nil) != (c.wants == "") || err != nil && !strings.Contains(err.Error(), c.wants) {
				t.Errorf("verdict: %v, want %q", err, c.wants)
			}
			r.Quick = true
			if err := r.verdict(io.Discard); (err == nil) != c.quickPasses {
				t.Errorf("a quick run's verdict: %v", err)
			}
		})
	}
}
