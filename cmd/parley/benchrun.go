package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"parley/bench/carrier"
	"parley/bench/report"
	"parley/bench/report/page"
)

// benchRunCmd loads a server.
type benchRunCmd struct {
	URL string `arg:"" optional:"" help:"The number's voice webhook, under the name that the server knows itself by." default:"http://127.0.0.1:8080/twilio/voice"`
	asCarrier
	asAnother

	Calls  int           `help:"Calls at once; 10 unless --rate or --ladder says more." xor:"load" placeholder:"N"`
	Rate   float64       `help:"New calls a second, instead of so many at once." xor:"load" placeholder:"N"`
	Ladder string        `help:"Loads, one after the other: calls at once, as in 50,100,200 or 100..1000/100; or new calls a second, as in 5/s,10/s." xor:"load" placeholder:"LOADS"`
	Ramp   time.Duration `help:"How long it takes from one load to the next." default:"10s"`
	Settle time.Duration `help:"And from there until measuring begins." default:"1s"`
	Hold   time.Duration `help:"How long each load is held and measured." default:"30s"`
	Rounds int           `help:"How often all of it is run: four rounds or more make runs comparable." default:"1"`

	callersScript
	Repeat    int           `help:"How often a caller goes through the script before hanging up. 0: until --max." default:"1"`
	Max       time.Duration `help:"Callers hang up after so long." default:"10m"`
	NoReplace bool          `help:"Calls at once that end are not replaced by new ones."`
	Poisson   bool          `help:"Calls come at random, as people do, and not evenly."`
	Seed      uint64        `help:"Of what is random: the same seed, the same arrivals." default:"1"`

	bars
	Least float64 `help:"The run passes if so much was carried, whatever became of loads above: calls at once, or a second. 0: every load must be carried." default:"0"`

	Name  string `help:"What the report calls the server; bench compare pairs by it." default:"parley"`
	Title string `help:"Title of the report. Empty: one is made."`
	JSON  string `name:"json" help:"Write the report to this file." type:"path" placeholder:"FILE"`
	HTML  string `name:"html" help:"Write the report to this file as a page." type:"path" placeholder:"FILE"`

	watching
}

// bars are what a load must keep to count as carried. Media after clear fails always.
type bars struct {
	MaxLateness   time.Duration `help:"Most p99 lateness of the agents' frames. 0: any." default:"5ms"`
	MaxSetUp      time.Duration `help:"Most p99 from asking the webhook to the open stream. 0: any." default:"0s"`
	MaxGreeting   time.Duration `help:"Most p99 from asking the webhook to the agent's first frame. 0: any." default:"0s"`
	MaxVoice      time.Duration `help:"Most p99 from the caller's last voiced frame to the agent's first. 0: any." default:"0s"`
	MaxClear      time.Duration `help:"Most p99 from a caller's certain interruption to the message that silences the agent. 0: any." default:"0s"`
	MaxLost       float64       `help:"Most of the agents' frames that are lost, in percent." default:"0"`
	MaxDry        float64       `help:"Most of the agents' frames that come after they had to sound, in percent." default:"1"`
	MaxUnanswered float64       `help:"Most of the callers' turns that stay without an answer, in percent." default:"0"`
	MaxMissed     float64       `help:"Most of the callers' interruptions that the agent speaks on through, in percent." default:"0"`
	MaxRefused    float64       `help:"Most of the calls that are refused, in percent." default:"0"`
	MaxBroken     float64       `help:"Most of the calls that go wrong otherwise, in percent." default:"0"`
}

func (b *bars) bars() report.Bars {
	return report.Bars{
		Lateness: b.MaxLateness, SetUp: b.MaxSetUp, Greeting: b.MaxGreeting, VoiceVoice: b.MaxVoice, ToClear: b.MaxClear,
		Lost: b.MaxLost / 100, Dry: b.MaxDry / 100, Unanswered: b.MaxUnanswered / 100, Missed: b.MaxMissed / 100, Refused: b.MaxRefused / 100, Broken: b.MaxBroken / 100,
	}
}

