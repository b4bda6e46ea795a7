package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"parley/bench/report"
	"parley/bench/report/page"
)

// sample makes up a ladder of three servers in two rounds, as a full run has it: with a knee, void steps, goals and every kind of figure.
func sample() *report.Report {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &report.Report{
		Format: report.Format, Title: "Whole calls, product beside floor and baseline", Made: time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC), Took: 1103,
		Command: []string{"bench/calls", "-rounds", "2"}, Version: "parley v0.7.0", Machine: report.Machine{CPU: "AMD EPYC 9B14", Cores: 2, Kernel: "6.18.0", Go: "go1.26.8 linux/amd64"},
		Goals: []report.Goal{
			report.Goal{Name: "Calls a core, to the baseline", Unit: "x", Got: 2.25, Want: 2.1, Least: true, Gate: true, Note: "largest load carried, medians of two rounds"}.Judged(),
			report.Goal{Name: "Calls a core, to the floor", Unit: "x", Got: 0.82, Want: 0.85, Least: true, Gate: true, Note: "same rounds"}.Judged(),
			report.Goal{Name: "Frame lateness p99 at 80 % of a core", Unit: "ms", Got: 1.1, Want: 1.5, Note: "720 calls"}.Judged(),
			report.Goal{Name: "The same, stretch", Unit: "ms", Got: 1.1, Want: 0.5, Note: "720 calls"}.Judged(),
		},
		Remarks: []string{"Vendors speak binary mu-law from the generator's core.", "The machine had a neighbour in round 2."},
	}
	most := map[string]float64{"product": 900, "floor": 1100, "baseline": 400}
	for round := 1; round <= 2; round++ {
		for _, calls := range []int{100, 250, 400, 500, 700, 900, 1000, 1100, 1200} {
			for server, limit := range most {
				if float64(calls) > 1.4*limit {
					continue
				}
				r.Steps = append(r.Steps, sampleStep(rng, server, round, calls, limit))
			}
		}
	}
	return r
}

func sampleStep(rng *rand.Rand, server string, round, calls int, limit float64) report.Step {
	load := float64(calls) / limit
	slow := 0.4 + 0.5*load + 60*math.Pow(max(0, load-0.93), 1.5)
	offered := int64(calls) + int64(calls)/5
	refused := int64(max(0, load-1.05) * float64(calls))
	s := report.Step{
		Server: server, Round: round, At: float64(calls) / 10, Held: 20, Calls: calls, Rate: 40,
		Tally: report.Tally{Offered: offered, Answered: offered - refused, Refused: map[string]int64{"max_calls": refused}, Broken: map[string]int64{}},
		Times: map[string]report.Spread{
			report.Lateness: draw(rng, 0.5*slow, 0.6), report.FrameToSTT: draw(rng, 0.13*slow, 0.5), report.TTSToFrame: draw(rng, 0.2*slow, 0.5),
			report.ToClear: draw(rng, 0.15*slow, 0.6), report.VoiceVoice: draw(rng, 520+10*slow, 0.05), report.Added: draw(rng, 12*slow, 0.3),
			report.SetUp: draw(rng, 0.6*slow, 0.4), report.SendLate: draw(rng, 0.05, 0.5),
		},
		Counts: map[string]int64{report.FramesIn: int64(calls) * 1000, report.FramesOut: int64(calls) * 987, report.FramesLost: 0, report.AfterClear: 0, report.Turns: int64(calls) * 3},
		Usage: report.Usage{
			CPU: min(1, load*0.97), RSS: 40e6 + int64(calls)*61_000, RSSIdle: 40e6, Goroutines: 12 + 3*int64(calls), Descriptors: 20 + 3*int64(calls), Allocated: 4e6, Mallocs: 20_000,
		},
		Generator: report.Generator{Busy: 0.05 + float64(calls)/1500, Vendors: 0.3}, Others: 0.02,
	}
	if p99 := s.Times[report.Lateness].P99; p99 > 5 {
		s.Failed = append(s.Failed, fmt.Sprintf("lateness p99 %s ms: at most 5 ms", report.Number(p99)))
	}
	if refused > 0 {
		s.Failed = append(s.Failed, fmt.Sprintf("refused %d of %d", refused, offered))
	}
	if calls == 1200 || round == 2 && server == "floor" && calls == 250 {
		s.Void = "generator at 91 % of its core"
	}
	return s
}

func draw(rng *rand.Rand, median, sigma float64) report.Spread {
	h := report.NewHistogram()
	for range 500 {
		report.Record(h, time.Duration(median*math.Exp(sigma*rng.NormFloat64())*1e6))
	}
	return report.SpreadOf(h)
}

