package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"parley/bench/report"
	"parley/bench/vitals"
)

// watching is what of the server is looked at while it is loaded.
type watching struct {
	MetricsURL string `name:"metrics-url" help:"Where the server's own figures are read from, twice a load. Empty: /metrics of the webhook's host, if it answers." placeholder:"URL"`
	PID        int    `name:"pid" help:"The server's process, if it runs on this machine: its processor time and memory are read from the kernel." placeholder:"N"`

	Profile    string `help:"Take a profile of the server at every load: cpu, allocs, trace (5s of it at most) or flight (what its flight recorder holds at the end). The figures then have its cost in them." enum:",cpu,allocs,trace,flight" default:""`
	ProfileDir string `help:"Directory of the profiles." default:"." type:"path"`
	DebugURL   string `name:"debug-url" help:"The server's listener for debugging (serve --debug-addr), which profiles come from." default:"http://127.0.0.1:6060"`
}

func (w *watching) check() (bad []error) {
	for name, text := range map[string]string{"metrics-url": w.MetricsURL, "debug-url": w.DebugURL} {
		if u, err := url.Parse(text); text != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			bad = append(bad, fmt.Errorf("--%s is %q: want a URL such as http://127.0.0.1:6060", name, text))
		}
	}
	if w.PID < 0 {
		bad = append(bad, fmt.Errorf("--pid is %d: want a process", w.PID))
	}
	return bad
}

// How long is waited for a server that is under load.
const (
	readPatience    = 3 * time.Second
	profilePatience = 15 * time.Second // beyond its length
	readBefore      = 750 * time.Millisecond
)

// begin looks at the server before the first call. What was asked for must be there; what was not is left out.
func (w *watching) begin(ctx context.Context, webhook string, hold time.Duration) (*watch, error) {
	h := &watch{watching: *w, hold: hold, readings: map[loadStep][2]vitals.Reading{}, seen: map[loadStep][2]bool{}}
	h.source = vitals.Source{URL: cmp.Or(w.MetricsURL, webhook+"/metrics"), PID: w.PID, Client: &http.Client{Timeout: readPatience}}
	h.window = vitals.Window{URL: w.DebugURL, Client: &http.Client{Timeout: hold + profilePatience}}
	var err error
	if h.idle, err = h.source.Read(ctx); err != nil && w.MetricsURL == "" { // nobody asked for its metrics
		h.blind, h.source.URL, err = err, "", nil
		if w.PID != 0 {
			h.idle, err = h.source.Read(ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the server's own figures: %w", err)
	}
	if w.Profile != "" {
		if err := h.window.Ask(ctx); err != nil {
			return nil, fmt.Errorf("--profile: the server's listener for debugging does not answer; start it with serve --debug-addr 127.0.0.1:6060, and name it with --debug-url: %w", err)
		}
		if err := os.MkdirAll(w.ProfileDir, 0o755); err != nil {
			return nil, fmt.Errorf("--profile-dir: %w", err)
		}
	}
	return h, nil
}

// A loadStep is a step of a round.
type loadStep struct{ round, step int }

// A moment of a run: where it is, and what goes on there.
type moment struct {
	loadStep
	load      report.Load
	measuring bool
	left      time.Duration // of what is measured
}

// A watch reads the server's own figures as measuring begins and ends, and takes profiles between. see may not wait, so that others do.
type watch struct {
	watching
	source vitals.Source
	window vitals.Window
	hold   time.Duration
	idle   vitals.Reading
	blind  error // why there are no figures
	at     sync.WaitGroup
	seen   map[loadStep][2]bool // by see alone

	mu       sync.Mutex
	readings map[loadStep][2]vitals.Reading
	failed   error // the last that could not be had
	taken    int
}

// see is told where the run is, about twice a second.
func (w *watch) see(ctx context.Context, m moment) {
	if !m.measuring {
		return
	}
	seen := w.seen[m.loadStep]
	if !seen[0] {
		seen[0] = true
		w.read(ctx, m.loadStep, 0)
		if w.Profile != "" && w.Profile != string(vitals.Flight) {
			w.at.Go(func() { w.profile(ctx, m) })
		}
	}
	if !seen[1] && m.left <= readBefore {
		seen[1] = true
		w.read(ctx, m.loadStep, 1)
		if w.Profile == string(vitals.Flight) {
			w.at.Go(func() { w.profile(ctx, m) })
		}
	}
	w.seen[m.loadStep] = seen
}

// read reads the figures at a step's begin (0) or end (1).
func (w *watch) read(ctx context.Context, at loadStep, which int) {
	if w.source.URL == "" && w.source.PID == 0 {
		return
	}
	w.at.Go(func() {
		r, err := w.source.Read(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.failed = err
			return
		}
		both := w.readings[at]
		both[which] = r
		w.readings[at] = both
	})
}

// profile takes one, and saves it.
func (w *watch) profile(ctx context.Context, m moment) {
	name := fmt.Sprintf("%s-round%d.%s", strings.NewReplacer(" ", "-", "/", "-per-").Replace(m.load.String()), m.round, w.Profile)
	switch vitals.Kind(w.Profile) {
	case vitals.CPU, vitals.Allocs:
		name += ".pprof"
	case vitals.Flight:
		name += ".trace"
	}
	err := report.Save(filepath.Join(w.ProfileDir, name), func(to io.Writer) error {
		return w.window.Fetch(ctx, vitals.Kind(w.Profile), m.left-readBefore, to)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = err
		return
	}
	w.taken++
}

// wait waits until all that was asked for has come.
func (w *watch) wait() { w.at.Wait() }

// usage is what the server used in a step; zero where it was not read at both ends.
func (w *watch) usage(round, step int) report.Usage {
	both := w.readings[loadStep{round, step}]
	if both[0].At.IsZero() || both[1].At.IsZero() {
		return report.Usage{}
	}
	return vitals.Usage(w.idle, both[0], both[1])
}

// remarks say what the figures have in them, and what they lack.
func (w *watch) remarks() (all []string) {
	if w.blind != nil {
		all = append(all, fmt.Sprintf("The server's own figures were not read: %v.", w.blind))
	}
	if w.taken > 0 {
		all = append(all, fmt.Sprintf("%d profiles (%s) were taken meanwhile, into %s: the figures have their cost in them.", w.taken, w.Profile, w.ProfileDir))
	}
	if w.failed != nil && !errors.Is(w.failed, context.Canceled) {
		all = append(all, fmt.Sprintf("Not all of the server's own figures or profiles could be fetched: %v.", w.failed))
	}
	return all
}
