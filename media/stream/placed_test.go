package stream

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
)

// Here is what carriers besides Twilio and Telnyx ask and tell of calls that were placed, and of organisations' own accounts.

// theirToken signs what comes by an organisation's own account.
const theirToken = "of their own account"

// theirAccounts are one account's, of two organisations.
func theirAccounts(account string) func(string) []Account {
	return func(asked string) []Account {
		if asked != account {
			return nil
		}
		return []Account{{Token: "another", Owner: "wrong"}, {Token: theirToken, Owner: "acme"}, {Token: theirToken, Owner: "bell"}, {Token: theirToken, Owner: "acme"}}
	}
}

// wanted refuses calls that are stale, and notes what it was asked.
func wanted(asked chan<- string) func(context.Context, string, []string, url.Values) bool {
	return func(_ context.Context, call string, owners []string, params url.Values) bool {
		asked <- call + " " + strings.Join(owners, ",") + " " + params.Encode()
		return params.Get("ours") != "stale"
	}
}

// owned says that a stream opens for its owners alone.
func owned(t *testing.T, target string, header http.Header, open func(), legs <-chan media.Leg) {
	t.Helper()
	for what, forged := range map[string]string{"the server's": strings.Replace(target, "/acme,bell", "", 1), "another's": strings.Replace(target, "/acme,bell", "/corp", 1)} {
		if forged == target {
			t.Fatalf("%s names no owners", target)
		}
		if ws, _, err := dialer().Dial(forged, header); err == nil {
			_ = ws.Close()
			t.Errorf("the stream opens as %s", what)
		}
	}
	open()
	if got := within(t, legs, "leg").Info(); !slices.Equal(got.Owners, []string{"acme", "bell"}) || got.Params["agent"] != "sales" {
		t.Errorf("the leg says %+v", got)
	}
}

// teapot answers as nothing else does.
var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

