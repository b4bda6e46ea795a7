package directory_test

import (
	"errors"
	"slices"
	"testing"

	"parley/control/directory"
	"parley/store"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	d := know(t, acme().dir)
	if c, err := d.Credential("acme", "spare"); err != nil || c.Account != "AC2" {
		t.Errorf("credential %+v, %v", c, err)
	}
	for _, id := range []string{"bolted", "none", ""} {
		if c, err := d.Credential("acme", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q is %+v, %v", id, c, err)
		}
	}
	if c, ok := d.DefaultCredential("acme", "twilio"); !ok || c.ID != "main" {
		t.Errorf("the default is %+v", c)
	}
	for _, who := range [][2]string{{"acme", "openai"}, {"calm", "twilio"}, {"", ""}} {
		if c, ok := d.DefaultCredential(who[0], who[1]); ok {
			t.Errorf("the default of %v is %+v", who, c)
		}
	}
	if c, ok := d.NamedCredential("acme", "twilio", "spare"); !ok || c.Account != "AC2" {
		t.Errorf("by its name it is %+v", c)
	}
	for _, who := range [][3]string{{"acme", "custom", "spare"}, {"bolt", "twilio", "spare"}, {"acme", "twilio", "none"}, {"", "", ""}} {
		if c, ok := d.NamedCredential(who[0], who[1], who[2]); ok {
			t.Errorf("that of %v is %+v", who, c)
		}
	}
	if all := d.Accounts("twilio", "AC1"); len(all) != 2 || all[0].Org != "acme" || all[1].Org != "bolt" {
		t.Errorf("accounts %+v", all)
	}
	if all := d.Accounts("twilio", ""); len(all) != 0 {
		t.Errorf("nameless accounts %+v", all)
	}
	if all := d.Extensions("anna"); len(all) != 2 || all[0].ID != "e1" || all[1].Org != "bolt" || len(d.Extensions("bert")) != 0 {
		t.Errorf("extensions named anna: %+v", all)
	}
	if n, ok := d.Number("acme", "+442071234567"); !ok || n.Trunk != "t1" {
		t.Errorf("number %+v", n)
	}
	if n, ok := d.Number("acme", "+15550100"); ok {
		t.Errorf("another's number %+v", n)
	}
	if got := d.Caller("acme", "abel"); got != "+442071234568" {
		t.Errorf("abel calls from %s: a number that is reached by SIP does not count", got)
	}
	alone := acme().dir // reached by SIP, and not otherwise
	alone.Numbers = slices.DeleteFunc(alone.Numbers, func(n store.Number) bool { return n.Org == "acme" && n.Trunk == "" })
	for _, c := range []struct {
		here, elsewhere bool
		of              store.Directory
		want            string
	}{
		{false, false, alone, ""}, {true, false, alone, "+442071234567"}, {false, true, alone, "+442071234567"},
		{true, false, acme().dir, "+442071234567"}, {false, true, acme().dir, "+442071234568"},
	} {
		d := directory.New(directory.Options{Router: static{c.of}, SIP: c.here, SIPElsewhere: c.elsewhere})
		if err := d.Refresh(t.Context()); err != nil || d.Caller("acme", "abel") != c.want {
			t.Errorf("SIP here %v, elsewhere %v: abel calls from %q, want %q (%v)", c.here, c.elsewhere, d.Caller("acme", "abel"), c.want, err)
		}
	}
	nothing := directory.New(directory.Options{Router: away()})
	if _, err := nothing.Credential("acme", "main"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("nothing is known: %v", err)
	}
	if _, ok := nothing.NamedCredential("acme", "twilio", "spare"); ok {
		t.Error("somebody is known of nothing")
	}
	if _, ok := nothing.DefaultCredential("acme", "twilio"); ok || nothing.Accounts("twilio", "AC1") != nil {
		t.Error("something is known of nothing")
	}
}

// TestRouteAmong: an organisation's own account reaches its own agents alone.
func TestRouteAmong(t *testing.T) {
	t.Parallel()
	d := know(t, acme().dir)
	for name, tt := range map[string]struct {
		orgs               []string
		number, org, agent string
	}{
		"its number":                 {[]string{"acme"}, "+442071234567", "acme", "abel"},
		"another's number":           {[]string{"bolt"}, "+442071234567", "bolt", "boris"},
		"nobody's number":            {[]string{"bolt"}, "+19995550100", "bolt", "boris"},
		"of two, the second's":       {[]string{"acme", "bolt"}, "+15550100", "bolt", "boris"},
		"no default":                 {[]string{"dusk"}, "+15550100", "dusk", ""},
		"default disabled":           {[]string{"calm"}, "+15550100", "calm", ""},
		"gone organisation":          {[]string{"gone"}, "+15550100", "gone", ""},
		"the house's own account":    {nil, "+15550100", "bolt", "boris"},
		"the house's, and no number": {nil, "", "acme", "anna"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := d.RouteAmong(tt.orgs, tt.number)
			if r.Org != tt.org || r.Agent.ID != tt.agent || (tt.agent == "") != errors.Is(err, directory.ErrNobody) {
				t.Errorf("%s answers for %s, %v", r.Agent.ID, r.Org, err)
			}
		})
	}
}
