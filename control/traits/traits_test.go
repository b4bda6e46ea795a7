package traits_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/control/traits"
	"parley/pipeline"
)

const bookings = `{"flow":"bookings","lang":"en-GB","start":"hello","nodes":{"hello":{"say":"Bookings. 😀","goto":"bye"},"bye":{"hang_up":"Goodbye."}}}`

func TestRead(t *testing.T) {
	t.Parallel()
	base := pipeline.Manners{Silence: 7 * time.Second, Hangover: 900 * time.Millisecond}
	p, found := traits.Read(`{
		"providers": {"stt": {"vendor": "deepgram", "model": "nova-3"}, "llm": {"temperature": 0.2, "max_tokens": 200}},
		"languages": {"listening": "en-GB"},
		"manners": {"silence": "5s", "reprompts": "never", "interrupt": {"never": ["ja\u2028"], "greeting": {"words": 3}}},
		"tools": {"built_in": {"wait": false}},
		"flow": `+bookings+`,
		"recording": {"enabled": false},
		"report": [{"name": "order", "type": "string", "description": "The order."}]}`, base)
	if found != nil {
		t.Fatalf("findings: %v", found)
	}
	want := base
	want.Silence, want.Reprompts = 5*time.Second, -1
	want.Interrupt = pipeline.Interrupt{Never: []string{"ja\u2028"}, Greeting: pipeline.Bar{Words: 3}}
	if diff := cmp.Diff(want, p.Manners); diff != "" {
		t.Errorf("manners (-want +got):\n%s", diff)
	}
	if p.Flow == nil || p.Flow.Name() != "bookings" || !p.Flow.Has("bye") {
		t.Errorf("flow %+v", p.Flow)
	}
	if p.Tools == nil || p.Set.Providers.STT.Model != "nova-3" || *p.Set.Providers.LLM.Temperature != 0.2 || *p.Set.Recording.Enabled ||
		p.Set.Languages.Listening != "en-GB" || len(p.Set.Report) != 1 {
		t.Errorf("settings %+v", p.Set)
	}
	if p, found := traits.Read("", base); found != nil || cmp.Diff(base, p.Manners) != "" || p.Flow != nil || p.Tools != nil {
		t.Errorf("nothing set: %+v, %v", p, found)
	}
}

