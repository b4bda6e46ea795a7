package cartesia_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers/providertest"
)

// BenchmarkFirstSound is the time from text to its first sound, with a vendor that needs none: "adapter" is ours, on a warm line, and
// "socket" what the same messages take on a bare WebSocket. What the adapter adds is the difference. Both have the goroutine of the fake
// in them, which shares the machine.
func BenchmarkFirstSound(b *testing.B) {
	b.Run("adapter", func(b *testing.B) {
		c := client(b, &providertest.Cartesia{})
		if err := c.Warm(b.Context(), phone); err != nil {
			b.Fatal(err)
		}
		measure(b, func() (first time.Duration) {
			began := time.Now()
			for s, err := range c.Speak(b.Context(), said(0, "Hello."), phone) {
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
	b.Run("socket", func(b *testing.B) {
		at := providertest.StartCartesia(b, &providertest.Cartesia{}) + "/tts/websocket"
		conn, answer, err := websocket.DefaultDialer.DialContext(b.Context(), at, http.Header{"Cartesia-Version": {"2026-03-01"}})
		if err != nil {
			b.Fatal(err)
		}
		defer answer.Body.Close() //nolint:errcheck // upgraded
		defer conn.Close()        //nolint:errcheck // the server ends with the benchmark
		n := 0
		measure(b, func() (first time.Duration) {
			n++
			began := time.Now()
			for _, text := range []string{"Hello. ", ""} {
				if err := conn.WriteJSON(map[string]any{
					"model_id": "m", "transcript": text, "voice": "v", "context_id": "n" + strconv.Itoa(n), "continue": text != "", "add_timestamps": true,
					"output_format": map[string]any{"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
				}); err != nil {
					b.Fatal(err)
				}
			}
			for {
				_, text, err := conn.ReadMessage()
				if err != nil {
					b.Fatal(err)
				}
				if first == 0 {
					first = time.Since(began)
				}
				var m struct{ Done bool }
				if json.Unmarshal(text, &m) == nil && m.Done {
					return first
				}
			}
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
