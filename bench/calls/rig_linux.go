package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/report"
	"parley/bench/serve"
	"parley/bench/vendors"
	"parley/bench/vitals"
)

// A rig runs servers and calls them.
type rig struct {
	ours    int // the core that this process and the vendors have
	core    int // the server's
	binary  string
	dir     string
	hold    time.Duration
	settle  time.Duration // where a scene does not say
	profile string
	log     io.Writer
}

// busyBar is how much of their core generator and vendors may use.
const busyBar = 0.85

// settle is how long calls have, once all are there, to be anywhere in their conversation.
const settle = 6 * time.Second

// In scenes of several steps the first is there to come to that, and is forgotten; between the others a moment is enough.
const (
	warmUp = 4 * time.Second
	brief  = time.Second
)

// A scene is a load, and what of the conversation and of the server is not as usual.
type scene struct {
	name    string // of the server, in the report
	kind    string // of kinds
	script  []carrier.Step
	steps   []load.Step
	env     []string // of the product
	once    bool     // a call that ends is not replaced
	vendors vendors.Options
	bars    report.Bars

	names   []string      // of each step in the report, where they differ; "": it is not kept
	settle  time.Duration // before each step is measured; 0: as usual
	beyond  time.Duration // what voice to voice takes beyond this was added by the server; 0: nobody asks
	offered int           // calls that the last step offers besides those that are there, both together; 0: as it says itself
	ask     string        // the API is asked beside the steps of this name; "": it is not
}

// stepName is that of a step in the report; "": it is not kept.
func (s *scene) stepName(i int) string {
	if s.names == nil {
		return s.name
	}
	return s.names[i]
}

// conversation is what callers do in most scenes, over and over: two seconds of speech, then they listen.
const conversation = `hear quiet=300ms most=40s
say queue-callswaiting`

// carried are the bars of a load that is carried.
var carried = report.Bars{Lateness: 5 * time.Millisecond, Lost: 0.001, Dry: 0.001, Unanswered: 0.001}

// keepUp is how long a frame may take to the recogniser (p99) while a server keeps up with what it is sent.
const keepUp = 100 * time.Millisecond

// run plays a scene and returns its steps.
func (b *rig) run(ctx context.Context, s scene, round int) (steps []report.Step, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s: %w", s.name, err)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	mocks, err := vendors.Start(ctx, s.vendors, self)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mocks.Close()) }()
	server, err := b.start(ctx, s.kind, mocks.Addresses, s.env)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	w := &watch{rig: b, scene: &s, server: server, mocks: mocks, seen: make([]sight, len(s.steps))}
	if w.idle, err = server.source.Read(ctx); err != nil {
		return nil, err
	}
	asking, stop := context.WithCancel(ctx)
	defer w.leave() // when stop has been called
	defer stop()
	plan := load.Plan{Name: s.name, Round: round, URL: server.url, AuthToken: serve.Token, Script: s.script, Repeat: -1, Steps: s.steps, Once: s.once, Settle: cmp.Or(s.settle, b.settle), MostBusy: busyBar}
	all, err := plan.Run(ctx, func(p load.Progress) { w.look(asking, p) })
	for i := range all {
		if all[i].Server = s.stepName(i); all[i].Server == "" {
			continue
		}
		err = errors.Join(err, w.fill(i, &all[i]))
		fmt.Fprintln(b.log, line(all[i]))
		steps = append(steps, all[i])
	}
	return steps, errors.Join(err, w.err)
}

// judge says which bars a step has missed, or that it says nothing.
func (b *rig) judge(s *report.Step, bars report.Bars) {
	s.Failed = append(s.Failed, bars.Judge(*s)...)
	if stt, most := s.Times[report.FrameToSTT].P99, float64(keepUp/time.Millisecond); stt > most {
		s.Failed = append(s.Failed, fmt.Sprintf("%s p99 %s ms: at most %s ms", report.FrameToSTT, report.Number(stt), report.Number(most)))
	}
	if busy := s.Generator.Busy + s.Generator.Vendors; s.Void == "" && busy > busyBar {
		s.Void = fmt.Sprintf("generator and vendors were at their end: %.0f %% of their core, at most %.0f %%", 100*busy, 100*busyBar)
	}
}

// A watch looks at the server and the vendors while the generator holds a load.
type watch struct {
	*rig
	scene  *scene
	server *server
	mocks  *vendors.Process
	idle   vitals.Reading
	seen   []sight // of each step
	err    error
}

// A sight is what was seen of a step: at its beginning, and near its end.
type sight struct {
	from, to vitals.Reading
	vendors  vendors.Report
	asking   *asking // nil: nobody asks the API
}

// nearly is how long before the end of what is measured the server is looked at, at most: progress is told twice a second, and to look has
// its price.
const nearly = 1200 * time.Millisecond