// check says all that is wrong with the flags that each by itself can be read.
func (c *benchRunCmd) check() error {
	var bad []error
	for name, d := range map[string]time.Duration{
		"ramp": c.Ramp, "settle": c.Settle, "max-lateness": c.MaxLateness, "max-set-up": c.MaxSetUp, "max-greeting": c.MaxGreeting, "max-voice": c.MaxVoice, "max-clear": c.MaxClear,
	} {
		if d < 0 {
			bad = append(bad, fmt.Errorf("--%s is %v: want 0s or more", name, d))
		}
	}
	for name, percent := range map[string]float64{
		"max-lost": c.MaxLost, "max-dry": c.MaxDry, "max-unanswered": c.MaxUnanswered, "max-missed": c.MaxMissed, "max-refused": c.MaxRefused, "max-broken": c.MaxBroken,
	} {
		if percent < 0 || percent > 100 {
			bad = append(bad, fmt.Errorf("--%s is %v: want 0 to 100 percent", name, percent))
		}
	}
	if c.Hold < time.Second {
		bad = append(bad, fmt.Errorf("--hold is %v: want 1s or more", c.Hold))
	}
	if c.Rounds < 1 {
		bad = append(bad, fmt.Errorf("--rounds is %d: want 1 or more", c.Rounds))
	}
	if c.Max < time.Second {
		bad = append(bad, fmt.Errorf("--max is %v: want 1s or more", c.Max))
	}
	if c.Repeat < 0 {
		bad = append(bad, fmt.Errorf("--repeat is %d: want 0 or more", c.Repeat))
	}
	if c.Least < 0 {
		bad = append(bad, fmt.Errorf("--least is %v: want 0 or more", c.Least))
	}
	bad = append(bad, c.watching.check()...)
	slices.SortFunc(bad, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if err := errors.Join(bad...); err != nil {
		return usageError{err}
	}
	return nil
}

// Run loads the server, writes the report, prints it and fails if a bar was missed. An interrupt ends it with what was measured so far.
func (c *benchRunCmd) Run(ctx context.Context, con console, line *kong.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return err
	}
	ctx, _, stop := interrupts(ctx)
	defer stop()
	w, err := c.begin(ctx, c.webhook(), c.Hold)
	if err != nil {
		return err
	}
	began := time.Now()
	r := &report.Report{
		Format: report.Format, Title: cmp.Or(c.Title, "Load test of "+c.Name), Made: began.UTC().Truncate(time.Second), Command: told(line.Args), Version: "parley " + version(),
		Machine: report.Here(),
	}
	r.Steps, err = c.load(ctx, plan, w, newProgress(con.err, len(plan.Steps), c.Rounds))
	r.Took = time.Since(began).Seconds()
	r.Remarks = append(c.remarks(), w.remarks()...)
	if ctx.Err() != nil {
		r.Remarks = append(r.Remarks, fmt.Sprintf("It was interrupted: %d of %d steps were measured.", len(r.Steps), c.Rounds*len(plan.Steps)))
		err = errors.New("interrupted")
	}
	if c.Least > 0 && len(r.Steps) > 0 {
		r.Goals = append(r.Goals, c.goal(r))
	}
	if len(r.Steps) > 0 {
		err = errors.Join(err, c.write(r), safely(con.out, r.Print), c.verdict(r))
	}
	return err
}

// write writes the report where it is wanted.
func (c *benchRunCmd) write(r *report.Report) error {
	var bad []error
	if c.JSON != "" {
		bad = append(bad, report.Save(c.JSON, r.Write))
	}
	if c.HTML != "" {
		bad = append(bad, report.Save(c.HTML, func(w io.Writer) error { return page.Write(w, r) }))
	}
	return errors.Join(bad...)
}

// goal is what --least asks for.
func (c *benchRunCmd) goal(r *report.Report) report.Goal {
	g := report.Goal{Name: "Load carried", Unit: "calls", Want: c.Least, Least: true, Gate: true, Note: "the largest load that kept every bar in most rounds, with all below it"}
	if slices.ContainsFunc(r.Steps, func(s report.Step) bool { return s.Calls == 0 }) {
		g.Unit = "calls a second"
	}
	if k := r.Knee(c.Name); k.Carried != nil {
		g.Got = k.Carried.Load.Value()
	}
	return g.Judged()
}

// verdict fails where a bar was missed, or nothing is known.
func (c *benchRunCmd) verdict(r *report.Report) error {
	sound, missed := 0, 0
	for _, s := range r.Steps {
		if s.Void == "" {
			sound++
			if len(s.Failed) > 0 {
				missed++
			}
		}
	}
	switch {
	case sound == 0:
		return fmt.Errorf("no step says anything of the server: %s", r.Steps[0].Void)
	case c.Least > 0:
		return r.Missed()
	case missed > 0:
		return fmt.Errorf("%d of %d steps missed a bar", missed, sound)
	}
	return nil
}

// webhook is where the server's webhook is reached: its scheme and host.
func (c *benchRunCmd) webhook() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "" // the plan tells
	}
	if c.Connect != "" {
		return "http://" + c.Connect
	}
	return strings.Replace(u.Scheme, "ws", "http", 1) + "://" + u.Host
}

// remarks are what a reader must know.
func (c *benchRunCmd) remarks() (all []string) {
	if u, err := url.Parse(c.webhook()); err == nil {
		if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
			all = append(all, "Server and generator shared one machine: each is charged for a part of the other's network.")
		}
	}
	if c.Carrier != string(carrier.Twilio) {
		all = append(all, fmt.Sprintf("Calls came as those of %s.", c.Carrier))
	}
	if c.Poisson {
		all = append(all, fmt.Sprintf("Calls came at random (Poisson, seed %d).", c.Seed))
	}
	return all
}

// secret says whether a flag's value is for nobody's eyes.
func secret(flag string) bool {
	word := flag[strings.LastIndexByte(flag, '-')+1:]
	return strings.HasPrefix(flag, "--") && slices.Contains([]string{"token", "key", "secret", "password", "auth"}, word)
}

// told is a command line without its secrets.
func told(args []string) []string {
	all := append([]string{"parley"}, args...)
	for i, a := range all {
		name, _, joined := strings.Cut(a, "=")
		switch {
		case !secret(name):
			if u, err := url.Parse(a); err == nil && u.User != nil {
				all[i] = u.Redacted()
			}
		case joined:
			all[i] = name + "=..."
		case i+1 < len(all):
			all[i+1] = "..."
		}
	}
	return all
}
