package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/serve"
	"parley/bench/vendors"
	"parley/providers/providertest"
)

// The servers of a report.
const (
	open   = "no bar"    // lets everybody in, so that the knee can be seen
	barred = "admission" // has the settings' bars
)

// crowded is how much of the machine others may have taken from a step that counts.
const crowded = 0.1

// A bench is one run.
type bench struct {
	options
	binary string
	model  string // base URL
	out    io.Writer
	report report.Report
}

// measure climbs until it is too much, tries admission, and prints what it has found.
func (o options) measure(ctx context.Context, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "parley-offline")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, binary: o.binary, out: stderr, report: report.Report{
		Format: report.Format, Title: "Calls with local speech", Made: time.Now().UTC(), Command: os.Args, Machine: report.Here(),
	}}
	if b.binary == "" {
		fmt.Fprintln(stderr, "building parley")
		if b.binary, err = serve.Build(ctx, dir); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop, err := b.thinker(ctx)
	if err != nil {
		cancel()
		return err
	}
	defer func() { cancel(); err = errors.Join(err, stop()) }()
	began := time.Now()
	carried, err := b.climb(ctx)
	if err == nil {
		err = b.admit(ctx, carried)
	}
	if err != nil {
		return err
	}
	b.report.Took = time.Since(began).Seconds()
	b.print(stdout, carried)
	if o.json != "" {
		if err := report.Save(o.json, b.report.Write); err != nil {
			return err
		}
	}
	return b.verdict(carried)
}

// thinker starts the model, in this process: what it does is nothing beside speech.
func (b *bench) thinker(ctx context.Context) (stop func() error, err error) {
	if b.think != "model" {
		return func() error { return nil }, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the model: %w", err)
	}
	b.model = "http://" + ln.Addr().String() + "/v1"
	m := &providertest.OpenAI{Answer: func(r providertest.OpenAIRequest) providertest.OpenAIAnswer {
		return providertest.OpenAISay(fresh(r.N))
	}}
	var running sync.WaitGroup
	running.Go(func() { err = m.Run(ctx, ln) })
	return func() error { running.Wait(); return err }, nil
}

// fresh is an answer whose every clause has a number that no other answer has: two sentences, some four seconds.
func fresh(n int) string {
	return fmt.Sprintf("Certainly, your reference is %d. We have noted item %d for you, is there anything else?", 1000+n, 20_000+n)
}

// start starts a server with local speech, and these settings besides.
func (b *bench) start(ctx context.Context, data string, settings ...string) (*serve.Server, error) {
	env := []string{
		"PARLEY_EAR=local", "PARLEY_STT=local", "PARLEY_TTS=local", "PARLEY_LLM=flow", "PARLEY_SPEECH_WORKERS=" + strconv.Itoa(b.workers),
		"PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0s",
	}
	if dir := os.Getenv("PARLEY_SPEECH_DIR"); dir != "" {
		env = append(env, "PARLEY_SPEECH_DIR="+dir)
	}
	where := vendors.Addresses{Deepgram: "ws://127.0.0.1:9", OpenAI: "http://127.0.0.1:9/v1"} // nobody is there
	if b.model != "" {
		where.OpenAI = b.model
		env = append(env, "PARLEY_LLM=openai")
	}
	return serve.Subject{Binary: b.binary, Core: -1, Data: data, Vendors: where, Env: append(env, settings...)}.Start(ctx)
}

