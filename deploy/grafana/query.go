package main

import (
	"fmt"
	"strings"
)

// of selects a metric's series on the chosen jobs and instances; where are further matchers, such as cause="panic".
func of(metric string, where ...string) string {
	return metric + "{" + strings.Join(append([]string{`job=~"$job"`, `instance=~"$instance"`}, where...), ",") + "}"
}

// rate is how much a counter grows a second.
func rate(selected string) string { return "rate(" + selected + "[$__rate_interval])" }

// sum adds up, by labels if there are any.
func sum(e string, by ...string) string { return grouped("sum", e, by) }

func grouped(how, e string, by []string) string {
	if len(by) == 0 {
		return how + "(" + e + ")"
	}
	return how + " by (" + strings.Join(by, ", ") + ") (" + e + ")"
}

// perSecond and perMinute are how much all chosen counters grow, by labels if there are any.
func perSecond(metric string, by []string, where ...string) string {
	return sum(rate(of(metric, where...)), by...)
}

func perMinute(metric string, by []string, where ...string) string {
	return "60 * " + perSecond(metric, by, where...)
}

// orZero shows a 0 where there is nothing to be shown, of what has no labels.
func orZero(e string) string { return e + " or vector(0)" }

// share is a of b, and 0 where there is no b.
func share(a, b string) string { return a + " / clamp_min(" + b + ", 1e-9)" }

// quantile is of a histogram, be it native or classic: Prometheus has one or the other.
func quantile(q float64, metric string, by []string, where ...string) string {
	native := fmt.Sprintf("histogram_quantile(%v, %s)", q, sum(rate(of(metric, where...)), by...))
	classic := fmt.Sprintf("histogram_quantile(%v, %s)", q, sum(rate(of(metric+"_bucket", where...)), append([]string{"le"}, by...)...))
	return native + " or " + classic
}

// observed is how often a second a histogram was added to.
func observed(metric string, by []string, where ...string) string {
	native := "histogram_count(" + sum(rate(of(metric, where...)), by...) + ")"
	return native + " or " + sum(rate(of(metric+"_count", where...)), by...)
}

// by names labels.
func by(labels ...string) []string { return labels }

// quantileOrZero is the quantile of a histogram without labels, and 0 where nothing was observed: a quantile of nothing is no number.
func quantileOrZero(q float64, metric string) string {
	return orZero("(" + quantile(q, metric, nil) + ") >= 0")
}
