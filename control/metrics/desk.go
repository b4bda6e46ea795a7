package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/control/dialer"
	"parley/control/preanswer"
	"parley/media"
	"parley/store"
)

// desk is what is asked of the control plane, and by it.
type desk struct {
	requests *prometheus.HistogramVec
	answers  *prometheus.CounterVec
	webhooks *prometheus.HistogramVec
	asked    *prometheus.HistogramVec
	waits    *prometheus.HistogramVec
	orders   *prometheus.CounterVec
	settled  *prometheus.CounterVec
}

func newDesk(k maker) desk {
	d := desk{
		requests: k.histogram("parley_http_request_duration_seconds", "Requests to the API, by the pattern of their route.", serving, "route", "method"),
		answers:  k.counter("parley_http_requests_total", "Requests to the API, by the class of their status: 2xx, 4xx, 5xx.", "route", "method", "class"),
		webhooks: k.histogram("parley_webhook_seconds", "Tries of webhooks, by event and outcome.", []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "event", "outcome"),
		asked:    k.histogram("parley_preanswer_seconds", "Questions about calls before they were answered, both tries together, by outcome: heeded, empty, rejected; timeout, unreachable, refused, wrong, forbidden, unsigned, abandoned (then the fallback was done).", []float64{.01, .025, .05, .1, .25, .5, 1, 2, 5}, "outcome"),
		waits:    k.histogram("parley_task_wait_seconds", "From when a task was due until its call was begun.", lasting),
		orders:   k.counter("parley_dial_requests_total", "Calls that carriers were asked for, by their answer: placed, refused, untaken (they may be asked again), lost (it is looked into).", "outcome"),
		settled:  k.counter("parley_dials_settled_total", "Calls of tasks that did not come about, by cause.", "cause"),
	}
	d.requests.WithLabelValues("none", "GET")
	for _, class := range []string{"2xx", "4xx", "5xx"} {
		d.answers.WithLabelValues("none", "GET", class)
	}
	for _, event := range []string{store.CallStarted, store.CallCompleted, store.CallFailed, store.WebhookTest} {
		for _, outcome := range []string{"delivered", "refused", "timeout", "forbidden", "unreachable", "disabled"} {
			d.webhooks.WithLabelValues(event, outcome)
		}
	}
	for _, outcome := range preanswer.Outcomes() {
		d.asked.WithLabelValues(outcome)
	}
	d.waits.WithLabelValues()
	for _, outcome := range dialer.Outcomes() {
		d.orders.WithLabelValues(outcome)
	}
	for _, cause := range []string{store.CauseBusy, store.CauseNoAnswer, store.CauseCancelled, store.CauseUnplaced, store.CausePermission, string(media.CauseCarrier), store.CauseCrash} {
		d.settled.WithLabelValues(cause)
	}
	return d
}

// Request counts a request to the API, by the pattern of its route.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.desk.requests.WithLabelValues(route, method).Observe(took.Seconds())
	m.desk.answers.WithLabelValues(route, method, strconv.Itoa(status/100)+"xx").Inc()
}

// Webhook counts a try of a webhook.
func (m *Metrics) Webhook(event, outcome string, took time.Duration) {
	m.desk.webhooks.WithLabelValues(event, outcome).Observe(took.Seconds())
}

// Asked counts a call that was asked about before it was answered.
func (m *Metrics) Asked(outcome string, took time.Duration) {
	m.desk.asked.WithLabelValues(outcome).Observe(took.Seconds())
}

// Dialling counts what a Dialer does.
func (m *Metrics) Dialling() dialer.Observe {
	return dialer.Observe{
		Begun:   func(late time.Duration) { m.desk.waits.WithLabelValues().Observe(late.Seconds()) },
		Asked:   func(outcome string) { m.desk.orders.WithLabelValues(outcome).Inc() },
		Settled: func(cause string) { m.desk.settled.WithLabelValues(cause).Inc() },
	}
}
