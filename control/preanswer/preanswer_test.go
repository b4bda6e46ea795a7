package preanswer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/preanswer"
	"parley/control/webhook"
	"parley/store"
)

// house has two organisations with an agent each, and one that is switched off.
type house struct{}

func (house) Agents() []store.Agent {
	return []store.Agent{
		{ID: "bob", Org: "beta", Name: "Bob", Enabled: true},
		{ID: "anna", Org: "acme", Name: "Anna", Enabled: true},
		{ID: "olga", Org: "acme", Name: "Olga"},
	}
}

func (h house) Agent(org, id string) (store.Agent, error) {
	for _, a := range h.Agents() {
		if a.Org == org && a.ID == id {
			return a, nil
		}
	}
	return store.Agent{}, store.ErrNotFound
}

// server answers tries in order.
type server struct {
	takes   time.Duration
	answers []any // an error, a status, a text
	asked   []preanswer.Question
	ids     []string
}

func (s *server) Ask(ctx context.Context, org, url, id string, body []byte, most int64) (webhook.Reply, error) {
	var q preanswer.Question
	if err := json.Unmarshal(body, &q); err != nil || org != "acme" || most <= 0 || !strings.HasPrefix(url, "https://") {
		return webhook.Reply{}, fmt.Errorf("asked %s of %s: %w", body, org, err)
	}
	s.asked, s.ids = append(s.asked, q), append(s.ids, id)
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return webhook.Reply{}, ctx.Err()
	}
	switch a := answer.(type) {
	case error:
		return webhook.Reply{}, a
	case int:
		return webhook.Reply{Status: a}, nil
	}
	return webhook.Reply{Status: 200, Body: []byte(answer.(string))}, nil
}

var errDead = errors.New("connection refused")

