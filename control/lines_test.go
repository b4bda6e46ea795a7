package control_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/envelope"
	outside "parley/control/lines"
	"parley/control/preanswer"
	"parley/control/vault"
	"parley/store"
)

const twilioSecret = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"

// A refusal is a request that is refused, and for which fields.
type refusal struct {
	method, path, body string
	status             int
	fields             []string
}

// refuses checks that requests name every bad field at once, and no other.
func (w *world) refuses(all ...refusal) {
	w.t.Helper()
	for _, r := range all {
		if r.status == 0 {
			r.status = http.StatusBadRequest
		}
		a := w.ask(w.ours.key, r.method, "/api/v1"+r.path, r.body)
		got := map[string]bool{}
		for name, message := range a.parsed.Details {
			got[name] = message != ""
		}
		want := map[string]bool{}
		for _, name := range r.fields {
			want[name] = true
		}
		if d := cmp.Diff(want, got); d != "" || a.status != r.status {
			w.t.Errorf("%s %s %s: %d %s\n%s", r.method, r.path, r.body, a.status, a.body, d)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c outside.Credential
	made := w.want(w.ask(w.ours.key, "POST", "/api/v1/credentials", `{"vendor":"openai","name":"Brain","secret":"sk-proj-0123456789abcd"}`), http.StatusCreated)
	made.data(t, &c)
	if c.Vendor != "openai" || c.Name != "Brain" || !c.Default || c.SecretHint == nil || *c.SecretHint != "abcd" || c.AccountID != nil || c.Verdict != nil || c.Number == 0 {
		t.Errorf("made %s", made.body)
	}
	row, err := w.db.Credential(t.Context(), w.ours.org, c.ID)
	must(t, err)
	v, err := vault.New(secret)
	must(t, err)
	if got, err := v.Open(row.Sealed, vault.PlaceOf(store.CredentialSecret, w.ours.org, c.ID)); err != nil || got != "sk-proj-0123456789abcd" {
		t.Errorf("sealed %q, %v", got, err)
	}
	w.want(w.ask(w.ours.key, "POST", "/api/v1/credentials", `{"vendor":"openai","name":"Spare","secret":"short-one"}`), http.StatusCreated).data(t, &c)
	if c.Default || c.SecretHint != nil {
		t.Errorf("the second is %+v", c)
	}
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/credentials/"+c.ID, `{"default":true,"name":"First"}`), http.StatusOK).data(t, &c)
	var list []outside.Credential
	a := w.want(w.ask(w.ours.key, "GET", "/api/v1/credentials?vendor=openai&limit=1", ""), http.StatusOK)
	a.data(t, &list)
	if len(list) != 1 || list[0].ID != c.ID || !list[0].Default || list[0].Name != "First" || a.parsed.Meta["total"] != 2.0 || a.parsed.Meta["limit"] != 1.0 {
		t.Errorf("listed %s", a.body)
	}
	if a := w.ask(w.ours.key, "DELETE", "/api/v1/credentials/"+c.ID, ""); a.status != http.StatusBadRequest || !strings.Contains(a.parsed.Error, "default of openai") {
		t.Errorf("the default is deleted: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/credentials/"+c.ID, `{"default":false}`), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/credentials/"+c.ID, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "GET", "/api/v1/credentials/"+c.ID, ""), http.StatusNotFound)

	long := strings.Repeat("x", 101)
	w.refuses(
		refusal{"POST", "/credentials", `{}`, 0, []string{"vendor", "name", "secret"}},
		refusal{"POST", "/credentials", `{"vendor":"acme","name":" ","secret":"short","id":"x","secret_hint":"y","verdict":"works","nonsense":1}`, 0,
			[]string{"vendor", "name", "secret", "id", "secret_hint", "verdict", "nonsense"}},
		refusal{"POST", "/credentials", `{"vendor":"twilio","name":"` + long + `","secret":"with a space","base_url":"ftp://x"}`, 0, []string{"account_id", "name", "secret", "base_url"}},
		refusal{"POST", "/credentials", `{"vendor":"openai","name":"a","account_id":"org-1","secret":"sk-0123456789","base_url":"https://user:pass@example.com"}`, 0, []string{"account_id", "base_url"}},
		refusal{"POST", "/credentials", `{"vendor":"openai","name":"a","secret":"sk-0123456789","base_url":"http://127.0.0.1:9"}`, 0, []string{"base_url"}},
		refusal{"POST", "/credentials", `{"vendor":"openai","name":"Brain","secret":"sk-0123456789"}`, 0, []string{"name"}},
		refusal{"POST", "/credentials", `{"vendor":"telnyx","name":"a","account_id":"3e6f995f","secret":"KEY0123456789"}`, 0, []string{"application_id", "public_key"}},
		refusal{"POST", "/credentials", `{"vendor":"telnyx","name":"a","account_id":"../x","application_id":"a b","public_key":"AAAA","secret":"KEY0123456789"}`, 0, []string{"account_id", "application_id", "public_key"}},
		refusal{"POST", "/credentials", `{"vendor":"plivo","name":"a","account_id":"../x","application_id":"1","secret":"MA0TESTTOKEN"}`, 0, []string{"account_id", "application_id"}},
		refusal{"POST", "/credentials", `{"vendor":"signalwire","name":"a","secret":"PT0123456789"}`, 0, []string{"account_id", "base_url"}},
		refusal{"POST", "/credentials", `{"vendor":"vonage","name":"a","account_id":"a1b2c3d","secret":"a private key"}`, 0, []string{"account_id", "secret"}},
		refusal{"POST", "/credentials", `{"vendor":"vonage_signing","name":"a","secret":"short"}`, 0, []string{"account_id", "secret"}},
		refusal{"POST", "/credentials", `{"vendor":"openai","name":"a","application_id":"1","public_key":"x","secret":"sk-0123456789"}`, 0, []string{"application_id", "public_key"}},
		refusal{"PATCH", "/credentials/" + w.ours.account, `{"application_id":"1684"}`, 0, []string{"application_id"}},
		refusal{"PATCH", "/credentials/" + w.ours.account, `{}`, 0, nil},
		refusal{"PATCH", "/credentials/" + w.ours.account, `{"vendor":"openai","name":null,"secret":null,"updated_at":1}`, 0, []string{"vendor", "name", "secret", "updated_at"}},
		refusal{"PATCH", "/credentials/" + w.ours.account, `{"account_id":null}`, 0, []string{"account_id"}},
		refusal{"PATCH", "/credentials/" + w.ours.account, `{"account_id":"AC1","base_url":"https://elsewhere.example.com"}`, 0, []string{"account_id", "secret"}},
		refusal{"GET", "/credentials?vendor=acme&limit=101", "", 0, []string{"vendor", "limit"}},
	)
	w.want(w.ask(w.ours.key, "POST", "/api/v1/credentials", `{"vendor":"openai","name":"Inside","secret":"sk-0123456789","base_url":"http://vendor.internal/v1"}`), http.StatusCreated)
}

// TestVendorsAreOneList: what the schema lists is what the table has.
func TestVendorsAreOneList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.served()
	enum := w.described.Components.Schemas["CredentialCreate"].Properties["vendor"]["enum"]
	var want []any
	for _, v := range outside.Vendors() {
		want = append(want, v)
	}
	if d := cmp.Diff(any(want), enum); d != "" {
		t.Error(d)
	}
}

func TestVerifyCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/api/v1/credentials/" + w.ours.account
	var v outside.Verification
	w.want(w.ask(w.ours.key, "POST", path+"/verify", ""), http.StatusOK).data(t, &v)
	if !v.Works || v.Verdict != "works" || v.ID != w.ours.account || len(w.asker.secrets) != 1 || w.asker.secrets[0] != canaries["token"] {
		t.Errorf("verified %+v with %q", v, w.asker.secrets)
	}
	w.asker.verdict = store.Refused
	w.want(w.ask(w.ours.key, "POST", path+"/verify", ""), http.StatusOK).data(t, &v)
	var c outside.Credential
	w.want(w.ask(w.ours.key, "GET", path, ""), http.StatusOK).data(t, &c)
	if v.Works || c.Verdict == nil || *c.Verdict != "refused" {
		t.Errorf("refused %+v, kept %+v", v, c)
	}
	w.want(w.ask(w.ours.key, "PATCH", path, `{"secret":"`+twilioSecret+`"}`), http.StatusOK).data(t, &c)
	if c.Verdict != nil || *c.SecretHint != "b6c7" {
		t.Errorf("a verdict outlives its secret: %+v", c)
	}
	w.asker.err = errors.New("dial tcp: connection refused")
	if a := w.want(w.ask(w.ours.key, "POST", path+"/verify", ""), http.StatusServiceUnavailable); strings.Contains(string(a.body), "dial tcp") || a.head.Get("Retry-After") == "" {
		t.Errorf("the vendor is away: %s", a.body)
	}
	w.asker.err = outside.ErrUnverifiable
	w.want(w.ask(w.ours.key, "POST", path+"/verify", ""), http.StatusBadRequest)

	// A node without the key says so, and damages nothing.
	before, err := w.db.Credential(t.Context(), w.ours.org, w.ours.account)
	must(t, err)
	other, err := vault.New([]byte("another secret of 32 characters."))
	must(t, err)
	o := needed(w.db, w.dialer)
	o.Auth, o.Asker, o.Vault = w.auth, w.asker, other
	c2, err := control.New(o)
	must(t, err)
	mux := w.mux
	w.mux = http.NewServeMux()
	c2.Mount(w.mux)
	if a := w.want(w.ask(w.ours.key, "POST", path+"/verify", ""), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "cannot be opened") {
		t.Errorf("without the key: %s", a.body)
	}
	w.mux = mux
	if after, err := w.db.Credential(t.Context(), w.ours.org, w.ours.account); err != nil || after != before {
		t.Errorf("changed to %+v, %v", after, err)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n outside.Number
	w.want(w.ask(w.ours.key, "POST", "/api/v1/numbers", `{"phone_number":"+15005550001","agent_id":"`+strings.ToUpper(w.ours.agent)+`","credential_id":"`+w.ours.account+`"}`),
		http.StatusCreated).data(t, &n)
	if n.PhoneNumber != "+15005550001" || *n.AgentID != w.ours.agent || *n.CredentialID != w.ours.account || n.TrunkID != nil || n.Label != nil {
		t.Errorf("made %+v", n)
	}
	for path, reason := range map[string]string{"credentials/" + w.ours.account: "+15005550001", "agents/" + w.ours.agent: "phone number"} {
		if a := w.ask(w.ours.key, "DELETE", "/api/v1/"+path, ""); a.status != http.StatusBadRequest || !strings.Contains(a.parsed.Error, reason) {
			t.Errorf("%s that a number needs is deleted: %s", path, a.body)
		}
	}
	w.refuses(
		refusal{"POST", "/numbers", `{"phone_number":"12345","agent_id":"x","label":"a\u0007","number":3,"trunk_id":7}`, 0, []string{"phone_number", "agent_id", "label", "number", "trunk_id"}},
		refusal{"POST", "/numbers", `{"phone_number":"+15005550001"}`, 0, []string{"phone_number"}},
		refusal{"POST", "/numbers", `{"phone_number":"+442070000200"}`, 0, []string{"phone_number"}}, // another organisation's
		refusal{"POST", "/numbers", `{"phone_number":"+15005550002","credential_id":"` + w.ours.account + `","trunk_id":"` + w.ours.trunk + `"}`, 0, []string{"trunk_id"}},
		refusal{"POST", "/numbers", `{"phone_number":"+15005550002","agent_id":"` + w.theirs.agent + `","credential_id":"` + w.theirs.account + `"}`, 404, []string{"agent_id", "credential_id"}},
		refusal{"POST", "/numbers", `{"phone_number":"+15005550002","trunk_id":"` + w.theirs.trunk + `"}`, 404, []string{"trunk_id"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{"trunk_id":"` + w.ours.trunk + `"}`, 0, []string{"trunk_id"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{"trunk_id":"` + w.theirs.trunk + `"}`, 404, []string{"trunk_id"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{"phone_number":"+15005550003","label":7}`, 0, []string{"phone_number", "label"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{}`, 0, nil},
		refusal{"POST", "/numbers", `{"phone_number":"+15005550002","pre_answer":{"url":"http://example.com/in"}}`, 0, []string{"pre_answer.url"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{"pre_answer":{"url":"https://a:b@example.com"}}`, 0, []string{"pre_answer.url"}},
		refusal{"PATCH", "/numbers/" + n.ID, `{"pre_answer":{"fallback":"sing","timeout_ms":60000}}`, 0, []string{"pre_answer.url", "pre_answer.fallback", "pre_answer.timeout_ms"}},
	)
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/numbers/"+n.ID, `{"pre_answer":{"url":"https://example.com/in?key=a"}}`), http.StatusOK).data(t, &n)
	if p := n.PreAnswer; p == nil || *p != (preanswer.Settings{URL: "https://example.com/in?key=a", Fallback: "agent", TimeoutMS: 2000}) {
		t.Errorf("asks %+v", p)
	}
	n.PreAnswer = nil
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/numbers/"+n.ID, `{"pre_answer":null}`), http.StatusOK).data(t, &n)
	if n.PreAnswer != nil {
		t.Errorf("still asks %+v", n.PreAnswer)
	}
	var theirs, brain outside.Credential // of another carrier, and of none
	w.want(w.ask(w.ours.key, "POST", "/api/v1/credentials", `{"vendor":"telnyx","name":"Line","account_id":"3e6f995f","application_id":"1684","public_key":"`+strings.Repeat("A", 43)+`=","secret":"KEY0123456789"}`), http.StatusCreated).data(t, &theirs)
	w.want(w.ask(w.ours.key, "POST", "/api/v1/credentials", `{"vendor":"openai","name":"Model","secret":"sk-0123456789"}`), http.StatusCreated).data(t, &brain)
	if theirs.ApplicationID == nil || *theirs.ApplicationID != "1684" || theirs.PublicKey == nil || len(*theirs.PublicKey) != 44 || brain.ApplicationID != nil {
		t.Errorf("made %+v and %+v", theirs, brain)
	}
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/numbers/"+n.ID, `{"credential_id":"`+theirs.ID+`"}`), http.StatusOK)
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/numbers/"+n.ID, `{"credential_id":"`+brain.ID+`"}`), http.StatusNotFound)
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/numbers/"+n.ID, `{"trunk_id":"`+w.ours.trunk+`","credential_id":null,"label":"Desk","agent_id":null}`), http.StatusOK).data(t, &n)
	if n.AgentID != nil || n.CredentialID != nil || *n.TrunkID != w.ours.trunk || *n.Label != "Desk" {
		t.Errorf("changed to %+v", n)
	}
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/credentials/"+w.ours.account, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/trunks/"+w.ours.trunk, ""), http.StatusBadRequest)
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/numbers/"+n.ID, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/trunks/"+w.ours.trunk, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "GET", "/api/v1/numbers/"+n.ID, ""), http.StatusNotFound)
	if a := w.want(w.ask(w.ours.key, "GET", "/api/v1/numbers", ""), http.StatusOK); a.parsed.Meta["total"] != 1.0 {
		t.Errorf("listed %s", a.body)
	}
}

func TestTrunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var k outside.Trunk
	w.want(w.ask(w.ours.key, "POST", "/api/v1/trunks", `{"name":"Carrier","host":"sip.example.net","port":5061,"transport":"tls","username":"acme","password":"pass word \"x\"",
		"realm":"example.net","allowed_networks":["192.0.2.77/24","2001:db8::1","192.0.2.0/24"],"codecs":["opus","PCMU"],"caller_id":"+15005550006","register":true}`), http.StatusCreated).data(t, &k)
	port := 5061
	want := outside.Trunk{ID: k.ID, Number: k.Number, Name: "Carrier", Host: "sip.example.net", Port: &port, Transport: "tls", Username: new("acme"), PasswordSet: true,
		Realm: new("example.net"), AllowedNetworks: []string{"192.0.2.0/24", "2001:db8::1/128"}, Codecs: []string{"opus", "PCMU"}, CallerID: new("+15005550006"),
		Outbound: true, Register: true, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt}
	if d := cmp.Diff(want, k, cmp.Comparer(func(a, b envelope.Time) bool { return time.Time(a).Equal(time.Time(b)) })); d != "" {
		t.Error(d)
	}
	row, err := w.db.Trunk(t.Context(), w.ours.org, k.ID)
	must(t, err)
	v, err := vault.New(secret)
	must(t, err)
	if got, err := v.Open(row.Sealed, vault.PlaceOf(store.TrunkSecret, w.ours.org, k.ID)); err != nil || got != `pass word "x"` {
		t.Errorf("sealed %q, %v", got, err)
	}
	w.refuses(
		refusal{"POST", "/trunks", `{}`, 0, []string{"name", "host"}},
		refusal{"POST", "/trunks", `{"name":" ","host":"a b","port":65536,"transport":"sctp","username":"a\"b","realm":"x\r\nVia: y","allowed_networks":["0.0.0.0/0","x"],
			"codecs":["G729"],"caller_id":"123","register":true,"password_set":true}`, 0,
			[]string{"name", "host", "port", "transport", "username", "realm", "password", "allowed_networks[0]", "allowed_networks[1]", "codecs[0]", "caller_id", "password_set"}},
		refusal{"POST", "/trunks", `{"name":"a","host":"sip.example.com","password":"secret"}`, 0, []string{"username"}},
		refusal{"POST", "/trunks", `{"name":"a","host":"0.0.0.0","codecs":["PCMU","PCMU"]}`, 0, []string{"host", "codecs[1]"}},
		refusal{"POST", "/trunks", `{"name":"a","host":"1.2.3"}`, 0, []string{"host"}},
		refusal{"POST", "/trunks", `{"name":"Carrier","host":"sip.example.com"}`, 0, []string{"name"}},
		refusal{"PATCH", "/trunks/" + k.ID, `{}`, 0, nil},
		refusal{"PATCH", "/trunks/" + k.ID, `{"host":"evil.example.com"}`, 0, []string{"password"}},
		refusal{"PATCH", "/trunks/" + k.ID, `{"username":null}`, 0, []string{"username", "password"}},
		refusal{"PATCH", "/trunks/" + k.ID, `{"name":null,"outbound":null,"port":"x","id":1}`, 0, []string{"name", "outbound", "port", "id"}},
	)
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/trunks/"+k.ID, `{"host":"192.0.2.9","username":null,"register":false,"port":null,"allowed_networks":null,"codecs":null,"password":null}`),
		http.StatusOK).data(t, &k)
	if k.Host != "192.0.2.9" || k.Username != nil || k.PasswordSet || k.Port != nil || len(k.AllowedNetworks) != 0 || len(k.Codecs) != 0 || k.Register {
		t.Errorf("changed to %+v", k)
	}
	if a := w.want(w.ask(w.ours.key, "GET", "/api/v1/trunks?limit=1&offset=1", ""), http.StatusOK); a.parsed.Meta["total"] != 2.0 || strings.Contains(string(a.body), k.ID) {
		t.Errorf("listed %s", a.body)
	}
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/trunks/"+k.ID, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", "/api/v1/trunks/"+k.ID, ""), http.StatusNotFound)
}

// TestExtensions: their passwords are made, told once, sealed, and found by who registers.
func TestExtensions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made, again outside.NewExtension
	w.want(w.ask(w.ours.key, "POST", "/api/v1/extensions", `{"username":"bert.2","agent_id":"`+w.ours.agent+`"}`), http.StatusCreated).data(t, &made)
	if made.Name != "bert.2" || made.AgentID == nil || *made.AgentID != w.ours.agent || len(made.Password) < 20 {
		t.Errorf("made %+v", made)
	}
	at := "/api/v1/extensions/" + made.ID
	if a := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK); strings.Contains(string(a.body), "password") {
		t.Errorf("the password is shown: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "PATCH", at, `{"name":"Bert","agent_id":null}`), http.StatusOK)
	w.want(w.ask(w.ours.key, "POST", at+"/password", ""), http.StatusOK).data(t, &again)
	row, err := w.db.Extension(t.Context(), w.ours.org, made.ID)
	must(t, err)
	if row.Name != "Bert" || row.Agent != "" || again.Password == made.Password {
		t.Errorf("row %+v, passwords %q and %q", row, made.Password, again.Password)
	}
	v, err := vault.New(secret)
	must(t, err)
	registrar := outside.Registrar{Vault: v, Extensions: func(string) []*store.Extension {
		return []*store.Extension{{ID: "x", Org: "y", Sealed: store.Sealed{Text: "broken"}}, &row}
	}}
	phones, err := registrar.Phones("bert.2")
	if d := cmp.Diff([]outside.Phone{{ID: made.ID, Org: w.ours.org, Username: "bert.2", Password: again.Password}}, phones); d != "" || err == nil {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
	w.refuses(
		refusal{"POST", "/extensions", `{}`, 0, []string{"username"}},
		refusal{"POST", "/extensions", `{"username":"Bert\r\nVia: x","name":"a\u0001","password":"x","number":1}`, 0, []string{"username", "name", "password", "number"}},
		refusal{"POST", "/extensions", `{"username":"bert.2"}`, 0, []string{"username"}},
		refusal{"POST", "/extensions", `{"username":"carl","agent_id":"` + w.theirs.agent + `"}`, 0, []string{"agent_id"}},
		refusal{"PATCH", "/extensions/" + made.ID, `{"username":"x"}`, 0, []string{"username"}},
		refusal{"PATCH", "/extensions/" + made.ID, `{"agent_id":"` + w.theirs.agent + `"}`, 0, []string{"agent_id"}},
	)
	w.want(w.ask(w.ours.key, "DELETE", at, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", at, ""), http.StatusNotFound)
}
