//go:build e2e

package main

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// placedScripts are of who is called: one is connected to somebody else, on one the agent hangs up, and one is called although the order's
// answer is lost.
var placedScripts = map[string]string{
	"+15550100077": "hear within=60s\npress 0\nhear within=60s\nhear within=60s",
	"+15550100071": "hear within=60s\npress 9\nhear within=60s\nhear within=60s",
	"+15550100055": "hear within=60s\nhangup",

	"+442071234567": "silent 2s\nhangup", // of a bridge
}

// placedSettings are those of servers that have calls placed.
var placedSettings = []string{"PARLEY_PUBLIC_URL=https://parley.test", "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20", "PARLEY_EAR=energy"}

// A placer is a carrier that places calls by REST: as the exchange has it, with settings by which the server's own account there is known, or what an
// organisation enters of it.
type placer struct {
	exchange *carrier.Exchange
	env      []string
	entered  []map[string]any
	voice    string // path that its calls ask
}

// placers are those besides Twilio and Telnyx, each made anew.
func placers(t *testing.T) map[string]*placer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	const auth, token = "MAXXXXXXXXXXXXXXXXXX", "MA0TESTTOKEN00000001"
	const project, api, signing = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "PT-of-the-project", "PSK_of_the_project"
	const application, signature = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "signature-secret-of-32-bits-or-more"
	const applet = "applet:made up by us, not Exotel"
	key := base64.StdEncoding.EncodeToString(raw)
	return map[string]*placer{
		"plivo": {
			exchange: &carrier.Exchange{Kind: carrier.Plivo, AccountSID: auth, AuthToken: token},
			env:      []string{"PLIVO_AUTH_ID=" + auth, "PLIVO_AUTH_TOKEN=" + token},
			entered:  []map[string]any{{"vendor": "plivo", "account_id": auth, "secret": token}},
			voice:    "/plivo/voice?auth_id=" + auth,
		},
		"signalwire": {
			exchange: &carrier.Exchange{Kind: carrier.SignalWire, AccountSID: project, AuthToken: api, Signing: signing},
			env:      []string{"SIGNALWIRE_PROJECT_ID=" + project, "SIGNALWIRE_API_TOKEN=" + api, "SIGNALWIRE_SIGNING_KEY=" + signing},
			entered: []map[string]any{
				{"vendor": "signalwire", "account_id": project, "secret": api}, {"vendor": "signalwire_signing", "account_id": project, "secret": signing},
			},
			voice: "/signalwire/voice",
		},
		"vonage": {
			exchange: &carrier.Exchange{Kind: carrier.Vonage, AccountSID: application, Verify: &private.PublicKey, Signing: signature},
			env:      []string{"VONAGE_APPLICATION_ID=" + application, "VONAGE_PRIVATE_KEY=" + key, "VONAGE_SIGNATURE_SECRET=" + signature},
			entered: []map[string]any{
				{"vendor": "vonage", "account_id": application, "secret": key}, {"vendor": "vonage_signing", "account_id": application, "secret": signature},
			},
			voice: "/vonage/answer",
		},
		"exotel": { // of which no organisation's own accounts are kept
			exchange: &carrier.Exchange{
				Kind: carrier.Exotel, AccountSID: "acme1", AuthToken: "key:token-of-the-api", Signing: applet, Application: "926",
				Applet: "https://parley.test/exotel/voice?sample-rate=8000",
			},
			env: []string{
				"EXOTEL_ACCOUNT_SID=acme1", "EXOTEL_API_KEY=key", "EXOTEL_API_TOKEN=token-of-the-api", "EXOTEL_APP_ID=926", "EXOTEL_STREAM_AUTH=" + applet,
			},
		},
	}
}

