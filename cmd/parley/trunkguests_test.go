package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/control/dialer"
	"parley/media"
	"parley/pipeline/tool"
	"parley/store"
)

// TestRefer: who asks that a call goes on with somebody else gets the trunk of the call's number for it, as far as the organisation's own rules
// let that one be called; and nobody who calls by no organisation's account does.
func TestRefer(t *testing.T) {
	t.Parallel()
	c := crowd(t, 0, "--sip-listen", "udp://127.0.0.1:0", "--sip-refer", "trunk")
	org := c.office.directory.Agents()[0].Org
	trunk, err := c.office.store.CreateTrunk(t.Context(), store.Trunk{ID: store.NewID(), Org: org, Name: "Carrier", Host: "127.0.0.2", Outbound: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.office.store.CreateNumber(t.Context(), store.Number{ID: store.NewID(), Org: org, E164: "+12125550100", Trunk: trunk.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.office.store.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: org, E164: "+12125550001", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := c.office.directory.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := media.Info{Kind: "sip", From: "+12125550199", To: "+12125550100", Owners: []string{org}}
	out := media.Info{Kind: "sip", From: "+12125550100", To: "+12125550199", Owners: []string{org}, Outbound: true}
	phone := media.Info{Kind: "sip", From: "anna", To: "100", Line: "x", Owners: []string{org}}
	for name, info := range map[string]media.Info{"came": in, "placed": out, "of an extension": phone} {
		for to, want := range map[string]string{
			"+442071234567": "", "200": "", "sip:desk@127.0.0.2": "", "+12125550001": "do-not-call", "+19005551234": "premium", "911": "emergency",
		} {
			by, from, err := c.refer(t.Context(), info, to)
			no := (*dialer.Unfit)(nil)
			switch {
			case want == "" && (err != nil || by.ID != trunk.ID || from != "+12125550100"):
				t.Errorf("%s, %s: by %q from %s: %v", name, to, by.ID, from, err)
			case want != "" && (!errors.As(err, &no) || !strings.Contains(no.Fields["to"], want)):
				t.Errorf("%s, %s: %v, want a word of %q", name, to, err, want)
			}
		}
	}
	if _, _, err := c.refer(t.Context(), media.Info{Kind: "sip", To: "+12125550100"}, "+442071234567"); err == nil {
		t.Error("a call of no organisation's has somebody called")
	}
}

// TestReferIsOff: nobody is asked unless it is wanted.
func TestReferIsOff(t *testing.T) {
	t.Parallel()
	if cfg, err := parseServe(t, nil); err != nil || cfg.SIPRefer != "refuse" {
		t.Errorf("%q, %v", cfg.SIPRefer, err)
	}
	if _, err := parseServe(t, nil, "--sip-refer=everybody"); err == nil || !strings.Contains(err.Error(), "--sip-refer") {
		t.Errorf("everybody: %v", err)
	}
}

// TestWays: a model is offered a transfer only where it can come about; nobody can pass on a page.
func TestWays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, public string
		sip          *switchroom
		want         tool.Ways
	}{
		{"webrtc", "", nil, tool.Ways{}},
		{"webrtc", "https://parley.test", &switchroom{}, tool.Ways{Join: true}}, // with extensions
		{"sip", "", &switchroom{}, tool.Ways{Blind: true, Join: true}},
		{"twilio", "", nil, tool.Ways{}},
		{"twilio", "https://parley.test", nil, tool.Ways{Blind: true, Join: true}},
	} {
		s := &server{cfg: &config{PublicURL: c.public}, sip: c.sip}
		if got := s.ways(media.Info{Kind: c.kind, Owners: []string{"acme"}}); got != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
