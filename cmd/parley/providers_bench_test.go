package main

import (
	"bufio"
	"context"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
)

// A stopwatch notes on the wire when an adapter asks, and when it is answered.
//
//	asked ── adapter ──▶ first Write ── vendor ──▶ first Read ── adapter ──▶ the first of what was asked for
//	        └─ added ─┘                             └────────── added ──────────┘
type stopwatch struct {
	began        time.Time
	wrote, heard atomic.Int64  // since began; 0: not yet
	came         time.Duration // when the first of what was asked for was there
}

func newStopwatch() *stopwatch { return &stopwatch{began: time.Now()} }

// start forgets what was.
func (s *stopwatch) start() time.Duration {
	s.wrote.Store(0)
	s.heard.Store(0)
	return time.Since(s.began)
}

// stop is how long all took since it was asked, and how much of that the vendor and the way to it took: from the first byte of the question
// to the first byte that came after it. What else comes before the answer counts for the adapter.
func (s *stopwatch) stop(asked time.Duration) (all, wire time.Duration) {
	return s.came - asked, max(0, time.Duration(s.heard.Load()-s.wrote.Load()))
}

// note notes that the first of what was asked for is there.
func (s *stopwatch) note() { s.came = time.Since(s.began) }

// dial opens a connection that is watched.
func (s *stopwatch) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &watched{conn, s}, nil
}

type watched struct {
	net.Conn

	by *stopwatch
}

func (w *watched) Write(b []byte) (int, error) {
	w.by.wrote.CompareAndSwap(0, int64(time.Since(w.by.began)))
	return w.Conn.Write(b)
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.by.wrote.Load() != 0 {
		w.by.heard.CompareAndSwap(0, int64(time.Since(w.by.began)))
	}
	return n, err
}

// BenchmarkProviders is what each adapter adds to the first of what it is asked for, on warm connections to a vendor that takes no time: the
// model's first words, the voice's first sound, the recogniser's words after the end of speech. The vendor's stand-in shares the processors;
// what a bare socket and a bare request add stands before them.
func BenchmarkProviders(b *testing.B) {
	b.Run("bare/socket", benchBareSocket)
	b.Run("bare/http", benchBareHTTP)
	env := fakes(b)
	env["PARLEY_STT"], env["PARLEY_TTS"], env["PARLEY_LLM"] = "deepgram", "deepgram", "openai"
	env["PARLEY_OPENAI_STT_TRANSPORT"], env["PARLEY_CARTESIA_STT_MODEL"] = "realtime", "ink-whisper" // which are asked for their words
	for _, e := range table {
		if e.name != "local" {
			benchVendor(b, e.name, "", env, "stt", "llm", "tts")
		}
	}
	env["PARLEY_ELEVENLABS_TTS_TRANSPORT"] = "http"
	b.Run("http", func(b *testing.B) { benchVendor(b, "elevenlabs", "", env, "tts") })
	b.Run("flux", func(b *testing.B) { benchVendor(b, "deepgram", "flux-alexis-en", env, "tts") })
}

// benchVendor asks one vendor for some of what it does, with a voice of that name.
func benchVendor(b *testing.B, name, voice string, env map[string]string, parts ...string) {
	b.Helper()
	cfg, err := parseServe(b, env, "--ear", "energy")
	if err != nil {
		b.Fatal(err)
	}
	watch := newStopwatch()
	v, err := assemble(&cfg, nil, ways{name: {dial: watch.dial, http: &http.Client{Transport: &http.Transport{DialContext: watch.dial}}}}, tally{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = v.close() })
	o := v.opened[name]
	if o.stt != nil && slices.Contains(parts, "stt") {
		b.Run(name+"/stt", func(b *testing.B) { benchEars(b, o, watch) })
	}
	if o.llm != nil && slices.Contains(parts, "llm") {
		b.Run(name+"/llm", func(b *testing.B) {
			rounds(b, watch, func() bool {
				talk := pipeline.Talk{Turn: 1, Why: pipeline.ForWords, Agent: &pipeline.Agent{Prompt: "Be brief."}, History: []pipeline.Message{{Role: pipeline.Caller, Text: "Hello."}}}
				return first(o.llm.Respond(b.Context(), talk), func(d pipeline.Delta) bool { return d.Text != "" }, watch, b)
			}, nil)
		})
	}
	if o.tts != nil && slices.Contains(parts, "tts") {
		b.Run(name+"/tts", func(b *testing.B) {
			rounds(b, watch, func() bool {
				words := func(yield func(string, error) bool) { yield("Hello.", nil) }
				return first(o.tts.Speak(b.Context(), words, pipeline.Voice{Name: voice, Rate: narrowband, Lang: "en"}), func(s pipeline.Speech) bool { return len(s.PCM) > 0 }, watch, b)
			}, nil)
		})
	}
}