// TestFindings: all that is wrong is named by its path, at once, and what is sound beside it is kept.
func TestFindings(t *testing.T) {
	t.Parallel()
	base := pipeline.Manners{Silence: 7 * time.Second}
	p, found := traits.Read(`{
		"manners": {"silence": 5, "fillers": {}, "patience": {"least": "soon"}, "ladder": [{"after": "4s"}, {"afterr": "4s"}], "barge_in_words": "many"},
		"flow": {"flow": "x", "start": "hello", "nodes": {"hello": {"say": "Hi.", "goto": "lost"}, "lost": {"hang_up": "Bye.", "colour": "red"}}},
		"languages": 3, "recording": {"enabled": false},
		"report": [{"name": "a", "type": "string"}, {"name": "a", "type": "number"}, {"name": "b", "type": "string", "description": "\u0000"}]}`, base)
	got := map[string]string{}
	for _, f := range found {
		got[f.Path] = f.Reason
	}
	for path, reason := range map[string]string{
		"settings.manners.silence":          "unit",
		"settings.manners.fillers":          "unknown setting",
		"settings.manners.patience.least":   "unit",
		"settings.manners.ladder[1].afterr": "unknown setting",
		"settings.manners.barge_in_words":   "number",
		"settings.flow.nodes.lost.colour":   "colour",
		"settings.languages":                "does not fit",
		"settings.report[1].name":           `two fields "a"`,
		"settings.report[2].description":    "NUL",
	} {
		if !strings.Contains(got[path], reason) {
			t.Errorf("%s: %q, want %q", path, got[path], reason)
		}
		delete(got, path)
	}
	for path, reason := range got {
		t.Errorf("%s: %s", path, reason)
	}
	if p.Manners.Silence != 7*time.Second || p.Flow != nil || *p.Set.Recording.Enabled {
		t.Errorf("what is sound is %+v", p)
	}
	if err := traits.Join(found); err == nil || !strings.Contains(err.Error(), "settings.report[1].name: ") {
		t.Errorf("joined: %v", err)
	}
	_, found = traits.Read(`{"manners":{"silence":"5h","filler":{"after":"1h"}}}`, base) // each a time, and out of range
	want := []string{"settings.manners.filler.after", "settings.manners.silence"}
	if got := paths(found); !slices.Equal(got, want) {
		t.Errorf("out of range: %q, want %q", got, want)
	}
	_, found = traits.Read(`{"flow": {"flow": "x", "start": "hello", "nodes": {"hello": {"say": "Hi.", "goto": "nowhere"}}}}`, base)
	if got := paths(found); !slices.Equal(got, []string{"settings.flow.nodes.hello.goto"}) {
		t.Errorf("a flow that leads nowhere: %q", got)
	}
	for text, path := range map[string]string{`[]`: "settings", `{`: "settings", `{"flow": {}}`: "settings.flow", `{"manners": []}`: "settings.manners"} {
		if _, found := traits.Read(text, base); !slices.Contains(paths(found), path) {
			t.Errorf("%s: %v, want %s", text, found, path)
		}
	}
	if _, found := traits.Read(`{"flow":"`+strings.Repeat("x", traits.Most)+`"}`, base); len(found) != 1 || !strings.Contains(found[0].Reason, "256 KiB") {
		t.Errorf("too large: %v", found)
	}
	if _, found := traits.Read(`{"flow":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`}`, base); len(found) != 1 || !strings.Contains(found[0].Reason, "64 levels") {
		t.Errorf("too deep: %v", found)
	}
}

func paths(found []traits.Finding) (all []string) {
	for _, f := range found {
		all = append(all, f.Path)
	}
	slices.Sort(all)
	return all
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, given, want string }{
		{"", `{}`, ""},
		{"", `{"report":null,"flow":null}`, ""},
		{"", `{"report":[],"manners":{"silence":"5s"}}`, `{"manners":{"silence":"5s"},"report":[]}`},
		{`{"manners":{"silence":"5s"},"recording":{"enabled":true}}`, `{"manners":{"hangover":"1s"}}`, `{"manners":{"hangover":"1s"},"recording":{"enabled":true}}`},
		{`{"manners":{"silence":"5s"},"recording":{"enabled":true}}`, `{"recording":null}`, `{"manners":{"silence":"5s"}}`},
		{`{"recording":{"enabled":true}}`, `{"recording":null}`, ""},
		{`{"recording":{"enabled":true}}`, `3`, `{"recording":{"enabled":true}}`},
		{`nonsense`, `{"recording":{"enabled":true}}`, `{"recording":{"enabled":true}}`},
		{``, `{"tools":{"http":[{"z":1,"a":2}]}}`, `{"tools":{"http":[{"z":1,"a":2}]}}`}, // a model reads keys in their order
	} {
		if got := traits.Merge(c.base, traits.Text(c.given)); got != c.want {
			t.Errorf("%s over %s: %s, want %s", c.given, c.base, got, c.want)
		}
	}
}

// TestMannersRoundTrip: manners as they are shown are read as they were.
func TestMannersRoundTrip(t *testing.T) {
	t.Parallel()
	set := pipeline.Manners{Silence: 90 * time.Minute, Reprompts: -1, Filler: pipeline.Filler{After: -1}, Ladder: []pipeline.Rung{{After: time.Minute, HangUp: true}}}
	for _, m := range []pipeline.Manners{{}, pipeline.DefaultManners(), set, set.WithDefaults()} {
		text, err := json.Marshal(traits.WriteManners(m))
		if err != nil {
			t.Fatal(err)
		}
		var got pipeline.Manners
		if _, err := traits.ReadManners(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(pipeline.Interrupt{}, "Arbiter")); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, text)
		}
	}
}

// TestSchema: the schema is whole. Whatever it refers to is there, and it names each part and its defaults.
func TestSchema(t *testing.T) {
	t.Parallel()
	text, err := traits.Schema([]byte(`{"$schema":"s","type":"object","properties":{"allow":{"$ref":"#/$defs/hosts"}},"$defs":{"hosts":{"type":"array"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	refs := 0
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				at := any(root)
				for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					in, _ := at.(map[string]any)
					at = in[step]
				}
				if at == nil {
					t.Errorf("there is no %s", ref)
				}
			}
			for _, e := range v {
				look(e)
			}
		case []any:
			for _, e := range v {
				look(e)
			}
		}
	}
	look(root)
	if refs < 20 {
		t.Errorf("%d references: the test looks at the wrong place", refs)
	}
	properties, _ := root["properties"].(map[string]any)
	for _, name := range []string{"providers", "languages", "manners", "tools", "flow", "recording", "report"} {
		if properties[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	for _, want := range []string{`"default":"8s"`, `"default":"1m"`, `"barge_in_words"`, `"nova-3"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing", want)
		}
	}
}
