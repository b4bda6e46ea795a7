package dialer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/control/dialer"
	"parley/store"
)

// TestMayConnect: whom an organisation's own calls may not reach, its callers are not connected to either; the times of day do not matter.
func TestMayConnect(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	never := []dialer.Window{{Days: []string{strings.ToLower(time.Now().Add(72 * time.Hour).UTC().Format("Mon"))}, From: "10:00", To: "10:01"}}
	must(t, d.SetRules(t.Context(), d.org, dialer.Rules{Deny: []string{"+7"}, Windows: never}))
	_, err := d.db.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: d.org, E164: "+12125550001", Created: time.Now()})
	must(t, err)
	for to, want := range map[string]string{
		"+442071234567": "", "ext:anna": "", "sip:desk@example.com": "", "sip:+442071234567@example.com": "", "sip:100@pbx.example.com": "",
		"+79161234567": "denies", "sip:+79161234567@example.com": "denies", "sips:%2B7-916-1234567;phone-context=x@example.com": "denies",
		"+12125550001": "do-not-call", "sip:+12125550001@example.com": "do-not-call", "+881712345678": "satellite", "+19005551234": "premium",
		"sip:911@example.com": "emergency", "sip:112@example.com": "emergency", "SIP:999@example.com": "emergency",
		"sip:%39%31%31@example.com": "emergency", "sip:911:secret@example.com": "emergency", "sip:%2B%37916123456%37@example.com": "denies", "sip:%zz@example.com": "",
	} {
		err := d.MayConnect(t.Context(), d.org, to)
		var no *dialer.Unfit
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", to, err)
		case want != "" && (!errors.As(err, &no) || !strings.Contains(no.Fields["to"], want)):
			t.Errorf("%s: %v, want a word of %q about to", to, err, want)
		}
	}
}
