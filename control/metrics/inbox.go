package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/control/inbox"
	"parley/store"
)

// chats are what comes in and goes out by messaging channels.
type chats struct {
	hooks   *prometheus.CounterVec
	ages    *prometheus.HistogramVec
	jobs    *prometheus.CounterVec
	answers *prometheus.HistogramVec
	waiting *prometheus.GaugeVec
	late    *prometheus.GaugeVec
}

func newChats(k maker) chats {
	c := chats{
		hooks:   k.counter("parley_inbox_webhooks_total", "Webhooks of messaging channels: taken, refused (not the channel's own), busy (the database was away: the channel comes again).", "outcome"),
		ages:    k.histogram("parley_inbox_event_seconds", "From when a channel's webhook was taken until what it tells was worked off.", chatting),
		jobs:    k.counter("parley_inbox_jobs_total", "What became of the inbox's jobs, by kind: webhooks (event), files of messages (fetch), sound put into words for people (words), voice notes that bots hear (hear), bots' answers (reply), messages of ours (send); done, put_off (tried again later), failed.", "kind", "outcome"),
		answers: k.histogram("parley_inbox_answer_seconds", "From when somebody's message was written until the bot's answer to it was there to be sent, with the pause for more of a burst.", chatting),
		waiting: k.gauge("parley_inbox_jobs_waiting", "Jobs of the inbox that are due and that nobody has taken, of all nodes, by kind.", "kind"),
		late:    k.gauge("parley_inbox_oldest_seconds", "How long the first of the inbox's jobs has been due that nobody has taken, of all nodes, by kind.", "kind"),
	}
	for _, outcome := range inbox.Receptions() {
		c.hooks.WithLabelValues(outcome)
	}
	for _, kind := range inbox.Kinds() {
		for _, outcome := range inbox.Outcomes() {
			c.jobs.WithLabelValues(string(kind), outcome)
		}
		c.waiting.WithLabelValues(string(kind))
		c.late.WithLabelValues(string(kind))
	}
	c.ages.WithLabelValues()
	c.answers.WithLabelValues()
	return c
}

// Chatting counts what an Inbox does.
func (m *Metrics) Chatting() inbox.Observe {
	c := m.chats
	return inbox.Observe{
		Hooked:   func(outcome string) { c.hooks.WithLabelValues(outcome).Inc() },
		Worked:   func(age time.Duration) { c.ages.WithLabelValues().Observe(age.Seconds()) },
		Settled:  func(kind store.JobKind, outcome string) { c.jobs.WithLabelValues(string(kind), outcome).Inc() },
		Answered: func(after time.Duration) { c.answers.WithLabelValues().Observe(after.Seconds()) },
		Waiting: func(kind store.JobKind, jobs int, late time.Duration) {
			c.waiting.WithLabelValues(string(kind)).Set(float64(jobs))
			c.late.WithLabelValues(string(kind)).Set(late.Seconds())
		},
	}
}
