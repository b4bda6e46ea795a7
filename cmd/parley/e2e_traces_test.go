//go:build e2e

package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/tracing"
	"parley/control/tracing/tracingtest"
)

// hop passes requests on to a vendor, and keeps the traceparent of each.
type hop struct {
	mu  sync.Mutex
	got []string
}

func (h *hop) to(t *testing.T, target string) http.Handler {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	next := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.Header.Get("traceparent"); p != "" {
			h.mu.Lock()
			h.got = append(h.got, p)
			h.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// TestEndToEndTraces: the real server tells a collector of a call: the tree as docs/traces.md promises it, with times that agree with the
// call's record; log lines and the model's vendor know the trace, and a request to the API goes on its client's.
func TestEndToEndTraces(t *testing.T) {
	t.Parallel()
	collector, model := tracingtest.Listen(t), &hop{}
	env := mockVendors(t)
	i := slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, "OPENAI_BASE_URL=") })
	_, target, _ := strings.Cut(env[i], "=")
	between := httptest.NewServer(model.to(t, target))
	t.Cleanup(between.Close)
	env[i] = "OPENAI_BASE_URL=" + between.URL + "/v1"
	n := serve(t, append(env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test",
		"PARLEY_TRACE_VENDORS=true")...)
	r, err := n.place(t.Context(), "hear", "say agent-pass", "hear", "hangup")
	if err != nil {
		t.Fatal(err)
	}
	call := n.record(r.CallSID)
	id := tracing.TraceID(call.ID).String()
	if id != strings.ReplaceAll(call.ID, "-", "") {
		t.Errorf("the trace of call %s is %s", call.ID, id)
	}
	until(t, time.Minute, "the conversation is told", func() bool { return strings.HasPrefix(collector.Tree(id), "conversation\n") })

	turn := "  turn\n    chat gpt-4.1-mini\n    tts deepgram\n    playout\n"
	words := "  turn\n    stt deepgram\n    chat gpt-4.1-mini\n    tts deepgram\n    playout\n"
	if diff := cmp.Diff("conversation\n"+turn+words, collector.Tree(id)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	checkTimes(t, collector.Spans(id), call)

	if line := "call=" + call.ID + " leg=twilio trace_id=" + id; !strings.Contains(n.log.String(), line) {
		t.Errorf("no log line has %q", line)
	}
	model.mu.Lock()
	if want := "00-" + id + "-" + tracing.SpanID(call.ID, 2).String() + "-01"; !slices.Contains(model.got, want) {
		t.Errorf("the model was told %q, want %q among them", model.got, want)
	}
	model.mu.Unlock()

	const parent = "0af7651916cd43dd8448eb211c80319c"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/v1/calls/"+call.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	until(t, time.Minute, "the request is told", func() bool { return collector.Tree(parent) == "GET /api/v1/calls/{id}\n" })
	if sent, dropped := n.metric("parley_traces_sent_total"), n.metric("parley_traces_dropped_total"); sent < 10 || dropped != 0 {
		t.Errorf("%v spans sent, %v dropped", sent, dropped)
	}
}

// checkTimes holds the spans of a call against its record.
func checkTimes(t *testing.T, spans []tracingtest.Span, call callRow) {
	t.Helper()
	root := spans[0]
	if off := root.Took().Seconds() - call.Seconds; off < -1 || off > 1 { // the record has whole seconds, or milliseconds
		t.Errorf("the conversation lasted %v, by the record %v s", root.Took(), call.Seconds)
	}
	if env := root.Resource["deployment.environment.name"]; env != "test" || root.Resource["service.name"] != "parley" {
		t.Errorf("resource %v", root.Resource)
	}
	agree := func(what string, got time.Duration, want int64) {
		t.Helper()
		if off := got - time.Duration(want)*time.Millisecond; off < -time.Millisecond || off > time.Millisecond {
			t.Errorf("%s: %v, by the record %d ms", what, got, want)
		}
	}
	for _, turn := range spans {
		number, ok := turn.Attributes["parley.turn.number"].(int64)
		if !ok {
			continue
		}
		i := slices.IndexFunc(call.Turns, func(r turnRow) bool { return int64(r.N) == number })
		if i < 0 {
			t.Errorf("the record has no turn %d", number)
			continue
		}
		row, parts := call.Turns[i], map[string]tracingtest.Span{}
		for _, s := range spans {
			if stage, ok := s.Attributes["parley.stage"].(string); ok && s.Parent == turn.ID {
				parts[stage] = s
			}
			if s.Begin.Before(root.Begin) || s.End.After(root.End) {
				t.Errorf("%s is not within its conversation", s.Name)
			}
		}
		agree("heard", parts["playout"].Took(), row.SoundedMS)
		agree("first frame", parts["playout"].Begin.Sub(root.Begin), row.OffsetMS)
		wait, ok := row.Latency["voice_to_voice"]
		if !ok {
			continue
		}
		for _, e := range parts["stt"].Events {
			if e.Name == "last_voiced_frame" {
				agree("voice to voice", parts["playout"].Begin.Sub(e.At), wait)
			}
			if e.Name == "judged_over" {
				agree("first token", parts["tts"].Begin.Sub(later(parts["stt"].End, parts["llm"].Begin)), row.Latency["first_token"])
			}
		}
		if s, ok := turn.Attributes["parley.latency.voice_to_voice"].(float64); !ok {
			t.Error("a turn that answers words says no latency")
		} else {
			agree("voice to voice, as told", time.Duration(s*float64(time.Second)), wait)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestEndToEndDeadCollector: traces that nobody takes cost the call nothing, and the server ends well.
func TestEndToEndDeadCollector(t *testing.T) {
	t.Parallel()
	collector := tracingtest.Listen(t)
	release := collector.Hold()
	defer release()
	n := serve(t, append(mockVendors(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=10")...)
	for range 2 {
		r, err := n.place(t.Context(), "hear", "say agent-pass", "hear", "hangup")
		if err != nil {
			t.Fatal(err)
		}
		for _, turn := range r.Turns {
			if !turn.Answered {
				t.Errorf("%q was not answered", turn.Step)
			}
		}
	}
	n.stop()
	if !strings.Contains(n.log.String(), "the last traces are lost") {
		t.Error("nobody was told that traces are lost")
	}
}