// TestPlivoPlaced: a call that was placed goes by its request's id, is outward, hung up on if nobody wants it any more, and told of.
func TestPlivoPlaced(t *testing.T) {
	t.Parallel()
	asked, told := make(chan string, 4), make(chan StatusUpdate, 4)
	p := &Plivo{Admit: wanted(asked), Progress: func(_ context.Context, u StatusUpdate) { told <- u }, Lead: teapot}
	f := newPlivo(t, p)
	legs := answeredBy(t, &p.Host)
	with := func(more ...string) url.Values {
		form := maps.Clone(plivoForm)
		form.Set("Direction", "outbound")
		form.Set("ALegRequestUUID", "request-1")
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	if status, body := f.asks("/plivo/voice?ours=stale", with(), nil); status != http.StatusOK || !strings.HasSuffix(body, "<Response><Hangup></Hangup></Response>") {
		t.Errorf("a stale call: %d %s", status, body)
	}
	status, body := f.asks("/plivo/voice?ours=1", with(), nil)
	_, rest, _ := strings.Cut(body, "ws://")
	target, _, _ := strings.Cut(rest, "<")
	ws := dialPlain(t, "ws://"+strings.ReplaceAll(target, "&amp;", "&"), nil)
	write(t, ws, plivoStart)
	if got := within(t, legs, "leg").Info(); status != http.StatusOK || !got.Outbound || got.ID != plivoCall || got.Params["ours"] != "1" || got.Owners != nil {
		t.Errorf("the leg says %+v", got)
	}
	for _, want := range []string{"request-1  ours=stale", "request-1  ours=1"} {
		if got := <-asked; got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
	for _, c := range []struct {
		path string
		form url.Values
		want string
	}{
		{"/plivo/status?ours=1", with("Event", "Ring"), "ringing"},
		{"/plivo/hangup?ours=1", with("CallStatus", "no-answer", "Duration", "45"), "no-answer"},
		{"/plivo/hangup?ours=1", with("CallStatus", "", "Duration", "45"), "completed"},
	} {
		if status, body := f.asks(c.path, c.form, nil); status != http.StatusNoContent {
			t.Fatalf("%s: %d %s", c.path, status, body)
		}
		u := <-told
		if u.CallSID != "request-1" || u.Status != c.want || u.To != "+15550100002" || u.Params.Get("ours") != "1" || c.want != "ringing" && u.Duration != 45*time.Second {
			t.Errorf("%s: told %+v", c.path, u)
		}
	}
	for field, form := range map[string]url.Values{"ALegRequestUUID": with("ALegRequestUUID", "../x"), "CallUUID": with("CallUUID", ""), "CallStatus": with("CallStatus", "")} {
		if status, body := f.asks("/plivo/status", form, nil); status != http.StatusBadRequest || !strings.Contains(body, field) {
			t.Errorf("a bad %s: %d %s", field, status, body)
		}
	}
	if status, _ := f.asks("/plivo/status", plivoForm, func(r *http.Request) { r.Header.Del("X-Plivo-Signature-V3") }); status != http.StatusForbidden {
		t.Errorf("unsigned: %d", status)
	}
	if status, _ := f.asks("/plivo/lead/x", nil, nil); status != http.StatusTeapot {
		t.Errorf("a document: %d", status)
	}
}

// TestPlivoOwners: a call by an organisation's own account says whose it is, and no other account's token is taken for it.
func TestPlivoOwners(t *testing.T) {
	t.Parallel()
	p := &Plivo{Accounts: theirAccounts("MB1"), AuthID: plivoAccount}
	f := newPlivo(t, p)
	legs := answeredBy(t, &p.Host)
	theirs := func(path string) (int, string) {
		return f.asks(path, plivoForm, func(r *http.Request) {
			r.Header.Set("X-Plivo-Signature-V3", plivoSign(theirToken, "4711", f.server.URL+path, plivoForm))
		})
	}
	status, body := theirs("/plivo/voice?agent=sales&auth_id=MB1")
	_, rest, _ := strings.Cut(body, "ws://")
	target, _, ok := strings.Cut(rest, "<")
	if status != http.StatusOK || !ok {
		t.Fatalf("voice: %d %s", status, body)
	}
	target = "ws://" + strings.ReplaceAll(target, "&amp;", "&")
	owned(t, target, nil, func() { write(t, dialPlain(t, target, nil), strings.Replace(plivoStart, plivoAccount, "MB1", 1)) }, legs)
	for name, path := range map[string]string{"another account": "/plivo/voice?auth_id=MB2", "none": "/plivo/voice", "no name": "/plivo/voice?auth_id=../x"} {
		if status, _ := theirs(path); status != http.StatusForbidden {
			t.Errorf("their token for %s: %d", name, status)
		}
	}
}

// TestSignalWirePlaced: a call that was placed is outward, hung up on if nobody wants it any more, and told of; one by an organisation's own project
// says whose it is.
func TestSignalWirePlaced(t *testing.T) {
	t.Parallel()
	asked, told := make(chan string, 4), make(chan StatusUpdate, 4)
	s := &SignalWire{Admit: wanted(asked), Progress: func(_ context.Context, u StatusUpdate) { told <- u }, Accounts: theirAccounts("project-1")}
	server := newSignalWire(t, s)
	legs := answeredBy(t, &s.Host)
	form := signalwireForm()
	form.Set("Direction", "outbound-api")
	if status, body := signalwireAsks(t, server, "/signalwire/voice?ours=stale", signalwireTestKey, form); status != http.StatusOK || strings.Contains(body, "Connect") || !strings.Contains(body, "<Hangup>") {
		t.Errorf("a stale call: %d %s", status, body)
	}
	form.Set("AccountSid", "project-1")
	status, body := signalwireAsks(t, server, "/signalwire/voice?agent=sales&ours=1", theirToken, form)
	noun := signalwireNoun(t, status, body)
	owned(t, noun.URL, asBearer(noun.Bearer), func() {
		write(t, dialPlain(t, noun.URL, asBearer(noun.Bearer)), connected, signalwireStart("PCMU", 8000))
	}, legs)
	<-asked
	if got := <-asked; got != signalwireTestCall+" acme,bell agent=sales&ours=1" {
		t.Errorf("asked %q", got)
	}
	form.Set("CallStatus", "busy")
	form.Set("CallDuration", "3")
	if status, body := signalwireAsks(t, server, "/signalwire/status?ours=1", theirToken, form); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	if u := <-told; u.CallSID != signalwireTestCall || u.Status != "busy" || !u.Over() || u.Duration != 3*time.Second || u.Params.Get("ours") != "1" || !slices.Equal(u.Owners, []string{"acme", "bell"}) {
		t.Errorf("told %+v", u)
	}
	form.Set("AccountSid", "project-2")
	if status, _ := signalwireAsks(t, server, "/signalwire/status", theirToken, form); status != http.StatusForbidden {
		t.Errorf("their key for another project: %d", status)
	}
	form.Del("CallStatus")
	if status, body := signalwireAsks(t, server, "/signalwire/status", signalwireTestKey, form); status != http.StatusBadRequest || !strings.Contains(body, "CallStatus") {
		t.Errorf("no status: %d %s", status, body)
	}
}

// TestVonagePlaced: a call that was placed is outward, ended if nobody wants it any more, and told of, but for the leg of its connection; one by an
// organisation's own application says whose it is.
func TestVonagePlaced(t *testing.T) {
	t.Parallel()
	asked, told := make(chan string, 4), make(chan StatusUpdate, 4)
	v := &Vonage{Admit: wanted(asked), Token: "ours", Progress: func(_ context.Context, u StatusUpdate) { told <- u }, Accounts: theirAccounts("aaaaaaaa-bbbb-cccc-dddd-0123456789ab")}
	s := newVonage(t, v)
	legs := answeredBy(t, &v.Host)
	if status, body := s.posts(time.Now(), "/vonage/answer?ours=stale", vonageAsks, nil); status != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("a stale call: %d %s", status, body)
	}
	placed := strings.NewReplacer("15550100001", "15550100002", "15550100002", "15550100001").Replace(vonageAsks)
	theirs := func(body string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", vonageBearer(theirToken, "HS256", time.Now(), body))
		}
	}
	at := s.connects(s.posts(time.Now(), "/vonage/answer?agent=sales&ours=1", placed, theirs(placed)))
	owned(t, at.URI, nil, func() { write(t, dialPlain(t, at.URI, nil), vonageStart(at)) }, legs)
	<-asked
	if got := <-asked; got != vonageCall+" acme,bell agent=sales&ours=1" {
		t.Errorf("asked %q", got)
	}
	for body, want := range map[string]string{
		`{"uuid":"` + vonageCall + `","status":"unanswered","direction":"outbound","to":"15550100003","duration":"12"}`: "unanswered",
		`{"uuid":"another","status":"completed","direction":"outbound","to":"wss://gw.example.net/vonage/media"}`:       "",
		`{"conversation_uuid":"CON-1","type":"transfer"}`:                                                               "",
	} {
		if status, answer := s.posts(time.Now(), "/vonage/event?ours=1", body, theirs(body)); status != http.StatusNoContent {
			t.Fatal(status, answer)
		}
		if want == "" {
			continue
		}
		if u := <-told; u.CallSID != vonageCall || u.Status != want || u.To != "+15550100003" || u.Duration != 12*time.Second || u.Params.Get("ours") != "1" || !slices.Equal(u.Owners, []string{"acme", "bell"}) {
			t.Errorf("told %+v", u)
		}
	}
	if len(told) != 0 {
		t.Errorf("told of what is no call's: %+v", <-told)
	}
	other := newVonage(t, &Vonage{Accounts: theirAccounts("another")})
	if status, _ := other.posts(time.Now(), "/vonage/event", vonageAsks, theirs(vonageAsks)); status != http.StatusForbidden {
		t.Errorf("their secret for another application: %d", status)
	}
}
