package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime/trace"
	"time"
)

// debugging says where the runtime can be looked into.
type debugging struct {
	DebugAddr   string        `help:"Address that shows /debug/pprof/ and /debug/flight, such as 127.0.0.1:6060: an address of this machine's own alone, unless --debug-public. Empty: nothing listens." placeholder:"ADDR" var:"PARLEY_DEBUG_ADDR"`
	DebugPublic bool          `help:"--debug-addr may be one that others reach: whoever does can read memory and slow calls down." default:"false" var:"PARLEY_DEBUG_PUBLIC"`
	DebugFlight time.Duration `help:"How far back /debug/flight reaches, where --debug-addr is set; up to 1m. It keeps the runtime's trace in memory, 64 MiB at most. 0s: it is off." default:"10s" var:"PARLEY_DEBUG_FLIGHT"`
}

// flightMemory is how many bytes of trace are kept at most.
const flightMemory = 64 << 20

// check says all that is wrong with it.
func (c *debugging) check() (bad []error) {
	if c.DebugFlight < 0 || c.DebugFlight > time.Minute {
		bad = append(bad, fmt.Errorf("--debug-flight is %v: want 0s to 1m", c.DebugFlight))
	}
	if c.DebugAddr == "" {
		return bad
	}
	host, _, err := net.SplitHostPort(c.DebugAddr)
	switch {
	case err != nil:
		bad = append(bad, fmt.Errorf("--debug-addr is %q: want an address such as 127.0.0.1:6060", c.DebugAddr))
	case !loopback(host) && !c.DebugPublic:
		bad = append(bad, fmt.Errorf("--debug-addr is %q, which others may reach: want one such as 127.0.0.1:6060, or --debug-public (PARLEY_DEBUG_PUBLIC)", c.DebugAddr))
	}
	return bad
}

// loopback says whether only this machine itself reaches a host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// window is a listener beside the public one, by which one looks into the runtime.
type window struct {
	ln     net.Listener
	flight *trace.FlightRecorder // nil: it is off
	log    *slog.Logger
}

// openWindow listens; nil: nobody wants it.
func (c *debugging) openWindow(ctx context.Context, log *slog.Logger) (*window, error) {
	if c.DebugAddr == "" {
		return nil, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.DebugAddr)
	if err != nil {
		return nil, fmt.Errorf("listen at --debug-addr: %w", err)
	}
	w := &window{ln: ln, log: log}
	if c.DebugFlight > 0 {
		w.flight = trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: c.DebugFlight, MaxBytes: flightMemory})
		if err := w.flight.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start flight recorder: %w", err), ln.Close())
		}
	}
	return w, nil
}

// Run serves until ctx is done. What is being fetched then is cut off.
func (w *window) Run(ctx context.Context) error {
	web := &http.Server{Handler: w.routes(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug)}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })()
	if w.flight != nil {
		defer w.flight.Stop()
	}
	w.log.Info("the runtime can be looked into", "url", "http://"+w.ln.Addr().String()+"/debug/pprof/")
	if err := web.Serve(w.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve --debug-addr: %w", err)
	}
	return nil
}

// close ends a window that was never run.
func (w *window) close() error {
	if w == nil {
		return nil
	}
	if w.flight != nil {
		w.flight.Stop()
	}
	return w.ln.Close() //nolint:wrapcheck // it is joined with others
}

func (w *window) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index) // and by their names: allocs, block, goroutine, heap, mutex, threadcreate
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/flight", w.fly)
	return mux
}

// fly sends the last seconds of the runtime's trace, for `go tool trace`.
func (w *window) fly(out http.ResponseWriter, _ *http.Request) {
	if w.flight == nil {
		http.Error(out, "the flight recorder is off: --debug-flight is 0s", http.StatusNotFound)
		return
	}
	out.Header().Set("Content-Type", "application/octet-stream")
	out.Header().Set("Content-Disposition", `attachment; filename="flight.trace"`)
	if _, err := w.flight.WriteTo(out); err != nil { // others may be fetching it
		http.Error(out, "the flight recorder: "+err.Error(), http.StatusConflict)
	}
}
