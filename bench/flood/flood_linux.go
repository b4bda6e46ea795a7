package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/bench/machine"
	"parley/bench/phones"
	"parley/bench/serve"
	"parley/bench/vendors"
)

// What the scene is made of.
const (
	calls    = 20
	idle     = 1000 // TCP connections
	deaf     = 100
	knocks   = 10 // probes on new connections
	pause    = time.Second
	patience = 30 * time.Second
)

// flood starts a server with calls, attacks it in every way, and tells how it did.
func flood(ctx context.Context, o options, log io.Writer) (r *report, err error) {
	dir, err := os.MkdirTemp("", "parley-flood-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	mocks, err := vendors.Start(ctx, vendors.Options{}, self)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mocks.Close()) }()
	at, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	server, err := serve.Subject{Binary: o.binary, Core: -1, Data: filepath.Join(dir, "data"), Vendors: mocks.Addresses, Env: []string{
		fmt.Sprintf("PARLEY_SIP_LISTEN=udp://%[1]s,tcp://%[1]s", at), "PARLEY_SIP_OPEN=127.0.0.1/32", "PARLEY_SIP_CODECS=PCMU", "PARLEY_RTP_BIND=127.0.0.1",
		"PARLEY_RTP_PORTS=20000-29999", "PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0", "PARLEY_SILENCE=10m", "PARLEY_DRAIN=1s", "PARLEY_LOG_LEVEL=error",
	}}.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	s := &scene{options: o, server: server, to: at, log: log, report: &report{Quick: o.quick, Rate: o.rate, Lasts: o.lasts.Seconds()}}
	return s.report, s.play(ctx)
}

// freePort is one that neither UDP nor TCP has just now.
func freePort(ctx context.Context) (netip.AddrPort, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find a free port: %w", err)
	}
	return ln.Addr().(*net.TCPAddr).AddrPort(), ln.Close()
}

// A scene is a server with calls, while it is attacked.
type scene struct {
	options
	server *serve.Server
	to     netip.AddrPort
	log    io.Writer
	report *report

	desk  *phones.Desk
	air   *phones.Air
	calls []*phones.Call

	mu    sync.Mutex
	tally *phones.Tally // that is kept now
}

// play sets up the calls, and runs the attacks one after the other.
func (s *scene) play(ctx context.Context) (err error) {
	if s.air, err = phones.NewAir(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.air.Close()) }()
	if s.desk, err = phones.Open(s.to); err != nil {
		return err
	}
	var reader sync.WaitGroup
	defer reader.Wait()
	defer s.desk.Close() //nolint:errcheck // its calls are over, or end with the server
	reader.Go(func() { _ = s.desk.Run() })
	if err := s.begin(ctx); err != nil {
		return err
	}
	talking, stop := context.WithCancel(ctx)
	defer stop()
	talked := make(chan error, 1)
	go func() {
		talked <- s.air.Run(talking, func(time.Duration) *phones.Tally {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.tally
		})
	}()
	if err = s.attack(ctx); err == nil {
		err = s.leave(ctx)
	}
	stop()
	return errors.Join(err, <-talked)
}

// begin makes the calls.
func (s *scene) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i := range calls {
		c, err := s.desk.Call(ctx, "+15550100002", netip.AddrPortFrom(phones.Address(i), s.air.Port()))
		if err != nil {
			return err
		}
		s.air.Begin(c.Sound)
		s.calls = append(s.calls, c)
	}
	return nil
}

// attack runs every attack, between two looks at the server's memory.
func (s *scene) attack(ctx context.Context) error {
	if err := rest(ctx, 5*time.Second); err != nil { // greetings are over, and the heap has what calls need
		return err
	}
	m, err := s.server.Memory()
	if err != nil {
		return err
	}
	s.report.Base = m.Anon
	for _, sources := range []int{1, 1000} {
		for _, method := range methods {
			st := storm{method: method, sources: sources, rate: s.rate, lasts: s.lasts}
			if err := s.endure(ctx, st.String(), func(ctx context.Context) (int, error) { return st.rage(ctx, s.to) }); err != nil {
				return err
			}
		}
	}
	return s.endure(ctx, "TCP crowd", s.crowd)
}

