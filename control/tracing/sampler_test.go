package tracing_test

import (
	"context"
	"math"
	"testing"

	"github.com/google/uuid"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"parley/control/tracing"
)

// TestRatio: of calls, whose traces have their ids, as many are sampled as was asked for, and always the same.
func TestRatio(t *testing.T) {
	t.Parallel()
	const calls = 20_000
	for _, name := range []string{"traceidratio", "parentbased_traceidratio"} {
		for _, ratio := range []float64{0, 0.1, 0.5, 0.9, 1} {
			s, err := tracing.NewSampler(name, ratio)
			if err != nil {
				t.Fatal(err)
			}
			taken := 0
			for range calls {
				id := uuid.Must(uuid.NewV7()).String()
				p := sdk.SamplingParameters{ParentContext: context.Background(), TraceID: tracing.TraceID(id)}
				once := s.ShouldSample(p).Decision
				if again := s.ShouldSample(p).Decision; again != once {
					t.Fatalf("%s: %v, then %v", id, once, again)
				}
				if once == sdk.RecordAndSample {
					taken++
				}
			}
			if got := float64(taken) / calls; math.Abs(got-ratio) > 0.02 {
				t.Errorf("%s %v: %v of the calls were sampled", name, ratio, got)
			}
		}
	}
}

// TestSamplers: each name is known, and does what it says without a parent.
func TestSamplers(t *testing.T) {
	t.Parallel()
	for _, name := range tracing.Samplers {
		s, err := tracing.NewSampler(name, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := sdk.SamplingParameters{ParentContext: context.Background(), TraceID: tracing.TraceID(callID)}
		want := sdk.RecordAndSample
		if name == "always_off" || name == "parentbased_always_off" {
			want = sdk.Drop
		}
		if got := s.ShouldSample(p).Decision; got != want {
			t.Errorf("%s (%s): %v, want %v", name, s.Description(), got, want)
		}
	}
}
