package main

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nats "github.com/nats-io/nats-server/v2/server"

	"parley/control/tracing/tracingtest"
	"parley/providers/providertest"
	"parley/store"
)

// doctor runs the command with these settings and an empty speech directory, so that no model is loaded.
func doctor(t *testing.T, env map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	settings := map[string]string{"PARLEY_DATA_DIR": filepath.Join(dir, "data"), "PARLEY_SPEECH_DIR": filepath.Join(dir, "speech"), "PARLEY_HTTP_ADDR": "127.0.0.1:0"}
	for k, v := range env {
		settings[k] = v
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"doctor"}, func(k string) string { return settings[k] }, nil, &out, &out)
	return out.String(), err
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(model.Close)
	flow := filepath.Join(t.TempDir(), "flow.yaml")
	if err := os.WriteFile(flow, []byte("flow: x\nstart: nowhere\nnodes:\n  a: {hang_up: Bye.}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(t.TempDir(), "tools.yaml")
	if err := os.WriteFile(tools, []byte("built_in:\n  press_keys: true\n  schedule_callback: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env   map[string]string
		fails bool
		want  []string
	}{
		"without anything":  {nil, false, []string{"note  local recogniser", "make setup", "the built-in receptionist", "end_call, wait", "none: the scripted dialog"}},
		"no place for data": {map[string]string{"PARLEY_DATA_DIR": "/proc/parley"}, true, []string{"FAIL  data directory", "PARLEY_DATA_DIR"}},
		"bad public URL":    {map[string]string{"PARLEY_PUBLIC_URL": "voice.example.com"}, true, []string{"FAIL  settings", "--public-url", "https://"}},
		"http public URL":   {map[string]string{"PARLEY_PUBLIC_URL": "http://voice.example.com"}, false, []string{"note  public URL", "wss"}},
		"bad flow":          {map[string]string{"PARLEY_FLOW": flow}, true, []string{"FAIL  scripted dialog", "line 2", "nowhere"}},
		"tools":             {map[string]string{"PARLEY_TOOLS": tools}, false, []string{"note  tools", "end_call, wait, press_keys", "-> schedule_callback is not offered"}},
		"bad tools":         {map[string]string{"PARLEY_TOOLS": flow}, true, []string{"FAIL  tools", "line 1: flow: unknown setting", "PARLEY_TOOLS"}},
		"model":             {map[string]string{"OPENAI_BASE_URL": model.URL, "OPENAI_API_KEY": "right"}, false, []string{"ok    language model"}},
		"model's key":       {map[string]string{"OPENAI_BASE_URL": model.URL, "OPENAI_API_KEY": "wrong"}, true, []string{"FAIL  language model", "OPENAI_API_KEY"}},
		"knowledge":         {map[string]string{"PARLEY_EMBEDDINGS_MODEL": "m", "PARLEY_EMBEDDINGS_BASE_URL": model.URL, "PARLEY_EMBEDDINGS_API_KEY": "wrong"}, false, []string{"note  knowledge", "PARLEY_EMBEDDINGS_MODEL"}},
		"address in use":    {map[string]string{"PARLEY_HTTP_ADDR": strings.TrimPrefix(model.URL, "http://")}, false, []string{"note  address", "PARLEY_HTTP_ADDR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := doctor(t, c.env)
			if (err != nil) != c.fails {
				t.Errorf("error %v, want one: %v", err, c.fails)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not said:\n%s", w, out)
				}
			}
			if strings.Contains(out, "right") && name == "model" || strings.Contains(out, "Bearer") {
				t.Errorf("a key is shown:\n%s", out)
			}
		})
	}
}

// TestDoctorHearsTheVoice: a vendor's voice has to speak; that it does not is told without its key, and keeps no call from working where
// there is another.
func TestDoctorHearsTheVoice(t *testing.T) {
	t.Parallel()
	eleven := providertest.StartElevenLabs(t, &providertest.ElevenLabs{Key: "r1ght"})
	graham := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "r1ght"})
	for name, c := range map[string]struct {
		env   map[string]string
		fails bool
		want  string
	}{
		"elevenlabs":      {map[string]string{"ELEVENLABS_BASE_URL": eleven, "ELEVENLABS_API_KEY": "r1ght"}, false, "ok    voice               elevenlabs begins to speak after"},
		"a wrong key":     {map[string]string{"ELEVENLABS_BASE_URL": eleven, "ELEVENLABS_API_KEY": "wr0ng"}, false, "note  voice               elevenlabs speak: auth: HTTP 401 invalid_api_key"},
		"with no other":   {map[string]string{"ELEVENLABS_BASE_URL": eleven, "ELEVENLABS_API_KEY": "wr0ng", "PARLEY_STT": "deepgram", "PARLEY_EAR": "energy"}, true, "FAIL  voice"},
		"deepgram":        {map[string]string{"DEEPGRAM_BASE_URL": graham, "DEEPGRAM_API_KEY": "r1ght"}, false, "ok    voice               deepgram begins to speak after"},
		"nothing to hear": {nil, false, "local voice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := doctor(t, c.env)
			if (err != nil) != c.fails || !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(c.want), " ")) {
				t.Errorf("error %v, want one: %v; %q in:\n%s", err, c.fails, c.want, out)
			}
			if strings.Contains(out, "r1ght") || strings.Contains(out, "wr0ng") {
				t.Errorf("a key is shown:\n%s", out)
			}
		})
	}
}

func TestMadeWordIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	word := func() string { return randomHex(16) }
	made, err := keep(dir, tokenFile, word)
	if err != nil || len(made) != 32 {
		t.Fatalf("made %q, %v", made, err)
	}
	if s, err := os.Stat(filepath.Join(dir, tokenFile)); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", s, err)
	}
	if again, err := keep(dir, tokenFile, word); err != nil || again != made {
		t.Errorf("then %q, %v: want the same", again, err)
	}
	if _, err := keep(filepath.Join(dir, "absent"), tokenFile, word); err == nil {
		t.Error("a word that cannot be kept was made")
	}
}

// TestDoctorAsksOthers: NATS and the bucket are asked; that they fail is told without what lets one in, and keeps no call from working.
func TestDoctorAsksOthers(t *testing.T) {
	t.Parallel()
	s, err := nats.NewServer(&nats.Options{Host: "127.0.0.1", Port: nats.RANDOM_PORT, NoLog: true, NoSigs: true, Username: "parley", Password: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the nats server does not start")
	}
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(s3.Close)
	at, collector := s.Addr().String(), tracingtest.Listen(t)
	for name, c := range map[string]struct {
		env   map[string]string
		fails bool
		want  []string
	}{
		"neither":             {nil, false, []string{"ok    NATS", "ok    recordings", "ok    traces"}},
		"NATS":                {map[string]string{"NATS_URL": "nats://parley:s3cret@" + at}, false, []string{"ok    NATS", at, "version " + nats.VERSION}},
		"another password":    {map[string]string{"NATS_URL": "nats://parley:s3cret2@" + at}, false, []string{"note  NATS", "Authorization", "NATS_URL"}},
		"NATS that is no URL": {map[string]string{"NATS_URL": "parley:s3cret@" + at}, true, []string{"note  NATS", "FAIL  settings"}},
		"a bucket that refuses": {
			map[string]string{"PARLEY_RECORDINGS": "s3://calls/x?region=r&endpoint=" + url.QueryEscape(s3.URL), "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret"},
			false, []string{"note  recordings", "s3:PutObject"},
		},
		"a collector": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret"}, false, []string{"ok    traces", "takes them"},
		},
		"a collector that refuses": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": strings.Replace(s3.URL, "http://", "http://parley:s3cret@", 1), "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret"}, false,
			[]string{"note  traces", "403", "4318"},
		},
		"a collector that is none": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, true, []string{"note  traces", "FAIL  settings"}},
		"a bucket that is none":    {map[string]string{"PARLEY_RECORDINGS": "calls"}, true, []string{"FAIL  recordings", "s3://bucket"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := doctor(t, c.env)
			if (err != nil) != c.fails {
				t.Errorf("error %v, want one: %v", err, c.fails)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not said:\n%s", w, out)
				}
			}
			if strings.Contains(out, "s3cret") {
				t.Errorf("a secret is shown:\n%s", out)
			}
		})
	}
}

// TestDoctorJudgesByOwnKeys: an agent is judged with what its organisation has of its own; without the key to it, that is told.
func TestDoctorJudgesByOwnKeys(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	agents, _, err := b.db.Agents(t.Context(), b.org, store.AgentFilter{}, store.Page{Limit: 1})
	if err != nil || len(agents) != 1 {
		t.Fatalf("agents %v, %v", agents, err)
	}
	_, err = b.db.UpdateAgent(t.Context(), b.org, agents[0].ID, time.Now(), func(a *store.Agent) error {
		a.Settings = `{"providers":{"stt":{"vendor":"deepgram"}},"tools":{"http":[{"name":"a","description":"d","url":"https://crm.example.com/","auth":{"bearer":"${secret:CRM}"}}]}}`
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want ...string) {
		t.Helper()
		env := maps.Clone(b.env)
		env["PARLEY_SPEECH_DIR"], env["PARLEY_HTTP_ADDR"] = t.TempDir(), "127.0.0.1:0"
		out, err := doctor(t, env)
		if err != nil {
			t.Errorf("the doctor fails: %v", err)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not said:\n%s", w, out)
			}
		}
		if strings.Contains(out, "0123456789") {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
	check("organisations have none", "note  agents", "no key of deepgram", "secret CRM")
	b.ok("dg-0123456789\n", nil, "credentials", "set", "Ear", "--vendor=deepgram")
	b.ok("crm-0123456789\n", nil, "credentials", "set", "CRM", "--vendor=custom", "--base-url=https://crm.example.com")
	check("2 of 2 secrets", "ok    agents", "their settings can be used")
	b.env["PARLEY_SECRET"] = strings.Repeat("o", 32)
	check("note  credentials", "0 of 2 secrets", "PARLEY_FORMER_VAULT_KEY", "Ear of deepgram", "note  agents", "no key of deepgram", "cannot be opened")
	delete(b.env, "PARLEY_SECRET")
	check("note  credentials", "PARLEY_SECRET or PARLEY_VAULT_KEY must be set")
}
