package price

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/suppliers"
	"parley/store"
)

// list is one of these lines, before ours.
func list(t *testing.T, text string) (*List, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

// TestDefaults: our list is of vendors that there are, dated and sourced, and has a price for what they are asked for where nobody says
// otherwise.
func TestDefaults(t *testing.T) {
	t.Parallel()
	l, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range l.all {
		if _, known := suppliers.Of(v.Vendor); !known && v.Vendor != "*" {
			t.Errorf("there is no vendor %s", v.Vendor)
		}
		for kind, of := range v.kinds() {
			for model, p := range of {
				free := p == (Price{}) || times(p.Minute, 1)+times(p.Characters, 1)+times(p.Output, 1) == 0
				if !free && (v.AsOf == "" || !strings.HasPrefix(v.Source, "https://")) {
					t.Errorf("%s %s %s has no source, or no date", v.Vendor, kind, model)
				}
			}
		}
	}
	for _, k := range []key{
		{"deepgram", "", "stt", "nova-3"}, {"deepgram", "", "stt", "flux-general-en"}, {"deepgram", "", "tts", "aura-2-thalia-en"}, {"openai", "", "llm", "gpt-4.1-mini"},
		{"anthropic", "", "llm", "claude-haiku-4-5"}, {"gemini", "", "llm", "gemini-2.5-flash"}, {"elevenlabs", "", "tts", "eleven_flash_v2_5"}, {"local", "", "stt", "tiny"},
		{"openai", "localhost", "llm", "llama"},
	} {
		if _, ok := l.of(k); !ok {
			t.Errorf("%s has no price", k.name())
		}
	}
}

// TestCost: by what each kind charges for; cached tokens are among the input, and a server's prices are its own.
func TestCost(t *testing.T) {
	t.Parallel()
	l, err := list(t, `
vendors:
  - vendor: acme
    stt: {m: {minute: 0.6}, "m-*": {minute: 6}, "m-large*": {minute: 60}}
    llm: {big: {input: 2, cached: 0.5, output: 8}, plain: {input: 2, output: 8}}
    tts: {"*": {characters: 0.1, minute: 0.06}}
  - {vendor: acme, server: api.example.com, llm: {"*": {input: 1, output: 1}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		use   Use
		want  float64
		known bool
	}{
		"a minute":             {Use{Provider: "acme", Kind: "stt", Model: "m", Sound: 30 * time.Second}, 0.3, true},
		"the longer beginning": {Use{Provider: "acme", Kind: "stt", Model: "m-large-v3", Sound: time.Second}, 1, true},
		"the shorter":          {Use{Provider: "acme", Kind: "stt", Model: "m-small", Sound: time.Second}, 0.1, true},
		"tokens":               {Use{Provider: "acme", Kind: "llm", Model: "big", Input: 1_000_000, Cached: 400_000, Output: 100_000}, 1.2 + 0.2 + 0.8, true},
		"cached as input":      {Use{Provider: "acme", Kind: "llm", Model: "plain", Input: 1_000_000, Cached: 400_000}, 2, true},
		"characters and sound": {Use{Provider: "acme", Kind: "tts", Model: "any", Characters: 500, Sound: time.Minute}, 0.11, true},
		"another server":       {Use{Provider: "acme", Kind: "llm", Model: "big", Server: "api.example.com", Input: 1_000_000}, 1, true},
		"a server unknown":     {Use{Provider: "acme", Kind: "llm", Model: "big", Server: "other.example.com", Input: 1_000_000}, 0, false},
		"a model unknown":      {Use{Provider: "acme", Kind: "llm", Model: "small", Input: 9}, 0, false},
		"a vendor unknown":     {Use{Provider: "nobody", Kind: "stt", Model: "m"}, 0, false},
		"ours, behind theirs":  {Use{Provider: "deepgram", Kind: "stt", Model: "nova-3", Sound: time.Minute}, 0.0077, true},
	} {
		got, known := l.Cost(tc.use)
		if known != tc.known || round(got) != round(tc.want) {
			t.Errorf("%s costs %v (known: %v), want %v (%v)", name, got, known, tc.want, tc.known)
		}
	}
}

// TestBill: a call's uses add up by model, also those of many goroutines, and what has no price is named.
func TestBill(t *testing.T) {
	t.Parallel()
	l, err := list(t, "vendors: [{vendor: acme, stt: {m: {minute: 6}}, llm: {big: {input: 1, output: 2}, free: {input: 0, output: 0}}}]")
	if err != nil {
		t.Fatal(err)
	}
	if c := l.Total(&Bill{}); c != nil {
		t.Errorf("nothing costs %+v", c)
	}
	var b Bill
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			b.Add(Use{Provider: "acme", Kind: "stt", Model: "m", Sound: time.Second})
			b.Add(Use{Provider: "acme", Kind: "llm", Model: "big", First: 1, Outcome: "ok", Input: 100_000, Output: 50_000})
		})
	}
	calls.Wait()
	b.Add(Use{Provider: "acme", Kind: "llm", Model: "big", First: 1, Outcome: "cut"})  // the stream was closed before it told
	b.Add(Use{Provider: "acme", Kind: "llm", Model: "free", First: 1, Outcome: "cut"}) // as well, and costs nothing
	b.Add(Use{Provider: "acme", Kind: "llm", Model: "big", First: 1, Outcome: "cut", Input: 100_000, Output: 50_000, Estimated: true})
	b.Add(Use{Provider: "acme", Kind: "llm", Model: "odd", Server: "x.example", Input: 7, Output: 1})
	b.Add(Use{Provider: "acme", Kind: "tts", Outcome: "late"}) // nothing was used
	want := &store.Cost{
		Total:   3.2,
		Unknown: []string{"acme llm big: 1 answers whose usage was not told", "acme llm big: the usage of 1 answers that were cut is estimated", "acme llm odd at x.example"},
		Lines: []store.CostLine{
			{Vendor: "acme", Kind: "llm", Model: "big", Input: 1_100_000, Output: 550_000, Known: true, Total: 2.2},
			{Vendor: "acme", Kind: "llm", Model: "free", Known: true},
			{Vendor: "acme", Server: "x.example", Kind: "llm", Model: "odd", Input: 7, Output: 1},
			{Vendor: "acme", Kind: "stt", Model: "m", Sound: 10 * time.Second, Known: true, Total: 1},
		},
	}
	if d := cmp.Diff(want, l.Total(&b)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestWrongLists: what is wrong is told by its place.
func TestWrongLists(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"vendors: [{stt: {m: {minute: 1}}}]":                       "vendors[0].vendor is required",
		"vendors: [{vendor: a, stt: {m: {characters: 1}}}]":        "vendors[0].stt.m needs minute",
		"vendors: [{vendor: a, tts: {m: {}}}]":                     "vendors[0].tts.m needs characters or minute",
		"vendors: [{vendor: a, llm: {m: {input: 1}}}]":             "vendors[0].llm.m needs input and output",
		"vendors: [{vendor: a, stt: {m: {minute: -1}}}]":           "vendors[0].stt.m has minute -1: want 0 or more",
		"vendors: [{vendor: a, as_of: soon}]":                      `vendors[0].as_of is "soon"`,
		"vendors: [{vendor: a, currency: EUR}]":                    "currency",
		"vendors: [{vendor: a, stt: {m: {minute: a pound}}}]":      "a pound",
		"vendors: [{vendor: a, stt: {m: {minute: 1, per: hour}}}]": "per",
	}
	for _, text := range slices.Sorted(maps.Keys(wrong)) {
		if _, err := list(t, text); err == nil || !strings.Contains(err.Error(), wrong[text]) {
			t.Errorf("%s: %v, want %s", text, err, wrong[text])
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a list that is not there is read")
	}
	if _, err := list(t, ""); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}
