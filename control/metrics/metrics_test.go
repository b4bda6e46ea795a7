package metrics

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// counted is what a metric says of all series that have these labels, in pairs: their sum; of histograms, how often they were added to.
func counted(t *testing.T, m *Metrics, name string, labels ...string) (sum float64) {
	t.Helper()
	all, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, family := range all {
		if family.GetName() != name {
			continue
		}
		for _, series := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range series.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			fits := true
			for i := 0; i < len(labels); i += 2 {
				fits = fits && has[labels[i]] == labels[i+1]
			}
			if fits {
				found = true
				sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
			}
		}
	}
	if !found {
		t.Errorf("there is no %s %q", name, labels)
	}
	return sum
}

func made() *Metrics {
	return New(Options{Registry: prometheus.NewRegistry(), Legs: []string{"twilio"}, Version: "test"})
}

func want(t *testing.T, m *Metrics, n float64, name string, labels ...string) {
	t.Helper()
	if got := counted(t, m, name, labels...); got != n {
		t.Errorf("%s %q is %v, want %v", name, labels, got, n)
	}
}

// TestCalls: a call is live until it has ended, and is counted once, also one that found no place.
func TestCalls(t *testing.T) {
	t.Parallel()
	m := made()
	in, out := media.Info{Kind: "twilio"}, media.Info{Kind: "twilio", Outbound: true}
	one, other := m.Begin(in), m.Begin(out)
	want(t, m, 2, "parley_calls_live")
	want(t, m, 1, "parley_calls_live", "direction", "outbound")
	ended := pipeline.Ending{Info: in, Cause: media.CauseCaller, Length: 90 * time.Second}
	m.Watch(pipeline.Event{Kind: pipeline.CallEnded, Ending: &ended})
	one(ended)
	want(t, m, 1, "parley_calls_live")
	other(pipeline.Ending{Info: out, Cause: media.CauseRejected, Err: errors.Join(pipeline.ErrFull)}) // of which no event came
	want(t, m, 0, "parley_calls_live")
	want(t, m, 2, "parley_calls_started_total")
	want(t, m, 2, "parley_calls_total")
	want(t, m, 1, "parley_calls_total", "leg", "twilio", "direction", "inbound", "cause", "caller")
	want(t, m, 1, "parley_calls_total", "leg", "twilio", "direction", "outbound", "cause", "rejected")
	want(t, m, 2, "parley_call_duration_seconds")

	m.Ready(20 * time.Millisecond)
	want(t, m, 1, "parley_call_setup_seconds", "stage", "agent")
	m.Taped(CutShort, 7)
	want(t, m, 1, "parley_recordings_total", "outcome", "cut_short")
	want(t, m, 7, "parley_recording_frames_lost_total")
}

func TestTurns(t *testing.T) {
	t.Parallel()
	m := made()
	m.Watch(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{Why: pipeline.ForGreeting, At: 40 * time.Millisecond}})
	m.Watch(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{
		Why: pipeline.ForWords, Cut: true, At: time.Minute,
		Latency: pipeline.Latency{VoiceToVoice: 700 * time.Millisecond, Endpoint: 500 * time.Millisecond, FirstToken: 200 * time.Millisecond},
		Counts:  pipeline.Counts{Tools: 3, ToolErrors: 1},
		Lookup:  &pipeline.Lookup{Took: time.Millisecond, Sources: []pipeline.Source{{Document: "prices"}}},
	}})
	m.Watch(pipeline.Event{Kind: pipeline.ProviderFail, Text: "voice"})
	want(t, m, 1, "parley_call_setup_seconds", "stage", "greeting")
	want(t, m, 1, "parley_turns_total", "why", "greeting", "cut", "no")
	want(t, m, 1, "parley_turns_total", "why", "words", "cut", "yes")
	want(t, m, 1, "parley_turn_latency_seconds", "stage", "voice_to_voice")
	want(t, m, 0, "parley_turn_latency_seconds", "stage", "transcript")
	want(t, m, 2, "parley_tools_total", "outcome", "ok")
	want(t, m, 1, "parley_tools_total", "outcome", "error")
	want(t, m, 1, "parley_knowledge_search_seconds", "outcome", "found")
	want(t, m, 1, "parley_call_faults_total", "part", "voice")
	want(t, m, 2, "parley_events_total", "kind", "turn_ended")
}