// benchBareSocket is what a socket adds by itself, of which a goroutine reads, as all adapters do: no adapter can add less.
func benchBareSocket(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // it is over
		for {
			kind, text, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, text) != nil {
				return
			}
		}
	}))
	defer server.Close()
	watch := newStopwatch()
	conn, answer, err := (&websocket.Dialer{NetDialContext: watch.dial}).DialContext(b.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // upgraded
	heard := make(chan []byte)
	go func() {
		defer close(heard)
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			heard <- text
		}
	}()
	defer func() { _ = conn.Close(); <-heard }()
	rounds(b, watch, func() bool {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"text":"Hello."}`)); err != nil {
			b.Fatal(err)
		}
		defer watch.note()
		return len(<-heard) > 0
	}, nil)
}

// benchBareHTTP is what net/http adds by itself to the first line of an answer.
func benchBareHTTP(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "data: hello\n\n") }))
	defer server.Close()
	watch := newStopwatch()
	client := &http.Client{Transport: &http.Transport{DialContext: watch.dial}}
	defer client.CloseIdleConnections()
	rounds(b, watch, func() bool {
		answer, err := client.Post(server.URL, "application/json", strings.NewReader(`{"text":"Hello."}`)) //nolint:noctx // a benchmark
		if err != nil {
			b.Fatal(err)
		}
		defer answer.Body.Close()
		line, err := bufio.NewReader(answer.Body).ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		watch.note()
		_, _ = io.Copy(io.Discard, answer.Body)
		return line != ""
	}, nil)
}

// benchEars says a little, over and over, and waits for its words.
func benchEars(b *testing.B, o opened, watch *stopwatch) {
	b.Helper()
	ears, err := o.stt("")
	if err != nil {
		b.Fatal(err)
	}
	t, err := ears.Transcribe(b.Context(), pipeline.Listening{Rate: narrowband, Lang: "en"})
	if err != nil {
		b.Fatal(err)
	}
	finals := make(chan int, 64)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for r, err := range t.Results() {
			if err == nil && r.Kind == pipeline.Final && r.Edge > 0 {
				finals <- r.Edge
			}
		}
	}()
	defer func() { _ = t.Close(); <-over }()
	at, n, tone := time.Duration(0), 0, legtest.Tone(narrowband, 440, 200*time.Millisecond)
	write := func(pcm []int16) {
		for ; len(pcm) >= 160; pcm = pcm[160:] {
			if err := t.Write(media.Frame{PCM: pcm[:160], Rate: narrowband, At: at}); err != nil {
				b.Fatal(err)
			}
			at += media.FrameTime
		}
	}
	rounds(b, watch, func() bool {
		if err := t.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n, At: at}); err != nil {
			b.Fatal(err)
		}
		for {
			select {
			case edge := <-finals:
				if edge == n {
					watch.note()
					return true
				}
			case <-time.After(5 * time.Second):
				b.Fatal("no words came")
			}
		}
	}, func() {
		n++
		write(legtest.Silence(narrowband, 100*time.Millisecond))
		if err := t.Mark(pipeline.Edge{Kind: pipeline.Began, N: n, At: at, Sure: true}); err != nil {
			b.Fatal(err)
		}
		write(tone)
		time.Sleep(3 * time.Millisecond) // the vendor has taken what was said: a benchmark may wait
	})
}

// first reads a sequence to its end, and notes when what was wanted came.
func first[T any](all iter.Seq2[T, error], wanted func(T) bool, watch *stopwatch, b *testing.B) (came bool) {
	b.Helper()
	for v, err := range all {
		if err != nil {
			b.Fatal(err)
		}
		if !came && wanted(v) {
			came = true
			watch.note()
		}
	}
	return came
}

// rounds reports the median and the 99th percentile of what is added, and the median of all. A first round warms.
func rounds(b *testing.B, watch *stopwatch, once func() bool, before func()) {
	b.Helper()
	var added, all []time.Duration
	round := func() {
		if before != nil {
			before()
		}
		asked := watch.start()
		if !once() {
			b.Fatal("nothing came")
		}
		whole, wire := watch.stop(asked)
		added, all = append(added, whole-wire), append(all, whole)
	}
	for range 3 {
		round()
	}
	added, all = nil, nil
	for b.Loop() {
		round()
	}
	slices.Sort(added)
	slices.Sort(all)
	b.ReportMetric(float64(added[len(added)/2].Microseconds()), "added-p50-us")
	b.ReportMetric(float64(added[len(added)*99/100].Microseconds()), "added-p99-us")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "all-p50-us")
	b.ReportMetric(0, "ns/op") // which has the silence in it
}
