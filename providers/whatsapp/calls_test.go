package whatsapp_test

import (
	"errors"
	"strings"
	"testing"

	"parley/providers/message"
	"parley/providers/providertest"
)

// TestInbound: a call is answered, accepted and ended.
func TestInbound(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	id := f.Ring(ana, providertest.MetaSDP("57.144.135.35:3480", "actpass"))
	answer := providertest.MetaSDP("203.0.113.10:40112", "active")
	weak := strings.Replace(answer, "a=setup:", "a=fingerprint:sha-1 00:11\r\na=setup:", 1)
	if err := n.PreAccept(t.Context(), id, weak); err != nil {
		t.Fatal(err)
	}
	if err := n.Accept(t.Context(), id, strings.Replace(answer, "Kq3v", "Kq3w", 1)+"a=x\r\n", ""); reason(err) != message.Invalid {
		t.Errorf("another answer than the first: %v", err)
	}
	if err := errors.Join(n.Accept(t.Context(), id, answer, "ses_01"), n.Terminate(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	acts := f.Acts()
	if len(acts) != 3 || acts[0].Action != "pre_accept" || acts[0].SDP != answer || acts[1].Action != "accept" || acts[1].Tag != "ses_01" || acts[2].Action != "terminate" {
		t.Errorf("%+v", acts)
	}
	if err := n.Reject(t.Context(), id); reason(err) != message.Invalid {
		t.Errorf("a call that is over: %v", err)
	}
	for _, sdp := range []string{"", "v=0\r\n", strings.ReplaceAll(answer, "sha-256", "sha-1"), strings.ReplaceAll(answer, "a=candidate", "a=x")} {
		if err := n.Accept(t.Context(), id, sdp, ""); message.As(err) == nil || message.As(err).Field != "answer" {
			t.Errorf("%v", err)
		}
	}
	if err := n.Reject(t.Context(), ""); message.As(err) == nil || message.As(err).Field != "call" {
		t.Errorf("%v", err)
	}
}

// TestOutbound: a person is called who has allowed it.
func TestOutbound(t *testing.T) {
	t.Parallel()
	f := &providertest.WhatsApp{}
	n := graph(t, f)
	who := message.Party{Number: "+" + ana}
	offer := providertest.MetaSDP("203.0.113.10:40112", "actpass")
	a, err := n.Allowance(t.Context(), who)
	if err != nil || a.MayCall || !a.MayAsk || a.Status != "no_permission" || len(a.Limits) != 3 || a.Limits[1].Used != 1 || a.Limits[1].Allowed != 2 {
		t.Errorf("%v, %+v", err, a)
	}
	if _, err := n.Connect(t.Context(), who, offer, ""); reason(err) != message.NoConsent {
		t.Errorf("%v", err)
	}
	f.Allow(ana)
	if a, err := n.Allowance(t.Context(), who); err != nil || !a.MayCall || a.Expires.IsZero() {
		t.Errorf("%v, %+v", err, a)
	}
	id, err := n.Connect(t.Context(), who, offer, "ses_02")
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := f.Call(id); !ok || c.Offer != offer || !c.Outbound || f.Acts()[0].Tag != "ses_02" {
		t.Errorf("%+v", c)
	}
	if _, err := n.Connect(t.Context(), who, offer, ""); reason(err) != message.CallFailed {
		t.Errorf("a second call to one person: %v", err)
	}
	if err := n.Terminate(t.Context(), id); err != nil {
		t.Error(err)
	}
	if _, err := n.Connect(t.Context(), message.Party{}, offer, ""); message.As(err) == nil || message.As(err).Field != "to" {
		t.Errorf("%v", err)
	}
}
