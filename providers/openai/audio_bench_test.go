package openai_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/providers/providertest"
)

// BenchmarkFirstSound is the time from text to its first sound, with a vendor that needs none: "adapter" is ours, on a warm connection, and
// "request" what the same request takes of a bare client. What the adapter adds is the difference. Both have the goroutine of the fake in
// them, which shares the machine.
func BenchmarkFirstSound(b *testing.B) {
	b.Run("adapter", func(b *testing.B) {
		a := audio(b, &providertest.OpenAIAudio{}, "")
		if err := a.Warm(b.Context(), phone); err != nil {
			b.Fatal(err)
		}
		measure(b, func() (first time.Duration) {
			began := time.Now()
			for s, err := range a.Speak(b.Context(), said("Hello."), phone) {
				if err != nil {
					b.Fatal(err)
				}
				if len(s.PCM) > 0 && first == 0 {
					first = time.Since(began)
				}
			}
			return first
		})
	})
	b.Run("request", func(b *testing.B) {
		to := providertest.StartOpenAIAudio(b, &providertest.OpenAIAudio{}) + "/audio/speech"
		measure(b, func() (first time.Duration) {
			began := time.Now()
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, to, strings.NewReader(`{"model":"m","voice":"v","input":"Hello.","response_format":"pcm"}`))
			if err != nil {
				b.Fatal(err)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			defer res.Body.Close() //nolint:errcheck // read to its end
			if _, err := io.ReadFull(res.Body, make([]byte, 2)); err != nil {
				b.Fatal(err)
			}
			first = time.Since(began)
			_, _ = io.Copy(io.Discard, res.Body)
			return first
		})
	})
}

// measure reports the median and the 99th percentile of what once takes.
func measure(b *testing.B, once func() time.Duration) {
	b.Helper()
	var all []time.Duration
	for b.Loop() {
		all = append(all, once())
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
}