// crowd knocks while a crowd of connections is there.
func (s *scene) crowd(ctx context.Context) (int, error) {
	c, taken := gather(ctx, s.to, idle, deaf)
	defer c.leave()
	for n := range knocks {
		if err := rest(ctx, s.lasts/knocks); err != nil {
			return taken, err
		}
		took, err := knock(ctx, s.to, n)
		if err != nil {
			s.report.Knocks = append(s.report.Knocks, -1)
			fmt.Fprintln(s.log, err)
			continue
		}
		s.report.Knocks = append(s.report.Knocks, millis(took))
	}
	return taken, nil
}

// endure runs one attack, if it is asked for, and looks at the server, its calls and a probe meanwhile.
func (s *scene) endure(ctx context.Context, name string, attack func(context.Context) (int, error)) error {
	if !s.only.MatchString(name) {
		return nil
	}
	meter := machine.NewMeter()
	used, err := machine.Used(s.server.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	tally := &phones.Tally{}
	s.keep(tally)
	watched, stop := context.WithCancel(ctx)
	var (
		beside     sync.WaitGroup
		asker      probe
		peak       int64
		probed, ok error
	)
	beside.Go(func() { probed = asker.run(watched, s.to) })
	beside.Go(func() { peak, ok = s.watch(watched) })
	sent, err := attack(ctx)
	stop()
	beside.Wait()
	took := time.Since(began)
	s.keep(nil)
	after, uerr := machine.Used(s.server.PID())
	if err := errors.Join(err, uerr, probed, ok, rest(ctx, pause)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.keep(nil) // the tally is complete: the air has looked here since
	a := attacked{
		Name: name, Sent: sent, Peak: peak, Asked: asker.asked, Answered: asker.answered, Slowest: millis(asker.slowest), CPU: float64(after-used) / float64(took),
		Heard: tally.Heard, Lost: tally.Lost, Short: tally.Short, Others: meter.Others(),
	}
	if tally.Late != nil && tally.Late.TotalCount() > 0 {
		a.LateP99 = float64(tally.Late.ValueAtQuantile(99)) / 1000
	}
	s.report.Attacks = append(s.report.Attacks, a)
	fmt.Fprintln(s.log, a.line(s.report.Base))
	return nil
}

// keep has the air keep another tally; the one before is complete a beat later.
func (s *scene) keep(t *phones.Tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally = t
}

// watch looks at the server's own memory until ctx ends, and says what was the most.
func (s *scene) watch(ctx context.Context) (peak int64, err error) {
	for ctx.Err() == nil {
		m, err := s.server.Memory()
		if err != nil {
			return peak, err
		}
		peak = max(peak, m.Anon)
		_ = rest(ctx, 200*time.Millisecond) // cut short, the loop ends
	}
	return peak, nil
}

// leave hangs up, reads what the server has heard of the calls, and waits until its memory has gone back.
func (s *scene) leave(ctx context.Context) error {
	m, err := s.server.Memory()
	until := time.Now().Add(3 * time.Minute) // Go collects every two minutes when it has nothing else to do
	for err == nil && !s.quick && m.Anon > s.report.Base+backBar && time.Now().Before(until) {
		if err = rest(ctx, time.Second); err == nil {
			m, err = s.server.Memory()
		}
	}
	if err != nil {
		return err
	}
	s.report.End, s.report.Ended = m.Anon, s.desk.Hung()
	bye, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range s.calls {
		if err := s.desk.Hangup(bye, c); err != nil {
			return err
		}
	}
	if err := rest(ctx, 2*time.Second); err != nil { // records are written
		return err
	}
	figures, err := s.server.Metrics(ctx)
	if err != nil {
		return err
	}
	s.report.Told = int(figures["parley_rtp_loss_ratio_count"])
	if s.report.Told > 0 {
		s.report.InLoss = figures["parley_rtp_loss_ratio_sum"] / float64(s.report.Told)
	}
	s.report.Panics = int(figures["parley_sip_panics_total"])
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

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