func TestVendors(t *testing.T) {
	t.Parallel()
	m := made()
	m.Expect("acme", "llm", []string{"late", "other"})
	m.Expect("acme", "tts", []string{"late", "other"})
	for _, name := range []string{"parley_provider_requests_total", "parley_provider_failures_total", "parley_provider_first_seconds", "parley_provider_tokens_total", "parley_provider_characters_total", "parley_provider_fallbacks_total"} {
		want(t, m, 0, name, "provider", "acme")
	}
	m.Used(Use{Provider: "acme", Kind: "llm", Outcome: "ok", First: time.Second, Input: 100, Cached: 60, Output: 7})
	m.Used(Use{Provider: "acme", Kind: "tts", Outcome: "late", Characters: 30})
	m.Used(Use{Provider: "acme", Kind: "tts", Outcome: "cut", First: time.Second, Characters: 12, Sound: 2 * time.Second})
	m.Used(Use{Provider: "acme", Kind: "stt", First: time.Second, Sound: 3 * time.Second}) // goes on
	m.Fell("acme", "tts")
	want(t, m, 1, "parley_provider_requests_total", "kind", "llm", "outcome", "ok")
	want(t, m, 1, "parley_provider_requests_total", "kind", "tts", "outcome", "failed")
	want(t, m, 1, "parley_provider_requests_total", "kind", "tts", "outcome", "cut")
	want(t, m, 3, "parley_provider_requests_total")
	want(t, m, 1, "parley_provider_failures_total", "class", "late")
	want(t, m, 1, "parley_provider_failures_total")
	want(t, m, 3, "parley_provider_first_seconds")
	want(t, m, 100, "parley_provider_tokens_total", "type", "input")
	want(t, m, 60, "parley_provider_tokens_total", "type", "cached")
	want(t, m, 42, "parley_provider_characters_total")
	want(t, m, 5, "parley_provider_audio_seconds_total")
	want(t, m, 1, "parley_provider_fallbacks_total", "kind", "tts")
	m.Breaker("acme", "llm", Open)
	m.TurnedAway("acme", "llm", "broken")
	m.Retried("acme", "tts")
	m.Hedged("acme", true)
	want(t, m, 1, "parley_provider_breaker", "kind", "llm")
	want(t, m, 1, "parley_provider_turned_away_total", "why", "broken")
	want(t, m, 1, "parley_provider_retries_total", "kind", "tts")
	want(t, m, 1, "parley_provider_hedges_total", "outcome", "won")
	want(t, m, 0, "parley_provider_hedges_total", "outcome", "lost")
}

func TestDesk(t *testing.T) {
	t.Parallel()
	m := made()
	m.Request("/api/v1/calls/{id}", "GET", 404, time.Millisecond)
	m.Request("/api/v1/calls/{id}", "GET", 200, time.Millisecond)
	m.Webhook("call_completed", "timeout", time.Second)
	d := m.Dialling()
	d.Begun(time.Minute)
	d.Asked("placed")
	d.Settled("busy")
	want(t, m, 2, "parley_http_request_duration_seconds", "route", "/api/v1/calls/{id}")
	want(t, m, 1, "parley_http_requests_total", "class", "4xx")
	want(t, m, 1, "parley_webhook_seconds", "event", "call_completed", "outcome", "timeout")
	want(t, m, 1, "parley_task_wait_seconds")
	want(t, m, 1, "parley_dial_requests_total", "outcome", "placed")
	want(t, m, 1, "parley_dials_settled_total", "cause", "busy")
}

func TestChats(t *testing.T) {
	t.Parallel()
	m := made()
	o := m.Chatting()
	o.Hooked("taken")
	o.Worked(time.Second)
	o.Settled(store.SendJob, "put_off")
	o.Answered(3 * time.Second)
	o.Waiting(store.ReplyJob, 7, time.Minute)
	want(t, m, 1, "parley_inbox_webhooks_total", "outcome", "taken")
	want(t, m, 0, "parley_inbox_webhooks_total", "outcome", "refused")
	want(t, m, 1, "parley_inbox_event_seconds")
	want(t, m, 1, "parley_inbox_jobs_total", "kind", "send", "outcome", "put_off")
	want(t, m, 0, "parley_inbox_jobs_total", "kind", "send", "outcome", "done")
	want(t, m, 1, "parley_inbox_answer_seconds")
	want(t, m, 7, "parley_inbox_jobs_waiting", "kind", "reply")
	want(t, m, 60, "parley_inbox_oldest_seconds", "kind", "reply")
	want(t, m, 0, "parley_inbox_jobs_waiting", "kind", "send")
	for _, kind := range []store.JobKind{store.FetchJob, store.WordsJob} { // which wait as others do
		want(t, m, 0, "parley_inbox_jobs_waiting", "kind", string(kind))
		want(t, m, 0, "parley_inbox_jobs_total", "kind", string(kind), "outcome", "failed")
	}
}

// TestReading: what others count is asked for once a scrape, whatever is made of it.
func TestReading(t *testing.T) {
	t.Parallel()
	m, asked := made(), 0
	read(m.Registry, func() int { asked++; return asked },
		gauge("parley_test_gauge", "For a test.", prometheus.Labels{"of": "a"}, func(n int) float64 { return float64(n) }),
		gauge("parley_test_gauge", "For a test.", prometheus.Labels{"of": "b"}, func(n int) float64 { return float64(10 * n) }),
		counter("parley_test_total", "For a test.", nil, func(n int) int { return n }),
	)
	want(t, m, 11, "parley_test_gauge")
	want(t, m, 2, "parley_test_total")
}

// TestWordsAreAll: causes, events and reasons that somebody adds have a series from the start, too.
func TestWordsAreAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, kind string
		known      []string
	}{
		{"../../media/media.go", "Cause", texts(causes)},
		{"../../pipeline/event.go", "EventKind", texts(kinds)},
		{"../../pipeline/pipeline.go", "Reason", texts(reasons)},
	} {
		said := constants(t, c.file, c.kind)
		if len(said) < 5 {
			t.Errorf("%s has %d words of %s: the test looks at the wrong place", c.file, len(said), c.kind)
		}
		for _, word := range said {
			if !slices.Contains(c.known, word) {
				t.Errorf("%s %q is not known to metrics", c.kind, word)
			}
		}
	}
}

func texts[T ~string](all []T) (texts []string) {
	for _, v := range all {
		texts = append(texts, string(v))
	}
	return texts
}

// constants are the texts of a file's constants of a type.
func constants(t *testing.T, file, kind string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == kind {
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(lit.Value)
					all = append(all, text)
				}
			}
		}
		return true
	})
	return all
}
