package main

import (
	"path/filepath"
	"strings"
	"testing"

	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/store"
)

// TestRelayed: an agent's calls are answered by the app that its settings name, with a handshake that its organisation's secret signs.
func TestRelayed(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.ok(canary+"\n", nil, "credentials", "set", "APP", "--vendor=custom", "--base-url=https://app.example.com")
	accounts, _ := b.another(filepath.Join(t.TempDir(), "directory.json"), b.env["PARLEY_SECRET"])
	c, _ := companyOf(t, map[string]string{"PARLEY_AGENT_HOSTS": "10.0.0.7:8080", "PARLEY_TTS": "local"})
	c.lender = accounts
	played := func(settings string) *role {
		return c.newRole(c.vendors, store.Agent{ID: "a", Org: b.org, Settings: settings})
	}
	r := played(`{"relay":{"url":"wss://app.example.com/relay","secret":"APP","interrupt_sensitivity":"low","parameters":{"caller":"{{from}}"}}}`)
	if len(r.problems) > 0 || r.relay == nil || r.thinks != "relay" || r.script != nil || !r.agent.Settled || r.agent.Manners.BargeInWords != 3 {
		t.Fatalf("%v: %+v", r.problems, r)
	}
	if got, want := r.relay.header.Get("X-Twilio-Signature"), stream.Sign(canary, "wss://app.example.com/relay", nil); got != want {
		t.Errorf("the handshake is signed %q, want %q", got, want)
	}
	parts := r.answers(&r.agent, media.Info{Rate: 8000}, nil, relayLine{})
	if _, greets := parts.Responder.(pipeline.Greeter); !greets || parts.Watcher == nil || parts.Synthesizer == nil {
		t.Errorf("%+v", parts)
	}
	if err := parts.Watcher.Close(); err != nil {
		t.Error(err)
	}
	if r := played(`{"relay":{"url":"ws://10.0.0.7:8080/relay"}}`); r.relay == nil || len(r.relay.header) != 0 {
		t.Errorf("a host that the operator lets in: %v", r.problems)
	}
	for settings, want := range map[string]string{
		`{"relay":{"url":"ws://app.example.com/relay"}}`:                                        "settings.relay.url: must be https or wss",
		`{"relay":{"url":"wss://10.0.0.8/relay"}}`:                                              "settings.relay.url: is a private address",
		`{"relay":{"url":"wss://other.example.com/relay","secret":"APP"}}`:                      "settings.relay.secret: is for https://app.example.com alone",
		`{"relay":{"url":"wss://app.example.com/relay","secret":"NONE"}}`:                       "settings.relay.secret: ",
		`{"relay":{"url":"wss://app.example.com/relay","languages":[{"code":"es-ES"}]}}`:        "settings.relay.languages[0].code: the local voice speaks English alone",
		`{"relay":{"url":"wss://app.example.com/relay"},"flow":` + twoNodes + `}`:               "settings.flow: is not used",
		`{"relay":{"url":"wss://app.example.com/relay"},"providers":{"llm":{"vendor":"flow"}}}`: "settings.providers.llm.vendor: is not used",
	} {
		r := played(settings)
		if len(r.problems) != 1 || !strings.HasPrefix(r.problems[0].String(), want) || strings.Contains(r.problems[0].String(), canary) {
			t.Errorf("%s: %v, want %s", settings, r.problems, want)
		}
	}
}
