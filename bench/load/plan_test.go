package load

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/carrier"
	"parley/bench/wire"
)

// A plan that makes no sense is told field by field.
func TestPlan(t *testing.T) {
	t.Parallel()
	good := Plan{URL: "https://gw.example.net/twilio/voice", Steps: []Step{{Calls: 1, Hold: time.Second}}}
	for want, change := range map[string]func(*Plan){
		"":                         func(*Plan) {},
		"url is missing":           func(p *Plan) { p.URL = "" },
		`url "gw.example.net"`:     func(p *Plan) { p.URL = "gw.example.net" },
		"url: parse":               func(p *Plan) { p.URL = "http://[" },
		"steps are missing":        func(p *Plan) { p.Steps = nil },
		"step 1: calls 0, rate 0":  func(p *Plan) { p.Steps = []Step{{Hold: 1}} },
		"step 1: calls 1, rate 2":  func(p *Plan) { p.Steps = []Step{{Calls: 1, Rate: 2, Hold: 1}} },
		"step 2: calls -1":         func(p *Plan) { p.Steps = append(slices.Clone(p.Steps), Step{Calls: -1, Hold: 1}) },
		"step 1: ramp 0s, hold 0s": func(p *Plan) { p.Steps = []Step{{Calls: 1}} },
		"max length -1ns":          func(p *Plan) { p.MaxLength = -1 },
	} {
		p := good
		change(&p)
		got, err := p.withDefaults()
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", want, err)
		case want == "" && (got.Name != "gw.example.net" || len(got.Script) != 5 || got.Stamp != 11):
			t.Errorf("defaults: %+v", got)
		}
		if steps, err := p.Run(t.Context(), nil); want != "" && (err == nil || steps != nil) {
			t.Errorf("%q ran: %v", want, err)
		}
	}
}

// inMS are times in milliseconds.
func inMS(all []time.Duration) (whole []int) {
	for _, d := range all {
		whole = append(whole, int(d.Round(time.Millisecond)/time.Millisecond))
	}
	return whole
}

