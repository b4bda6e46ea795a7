package control_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"parley/control/access"
)

// canaries are what may never come out: not in an answer, not in the log.
var canaries = map[string]string{
	"password":  "$argon2id$v=19$m=64,t=1,p=1$Y2FuYXJ5Y2FuYXJ5$canarycanarycana",
	"token":     "canary-auth-token-of-twilio-8841",
	"trunk":     "canary-password-of-a-trunk-3172",
	"extension": "canary-password-of-an-extension-8025",
	"prompt":    "canary-in-the-prompt-6151", // its owner sees it; the log does not
}

// sealed is a secret as the database has it: it is nobody's business either.
func (w *world) sealed() string {
	w.t.Helper()
	c, err := w.db.Credential(w.t.Context(), w.theirs.org, w.theirs.account)
	must(w.t, err)
	return c.Sealed.Text
}

func TestNoSecretComesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var link struct {
		URL string `json:"recording_url"`
	}
	w.want(w.ask(w.ours.key, "GET", "/api/v1/calls/"+w.ours.done+"/recording", ""), http.StatusOK).data(t, &link)
	u, err := url.Parse(link.URL)
	must(t, err)
	ticket := u.Query().Get("token")

	var answers, cookies []string
	keep := func(a *answer) {
		head := a.head.Clone()
		for name, values := range head {
			answers = append(answers, name+": "+strings.Join(values, ","))
		}
		answers = append(answers, string(a.body))
	}
	for _, r := range w.served() {
		path := r.of(w.ours)
		if r.session {
			cookie, _ := w.begin(w.ours.org, w.ours.owner)
			cookies = append(cookies, strings.TrimPrefix(cookie, "parley_session="))
			keep(w.ask("", r.method, path, r.body, "Cookie", cookie))
		}
		for _, key := range []string{w.ours.key, w.ours.powerless, w.theirs.key, ""} {
			keep(w.ask(key, r.method, path, r.body))
			keep(w.ask(key, r.method, path+"?api_key="+w.ours.key+"&session_token="+ticket, r.body))
			keep(w.ask(key, r.method, path, `{"name":"`+w.ours.key+`","api_key":"`+w.theirs.key+`"}`))
			keep(w.ask(key, r.method, path, w.ours.key))
		}
	}
	keep(w.ask("", "GET", u.RequestURI(), ""))
	keep(w.ask("", "GET", u.RequestURI()+"x", ""))
	keep(w.ask(w.ours.key+"x", "GET", "/api/v1/agents", ""))

	forbidden := map[string]string{
		"key": w.ours.key, "another's key": w.theirs.key, "powerless key": w.ours.powerless, "hash of the key": access.Hash(w.ours.key),
		"password": canaries["password"], "token": canaries["token"], "trunk's password": canaries["trunk"], "extension's password": canaries["extension"],
		"token that was sent": "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7", "password that was sent": "correct horse battery\"", "sealed token": w.sealed(),
		"signing secret":     string(secret),
		"secret of webhooks": w.ours.whsec,
	}
	for i, secret := range cookies {
		forbidden["cookie "+strconv.Itoa(i)] = secret
	}
	for what, text := range forbidden {
		for _, a := range answers {
			if strings.Contains(a, text) {
				t.Errorf("%s is in an answer: %.300s", what, a)
			}
		}
	}
	forbidden["ticket"], forbidden["prompt"], forbidden["words"] = ticket, canaries["prompt"], "How are you?"
	log := w.log.String()
	for what, text := range forbidden {
		if strings.Contains(log, text) {
			t.Errorf("%s is in the log", what)
		}
	}
	if !strings.Contains(log, `"route":"/api/v1/agents/{id}"`) {
		t.Error("the log has no line of the requests: the test looks at the wrong place")
	}
}
