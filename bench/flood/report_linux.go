package main

import (
	"errors"
	"fmt"
	"io"
)

// What is held against the server.
const (
	growBar = 64 << 20 // bytes
	backBar = 32 << 20 // bytes above the base, in the end: Go lets the heap grow to twice the 15 MB that live, and before the attacks it has not
	lossBar = 0.001    // of the calls' packets, each way
	askBar  = 0.5      // of the probes over UDP: the kernel drops what a full buffer has no room for
)

// attacked is how one attack was borne.
type attacked struct {
	Name     string  `json:"name"`
	Sent     int     `json:"sent"`       // messages, or connections
	Peak     int64   `json:"peak_bytes"` // of the server's own memory
	Asked    int     `json:"probes"`
	Answered int     `json:"probes_answered"`
	Slowest  float64 `json:"probe_max_ms"`
	Heard    int64   `json:"packets_heard"` // of the calls
	Lost     int64   `json:"packets_lost"`
	Short    int64   `json:"packets_short"` // that the time holds more than what came
	LateP99  float64 `json:"late_p99_ms"`
	CPU      float64 `json:"server_cpu"`
	Others   float64 `json:"others_cpu"` // of the machine, by other processes
}

// line is an attack in one line.
func (a attacked) line(base int64) string {
	return fmt.Sprintf("%-19s %7d sent  memory %+6.1f MB  probes %d of %d answered, slowest %.0f ms  calls: %d packets heard, %d lost, %d short, late p99 %.1f ms  server %.0f %%  others %.0f %%",
		a.Name, a.Sent, megabytes(a.Peak-base), a.Answered, a.Asked, a.Slowest, a.Heard, a.Lost, a.Short, a.LateP99, 100*a.CPU, 100*a.Others)
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

// report is all that was seen.
type report struct {
	Quick   bool       `json:"quick"`
	Rate    int        `json:"rate"`
	Lasts   float64    `json:"lasts_s"`
	Base    int64      `json:"base_bytes"` // the server's own memory with its calls, before
	End     int64      `json:"end_bytes"`  // and after
	Attacks []attacked `json:"attacks"`
	Knocks  []float64  `json:"knocks_ms"` // probes on new TCP connections; -1: not answered
	Ended   int        `json:"calls_ended"`
	Told    int        `json:"calls_told"`
	InLoss  float64    `json:"loss_in"` // of the phones' packets, as the server saw it, in the mean of the calls
	Panics  int        `json:"panics"`
}

// verdict tells how it went, and what was missed. What depends on how fast the machine is, is not held against the server in a quick run.
func (r *report) verdict(to io.Writer) error {
	var bad, slow []error
	miss := func(list *[]error, text string, args ...any) { *list = append(*list, fmt.Errorf(text, args...)) }
	for _, a := range r.Attacks {
		if grown := a.Peak - r.Base; grown > growBar {
			miss(&bad, "%s: memory grew by %.1f MB, at most %d", a.Name, megabytes(grown), growBar>>20)
		}
		if share := float64(max(a.Lost, a.Short)) / float64(max(1, a.Heard+a.Lost)); a.Heard == 0 || share > lossBar {
			miss(&slow, "%s: %.3f %% of the calls' packets lost, at most %.1f %%", a.Name, 100*share, 100*lossBar)
		}
		if float64(a.Answered) < askBar*float64(a.Asked) {
			miss(&slow, "%s: %d of %d probes answered", a.Name, a.Answered, a.Asked)
		}
		if a.Answered == 0 || a.Sent == 0 {
			miss(&bad, "%s: %d probes answered, %d sent", a.Name, a.Answered, a.Sent)
		}
	}
	worst := 0.0
	for _, ms := range r.Knocks {
		worst = max(worst, ms)
		if ms < 0 {
			miss(&bad, "a probe on a new connection was not answered")
		}
	}
	if worst > millis(quickly) {
		miss(&slow, "a probe on a new connection was answered in %.0f ms, at most %.0f", worst, millis(quickly))
	}
	if r.End > r.Base+backBar {
		miss(&slow, "memory is %.1f MB above what it was before, at most %d", megabytes(r.End-r.Base), backBar>>20)
	}
	if r.Ended > 0 || r.Told != calls || r.Panics > 0 {
		miss(&bad, "%d calls ended by themselves, %d of %d told of their sound, %d panics", r.Ended, r.Told, calls, r.Panics)
	}
	if r.InLoss > lossBar {
		miss(&slow, "the server lost %.3f %% of what the phones sent, at most %.1f %%", 100*r.InLoss, 100*lossBar)
	}
	fmt.Fprintf(to, "memory %.1f MB before, %.1f MB after; %d calls lost %.4f %% of what they sent; a probe on a new TCP connection took %.1f ms at most\n",
		megabytes(r.Base), megabytes(r.End), r.Told, 100*r.InLoss, worst)
	if r.Quick {
		for _, err := range slow {
			fmt.Fprintln(to, "not held against it in a quick run:", err)
		}
		return errors.Join(bad...)
	}
	return errors.Join(append(bad, slow...)...)
}