// Calls are due evenly, through a ramp too.
func TestDues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		step    Step
		missing int
		before  float64
		want    []int
	}{
		{"at once", Step{Calls: 3, Hold: time.Second}, 3, 0, []int{0, 0, 0}},
		{"over a ramp", Step{Calls: 8, Ramp: time.Second, Hold: time.Second}, 4, 0, []int{0, 250, 500, 750}},
		{"too many already", Step{Calls: 3, Hold: time.Second}, -2, 0, nil},
		{"a rate", Step{Rate: 4, Hold: time.Second}, 0, 0, []int{250, 500, 750}},
		{"the same rate as before", Step{Rate: 2, Ramp: time.Second, Hold: time.Second}, 0, 2, []int{500, 1000, 1500}},
		{"a rate that grows", Step{Rate: 8, Ramp: time.Second, Hold: 500 * time.Millisecond}, 0, 0, []int{500, 707, 866, 1000, 1125, 1250, 1375}},
		{"a rate that falls", Step{Rate: 2, Ramp: time.Second, Hold: 500 * time.Millisecond}, 0, 6, []int{177, 382, 634, 1000}},
	} {
		if diff := cmp.Diff(c.want, inMS(c.step.dues(c.missing, c.before, 0, nil))); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// Calls that come at random come as often, and the same for the same seed.
func TestPoisson(t *testing.T) {
	t.Parallel()
	chance := func() *rand.Rand { return rand.New(rand.NewPCG(7, 0)) }
	rate := Step{Rate: 100, Ramp: 20 * time.Second, Hold: 90 * time.Second}
	all := rate.dues(0, 0, 0, chance())
	if n := len(all); n < 9700 || n > 10300 { // 10,000, and three times the root of it
		t.Errorf("%d calls, want about 10000", n)
	}
	short := 0 // gaps of under the mean: 63 % where they are exponential
	hold := all[slices.IndexFunc(all, func(d time.Duration) bool { return d > rate.Ramp }):]
	for i := 1; i < len(hold); i++ {
		if hold[i]-hold[i-1] < 10*time.Millisecond {
			short++
		}
	}
	if share := float64(short) / float64(len(hold)); share < 0.6 || share > 0.66 {
		t.Errorf("%.2f of the gaps are shorter than their mean, want 0.63", share)
	}
	if !slices.Equal(all, rate.dues(0, 0, 0, chance())) || !slices.IsSorted(all) {
		t.Error("the same seed, other arrivals, or out of order")
	}
	calls := Step{Calls: 1000, Ramp: time.Minute, Hold: time.Second}
	all = calls.dues(1000, 0, 0, chance())
	if len(all) != 1000 || !slices.IsSorted(all) || all[0] < 0 || all[999] >= time.Minute || slices.Equal(all, calls.dues(1000, 0, 0, nil)) {
		t.Errorf("%d calls, from %v to %v", len(all), all[0], all[len(all)-1])
	}
}

func TestTwiML(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://gw.example.net/twilio/voice")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]answer{
		`<Connect><Stream url="wss://a/b"><Parameter name="token" value="x"/></Stream></Connect><Hangup/>`: {stream: "wss://a/b", params: `{"token":"x"}`},
		`<Say>hello</Say><Connect><Stream url="wss://a/b"/></Connect>`:                                     {stream: "wss://a/b", params: `{}`},
		`<Redirect>next?x=1</Redirect>`:    {redirect: "https://gw.example.net/twilio/next?x=1"},
		`<Reject reason="busy"/>`:          {refused: "busy"},
		`<Reject/>`:                        {refused: "rejected"},
		`<Say>We are busy.</Say><Hangup/>`: {refused: "told so"},
		`<Hangup/>`:                        {refused: "hung up"},
		``:                                 {refused: "hung up"},
		`<Pause length="1"/><Reject reason="x"/>`: {refused: "x"},
	} {
		got, err := readTwiML([]byte("<Response>"+text+"</Response>"), base)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"hello": "read TwiML", "<Other/>": "read TwiML", "<Response><Dial/></Response>": "<Dial>", "<Response><Connect/></Response>": "<Connect>",
	} {
		if _, err := readTwiML([]byte(text), base); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A script that cannot be played is told with its place.
func TestCompile(t *testing.T) {
	t.Parallel()
	steps, err := carrier.ParseScript("default script", DefaultScript)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(wire.Twilio, wire.NewKey(), steps, carrier.Library{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range p.acts {
		if speaks := a.Verb == carrier.Say || a.Verb == carrier.Barge; speaks != (a.sure > 0) || speaks != (a.last > a.sure) {
			t.Errorf("%s: %d slots, sure at %d, last voiced %d", a.Step, len(a.slots), a.sure, a.last)
		}
	}
	for _, c := range []struct {
		script []carrier.Step
		want   string
	}{
		{[]carrier.Step{{Verb: carrier.HangUp}}, "nothing in it but a hang-up"},
		{[]carrier.Step{{Place: "a:1", Verb: carrier.Say, What: "missing.wav"}}, "a:1: say: missing.wav"},
		{[]carrier.Step{{Place: "a:2", Verb: "dance"}}, "a:2: dance: no such step"},
	} {
		if _, err := compile(wire.Twilio, wire.NewKey(), c.script, carrier.Library{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.script, err)
		}
	}
}

// Whatever a webhook answers is one thing to do, or an error.
func FuzzTwiML(f *testing.F) {
	f.Add(`<Response><Connect><Stream url="wss://a/b"><Parameter name="token" value="x"/></Stream></Connect></Response>`)
	f.Add(`<Response><Redirect>next</Redirect></Response>`)
	f.Add(`<Response><Say>x</Say><Reject reason="busy"/></Response>`)
	base, err := url.Parse("https://gw.example.net/twilio/voice")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := readTwiML([]byte(text), base)
		n := 0
		for _, set := range []bool{a.stream != "", a.redirect != "", a.refused != ""} {
			if set {
				n++
			}
		}
		if err == nil && n != 1 {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