// TestEndToEndPlacedByREST: tasks are carried out by each carrier that places calls by REST. Whoever answers talks with the agent; one call is
// transferred by the carrier, one is ended by the agent, one rings once although the answer to its order is lost, and others are busy, away or refused.
func TestEndToEndPlacedByREST(t *testing.T) {
	t.Parallel()
	vendors := mockVendors(t)
	for name, p := range placers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := callees(t, p.exchange, placedScripts)
			env := []string{strings.ToUpper(name) + "_BASE_URL=" + listenExchange(t, p.exchange)}
			n := serve(t, slices.Concat(vendors, placedSettings, p.env, env)...)
			p.exchange.Connect = strings.TrimPrefix(n.url, "http://")
			n.connects()
			n.placesBy(t, p.exchange, results)
		})
	}
}

// TestEndToEndOwnByREST: an organisation enters its own account at each carrier, its numbers call by it, and calls of that account come in; signed
// by another's secret they do not.
func TestEndToEndOwnByREST(t *testing.T) {
	t.Parallel()
	vendors := mockVendors(t)
	for name, p := range placers(t) {
		if p.entered == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := callees(t, p.exchange, placedScripts)
			api := listenExchange(t, p.exchange)
			n := serve(t, slices.Concat(vendors, placedSettings, []string{"PARLEY_CREDENTIALS_ALLOW=127.0.0.1"})...)
			p.exchange.Connect = strings.TrimPrefix(n.url, "http://")
			agent := n.connects()
			var first string
			for i, c := range p.entered {
				c["name"] = c["vendor"]
				if i == 0 {
					c["base_url"] = api
				}
				var made struct{ ID string }
				n.into(n.api(http.MethodPost, "/api/v1/credentials", c), &made)
				first = cmp.Or(first, made.ID)
			}
			number := map[string]any{"phone_number": "+15550100002", "credential_id": first, "agent_id": agent}
			if a := n.api(http.MethodPost, "/api/v1/numbers", number); a.Status != http.StatusCreated {
				t.Fatalf("the number is not taken: %d %s", a.Status, a.Error)
			}
			env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
			if out, code := command(t, env, "dial", "+15550100077", "--agent", agent, "--say", "Good morning.", "--json"); code != 0 {
				t.Fatalf("exit code %d: %s", code, out)
			}
			r := <-results
			if call := n.record(r.CallSID); strings.TrimPrefix(r.Dialled, "+") != "442071234567" || call.Cause != "transfer" {
				t.Errorf("dialled %q, cause %q", r.Dialled, call.Cause)
			}
			n.takesTheirs(t, p)
			n.stop()
			for _, c := range p.entered {
				inNoFile(t, n, c["secret"].(string))
			}
		})
	}
}

// takesTheirs has calls of an organisation's own account come in, and strangers'.
func (n *node) takesTheirs(t *testing.T, p *placer) {
	t.Helper()
	script, err := carrier.ParseScript("caller", "hear within=60s\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	x := p.exchange
	in := carrier.Call{
		URL: "https://parley.test" + p.voice, Connect: x.Connect, Kind: x.Kind, AccountSID: x.AccountSID, AuthToken: cmp.Or(x.Signing, x.AuthToken), Script: script,
	}
	if r, err := in.Place(t.Context()); err != nil || n.record(r.CallSID).Cause != "caller" {
		t.Errorf("a call to them: %v, %+v", err, r)
	}
	in.AuthToken = "another's"
	if _, err := in.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger's call: %v", err)
	}
}

// connects gives the receptionist keys by which a caller is connected to somebody else, and hung up on.
func (n *node) connects() (agent string) {
	n.t.Helper()
	var agents []struct{ ID string }
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	rules := map[string]any{"dtmf_rules": map[string]any{
		"0": map[string]any{"say": "I am connecting you.", "transfer": "+442071234567"}, "9": map[string]any{"hang_up": "Goodbye then."},
	}}
	if a := n.api(http.MethodPatch, "/api/v1/agents/"+agents[0].ID, rules); a.Status != http.StatusOK {
		n.t.Fatalf("the rules are not taken: %d %s", a.Status, a.Error)
	}
	return agents[0].ID
}

