package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/control/suppliers"
	"parley/control/traits"
	"parley/control/voice"
	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/openai"
	"parley/store"
)

var _ voice.House = (*company)(nil)

// companyOf is the company of a server with these settings, and its log.
func companyOf(t *testing.T, env map[string]string) (*company, *bytes.Buffer) {
	t.Helper()
	cfg, err := parseServe(t, env)
	if err == nil {
		err = cfg.check()
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg.getenv = func(name string) string { return env[name] }
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	tools, err := newToolbox(&cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newVendors(&cfg, tally{}, log)
	if err != nil {
		t.Fatal(err)
	}
	c := &company{cfg: &cfg, vendors: v, tools: tools, log: log}
	t.Cleanup(func() {
		c.close()
		if err := v.close(); err != nil {
			t.Error(err)
		}
	})
	return c, &said
}

const twoNodes = `{"flow":"own","start":"hello","nodes":{"hello":{"say":"Own flow.","goto":"bye"},"bye":{"hang_up":"Bye."}}}`

// TestRole: what an agent sets is what it is played by; what it does not set is the server's.
func TestRole(t *testing.T) {
	t.Parallel()
	c, log := companyOf(t, map[string]string{
		"PARLEY_STT": "local", "PARLEY_TTS": "local", "DEEPGRAM_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:1/v1", "PARLEY_LLM": "flow", "PARLEY_SILENCE": "7s",
	})
	own := c.of(c.vendors, store.Agent{ID: "a", Name: "Ann"})
	if providers.Unguarded(own.stt) != pipeline.Transcriber(c.vendors.engine) || own.speaks != "local" || own.script == nil || own.tools != c.tools || !own.record ||
		own.agent.Manners.Silence != 7*time.Second || own.agent.Lang != "en-US" || own.agent.Name != "Ann" {
		t.Errorf("an agent that sets nothing: %+v", own)
	}
	r := c.of(c.vendors, store.Agent{ID: "b", VoiceSettings: `{"voice":"aura-2-celeste-es","speed":0.9,"stability":0.5}`, Settings: `{
		"providers":{"stt":{"vendor":"deepgram","model":"nova-2"},"llm":{"vendor":"openai","model":"big","temperature":0,"max_tokens":64,"reasoning_effort":"low"},"tts":{"vendor":"deepgram"}},
		"languages":{"listening":"es"},"manners":{"hangover":"900ms"},"tools":{"built_in":{"wait":false,"end_call":false}},"recording":{"enabled":false}}`})
	if len(r.problems) > 0 || r.record || r.script != nil || r.agent.Lang != "es" || r.agent.Manners.Silence != 7*time.Second || r.agent.Manners.Hangover != 900*time.Millisecond {
		t.Errorf("an agent that sets all: %+v", r)
	}
	if d, ok := providers.Unguarded(r.stt).(*deepgram.Client); !ok || d.STTModel != "nova-2" || d.Key != "k" {
		t.Errorf("it hears by %+v", r.stt)
	}
	if m, ok := providers.Unguarded(r.model).(*openai.Client); !ok || m.Model != "big" || *m.Temperature != 0 || m.MaxTokens != 64 || m.Extra["reasoning_effort"] != "low" || m.BaseURL != "http://localhost:1/v1" {
		t.Errorf("it thinks by %+v", r.model)
	}
	if v := r.agent.VoiceAt(8000); v != (pipeline.Voice{Name: "aura-2-celeste-es", Lang: "es", Rate: 8000, Pace: 0.9}) {
		t.Errorf("it speaks as %+v", v)
	}
	if got := r.tools.offered(); len(got) != 0 {
		t.Errorf("it is offered %v", got)
	}
	scripted := c.of(c.vendors, store.Agent{ID: "c", Settings: `{"flow":` + twoNodes + `}`})
	if texts := opening(t.Context(), greets(scripted, store.Agent{}, media.Info{}), &scripted.agent, media.Info{}); len(texts) == 0 || strings.TrimSpace(texts[0]) != "Own flow." {
		t.Errorf("its own flow says %q", texts)
	}
	text, err := json.Marshal(c.Effective(store.Agent{ID: "c", Settings: `{"flow":` + twoNodes + `}`}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"stt":{"vendor":"local","model":"tiny"}`, `"llm":{"vendor":"flow","model":"gpt-4.1-mini"}`, `"silence":"7s"`, `"listening":"en-US"`, `"recording":{"enabled":true}`, `"Own flow."`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("effective settings lack %s: %s", want, text)
		}
	}
	if log.Len() > 0 {
		t.Errorf("the log has %s", log)
	}
}

// TestRoleOfAnotherServer: what cannot be used here is told by its path, and the rest of the agent is played as it is set.
func TestRoleOfAnotherServer(t *testing.T) {
	t.Parallel()
	c, log := companyOf(t, map[string]string{"PARLEY_AGENT_SECRETS": "GIVEN,LOST", "PARLEY_SECRET_GIVEN": "s3cret", "PARLEY_SECRET_OTHER": "s3cret", "PARLEY_AGENT_HOSTS": "orders.internal"})
	for name, tc := range map[string]struct {
		voice, settings string
		want            map[string]string // reason by path
	}{
		"no keys": {"", `{"providers":{"stt":{"vendor":"deepgram"},"llm":{"vendor":"openai"},"tts":{"vendor":"deepgram"}}}`, map[string]string{
			"settings.providers.stt.vendor": "no key of deepgram", "settings.providers.tts.vendor": "no key of deepgram", "settings.providers.llm.vendor": "OPENAI_API_KEY",
		}},
		"models": {"", `{"providers":{"stt":{"model":"base"},"llm":{"temperature":1},"tts":{"model":"x"}}}`, map[string]string{
			"settings.providers.stt.model": "loaded the local model tiny", "settings.providers.llm.model": "no language model", "settings.providers.tts.model": "jenny, slt",
		}},
		"languages":              {`{"voice":"Bella","language":"de"}`, `{"languages":{"listening":"es"}}`, map[string]string{"settings.languages.listening": "English", "voice_settings.language": "English", "voice_settings.voice": "jenny and slt"}},
		"two languages":          {"", `{"languages":{"listening":"en-GB","speaking":"fr"}}`, map[string]string{"settings.languages.speaking": "English"}},
		"a flow besides a model": {"", `{"providers":{"llm":{"vendor":"openai"}},"flow":` + twoNodes + `}`, map[string]string{"settings.flow": "not used"}},
		"tools":                  {"", `{"tools":{"allow":["orders.internal","10.0.0.0/8"]}}`, map[string]string{"settings.tools.allow": "10.0.0.0/8 is not for agents"}},
		"kinds": {"", `{"tools":{"built_in":3,"http":[{"name":"a","description":"d","url":"https://a.example/","timeout":5}]}}`, map[string]string{
			"settings.tools.built_in": "another kind", "settings.tools.http[0].timeout": "another kind",
		}},
		"secrets": {"", `{"tools":{"http":[
			{"name":"a","description":"d","url":"https://a.example/","auth":{"bearer":"${secret:OTHER}"}},
			{"name":"b","description":"d","url":"https://a.example/","auth":{"bearer":"${secret:LOST}"}},
			{"name":"c","description":"d","url":"https://a.example/","auth":{"bearer":"literal"}},
			{"name":"d","description":"d","url":"https://a.example/","headers":{"Cookie":"literal"}},
			{"name":"e","description":"d","url":"https://a.example/","auth":{"basic":{"user":"u","password":"literal"}}},
			{"name":"f","description":"d","url":"ftp://a.example/","colour":1},
			{"name":"f","description":"d","url":"https://a.example/","timeout":"9h"}]}}`, map[string]string{"settings.tools.http[5].colour": "unknown setting"}},
		"more secrets": {"", `{"tools":{"http":[
			{"name":"a","description":"d","url":"https://a.example/","auth":{"bearer":"${secret:OTHER}"}},
			{"name":"b","description":"d","url":"https://a.example/","auth":{"bearer":"${secret:LOST}"}},
			{"name":"c","description":"d","url":"https://a.example/","auth":{"bearer":"literal"}},
			{"name":"d","description":"d","url":"https://a.example/","headers":{"Cookie":"literal"}},
			{"name":"e","description":"d","url":"https://a.example/","auth":{"basic":{"user":"u","password":"literal"}}},
			{"name":"f","description":"d","url":"ftp://a.example/"},
			{"name":"f","description":"d","url":"https://a.example/","timeout":"9h"}]}}`, map[string]string{
			"settings.tools.http[0].auth": "secret OTHER is not given to agents here", "settings.tools.http[1].auth": "secret LOST is not given",
			"settings.tools.http[2].auth.bearer": "name a secret", "settings.tools.http[3].headers.Cookie": "name a secret",
			"settings.tools.http[4].auth.basic.password": "name a secret", "settings.tools.http[5].url": "https", "settings.tools.http[6].timeout": "1m",
			"settings.tools.http[6]": "two tools",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := store.Agent{ID: name, Version: 1, VoiceSettings: tc.voice, Settings: tc.settings}
			got := map[string]string{}
			for _, f := range c.Check(row) {
				got[f.Path] = f.Reason
			}
			for path, reason := range tc.want {
				if !strings.Contains(got[path], reason) {
					t.Errorf("%s: %q, want %q", path, got[path], reason)
				}
				delete(got, path)
			}
			if len(got) > 0 {
				t.Errorf("also %v", got)
			}
			r := c.newRole(c.vendors, row)
			if r.stt == nil || r.speaker.tts == nil || r.tools != c.tools || r.responder(media.Info{}, nil) == nil {
				t.Errorf("nobody plays it: %+v", r)
			}
			if v := r.agent.VoiceAt(8000); v.Name != "" || !english(v.Lang) || !english(r.agent.Lang) {
				t.Errorf("it speaks as %+v", v)
			}
		})
	}
	given := store.Agent{ID: "g", Settings: `{"tools":{"allow":["orders.internal"],"http":[{"name":"a","description":"d","url":"https://orders.internal/","auth":{"bearer":"${secret:GIVEN}"}}]}}`}
	if found := c.Check(given); found != nil {
		t.Errorf("what the server gives to agents: %v", found)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Error("a secret is in the log")
	}
}

// TestRoleOfFlux: an agent that listens to another language than the recogniser knows is told so, whoever chose the recogniser.
func TestRoleOfFlux(t *testing.T) {
	t.Parallel()
	for server, agents := range map[string]map[string]bool{
		"flux-general-en": {`{}`: true, `{"model":"flux-general-multi"}`: false, `{"model":"nova-3"}`: false},
		"nova-3":          {`{}`: false, `{"model":"flux-general-en"}`: true},
	} {
		c, _ := companyOf(t, map[string]string{"DEEPGRAM_API_KEY": "k", "PARLEY_STT": "deepgram", "PARLEY_DEEPGRAM_STT_MODEL": server})
		for stt, refused := range agents {
			found := c.Check(store.Agent{ID: "a", Settings: `{"providers":{"stt":` + stt + `},"languages":{"listening":"de-DE"}}`})
			told := len(found) == 1 && found[0].Path == "settings.languages.listening" && strings.Contains(found[0].Reason, "flux-general-en understands English")
			if told != refused || !refused && len(found) > 0 {
				t.Errorf("server %s, agent %s: found %v, want a refusal: %v", server, stt, found, refused)
			}
		}
		if got := providers.Unguarded(c.vendors.stt).(*deepgram.Client).STTModel; got != server {
			t.Errorf("the server's recogniser is %s, want %s", got, server)
		}
	}
}

// TestCompany: a role is made once a version, also by many calls at once, and forgotten with its agent.
func TestCompany(t *testing.T) {
	t.Parallel()
	c, log := companyOf(t, nil)
	row := store.Agent{ID: "a", Version: 1, Settings: `{"providers":{"stt":{"vendor":"deepgram"}}}`}
	var calls sync.WaitGroup
	roles := make([]*role, 16)
	for i := range roles {
		calls.Go(func() { roles[i] = c.of(c.vendors, row) })
	}
	calls.Wait()
	for _, r := range roles {
		if r != roles[0] {
			t.Fatal("one version has two roles")
		}
	}
	if n := strings.Count(log.String(), "setting=settings.providers.stt.vendor"); n != 1 {
		t.Errorf("the log has it %d times: %s", n, log)
	}
	row.Version = 2
	second := c.of(c.vendors, row)
	if second == roles[0] || len(c.Problems(row)) != 1 {
		t.Error("the second version is played as the first")
	}
	c.keep([]store.Agent{{ID: "b"}})
	if len(c.known) != 0 {
		t.Errorf("%d roles are kept of agents that are gone", len(c.known))
	}
	if c.keep([]store.Agent{row}); c.of(c.vendors, row) == second {
		t.Error("a forgotten role is there")
	}
}

// TestRoleOfElevenLabs: its voice gets all that an agent sets of one, and what it cannot use is told by its path.
func TestRoleOfElevenLabs(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"PARLEY_STT": "local", "PARLEY_TTS": "local", "ELEVENLABS_API_KEY": "k", "ELEVENLABS_MODEL": "eleven_turbo_v2_5"})
	const all = `{"voice":"21m00Tcm4TlvDq8ikWAM","language":"es","stability":0,"similarity_boost":0.75,"style":0.2,"use_speaker_boost":false,"speed":0.9}`
	for _, name := range []string{"elevenlabs", "11labs"} {
		r := c.newRole(c.vendors, store.Agent{ID: "a", VoiceSettings: all, Settings: `{"providers":{"tts":{"vendor":"` + name + `","model":"eleven_multilingual_v2"}}}`})
		want := pipeline.Voice{
			Name: "21m00Tcm4TlvDq8ikWAM", Model: "eleven_multilingual_v2", Lang: "es", Rate: 8000, Pace: 0.9,
			Timbre: pipeline.Timbre{
				Stability: pipeline.Choice[float64]{Made: true}, Similarity: pipeline.Choice[float64]{Made: true, Value: 0.75},
				Style: pipeline.Choice[float64]{Made: true, Value: 0.2}, Boost: pipeline.Choice[bool]{Made: true},
			},
		}
		if got := r.agent.VoiceAt(8000); got != want || r.speaks != "elevenlabs" || len(r.problems) > 0 {
			t.Errorf("%s: %s speaks as %+v, want %+v; problems %v", name, r.speaks, got, want, r.problems)
		}
		if _, ok := r.speaker.tts.(*providers.Voices); !ok || providers.Unguarded(r.speaker.known.Synthesizer) != c.vendors.opened["elevenlabs"].tts {
			t.Errorf("%s: it speaks by %T, %T", name, r.speaker.tts, r.speaker.known.Synthesizer)
		}
	}
	plain := c.newRole(c.vendors, store.Agent{ID: "b", Settings: `{"providers":{"tts":{"vendor":"elevenlabs"}}}`})
	if got := plain.agent.VoiceAt(8000); got != (pipeline.Voice{Lang: "en-US", Rate: 8000}) {
		t.Errorf("an agent that sets nothing of its voice: %+v", got)
	}
	if tts := plain.effective(c.cfg).Providers.TTS; tts.Vendor != "elevenlabs" || tts.Model != "eleven_turbo_v2_5" {
		t.Errorf("its effective voice is %+v", tts)
	}
	for name, tc := range map[string]struct{ voice, settings, path, reason string }{
		"a voice":      {`{"voice":"../user"}`, `{"providers":{"tts":{"vendor":"elevenlabs"}}}`, "voice_settings.voice", "no voice's id"},
		"a model":      {"", `{"providers":{"tts":{"vendor":"elevenlabs","model":"eleven_v3"}}}`, "settings.providers.tts.model", "eleven_flash_v2_5"},
		"a recogniser": {"", `{"providers":{"stt":{"vendor":"elevenlabs","model":"scribe_v1"}}}`, "settings.providers.stt.model", "scribe_v2_realtime"},
	} {
		r := c.newRole(c.vendors, store.Agent{ID: name, VoiceSettings: tc.voice, Settings: tc.settings})
		if len(r.problems) != 1 || r.problems[0].Path != tc.path || !strings.Contains(r.problems[0].Reason, tc.reason) {
			t.Errorf("%s: problems %v, want %s: %s", name, r.problems, tc.path, tc.reason)
		}
		if v := r.agent.Voice; v.Name != "" || v.Model != "" || r.stt == nil {
			t.Errorf("%s: it speaks as %+v, hears by %v", name, v, r.stt)
		}
	}
	// Without the key its model is nobody's: the server's own voice has another.
	poor, _ := companyOf(t, map[string]string{"PARLEY_STT": "local", "PARLEY_TTS": "deepgram", "DEEPGRAM_API_KEY": "k"})
	r := poor.newRole(poor.vendors, store.Agent{ID: "c", Settings: `{"providers":{"tts":{"vendor":"11labs","model":"eleven_flash_v2_5"}}}`})
	if len(r.problems) != 1 || !strings.Contains(r.problems[0].Reason, "no key of elevenlabs") || r.speaks != "deepgram" || r.agent.Voice.Name != "" {
		t.Errorf("without a key: %s speaks as %+v, problems %v", r.speaks, r.agent.Voice, r.problems)
	}
}

// TestChoose: "auto" is a vendor whose key is there.
func TestChoose(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		env           map[string]string
		hears, speaks string
	}{
		{nil, "local", "local"},
		{map[string]string{"DEEPGRAM_API_KEY": "k"}, "deepgram", "deepgram"},
		{map[string]string{"ELEVENLABS_API_KEY": "k"}, "local", "elevenlabs"},
		{map[string]string{"DEEPGRAM_API_KEY": "k", "ELEVENLABS_API_KEY": "k"}, "deepgram", "deepgram"},
		{map[string]string{"DEEPGRAM_API_KEY": "k", "ELEVENLABS_API_KEY": "k", "PARLEY_TTS": "elevenlabs"}, "deepgram", "elevenlabs"},
		{map[string]string{"ELEVENLABS_API_KEY": "k", "PARLEY_TTS": "local"}, "local", "local"},
	} {
		c, _ := companyOf(t, tc.env)
		if c.vendors.hears != tc.hears || c.vendors.speaks != tc.speaks {
			t.Errorf("%v: %s hears and %s speaks, want %s and %s", tc.env, c.vendors.hears, c.vendors.speaks, tc.hears, tc.speaks)
		}
	}
}

// TestVendorNames: settings of agents have the vendors that the server's settings have.
func TestVendorNames(t *testing.T) {
	t.Parallel()
	for _, e := range table {
		s, ok := suppliers.Of(e.name)
		if !ok || s.Hears != (e.hears != nil) || s.Thinks != (e.thinks != nil) || s.Speaks != (e.speaks != nil) {
			t.Errorf("%s: control/suppliers says %+v", e.name, s)
		}
	}
	for _, s := range suppliers.All() {
		e := entryOf(s.Name)
		if e == nil && (s.Hears || s.Thinks || s.Speaks) {
			t.Errorf("%s is no vendor here", s.Name)
		}
		if e != nil && e.account != nil && s.Probe == nil {
			t.Errorf("%s has accounts that nobody keeps", s.Name)
		}
	}
	for _, name := range suppliers.Names(suppliers.Converses) {
		if _, ok := speechModels[name]; !ok {
			t.Errorf("%s converses nowhere", name)
		}
	}
	schema := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	for names, of := range map[string]reflect.Type{
		"auto," + vars["hear"]: reflect.TypeFor[traits.Speech](), "auto," + vars["speak"]: reflect.TypeFor[traits.Speaking](), "auto,flow," + vars["think"] + "," + strings.Join(suppliers.Names(suppliers.Converses), ","): reflect.TypeFor[traits.LanguageModel](),
	} {
		got := huma.SchemaFromType(schema, of).Properties["vendor"].Enum
		got = slices.DeleteFunc(slices.Clone(got), func(n any) bool { return n == "11labs" }) // the same vendor by another name
		var want []any
		for n := range strings.SplitSeq(names, ",") {
			want = append(want, n)
		}
		if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b any) bool { return a.(string) < b.(string) })); diff != "" {
			t.Errorf("agents choose others than the server (-server +agents):\n%s", diff)
		}
	}
	c, _ := companyOf(t, nil)
	if text := string(c.Schema()); !strings.Contains(text, `"hand_over"`) || !strings.Contains(text, `"voicemail"`) || !strings.Contains(text, `"barge_in_words"`) {
		t.Error("the schema lacks tools, flows or manners")
	}
}

// TestAgentsPage: every example of docs/agents.md can be set on a server that has the keys, and the page tells of every part.
func TestAgentsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := companyOf(t, map[string]string{"PARLEY_STT": "local", "PARLEY_TTS": "local", "DEEPGRAM_API_KEY": "k", "ELEVENLABS_API_KEY": "k", "OPENAI_API_KEY": "k"})
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples: the test looks at the wrong place", len(blocks))
	}
	for _, b := range blocks {
		var body struct {
			Voice    voice.Settings `json:"voice_settings"`
			Settings traits.Text    `json:"settings"`
		}
		if err := json.Unmarshal(b[1], &body); err != nil {
			t.Fatal(err)
		}
		a := store.Agent{Name: "Ada", SystemPrompt: "p", VoiceSettings: string(body.Voice), Settings: traits.Merge("", body.Settings)}
		if err := voice.Check(&a); err != nil {
			t.Errorf("%s: %v", b[1], err)
		}
		if found := c.Check(a); found != nil {
			t.Errorf("%s: %v", b[1], found)
		}
	}
	for f := range reflect.TypeFor[traits.AgentSettings]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !bytes.Contains(page, []byte("| `"+name)) {
			t.Errorf("the page does not tell of %s", name)
		}
	}
}