// look is told of the run's progress.
func (w *watch) look(ctx context.Context, p load.Progress) {
	at := max(p.Step, 1) - 1
	s := &w.seen[at]
	if w.scene.ask != "" && w.scene.ask == w.scene.stepName(at) && s.asking == nil && w.err == nil {
		s.asking, w.err = w.ask(ctx, w.server, w.scene.settle, w.scene.steps[at].Hold)
	}
	begun := !s.from.At.IsZero()
	if p.Phase != "hold" || w.err != nil || begun && p.Left > nearly {
		return
	}
	r, err := w.server.source.Read(ctx)
	switch {
	case err != nil:
	case !begun:
		s.from, err = r, w.mocks.Reset()
		w.takeProfile(ctx)
	default:
		s.to = r
		s.vendors, err = w.mocks.Report()
	}
	w.err = err
}

// leave waits until nobody asks the API any more.
func (w *watch) leave() {
	for _, s := range w.seen {
		if s.asking != nil {
			<-s.asking.done
		}
	}
}

// fill tells a step what was seen of it, and judges it.
func (w *watch) fill(i int, step *report.Step) (err error) {
	s, bars := &w.seen[i], w.scene.bars
	if !s.to.At.IsZero() {
		step.Usage = vitals.Usage(w.idle, s.from, s.to)
		if s.vendors.Seconds > 0 {
			step.Generator.Vendors = s.vendors.CPU / s.vendors.Seconds
		}
		maps.Copy(step.Times, s.vendors.Times)
		if d := s.to.Clears.Since(s.from.Clears); d.N > 0 {
			step.Times[report.DecisionClear] = d
		}
	}
	if w.scene.beyond > 0 {
		if step.Times[report.Added], err = beyond(step.Times[report.VoiceVoice], w.scene.beyond); err != nil {
			return err
		}
	}
	if s.asking != nil {
		err = s.asking.fill(step)
	}
	if w.scene.offered > 0 && i == len(w.scene.steps)-1 {
		step.Calls, bars.Refused = w.scene.offered, 1
	}
	w.judge(step, bars)
	return err
}

// beyond is by how much times were longer than one that was chosen.
func beyond(all report.Spread, chosen time.Duration) (report.Spread, error) {
	from, err := all.Recorded()
	if err != nil {
		return report.Spread{}, fmt.Errorf("voice to voice: %w", err)
	}
	to := report.NewHistogram()
	for _, bar := range from.Distribution() {
		report.RecordN(to, time.Duration(bar.To)*time.Microsecond-chosen, bar.Count)
	}
	return report.SpreadOf(to), nil
}

// takeProfile has the server write a profile of the measured seconds, beside the load.
func (w *watch) takeProfile(ctx context.Context) {
	if w.profile == "" || w.server.debug == "" {
		return
	}
	kind, path := vitals.CPU, w.profile
	if k, p, ok := strings.Cut(w.profile, ":"); ok {
		kind, path = vitals.Kind(k), p
	}
	window := vitals.Window{URL: w.server.debug}
	go func() { // it ends with the server at the latest
		err := report.Save(path, func(to io.Writer) error { return window.Fetch(ctx, kind, w.hold-time.Second, to) })
		if err != nil {
			fmt.Fprintln(w.log, "profile:", err)
		}
	}()
}

// line is a step in one line.
func line(s report.Step) string {
	word := "ok"
	switch {
	case s.Void != "":
		word = "void: " + s.Void
	case len(s.Failed) > 0:
		word = "over: " + s.Failed[0]
	}
	return fmt.Sprintf("%-24s %-12s late p50 %.2f p99 %.2f  to STT p99 %.2f  TTS to frame p99 %.2f  clear p99 %.2f (decided %.2f)  v2v p50 %.0f p99 %.0f ms  server %.0f %% (%.3f %% a call), %.0f KB a call, gcs %d  generator %.0f + %.0f %%, late p99 %.2f  others %.0f %%  %s",
		s.Server, s.Load(), s.Times[report.Lateness].P50, s.Times[report.Lateness].P99, s.Times[report.FrameToSTT].P99, s.Times[report.TTSToFrame].P99,
		s.Times[report.ToClear].P99, s.Times[report.DecisionClear].P99, s.Times[report.VoiceVoice].P50, s.Times[report.VoiceVoice].P99, 100*s.Usage.CPU, figure(report.CPUPerCall, s), figure(report.MemoryPerCall, s), s.Usage.GCs,
		100*s.Generator.Busy, 100*s.Generator.Vendors, s.Times[report.SendLate].P99, 100*s.Others, word)
}

func figure(of func(report.Step) (float64, bool), s report.Step) float64 {
	v, _ := of(s)
	return v
}