// on runs f with a server.
func (b *bench) on(ctx context.Context, f func(*serve.Server) error, settings ...string) (err error) {
	data, err := os.MkdirTemp("", "parley-offline-data")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	s, err := b.start(ctx, data, settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := b.warm(ctx, s); err != nil {
		return err
	}
	return f(s)
}

// climb tries more and more callers, and returns the most that were carried.
func (b *bench) climb(ctx context.Context) (carried int, err error) {
	err = b.on(ctx, func(s *serve.Server) error {
		for n := 1; n <= b.most; n = more(n) {
			step, err := b.step(ctx, s, open, n)
			if err != nil {
				return err
			}
			if len(step.Failed) > 0 {
				return nil
			}
			carried = n
		}
		return nil
	}, "PARLEY_MAX_SPEECH_WAIT=0s")
	return carried, err
}

// more is the next number of callers: 1, 2, 3, 4, 6, 8, 12, 16, 24, ...
func more(n int) int {
	switch {
	case n < 4:
		return n + 1
	case n&(n-1) == 0:
		return n + n/2
	default:
		return n + n/3
	}
}

// admit offers half as much again as is carried to a server that may refuse.
func (b *bench) admit(ctx context.Context, carried int) error {
	return b.on(ctx, func(s *serve.Server) error {
		_, err := b.step(ctx, s, barred, max(2, (3*carried+1)/2))
		return err
	})
}

// step has so many callers call for a while, and judges what they heard.
func (b *bench) step(ctx context.Context, s *serve.Server, server string, n int) (report.Step, error) {
	fmt.Fprintf(b.out, "%s: %d callers, %v\n", server, n, b.hold)
	crowd := &crowd{url: s.URL + "/twilio/voice", flow: b.think == "flow"}
	calling, hangUp := context.WithCancel(ctx)
	defer hangUp()
	began := time.Now()
	for i := range n {
		crowd.work.Go(func() { crowd.caller(calling, i, n) })
	}
	if err := rest(ctx, settle); err != nil {
		return report.Step{}, err
	}
	before, err := scrape(ctx, s.URL)
	if err != nil {
		return report.Step{}, err
	}
	from, meter := time.Now(), machine.NewMeter()
	if err := rest(ctx, b.hold); err != nil {
		return report.Step{}, err
	}
	after, err := scrape(ctx, s.URL)
	if err != nil {
		return report.Step{}, err
	}
	to, others := time.Now(), meter.Others()
	hangUp()
	crowd.work.Wait()
	step := crowd.tell(from, to)
	step.Server, step.Round, step.Calls = server, 1, n
	step.At, step.Held, step.Others = from.Sub(began).Seconds(), to.Sub(from).Seconds(), others
	before.tell(after, &step)
	b.judge(&step)
	b.report.Steps = append(b.report.Steps, step)
	fmt.Fprintf(b.out, "  %s\n", summary(step))
	return step, s.Healthy(ctx)
}

// settle is how long callers call before they count: until the first of each has said something.
const settle = 8 * time.Second

// judge says which bars a step has missed.
func (b *bench) judge(s *report.Step) {
	if others := s.Others; others > crowded {
		s.Void = fmt.Sprintf("others had %.0f %% of the machine", 100*others)
	}
	bar := float64(b.bar) / float64(time.Millisecond)
	if w := s.Times[report.WordWait]; w.P90 > bar {
		s.Failed = append(s.Failed, fmt.Sprintf("words p90 %s ms: at most %s ms", report.Number(w.P90), report.Number(bar)))
	}
	if n := s.Counts[report.Apologies]; n > 0 {
		s.Failed = append(s.Failed, fmt.Sprintf("%d apologies", n))
	}
	if n := s.Counts[report.Unanswered]; n > 0 {
		s.Failed = append(s.Failed, fmt.Sprintf("%d turns without an answer", n))
	}
	if s.Counts[report.Turns] == 0 {
		s.Failed = append(s.Failed, "no turn was answered")
	}
}

// warm waits until the models are there: the first call that is answered.
func (b *bench) warm(ctx context.Context, s *serve.Server) error {
	fmt.Fprintln(b.out, "loading the models")
	c := &crowd{url: s.URL + "/twilio/voice", flow: b.think == "flow"}
	if _, err := c.place(ctx, "hear within=60s", "hangup"); err != nil {
		return fmt.Errorf("first call: %w", err)
	}
	return nil
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
