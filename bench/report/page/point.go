package page

import (
	"strings"

	"parley/bench/report"
)

// A point is a server that had one load, beside others whose load was varied: another situation of one of these. A row of a table says all of it.
type point struct {
	Server, Class, Load string
	Word, WordClass     string // whether it was carried
	Failed              string
	Late, Voice         string // p50 and p99, in milliseconds
	CPU, KB             string
}

// isPoint says whether a server had one load while another had several.
func isPoint(r *report.Report, server string) bool {
	if len(r.Ladder(server)) > 1 {
		return false
	}
	for _, other := range r.Servers() {
		if len(r.Ladder(other)) > 1 {
			return true
		}
	}
	return false
}

// newPoint is that of the i-th server.
func newPoint(r *report.Report, server string, i int) point {
	g := r.Ladder(server)[0]
	p := point{Server: server, Class: colour(i), Load: g.Load.String(), Word: "carried", WordClass: "good"}
	switch {
	case g.Void() != "":
		p.Word, p.WordClass, p.Failed = "void", "", g.Void()
	case !g.Carried():
		p.Word, p.WordClass, p.Failed = "not carried", "fair", strings.Join(g.Failed(), "; ")
	}
	both := func(name string) string {
		p50, ok := g.Median(report.Percentile(name, report.P50))
		p99, _ := g.Median(report.Percentile(name, report.P99))
		if !ok {
			return ""
		}
		return report.Number(p50) + ", " + report.Number(p99)
	}
	one := func(of func(report.Step) (float64, bool)) string {
		v, ok := g.Median(of)
		if !ok {
			return ""
		}
		return report.Number(v)
	}
	p.Late, p.Voice, p.CPU, p.KB = both(report.Lateness), both(report.VoiceVoice), one(report.CPUPerCall), one(report.MemoryPerCall)
	return p
}