// TestAsk: what is answered is done, what makes no sense is not, and no caller waits longer than the limit.
func TestAsk(t *testing.T) {
	t.Parallel()
	rule := preanswer.Settings{URL: "https://example.com/in?key=s3cret"}
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint("v", i)] = "x"
	}
	tooMany, _ := json.Marshal(map[string]any{"variables": many})
	wrong := func(text string) store.PreAnswer {
		return store.PreAnswer{Outcome: "wrong", Fallback: "agent", Status: 200, Tries: 1, Error: text}
	}
	for name, c := range map[string]struct {
		rule   preanswer.Settings
		server server
		gone   time.Duration // when the caller hangs up
		want   store.PreAnswer
	}{
		"agent by id":   {server: server{answers: []any{`{"agent_id":"anna","more":[1]}`}}, want: store.PreAnswer{Outcome: "heeded", Status: 200, Tries: 1, Agent: "anna"}},
		"agent by name": {server: server{answers: []any{`{"agent":"Anna"}`}}, want: store.PreAnswer{Outcome: "heeded", Status: 200, Tries: 1, Agent: "anna"}},
		"words": {server: server{answers: []any{`{"greeting":"Hi {{name}}","variables":{"name":"Ana \"A\"","n":3.5,"vip":true,"none":null}}`}},
			want: store.PreAnswer{Outcome: "heeded", Status: 200, Tries: 1, Greeting: "Hi {{name}}", Variables: map[string]string{"name": `Ana "A"`, "n": "3.5", "vip": "true"}}},
		"nothing":           {server: server{answers: []any{204}}, want: store.PreAnswer{Outcome: "empty", Status: 204, Tries: 1}},
		"an empty object":   {server: server{answers: []any{` {} `}}, want: store.PreAnswer{Outcome: "empty", Status: 200, Tries: 1}},
		"rejected":          {server: server{answers: []any{`{"reject":{}, "agent":"nobody"}`}}, want: store.PreAnswer{Outcome: "rejected", Status: 200, Tries: 1, Reject: "rejected"}},
		"busy":              {server: server{answers: []any{`{"reject":{"reason":"busy"}}`}}, want: store.PreAnswer{Outcome: "rejected", Status: 200, Tries: 1, Reject: "busy"}},
		"unknown reason":    {server: server{answers: []any{`{"reject":{"reason":"rude"}}`}}, want: wrong(`reject.reason is "rude": want busy or rejected`)},
		"another's agent":   {server: server{answers: []any{`{"agent_id":"bob"}`}}, want: wrong("agent_id is of no agent of the organisation that is enabled")},
		"another's by name": {server: server{answers: []any{`{"agent":"Bob"}`}}, want: wrong("agent names no agent of the organisation that is enabled")},
		"switched off":      {server: server{answers: []any{`{"agent_id":"olga"}`}}, want: wrong("agent_id is of no agent of the organisation that is enabled")},
		"two agents":        {server: server{answers: []any{`{"agent_id":"anna","agent":"Anna"}`}}, want: wrong("agent_id and agent are both there: want one of them")},
		"no JSON":           {server: server{answers: []any{`<html>`}}, want: wrong("the answer is no JSON object of the kind that is wanted: it cannot be read")},
		"a list":            {server: server{answers: []any{`[]`}}, want: wrong("the answer is no JSON object of the kind that is wanted: it cannot be read")},
		"a wrong kind":      {server: server{answers: []any{`{"greeting":5}`}}, want: wrong("the answer is no JSON object of the kind that is wanted: greeting cannot be a number")},
		"more behind":       {server: server{answers: []any{`{} {}`}}, want: wrong("there is something behind the answer's JSON object")},
		"a long greeting":   {server: server{answers: []any{`{"greeting":"` + strings.Repeat("ä", 5001) + `"}`}}, want: wrong("greeting has 5001 characters: at most 5000 are taken")},
		"a long value":      {server: server{answers: []any{`{"variables":{"v":"` + strings.Repeat("ä", 2001) + `"}}`}}, want: wrong("variables.v has 2001 characters: at most 2000 are taken")},
		"too many":          {server: server{answers: []any{string(tooMany)}}, want: wrong("variables are 65: at most 64 are taken")},
		"an object":         {server: server{answers: []any{`{"variables":{"v":{}}}`}}, want: wrong("variables.v is neither a text nor a number")},
		"a stolen call":     {server: server{answers: []any{`{"variables":{"parley_call":"x"}}`}}, want: wrong(`variables."parley_call" is a name of the server's own`)},
		"a caller's number": {server: server{answers: []any{`{"variables":{"from":"x"}}`}}, want: wrong(`variables."from" is a name of the server's own`)},
		"no name":           {server: server{answers: []any{`{"variables":{"a b":"x"}}`}}, want: wrong(`variables."a b" is no name: letters, digits and _ . - alone`)},
		"a long name":       {server: server{answers: []any{`{"variables":{"` + strings.Repeat("a", 65) + `":"x"}}`}}, want: wrong(`variables."` + strings.Repeat("a", 64) + `" is longer than 64 characters`)},
		"dead": {server: server{answers: []any{errDead}},
			want: store.PreAnswer{Outcome: "unreachable", Fallback: "agent", Tries: 2, Error: "connection refused", Took: 100 * time.Millisecond}},
		"dead, and strict": {rule: preanswer.Settings{Fallback: "reject"}, server: server{answers: []any{errDead}},
			want: store.PreAnswer{Outcome: "unreachable", Fallback: "reject", Reject: "rejected", Tries: 2, Error: "connection refused", Took: 100 * time.Millisecond}},
		"back again": {server: server{answers: []any{503, `{"agent":"Anna"}`}},
			want: store.PreAnswer{Outcome: "heeded", Status: 200, Tries: 2, Agent: "anna", Took: 100 * time.Millisecond}},
		"its fault": {server: server{answers: []any{500}, takes: 300 * time.Millisecond},
			want: store.PreAnswer{Outcome: "refused", Fallback: "agent", Status: 500, Tries: 2, Error: "the server answered 500 Internal Server Error", Took: 700 * time.Millisecond}},
		"a redirect": {server: server{answers: []any{302}}, want: store.PreAnswer{Outcome: "refused", Fallback: "agent", Status: 302, Tries: 1, Error: "the server answered 302 Found"}},
		"slow": {server: server{answers: []any{`{"agent":"Anna"}`}, takes: time.Minute},
			want: store.PreAnswer{Outcome: "timeout", Fallback: "agent", Tries: 1, Error: "no answer within 2s", Took: 2 * time.Second}},
		"slow twice": {rule: preanswer.Settings{TimeoutMS: 700}, server: server{answers: []any{503, `{"agent":"Anna"}`}, takes: 400 * time.Millisecond},
			want: store.PreAnswer{Outcome: "timeout", Fallback: "agent", Tries: 2, Error: "no answer within 700ms", Took: 700 * time.Millisecond}},
		"beyond all limits": {rule: preanswer.Settings{TimeoutMS: 60_000}, server: server{answers: []any{204}, takes: time.Minute},
			want: store.PreAnswer{Outcome: "timeout", Fallback: "agent", Tries: 1, Error: "no answer within 5s", Took: 5 * time.Second}},
		"hung up": {server: server{answers: []any{204}, takes: time.Minute}, gone: time.Second,
			want: store.PreAnswer{Outcome: "abandoned", Fallback: "agent", Tries: 1, Error: "the caller has gone", Took: time.Second}},
		"forbidden": {server: server{answers: []any{fmt.Errorf("dial: %w", webhook.ErrForbidden)}},
			want: store.PreAnswer{Outcome: "forbidden", Fallback: "agent", Tries: 1, Error: "dial: " + webhook.ErrForbidden.Error()}},
		"unsigned": {server: server{answers: []any{webhook.ErrUnsigned}}, want: store.PreAnswer{Outcome: "unsigned", Fallback: "agent", Tries: 1, Error: webhook.ErrUnsigned.Error()}},
		"too big":  {server: server{answers: []any{webhook.ErrTooBig}}, want: store.PreAnswer{Outcome: "wrong", Fallback: "agent", Tries: 1, Error: "the answer is longer than 65536 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				counted := ""
				desk := preanswer.Desk{Asker: &c.server, Agents: house{}, Log: slog.New(slog.NewTextHandler(&log, nil)), Observe: func(outcome string, _ time.Duration) { counted = outcome }}
				ctx := t.Context()
				if c.gone > 0 {
					short, cancel := context.WithTimeout(ctx, c.gone)
					defer cancel()
					ctx = short
				}
				c.rule.URL = rule.URL
				got := desk.Ask(ctx, "acme", c.rule, preanswer.Question{Call: "c1", Carrier: "twilio", CarrierID: "CA1", From: "+1", To: "+2", Headers: map[string]string{"X-A": "b"}})
				if c.want.Took == 0 {
					c.want.Took = c.server.takes * time.Duration(c.want.Tries)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				if counted != c.want.Outcome || !strings.Contains(log.String(), "host=example.com") || strings.Contains(log.String(), "s3cret") {
					t.Errorf("counted %q, log %s", counted, &log)
				}
				for i, q := range c.server.asked {
					if q.Type != "pre_answer" || q.Direction != store.Inbound || q.Call != "c1" || c.server.ids[i] != "c1" || !maps.Equal(q.Headers, map[string]string{"X-A": "b"}) {
						t.Errorf("asked %+v as %s", q, c.server.ids[i])
					}
				}
			})
		})
	}
}

