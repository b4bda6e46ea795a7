package main

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"parley/control/access"
	"parley/media/stream"
	"parley/pipeline"
	"parley/store"
	"parley/store/storetest/litetest"
)

// TestAudioSocketAnnounced gives calls to whom a key belongs, and to nobody else's agents.
func TestAudioSocketAnnounced(t *testing.T) {
	t.Parallel()
	const all = "va_0123456789abcdef0123456789abcdef"
	cfg, err := parseServe(t, map[string]string{"PARLEY_AUDIOSOCKET": "127.0.0.1:0", "PARLEY_API_KEY": all}, "--data-dir", t.TempDir(), "--database-url", litetest.New(t, ""),
		"--speech-dir", t.TempDir(), "--ear", "energy", "--no-record", "--max-cpu", "0", "--max-lateness", "0s", "--max-speech-wait", "0s", "--webrtc-udp", noBrowsers, "--max-calls", "2")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.pbx.close(); err != nil {
			t.Error(err)
		}
		if err := s.office.close(); err != nil {
			t.Error(err)
		}
	})
	orgs, err := s.office.store.Organisations(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatal(orgs, err)
	}
	agents, _, err := s.office.store.Agents(t.Context(), orgs[0].ID, store.AgentFilter{}, store.Page{Limit: 1})
	if err != nil || len(agents) != 1 {
		t.Fatal(agents, err)
	}
	made, err := access.NewKey("va_")
	if err == nil {
		_, err = s.office.store.CreateKey(t.Context(), store.Key{ID: store.NewID(), Org: orgs[0].ID, Role: store.Owner, Name: "reader", Prefix: made.Prefix, Hash: made.Hash, Scopes: []string{access.CallsRead}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, key string
		params    url.Values
		why       stream.Refusal
		says      string // of the refusal; empty: it is welcome
	}{
		{"no key", "", nil, stream.RefusedSignature, "API key"},
		{"a stranger's", "va_" + strings.Repeat("0", 32), nil, stream.RefusedSignature, "API key"},
		{"a reader's", string(made.Secret), nil, stream.RefusedSignature, access.CallsWrite},
		{"no agent of theirs", all, url.Values{agentField: {store.NewID()}}, stream.RefusedForm, "agent"},
		{"their agent", all, url.Values{agentField: {agents[0].ID}, "order": {"7"}, pipeline.TokenParam: {"x"}, draftParam: {"x"}}, 0, ""},
		{"whoever answers", all, url.Values{}, 0, ""},
		{"one too many", all, url.Values{}, stream.RefusedBusy, "max_calls"},
	} {
		in := stream.Incoming{CallSID: store.NewID(), To: "1001", Params: c.params}
		why, err := s.announced(t.Context(), c.key, &in)
		if why != c.why || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", c.name, why, err)
		}
		if err != nil {
			continue
		}
		if len(in.Owners) != 1 || in.Owners[0] != orgs[0].ID || in.Params.Has(pipeline.TokenParam) || in.Params.Has(draftParam) || in.Params.Get(agentParam) != c.params.Get(agentField) {
			t.Errorf("%s: %+v", c.name, in)
		}
	}
}

func TestAudioSocketSettings(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]ownPBX{
		"--audiosocket is":        {AudioSocket: "9092"},
		"--audiosocket-allow has": {AudioSocketAllow: []string{"10.0.0.0/8", "pbx.example"}},
	} {
		if bad := c.check(); len(bad) != 1 || !strings.HasPrefix(bad[0].Error(), want) {
			t.Errorf("%v, want %s", bad, want)
		}
	}
	c := ownPBX{AudioSocket: ":9092", AudioSocketAllow: []string{" 192.0.2.7", "10.0.0.0/8", ""}}
	if near, err := c.near(); err != nil || len(near) != 2 || near[0].String() != "192.0.2.7/32" {
		t.Errorf("%v, %v", near, err)
	}
}