func render(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// every calls do for each node of a page.
func every(n *html.Node, do func(*html.Node)) {
	do(n)
	for c := range n.ChildNodes() {
		every(c, do)
	}
}

// parse reads a page, and holds that each element that is opened is closed.
func parse(t *testing.T, text string) *html.Node {
	t.Helper()
	alone := map[string]bool{"meta": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch token := z.Next(); token {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("never closed: %v", open)
			}
			doc, err := html.Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			return doc
		case html.StartTagToken:
			if name, _ := z.TagName(); !alone[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// words is all that a reader sees of a page without scripts.
func words(doc *html.Node) string {
	var b strings.Builder
	every(doc, func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
			b.WriteByte('\n')
		}
	})
	return b.String()
}

// TestPage holds that the page has every figure in words, and the data of its curves.
func TestPage(t *testing.T) {
	t.Parallel()
	r := sample()
	text := render(t, r)
	doc := parse(t, text)
	seen := words(doc)
	for _, want := range []string{
		"2 of 4 goals missed", "product carried 900 calls; at 1000 calls: lateness p99", "900 calls", "0.818 × floor, 2.25 × baseline", "Calls a core, to the floor", "at least 0.85 x",
		"max_calls", "void: generator at 91 % of its core", "AMD EPYC 9B14", "bench/calls -rounds 2", "The machine had a neighbour", "12:30 UTC", "18m23s",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	cells := map[string]bool{}
	for cell := range strings.SplitSeq(seen, "\n") {
		cells[cell] = true
	}
	for _, s := range r.Steps {
		for name, d := range s.Times {
			for _, v := range []float64{d.Min, d.P50, d.P90, d.P99, d.P999, d.Max, d.Mean} {
				if !cells[report.Number(v)] {
					t.Fatalf("%s %v: no cell says %s of its %s", s.Server, s.Load(), report.Number(v), name)
				}
			}
		}
	}
	var data struct {
		Servers []struct {
			Name  string
			Loads []float64
			CPU   []*float64
			Times map[string]map[string][]*float64
			Void  map[string][]*float64
		}
		Curves []struct {
			Load  string
			Times map[string]map[string][]*float64
		}
		Grid []float64
		Knee string
	}
	every(doc, func(n *html.Node) {
		if n.Data == "script" && len(n.Attr) > 0 && n.Attr[0].Val == "application/json" {
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &data); err != nil {
				t.Error(err)
			}
		}
	})
	if len(data.Servers) != 3 || data.Servers[0].Name != "product" || len(data.Servers[0].Loads) != 9 || len(data.Curves) != 9 || data.Knee != "900 calls" {
		t.Fatalf("data: %d servers, %d curves, knee %q", len(data.Servers), len(data.Curves), data.Knee)
	}
	product := data.Servers[0]
	p99 := product.Times[report.Lateness]["p99"]
	if len(p99) != 9 || p99[0] == nil || p99[8] != nil || product.Void[report.Lateness][8] == nil || product.Void[report.Lateness][0] != nil || *product.CPU[5] < 0.1 {
		t.Errorf("a load whose rounds are void is not apart: %v, %v", p99, product.Void)
	}
	curve := data.Curves[0].Times[report.Lateness]["product"]
	if len(curve) != len(data.Grid) || curve[0] == nil || *curve[8] <= *curve[0] {
		t.Errorf("the curve does not rise: %v", curve)
	}
}

// TestNothingOutside holds that the file needs nothing else, and lets nothing in: its policy names its own script and style.
func TestNothingOutside(t *testing.T) {
	t.Parallel()
	text := render(t, sample())
	doc := parse(t, text)
	var policy, script, style string
	every(doc, func(n *html.Node) {
		for _, a := range n.Attr {
			switch {
			case a.Key == "src" || a.Key == "href" || a.Key == "srcset" || a.Key == "action" || a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "content" && strings.HasPrefix(a.Val, "default-src"):
				policy = a.Val
			}
		}
		switch {
		case n.Data == "script" && len(n.Attr) == 0:
			script += n.FirstChild.Data
		case n.Data == "style":
			style += n.FirstChild.Data
		}
	})
	for name, content := range map[string]string{"script-src": script, "style-src": style} {
		sum := sha256.Sum256([]byte(content))
		if want := name + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy is %q: want %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("the policy is %q", policy)
	}
	if regexp.MustCompile(`@import|url\(`).MatchString(style) {
		t.Error("the style loads something")
	}
	if got := regexp.MustCompile(`https?://[^\s)"*]+`).FindAllString(text, -1); len(got) != 1 || got[0] != "https://github.com/leeoniya/uPlot" {
		t.Errorf("addresses: %v: want that in uPlot's notice alone", got)
	}
	if !strings.Contains(script, "Copyright (c) 2022 Leon Sorokin") {
		t.Error("uPlot's licence is not with it")
	}
}

// TestHostile holds that what a report says is shown, never obeyed.
func TestHostile(t *testing.T) {
	t.Parallel()
	const evil = `</script><script>alert(1)</script><img src=x onerror=alert(2)>"'--><b>`
	calm := tags(parse(t, render(t, hostile("calm"))))
	text := render(t, hostile(evil))
	doc := parse(t, text)
	if got := tags(doc); got != calm {
		t.Errorf("elements are %s, want %s", got, calm)
	}
	if !strings.Contains(words(doc), evil) {
		t.Error("the text is not shown as it is")
	}
}

func hostile(text string) *report.Report {
	n := int64(3)
	return &report.Report{
		Format: report.Format, Title: text, Version: text, Command: []string{text}, Machine: report.Machine{CPU: text, Kernel: text, Go: text}, Remarks: []string{text},
		Goals: []report.Goal{{Name: text, Unit: text, Note: text}},
		Steps: []report.Step{
			{Server: text, Round: 1, Calls: 5, Failed: []string{text}, Tally: report.Tally{Offered: 9, Refused: map[string]int64{text: n}, Broken: map[string]int64{text: n}}},
			{Server: text, Round: 2, Calls: 5, Void: text, Times: map[string]report.Spread{text: {N: 1}, report.Lateness: {N: 1, P50: 1}}, Counts: map[string]int64{text: 1}},
		},
	}
}

// tags is how often a page has each element.
func tags(doc *html.Node) string {
	counts := map[string]int{}
	every(doc, func(n *html.Node) {
		if n.Type == html.ElementNode {
			counts[n.Data]++
		}
	})
	return fmt.Sprint(counts)
}

// TestSparse holds that a report that has little makes a page that says so.
func TestSparse(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{
		"nothing":      {},
		"a void step":  {Steps: []report.Step{{Server: "x", Round: 1, Calls: 1, Void: "busy"}}},
		"no calls":     {Steps: []report.Step{{Server: "x", Round: 1, Rate: 5, Times: map[string]report.Spread{report.API: {N: 1, P50: 3, P90: 3, P99: 3, P999: 3, Max: 3}}}}},
		"zero times":   {Steps: []report.Step{{Server: "x", Round: 1, Calls: 1, Times: map[string]report.Spread{report.Lateness: {N: 1}}}}},
		"broken curve": {Steps: []report.Step{{Server: "x", Round: 1, Calls: 1, Times: map[string]report.Spread{report.Lateness: {N: 1, Histogram: "x"}}}}},
	} {
		if text := words(parse(t, render(t, r))); !strings.Contains(text, "Load test") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestVerdict holds the line that a reader in a hurry reads.
func TestVerdict(t *testing.T) {
	t.Parallel()
	met, missed := report.Goal{Name: "a", Met: true}, report.Goal{Name: "b"}
	gate := report.Goal{Name: "c", Gate: true}
	kept, failed := report.Step{Server: "x", Round: 1, Calls: 1}, report.Step{Server: "x", Round: 1, Calls: 2, Failed: []string{"late"}}
	void := report.Step{Server: "x", Round: 1, Calls: 3, Void: "busy"}
	for want, r := range map[string]*report.Report{
		"Nothing was measured that says anything": {Steps: []report.Step{void}, Goals: []report.Goal{met}},
		"All 1 goal met":                       {Steps: []report.Step{kept}, Goals: []report.Goal{met}},
		"1 of 2 goals missed, none that fails": {Steps: []report.Step{kept}, Goals: []report.Goal{met, missed}},
		"1 of 2 goals missed\n":                {Steps: []report.Step{kept}, Goals: []report.Goal{met, gate}},
		"All bars kept in 1 step":              {Steps: []report.Step{kept, void}},
		"in the 1 step that say something":     {Steps: []report.Step{kept, void, void}},
		"Carried in 1 of 2 steps":              {Steps: []report.Step{kept, failed}},
		"No load was carried":                  {Steps: []report.Step{failed}},
	} {
		if text := words(parse(t, render(t, r))); !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// A server of one load stands in a table beside those whose load was varied, and has no card; where nobody's was, all have cards.
func TestPoints(t *testing.T) {
	t.Parallel()
	r := sample()
	rng := rand.New(rand.NewPCG(3, 4))
	r.Steps = append(r.Steps, sampleStep(rng, "product, interrupted", 1, 500, 900), sampleStep(rng, "product, overloaded", 1, 1000, 900))
	var text bytes.Buffer
	if err := page.Write(&text, r); err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(?s)<table class="points">.*?</table>`).FindString(text.String())
	for _, want := range []string{"product, interrupted", "500 calls", ">carried<", "product, overloaded", ">not carried<", "lateness p99"} {
		if !strings.Contains(at, want) {
			t.Errorf("the table of points lacks %q:\n%s", want, at)
		}
	}
	if n := strings.Count(text.String(), `<li class="card`); n != 3 {
		t.Errorf("%d cards, want those of product, floor and baseline", n)
	}
	text.Reset()
	r.Steps = r.Steps[len(r.Steps)-2:]
	if err := page.Write(&text, r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), `<li class="card`); n != 2 || strings.Contains(text.String(), `class="points"`) {
		t.Errorf("%d cards of two servers with a load each", n)
	}
}
