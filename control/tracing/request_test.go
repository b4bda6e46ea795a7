package tracing_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/tracing"
	"parley/pipeline"
)

// TestRequests: a request has a span by its route, on the client's trace if it sent one; its path and what follows are nobody's business.
func TestRequests(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, nil)
	var log strings.Builder
	api := httptest.NewServer(tracer.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, method := http.StatusOK, r.Method
		switch r.URL.Path {
		case "/api/v1/broken":
			status = http.StatusInternalServerError
		case "/api/v1/odd":
			method = "other"
		}
		w.WriteHeader(status)
		tracing.Answered(r.Context(), "/api/v1/{id}", method, status)
	})))
	defer api.Close()
	ask := func(path string, header ...string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, api.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := api.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	const parent = "0af7651916cd43dd8448eb211c80319c"
	ask("/api/v1/secret?token=abc", "traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	ask("/api/v1/unsampled", "traceparent", "00-"+parent+"-b7ad6b7169203331-00")
	ask("/api/v1/broken")
	ask("/api/v1/odd", "traceparent", "nonsense")
	ask("/api/v1/calls/1/live", "Upgrade", "websocket")
	shut(t, tracer)
	for _, s := range collector.Spans("") {
		log.WriteString(s.Kind + " " + s.Name)
		if s.Trace == parent {
			log.WriteString(" of " + s.Parent)
		}
		if s.Failed {
			log.WriteString(" failed")
		}
		log.WriteString("\n")
		for k, v := range s.Attributes {
			if text, ok := v.(string); ok && (strings.Contains(text, "secret") || strings.Contains(text, "abc")) {
				t.Errorf("%s: %s is %q", s.Name, k, text)
			}
		}
	}
	want := "server GET /api/v1/{id} of b7ad6b7169203331\nserver GET /api/v1/{id} failed\nserver _OTHER /api/v1/{id}\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// asking is a responder that asks a server, as a model's client does.
type asking struct{ url string }

func (a asking) Respond(ctx context.Context, _ pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
		if err == nil {
			tracing.Carry(req)
			var resp *http.Response
			if resp, err = http.DefaultTransport.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
		}
		yield(pipeline.Delta{}, err)
	}
}

// TestCarry: a vendor is told the turn's span, as the traces have it.
func TestCarry(t *testing.T) {
	t.Parallel()
	tracer, _ := open(t, nil)
	defer shut(t, tracer)
	var got string
	vendor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("traceparent") }))
	defer vendor.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	r := tracer.Answering(callID, asking{vendor.URL})
	for _, err := range r.Respond(t.Context(), pipeline.Talk{Turn: 3}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := "00-" + traceID + "-" + tracing.SpanID(callID, 3).String() + "-01"; got != want {
		t.Errorf("traceparent %q, want %q", got, want)
	}
}
