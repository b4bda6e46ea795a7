// Package vitals reads what a server says of itself while others load it: its processor time, its memory, its goroutines.
//
//	GET /metrics ──┐
//	/proc/PID ─────┴──▶ Reading before, Reading after ──▶ report.Usage
//	GET /debug/pprof/ ──▶ a profile, as it comes
//
// It asks twice a step and no more: who asks often is load himself.
package vitals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"parley/bench/machine"
	"parley/bench/report"
)

// A Source is where a server's figures come from. One of URL and PID must be set; where both are, the process's own come from the kernel.
type Source struct {
	URL    string       // of its metrics, in Prometheus' text
	PID    int          // of its process on this machine, for processor time and memory; 0: it is elsewhere
	Client *http.Client // default: http.DefaultClient
}

// A Reading is how a server stood at a time. What it does not tell is 0.
type Reading struct {
	At          time.Time
	CPU         time.Duration // since it began
	RSS         int64         // bytes
	Goroutines  int64
	Descriptors int64
	GCs         int64 // cycles since it began
	Allocated   int64 // bytes since it began
	Mallocs     int64 // objects since it began
	Clears      Times // from a decision that the agent yields until clear is at the carrier's socket (parley_clear_seconds), since it began
}

// Read asks once. Several goroutines may.
func (s Source) Read(ctx context.Context) (r Reading, err error) {
	r.At = time.Now()
	if s.URL != "" {
		if err := s.metrics(ctx, &r); err != nil {
			return Reading{}, fmt.Errorf("read %s: %w", s.URL, err)
		}
	}
	if s.PID != 0 {
		if err := process(s.PID, &r); err != nil {
			return Reading{}, fmt.Errorf("read process %d: %w", s.PID, err)
		}
	}
	if s.URL == "" && s.PID == 0 {
		return Reading{}, errors.New("neither metrics nor a process to read")
	}
	return r, nil
}

func (s Source) client() *http.Client {
	if s.Client == nil {
		return http.DefaultClient
	}
	return s.Client
}

// metrics reads the names that Prometheus' Go and process collectors have.
func (s Source) metrics(ctx context.Context, r *Reading) error {
	answer, err := get(ctx, s.client(), s.URL)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	r.At = time.Now()
	seen := false
	dec := expfmt.NewDecoder(answer.Body, expfmt.ResponseFormat(answer.Header))
	for {
		var f dto.MetricFamily
		switch err := dec.Decode(&f); {
		case errors.Is(err, io.EOF) && !seen:
			return errors.New("there are no figures of a Go process")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("parse metrics: %w", err)
		}
		if len(f.Metric) == 0 {
			continue
		}
		m, known := f.Metric[0], true
		switch f.GetName() {
		case "parley_clear_seconds":
			r.Clears, known = timesOf(m.GetHistogram()), false
		case "process_cpu_seconds_total":
			r.CPU = time.Duration(m.GetCounter().GetValue() * float64(time.Second))
		case "process_resident_memory_bytes":
			r.RSS = int64(m.GetGauge().GetValue())
		case "process_open_fds":
			r.Descriptors = int64(m.GetGauge().GetValue())
		case "go_goroutines":
			r.Goroutines = int64(m.GetGauge().GetValue())
		case "go_gc_duration_seconds":
			r.GCs = int64(m.GetSummary().GetSampleCount())
		case "go_memstats_alloc_bytes_total":
			r.Allocated = int64(m.GetCounter().GetValue())
		case "go_memstats_mallocs_total":
			r.Mallocs = int64(m.GetCounter().GetValue())
		default:
			known = false
		}
		seen = seen || known
	}
}

// accept prefers what costs the server least, and holds native histograms; who knows only text answers with that.
const accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// get asks for a page that must be there.
func get(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s", answer.Status)
	}
	return answer, nil
}

// process reads what the kernel tells of a process (proc(5)).
func process(pid int, r *Reading) (err error) {
	r.At = time.Now()
	if r.CPU, err = machine.Used(pid); err != nil {
		return err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return fmt.Errorf("/proc/%d/statm has %q", pid, text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return fmt.Errorf("/proc/%d/statm: %w", pid, err)
	}
	r.RSS = pages * int64(os.Getpagesize())
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil { // another user's are not shown
		r.Descriptors = int64(len(open))
	}
	return nil
}

// Usage is what the server used from one reading to another; idle is how it stood before the first call.
func Usage(idle, from, to Reading) report.Usage {
	u := report.Usage{
		RSS: to.RSS, RSSIdle: idle.RSS, Goroutines: to.Goroutines, Descriptors: to.Descriptors,
		GCs: to.GCs - from.GCs, Allocated: to.Allocated - from.Allocated, Mallocs: to.Mallocs - from.Mallocs,
	}
	if took := to.At.Sub(from.At); took > 0 {
		u.CPU = float64(to.CPU-from.CPU) / float64(took)
	}
	return u
}
