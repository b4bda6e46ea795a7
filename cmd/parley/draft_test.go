package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/bench/carrier"
	"parley/control/bots"
	"parley/control/directory"
	"parley/pipeline"
	"parley/store"
)

// TestDraftReply: without a model the agent's own flow drafts, from where the thread has led it; an agent without one is mute.
func TestDraftReply(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"PARLEY_STT": "local", "PARLEY_TTS": "local"})
	const menu = `{"flow":{"flow":"own","start":"main","nodes":{"main":{"menu":{"prompt":"Rent, or the address?","choices":[
		{"digit":1,"phrases":["rent"],"goto":"rent"},{"digit":2,"phrases":["address"],"goto":"address"}]}},
		"rent":{"hang_up":"See you."},"address":{"hang_up":"At the old pier."}}}}`
	own := store.Agent{ID: "a", Name: "Ann", Settings: menu}
	for said, want := range map[string]string{"": "Rent, or the address?", "address": "At the old pier.", "rent": "See you."} {
		var thread []pipeline.Message
		if said != "" {
			thread = []pipeline.Message{{Role: pipeline.Assistant, Text: "Rent, or the address?"}, {Role: pipeline.Caller, Text: said, Turn: 1}}
		}
		if got, err := c.Draft(t.Context(), own, store.Conversation{}, thread); err != nil || got.Text != want {
			t.Errorf("after %q: %q, %v; want %q", said, got.Text, err, want)
		}
	}
	if _, err := c.Draft(t.Context(), store.Agent{ID: "b", Name: "Bea"}, store.Conversation{}, nil); !errors.Is(err, bots.ErrMute) {
		t.Errorf("an agent without a flow: %v", err)
	}
}

// TestProbes asks a fake of Twilio's API about numbers: each check says what is wrong, and what to do about it.
func TestProbes(t *testing.T) {
	t.Parallel()
	const sid, token, ours = "AC00000000000000000000000000000001", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7", "https://voice.example.com/twilio/voice"
	x := &carrier.Exchange{AccountSID: sid, AuthToken: token, Numbers: map[string]string{"+15005550001": ours, "+15005550002": "https://elsewhere.example.com/"}}
	api := httptest.NewServer(http.HandlerFunc(x.ServeHTTP))
	t.Cleanup(api.Close)
	t.Cleanup(x.Close)
	probe := func(c config, n store.Number) (found string) {
		t.Helper()
		c.TwilioBaseURL = api.URL
		p := &probes{accounts: &accounts{cfg: &c, directory: directory.New(directory.Options{})}}
		for _, check := range p.ProbeNumber(t.Context(), n) {
			found += check.Name + " " + string(check.Status) + ";"
			if (check.Status == bots.Passed) != (check.Fix == nil) || strings.Contains(check.Detail, token) {
				t.Errorf("%+v", check)
			}
		}
		return found
	}
	set := config{PublicURL: "https://voice.example.com/", TwilioAccountSID: sid, TwilioAuthToken: token}
	wrong, homeless, poor := set, set, set
	wrong.TwilioAuthToken, homeless.PublicURL, poor.TwilioAccountSID = "nonsense", "", ""
	for name, c := range map[string]struct {
		config config
		number store.Number
		want   string
	}{
		"all is well":          {set, store.Number{E164: "+15005550001"}, "account passed;number passed;voice_url passed;"},
		"calls go elsewhere":   {set, store.Number{E164: "+15005550002"}, "account passed;number passed;voice_url failed;"},
		"another's number":     {set, store.Number{E164: "+15005550003"}, "account passed;number failed;"},
		"a wrong token":        {wrong, store.Number{E164: "+15005550001"}, "account failed;"},
		"no account":           {poor, store.Number{E164: "+15005550001"}, "account failed;"},
		"no address of ours":   {homeless, store.Number{E164: "+15005550001"}, "account passed;number passed;voice_url failed;"},
		"a trunk, without SIP": {set, store.Number{E164: "+15005550001", Trunk: "t"}, "trunk failed;"},
	} {
		if got := probe(c.config, c.number); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
