package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// figures are what a server tells of itself at /metrics.
type figures struct {
	goroutines, descriptors, gcs, allocated, mallocs int64
}

// patience is how long a server may take to tell.
const patience = 5 * time.Second

// readFigures asks a server for its metrics.
func readFigures(url string) (f figures, err error) {
	client := http.Client{Timeout: patience}
	resp, err := client.Get(url) //nolint:noctx // it has a timeout
	if err != nil {
		return f, fmt.Errorf("read metrics: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return f, fmt.Errorf("read metrics: %w", err)
	}
	for name, to := range map[string]*int64{
		"go_goroutines": &f.goroutines, "process_open_fds": &f.descriptors, "go_gc_duration_seconds": &f.gcs,
		"go_memstats_alloc_bytes_total": &f.allocated, "go_memstats_mallocs_total": &f.mallocs,
	} {
		family, ok := all[name]
		if !ok || len(family.GetMetric()) == 0 {
			return f, fmt.Errorf("read metrics: there is no %s", name)
		}
		m := family.GetMetric()[0]
		switch {
		case m.GetSummary() != nil:
			*to = int64(m.GetSummary().GetSampleCount())
		case m.GetCounter() != nil:
			*to = int64(m.GetCounter().GetValue())
		default:
			*to = int64(m.GetGauge().GetValue())
		}
	}
	return f, nil
}

// rss is how much memory a process has in use, in bytes (proc(5), statm).
func rss(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read memory in use: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}
