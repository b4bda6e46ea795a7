package tracing

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Samplers are the names that OTEL_TRACES_SAMPLER may have.
// Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
var Samplers = [...]string{
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio", "always_on", "always_off", "traceidratio",
}

// NewSampler is a sampler by its name; ratio is of those that have one, 0 to 1. A call has no parent: with parentbased it is sampled as
// the rest of the name says.
func NewSampler(name string, ratio float64) (sdk.Sampler, error) {
	if name == "" {
		name = Samplers[0]
	}
	if !slices.Contains(Samplers[:], name) {
		return nil, fmt.Errorf("there is no sampler %q: want one of %s", name, strings.Join(Samplers[:], ", "))
	}
	if !(ratio >= 0 && ratio <= 1) {
		return nil, fmt.Errorf("the ratio is %v: want 0 to 1", ratio)
	}
	kind, parent := strings.CutPrefix(name, "parentbased_")
	var s sdk.Sampler
	switch kind {
	case "always_on":
		s = sdk.AlwaysSample()
	case "always_off":
		s = sdk.NeverSample()
	default:
		s = byRatio{uint64(ratio * (1 << 56))}
	}
	if parent {
		s = sdk.ParentBased(s)
	}
	return s, nil
}

// byRatio samples traces by the last seven bytes of their ids, which W3C's Trace Context wants to be random, as they are in a UUID. The
// SDK's own looks at the eighth too, in which a UUID says of what kind it is: it would take all calls or none.
type byRatio struct{ below uint64 } // of 2^56

func (b byRatio) takes(id trace.TraceID) bool {
	return binary.BigEndian.Uint64(id[8:])&(1<<56-1) < b.below
}

// ShouldSample implements the SDK's Sampler.
func (b byRatio) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	result := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
	if b.takes(p.TraceID) {
		result.Decision = sdk.RecordAndSample
	}
	return result
}

// Description implements the SDK's Sampler.
func (b byRatio) Description() string {
	return fmt.Sprintf("ByRatio{%g}", float64(b.below)/(1<<56))
}
