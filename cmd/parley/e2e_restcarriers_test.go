//go:build e2e

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
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
}

// placing are the carriers that place calls by REST, besides Twilio and Telnyx: as the exchange has them, and the settings by which the server's
// own account there is known.
func placing(t *testing.T) map[string]func() (*carrier.Exchange, []string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	const auth, project, application = "MAXXXXXXXXXXXXXXXXXX", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
	return map[string]func() (*carrier.Exchange, []string){
		"plivo": func() (*carrier.Exchange, []string) {
			return &carrier.Exchange{Kind: carrier.Plivo, AccountSID: auth, AuthToken: "MA0TESTTOKEN00000001"}, []string{"PLIVO_AUTH_ID=" + auth, "PLIVO_AUTH_TOKEN=MA0TESTTOKEN00000001"}
		},
		"signalwire": func() (*carrier.Exchange, []string) {
			x := &carrier.Exchange{Kind: carrier.SignalWire, AccountSID: project, AuthToken: "PT-of-the-project", Signing: "PSK_of_the_project"}
			return x, []string{"SIGNALWIRE_PROJECT_ID=" + project, "SIGNALWIRE_API_TOKEN=" + x.AuthToken, "SIGNALWIRE_SIGNING_KEY=" + x.Signing}
		},
		"vonage": func() (*carrier.Exchange, []string) {
			x := &carrier.Exchange{Kind: carrier.Vonage, AccountSID: application, Verify: &private.PublicKey, Signing: "a signature secret, of 32 bits or more"}
			return x, []string{
				"VONAGE_APPLICATION_ID=" + application, "VONAGE_PRIVATE_KEY=" + base64.StdEncoding.EncodeToString(raw), "VONAGE_SIGNATURE_SECRET=" + x.Signing,
			}
		},
	}
}

// TestEndToEndPlacedByREST: tasks are carried out by each carrier that places calls by REST. Whoever answers talks with the agent; one call is
// transferred by the carrier, one is ended by the agent, one rings once although the answer to its order is lost, and others are busy, away or refused.
func TestEndToEndPlacedByREST(t *testing.T) {
	t.Parallel()
	vendors := mockVendors(t)
	for name, house := range placing(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, env := house()
			results := callees(t, x, placedScripts)
			env = append(env, strings.ToUpper(name)+"_BASE_URL="+listenExchange(t, x), "PARLEY_PUBLIC_URL=https://parley.test", "PARLEY_CALLER_ID=+15550100002",
				"PARLEY_DIAL_RATE=20", "PARLEY_EAR=energy")
			n := serve(t, append(env, vendors...)...)
			x.Connect = strings.TrimPrefix(n.url, "http://")
			n.connects()
			n.placesBy(t, x, results)
		})
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
