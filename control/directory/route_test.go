package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/control/directory"
	"parley/store"
)

// static is a [store.Router] of one moment.
type static struct{ dir store.Directory }

func (s static) Revision(context.Context) (int64, error)            { return s.dir.Revision, nil }
func (s static) Directory(context.Context) (store.Directory, error) { return s.dir, nil }

// know makes a directory that knows dir.
func know(t testing.TB, dir store.Directory) *directory.Directory {
	t.Helper()
	d := directory.New(directory.Options{Router: static{dir}})
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRoute(t *testing.T) {
	t.Parallel()
	d := know(t, acme().dir)
	for name, tt := range map[string]struct {
		number, org, agent, shown string // of no agent, nobody answers
	}{
		"its agent":            {"+442071234567", "acme", "abel", "+442071234567"},
		"no agent set":         {"+442071234568", "acme", "anna", "+442071234568"},
		"agent disabled":       {"+442071234569", "acme", "anna", "+442071234569"},
		"agent gone":           {"+442071234570", "acme", "anna", "+442071234570"},
		"another organisation": {"+15550100", "bolt", "boris", "+15550100"},
		"another organisation's agent does not count": {"+15550101", "bolt", "boris", "+15550101"},
		"default disabled":                            {"+4930123456", "calm", "", "+4930123456"},
		"no default":                                  {"+33140000000", "dusk", "", "+33140000000"},
		"nobody's number":                             {"+15559999", "acme", "anna", "+15559999"},
		"no number":                                   {"", "acme", "anna", ""},
		"a name":                                      {"client:bob", "acme", "anna", "client:bob"},

		"without plus":        {"15550100", "bolt", "boris", "+15550100"},
		"with 00":             {"0015550100", "bolt", "boris", "+15550100"},
		"with plus and 00":    {"+0015550100", "acme", "anna", "+0015550100"},
		"spaces":              {" +1 555 0100 ", "bolt", "boris", "+15550100"},
		"brackets":            {"+1 (555) 01-00", "bolt", "boris", "+15550100"},
		"two pluses":          {"++15550100", "acme", "anna", "++15550100"},
		"plus in the middle":  {"1+5550100", "acme", "anna", "1+5550100"},
		"sip":                 {"sip:+15550100@pbx.example.com", "bolt", "boris", "+15550100"},
		"sip without plus":    {"sip:15550100@10.0.0.1:5060;transport=tcp", "bolt", "boris", "+15550100"},
		"sips in capitals":    {"SIPS:+15550100@pbx.example.com", "bolt", "boris", "+15550100"},
		"sip with parameters": {"sip:+1-555-0100;phone-context=example.com@pbx;user=phone", "bolt", "boris", "+15550100"},
		"sip with a password": {"sip:+15550100:1234@pbx", "bolt", "boris", "+15550100"},
		"sip encoded":         {"sip:%2b15550100@pbx", "bolt", "boris", "+15550100"},
		"user and host":       {"+15550100@pbx", "bolt", "boris", "+15550100"},
		"tel":                 {"tel:+1-555-0100;ext=7", "bolt", "boris", "+15550100"},
		"sip host alone":      {"sip:1.5.5.50100", "acme", "anna", "sip:1.5.5.50100"},
		"too long":            {"+155501001555010015550100", "acme", "anna", "+155501001555010015550100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := d.Route(tt.number)
			if nobody := tt.agent == ""; errors.Is(err, directory.ErrNobody) != nobody || err != nil != nobody {
				t.Errorf("error %v", err)
			}
			got := [3]string{r.Org, r.Agent.ID, r.Number}
			if diff := cmp.Diff([3]string{tt.org, tt.agent, tt.shown}, got); diff != "" {
				t.Errorf("organisation, agent, number (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRouteIsTheWholeAgent(t *testing.T) {
	t.Parallel()
	dir := acme().dir
	r, err := know(t, dir).Route("+442071234567")
	if diff := cmp.Diff(directory.Route{Org: "acme", Agent: dir.Agents[1], Number: "+442071234567"}, r); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestRouteOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	d := know(t, store.Directory{})
	if r, err := d.Route("+15550100"); !errors.Is(err, directory.ErrNobody) || r != (directory.Route{Number: "+15550100"}) {
		t.Errorf("%+v, %v; want nobody", r, err)
	}
	if !d.Ready() {
		t.Error("to know that there is nobody is to know")
	}
}

func TestAgent(t *testing.T) {
	t.Parallel()
	dir := acme().dir
	d := know(t, dir)
	for _, want := range dir.Agents {
		if got, err := d.Agent(want.Org, want.ID); err != nil || got != want {
			t.Errorf("%s: %+v, %v", want.ID, got, err)
		}
	}
	for _, foreign := range [][2]string{{"bolt", "anna"}, {"acme", "nobody"}, {"", "anna"}, {"acme", ""}} {
		if a, err := d.Agent(foreign[0], foreign[1]); !errors.Is(err, store.ErrNotFound) || a != (store.Agent{}) {
			t.Errorf("%q: %+v, %v; want not found", foreign, a, err)
		}
	}
}

// naive says who answers by the rules as they are written, given the number's E.164.
func naive(d store.Directory, e164 string) (org, agent string) {
	enabled := func(org, id string) bool {
		return slices.ContainsFunc(d.Agents, func(a store.Agent) bool { return a.ID == id && a.Org == org && a.Enabled })
	}
	byDefault := func(o store.Organisation) (string, string) {
		if enabled(o.ID, o.DefaultAgent) {
			return o.ID, o.DefaultAgent
		}
		return o.ID, ""
	}
	for _, n := range d.Numbers {
		if n.E164 != e164 {
			continue
		}
		if enabled(n.Org, n.Agent) {
			return n.Org, n.Agent
		}
		for _, o := range d.Organisations {
			if o.ID == n.Org {
				return byDefault(o)
			}
		}
		return n.Org, ""
	}
	if len(d.Organisations) > 0 {
		return byDefault(d.Organisations[0])
	}
	return "", ""
}

// written is a number as some carrier writes it.
func written(t *rapid.T, e164 string) string {
	digits := e164[1:]
	s := rapid.SampledFrom([]string{"+", "", "00", "%2B", "+ "}).Draw(t, "plus")
	for i := range len(digits) {
		s += digits[i:i+1] + rapid.SampledFrom([]string{"", "", "", " ", "-", ")"}).Draw(t, "gap")
	}
	scheme := rapid.SampledFrom([]string{"", "sip:", "sips:", "SIP:", "tel:"}).Draw(t, "scheme")
	return scheme + s + rapid.SampledFrom([]string{"", "@host", ";a=1@host:5060", ":pw@10.1.1.1"}).Draw(t, "host")
}

// TestRouteAgainstRules holds Route against the naive reading of its rules, in directories that need not be consistent.
func TestRouteAgainstRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		orgs, ids := []string{"o1", "o2", "o3", "o4"}, []string{"a1", "a2", "a3", "a4", "a5", "a6"}
		anyID := rapid.SampledFrom(append(ids, "", "gone"))
		var dir store.Directory
		for _, id := range orgs[:rapid.IntRange(0, 3).Draw(t, "organisations")] {
			dir.Organisations = append(dir.Organisations, store.Organisation{ID: id, DefaultAgent: anyID.Draw(t, "default")})
		}
		for _, id := range ids[:rapid.IntRange(0, 6).Draw(t, "agents")] {
			dir.Agents = append(dir.Agents, store.Agent{ID: id, Org: rapid.SampledFrom(orgs).Draw(t, "org"), Enabled: rapid.Bool().Draw(t, "enabled")})
		}
		numbers := rapid.SliceOfNDistinct(rapid.StringMatching(`\+[1-9][0-9]{6,14}`), 1, 8, rapid.ID).Draw(t, "numbers")
		for _, e164 := range numbers[1:] { // the first is nobody's
			dir.Numbers = append(dir.Numbers, store.Number{E164: e164, Org: rapid.SampledFrom(orgs).Draw(t, "org"), Agent: anyID.Draw(t, "agent")})
		}
		d := directory.New(directory.Options{Router: static{dir}})
		if err := d.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		e164 := rapid.SampledFrom(numbers).Draw(t, "called")
		asked := written(t, e164)
		org, agent := naive(dir, e164)
		r, err := d.Route(asked)
		if r.Org != org || r.Agent.ID != agent || (agent == "") != errors.Is(err, directory.ErrNobody) {
			t.Fatalf("%q: %s of %s (%v), want %q of %q", asked, r.Agent.ID, r.Org, err, agent, org)
		}
		if want := e164; e164 != numbers[0] && r.Number != want {
			t.Fatalf("%q is shown as %q, want %q", asked, r.Number, want)
		}
	})
}

// FuzzRoute: whatever a carrier writes, it is answered or refused, and nothing that is not in the directory is shown as its number.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"+15550100", "sip:%2B1555@h", "00", "++", "tel:;", "sip:", "0015550100;x", "%2", "\x00", "+15550100é"} {
		f.Add(s)
	}
	d := know(f, acme().dir)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := d.Route(s)
		if err != nil && !errors.Is(err, directory.ErrNobody) {
			t.Errorf("%q: %v", s, err)
		}
		known := slices.ContainsFunc(acme().dir.Numbers, func(n store.Number) bool { return n.E164 == r.Number && n.Org == r.Org })
		if !known && (r.Number != s || r.Org != "acme") {
			t.Errorf("%q: shown as %q of %s", s, r.Number, r.Org)
		}
	})
}

