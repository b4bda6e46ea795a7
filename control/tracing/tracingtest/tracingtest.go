// Package tracingtest is a collector of traces for tests: OTLP over HTTP on a real socket.
//
//	Tracer ──POST /v1/traces, protobuf──▶ Collector ──▶ Spans, Tree
package tracingtest

import (
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Span is one that has arrived.
type Span struct {
	Trace, ID, Parent string // in hex
	Name              string
	Kind              string // internal, server, client
	Begin, End        time.Time
	Attributes        map[string]any // string, bool, int64 or float64
	Resource          map[string]any
	Events            []Event // in order
	Failed            bool
}

// An Event is something that happened in a Span.
type Event struct {
	Name string
	At   time.Time
}

// Took is how long it lasted.
func (s Span) Took() time.Duration { return s.End.Sub(s.Begin) }

// A Collector takes traces. It is made by Listen.
type Collector struct {
	URL string // its base

	mu      sync.Mutex
	spans   []Span
	headers http.Header
	broken  bool
	held    chan struct{}
}

// Listen makes a Collector that lasts as long as the test.
func Listen(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.take(t, w, r) }))
	t.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

// Break lets the Collector refuse what comes, or no longer.
func (c *Collector) Break(broken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = broken
}

// Hold lets each request wait until the returned function is called.
func (c *Collector) Hold() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := make(chan struct{})
	c.held = held
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.held = nil
		close(held)
	})
}

func (c *Collector) take(t testing.TB, w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	broken, held := c.broken, c.held
	c.headers = r.Header.Clone()
	c.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%s %s, %s: want POST /v1/traces of protobuf", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	if broken {
		http.Error(w, "broken", http.StatusBadRequest) // 5xx would be tried again for a minute
		return
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("traces: %v", err)
			return
		}
		body = z
	}
	text, err := io.ReadAll(body)
	var told collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &told)
	}
	if err != nil && r.Context().Err() == nil {
		t.Errorf("traces: %v", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range told.GetResourceSpans() {
		of := attributes(rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				c.spans = append(c.spans, spanOf(s, of))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func spanOf(s *trace.Span, of map[string]any) Span {
	span := Span{
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Name: s.GetName(), Kind: strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")),
		Begin: time.Unix(0, int64(s.GetStartTimeUnixNano())), End: time.Unix(0, int64(s.GetEndTimeUnixNano())),
		Attributes: attributes(s.GetAttributes()), Resource: of,
		Failed: s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR,
	}
	for _, e := range s.GetEvents() {
		span.Events = append(span.Events, Event{e.GetName(), time.Unix(0, int64(e.GetTimeUnixNano()))})
	}
	return span
}

func attributes(all []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range all {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[kv.GetKey()] = v.StringValue
		case *common.AnyValue_BoolValue:
			m[kv.GetKey()] = v.BoolValue
		case *common.AnyValue_IntValue:
			m[kv.GetKey()] = v.IntValue
		case *common.AnyValue_DoubleValue:
			m[kv.GetKey()] = v.DoubleValue
		}
	}
	return m
}

// Header is one of the last request.
func (c *Collector) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers.Get(name)
}

// Spans are those of a trace that have arrived, by when they began; of trace "", all.
func (c *Collector) Spans(trace string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(c.spans), func(s Span) bool { return trace != "" && s.Trace != trace })
	slices.SortStableFunc(all, func(a, b Span) int { return cmp.Or(a.Begin.Compare(b.Begin), b.End.Compare(a.End)) })
	return all
}

// Tree writes a trace as its names, indented below their parents: what a person would see. A span whose parent is not there is a root.
func (c *Collector) Tree(trace string) string {
	all := c.Spans(trace)
	known := map[string]bool{}
	for _, s := range all {
		known[s.ID] = true
	}
	var b strings.Builder
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		for _, s := range all {
			if s.Parent == parent || parent == "" && !known[s.Parent] {
				b.WriteString(strings.Repeat("  ", depth) + s.Name)
				if s.Failed {
					b.WriteString(" !")
				}
				b.WriteString("\n")
				below(s.ID, depth+1)
			}
		}
	}
	below("", 0)
	return b.String()
}