// TestSettings: what is kept is read as it was meant, and what cannot be asked is not kept.
func TestSettings(t *testing.T) {
	t.Parallel()
	full := preanswer.Settings{URL: "https://example.com/in", Fallback: "agent", TimeoutMS: 2000}
	if got, ok := preanswer.Read(preanswer.Settings{URL: full.URL}.Text()); !ok || got != full {
		t.Errorf("read %+v, %v", got, ok)
	}
	for _, text := range []string{"", "{", `{"fallback":"agent"}`} {
		if s, ok := preanswer.Read(text); ok || preanswer.Show(text) != nil {
			t.Errorf("%q is %+v", text, s)
		}
	}
	for _, url := range []string{"http://example.com", "ftp://example.com", "https://", "https://a:b@example.com", "x", ""} {
		if field, reason := (preanswer.Settings{URL: url}).Fault(); field != "url" || reason == "" {
			t.Errorf("%q: %s %s", url, field, reason)
		}
	}
}

// TestAnswers: an answer waits for its call, for so long.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var a preanswer.Answers
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	kept := store.KeptPreAnswer{Leg: "twilio", CarrierID: "CA1", Call: "c1", Expires: now.Add(preanswer.Life)}
	a.Keep(kept, now)
	for name, c := range map[string]struct {
		leg, id string
		at      time.Time
		want    bool
	}{
		"its call":         {"twilio", "CA1", now, true},
		"another carrier":  {"telnyx", "CA1", now, false},
		"another call":     {"twilio", "CA2", now, false},
		"in the last turn": {"twilio", "CA1", kept.Expires.Add(-1), true},
		"too late":         {"twilio", "CA1", kept.Expires, false},
	} {
		if got, ok := a.Find(c.leg, c.id, c.at); ok != c.want || ok && got.Call != "c1" {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
	a.Keep(store.KeptPreAnswer{Leg: "sip", CarrierID: "x", Expires: now.Add(time.Hour)}, now.Add(preanswer.Life+time.Second)) // which sweeps
	a.Drop("sip", "x")
	for _, id := range [][2]string{{"twilio", "CA1"}, {"sip", "x"}} {
		if _, ok := a.Find(id[0], id[1], now); ok {
			t.Errorf("%v is still there", id)
		}
	}
}