// many is a directory of n numbers of n/10 agents.
func many(n int) store.Directory {
	dir := store.Directory{Revision: 1, Organisations: []store.Organisation{{ID: "o", DefaultAgent: "a0"}}}
	for i := range n / 10 {
		dir.Agents = append(dir.Agents, store.Agent{ID: fmt.Sprintf("a%d", i), Org: "o", Name: "Agent", SystemPrompt: "Be kind.", Enabled: true})
	}
	for i := range n {
		dir.Numbers = append(dir.Numbers, store.Number{Org: "o", E164: fmt.Sprintf("+44207%07d", i), Agent: fmt.Sprintf("a%d", i/10)})
	}
	return dir
}

func TestRouteAllocatesNothing(t *testing.T) {
	d := know(t, many(100))
	for _, number := range []string{"+442070000042", "sip:+44 207 000-0042@pbx.example.com", "+15550100", "anonymous"} {
		if n := testing.AllocsPerRun(1000, func() { _, _ = d.Route(number) }); n != 0 {
			t.Errorf("%q: %v allocations", number, n)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	d := know(b, many(10_000))
	for name, number := range map[string]string{"known": "+442070004242", "sip": "sip:+44-207-000-4242@pbx.example.com", "nobody's": "+15550100"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Route(number); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = d.Route("+442070004242")
			}
		})
	})
}

// BenchmarkRefresh is the making of a new plan.
func BenchmarkRefresh(b *testing.B) {
	dir := many(10_000)
	for b.Loop() {
		if err := directory.New(directory.Options{Router: static{dir}}).Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