// placesBy has calls of all kinds placed by an exchange.
func (n *node) placesBy(t *testing.T, x *carrier.Exchange, results <-chan *carrier.Result) {
	t.Helper()
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	dial := func(to string) (out string, code int) {
		return command(t, env, "dial", to, "--agent", "receptionist", "--say", "Good morning, here is the dentist.", "--json")
	}
	if out, code := dial("+15550100077"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if x.Kind == carrier.Exotel {
		n.bridged(t, results)
	} else {
		n.transferred(t, results)
	}
	n.placesOthers(t, dial, x, results)
}

// transferred says that the first call was, by its carrier.
func (n *node) transferred(t *testing.T, results <-chan *carrier.Result) {
	t.Helper()
	r := <-results
	call := n.record(r.CallSID)
	if said := call.text("agent"); !strings.Contains(said, "Good morning, here is the dentist.") || !strings.Contains(said, "I am connecting you.") {
		t.Errorf("the agent said %q", said)
	}
	if strings.TrimPrefix(r.Dialled, "+") != "442071234567" || strings.TrimPrefix(r.DialledFrom, "+") != "15550100002" || len(r.Warnings) > 0 {
		t.Errorf("dialled %q as %q: %v", r.Dialled, r.DialledFrom, r.Warnings)
	}
	if call.Cause != "transfer" || call.To != "+15550100077" || call.From != "+15550100002" || !call.Recorded {
		t.Errorf("the record: %+v", call)
	}
}

// bridged says that the first call was joined with somebody whom its carrier was asked to call, for it transfers none.
func (n *node) bridged(t *testing.T, results <-chan *carrier.Result) {
	t.Helper()
	all := map[string]*carrier.Result{}
	for range 2 {
		r := <-results
		all[r.To] = r
	}
	first, other := all["+15550100077"], all["+442071234567"]
	if first == nil || other == nil || other.From != "+15550100002" || len(first.Warnings)+len(other.Warnings) > 0 {
		t.Fatalf("called %+v", all)
	}
	call := n.record(first.CallSID)
	if said := call.text("agent"); !strings.Contains(said, "Good morning, here is the dentist.") || !strings.Contains(said, "I am connecting you.") {
		t.Errorf("the agent said %q", said)
	}
	if !strings.Contains(call.text("system"), "connected to +442071234567") || call.Cause != "transfer" {
		t.Errorf("cause %q: %q", call.Cause, call.text("system"))
	}
	if call.To != "+15550100077" || call.From != "+15550100002" || !call.Recorded {
		t.Errorf("the record: %+v", call)
	}
}

// placesOthers has the other calls placed, and counts what has rung.
func (n *node) placesOthers(t *testing.T, dial func(to string) (out string, code int), x *carrier.Exchange, results <-chan *carrier.Result) {
	t.Helper()
	if out, code := dial("+15550100071"); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	if r := <-results; r.Ended != "agent" || n.record(r.CallSID).Cause != "agent" {
		t.Errorf("the agent hangs up: %s, %s", r.Ended, r.Failure)
	}
	if out, code := dial("+15550100055"); code != 0 {
		t.Errorf("a lost answer: exit code %d: %s", code, out)
	}
	<-results
	for to, want := range map[string]string{"+15550100066": "busy", "+15550100088": "no_answer", "+15550100099": "carrier", "+15550100056": "unplaced"} {
		if out, code := dial(to); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d: %s", to, code, out)
		}
	}
	rings := x.Rings.(*syncBuffer).String()
	for to, want := range map[string]int{"+15550100077": 1, "+15550100055": 1, "+15550100056": 0} {
		if got := strings.Count(rings, `"to":"`+to); got != want {
			t.Errorf("%s rang %d times", to, got)
		}
	}
}
