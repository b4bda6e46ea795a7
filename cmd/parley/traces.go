package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/control/tracing"
	"parley/pipeline"
	"parley/store"
)

// telemetry says where traces of calls go, and what is in them.
type telemetry struct {
	OTLPEndpoint string   `name:"otlp-endpoint" help:"OpenTelemetry collector that traces of calls and of requests to the API go to by OTLP over HTTP, such as http://localhost:4318. Empty: none are made." placeholder:"URL" var:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	OTLPHeaders  string   `name:"otlp-headers" help:"Headers of each request to it: name=value, with commas between, percent-encoded." placeholder:"NAME=VALUE" var:"OTEL_EXPORTER_OTLP_HEADERS"`
	OTLPService  string   `name:"otel-service-name" help:"Name of this service in traces. Empty: parley." placeholder:"NAME" var:"OTEL_SERVICE_NAME"`
	OTLPResource string   `name:"otel-resource-attributes" help:"More that traces say of this process, such as deployment.environment.name=test: name=value, with commas between, percent-encoded." placeholder:"NAME=VALUE" var:"OTEL_RESOURCE_ATTRIBUTES"`
	Sampler      string   `name:"otel-traces-sampler" help:"Which calls and requests are traced: parentbased_always_on, parentbased_always_off, parentbased_traceidratio, always_on, always_off, traceidratio." default:"parentbased_always_on" enum:"parentbased_always_on,parentbased_always_off,parentbased_traceidratio,always_on,always_off,traceidratio" var:"OTEL_TRACES_SAMPLER"`
	SamplerArg   *float64 `name:"otel-traces-sampler-arg" help:"Share of them with a sampler whose name has traceidratio, 0 to 1; default 1." placeholder:"RATIO" var:"OTEL_TRACES_SAMPLER_ARG"`
	TraceContent bool     `help:"What was said, who called, and errors as vendors word them are in traces." default:"false" var:"PARLEY_TRACE_CONTENT"`
	TraceVendors bool     `help:"Requests to language models carry traceparent, where traces are made." default:"false" var:"PARLEY_TRACE_VENDORS"`
}

// check says all that is wrong with it.
func (c *telemetry) check() (bad []error) {
	if _, err := tracing.Endpoint(c.OTLPEndpoint); c.OTLPEndpoint != "" && err != nil {
		bad = append(bad, fmt.Errorf("--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): %w", err)) // it may hold a password
	}
	if _, err := pairs(c.OTLPHeaders); err != nil {
		bad = append(bad, fmt.Errorf("--otlp-headers (OTEL_EXPORTER_OTLP_HEADERS): %w", err))
	}
	if _, err := pairs(c.OTLPResource); err != nil {
		bad = append(bad, fmt.Errorf("--otel-resource-attributes (OTEL_RESOURCE_ATTRIBUTES): %w", err))
	}
	if _, err := tracing.NewSampler(c.Sampler, c.ratio()); err != nil {
		bad = append(bad, fmt.Errorf("--otel-traces-sampler-arg (OTEL_TRACES_SAMPLER_ARG): %w", err))
	}
	return bad
}

func (c *telemetry) ratio() float64 {
	if c.SamplerArg == nil {
		return 1
	}
	return *c.SamplerArg
}

// pairs reads name=value, with commas between, percent-encoded. Its errors show no value.
// Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables
func pairs(text string) (map[string]string, error) {
	all := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return all, nil
	}
	for i, pair := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		plain, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || name == "" || err != nil {
			return nil, fmt.Errorf("number %d is no name=value, percent-encoded", i+1)
		}
		all[name] = plain
	}
	return all, nil
}

// options are what settings that were checked come to.
func (c *telemetry) options() (tracing.Options, error) {
	headers, err := pairs(c.OTLPHeaders)
	attributes, rerr := pairs(c.OTLPResource)
	return tracing.Options{
		Endpoint: c.OTLPEndpoint, Headers: headers, Service: c.OTLPService, Version: version(), Attributes: attributes,
		Sampler: c.Sampler, Ratio: c.ratio(), Content: c.TraceContent,
	}, errors.Join(err, rerr)
}

// tracer makes traces; nil: nobody wants any.
func (c *config) tracer(ctx context.Context, log *slog.Logger) (*tracing.Tracer, error) {
	if c.OTLPEndpoint == "" {
		return nil, nil
	}
	o, err := c.options()
	if err != nil {
		return nil, usageError{err}
	}
	if o.Instance, err = keep(c.DataDir, nodeFile, store.NewID); err != nil {
		return nil, err
	}
	o.Log = log
	return tracing.Open(ctx, o)
}

// carry puts traceparent into requests to language models; nil: they have none.
func (c *config) carry() func(*http.Request) {
	if c.OTLPEndpoint == "" || !c.TraceVendors {
		return nil
	}
	return tracing.Carry
}

// traced lets the trace of a call say who speaks, and what they ask know which turn it is for. It is called for each agent of the call.
func (s *server) traced(ctx context.Context, call string, role *role, row store.Agent, r pipeline.Responder) pipeline.Responder {
	if s.traces == nil {
		return r
	}
	cast := tracing.Cast{Agent: row.ID, Name: row.Name, Organisation: row.Org, Hears: role.hears, Thinks: role.thinks, Speaks: role.speaks, Model: role.asks}
	s.traces.Cast(ctx, call, cast)
	if s.cfg.TraceVendors {
		r = s.traces.Answering(call, r)
	}
	return r
}

// tracedAPI is next with a span for each request to the API; all else is as it was.
func (s *server) tracedAPI(next http.Handler) http.Handler {
	if s.traces == nil {
		return next
	}
	api := s.traces.Serve(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/crm/") {
			api.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// closeTraces sends what waits. A collector that is away is no reason to end badly.
func (s *server) closeTraces() {
	if s.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.traces.Close(ctx); err != nil {
		s.log.Warn("the last traces are lost", "error", err)
	}
}

// traceCounters show how many spans went to the collector; t is nil where none are made.
func traceCounters(t *tracing.Tracer) []prometheus.Collector {
	count := func(name, help string, value func(*tracing.Tracer) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 {
			if t == nil {
				return 0
			}
			return float64(value(t))
		})
	}
	return []prometheus.Collector{
		count("parley_traces_sent_total", "Spans that the collector of traces has taken.", (*tracing.Tracer).Sent),
		count("parley_traces_dropped_total", "Spans that were lost: the collector of traces was away or too slow.", (*tracing.Tracer).Dropped),
	}
}
