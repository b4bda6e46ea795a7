package local_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/local"
)

// BenchmarkEar is the cost of a frame of speech: two of three frames only fill the hop.
func BenchmarkEar(b *testing.B) {
	e := whole(b)
	for _, rate := range []int{8000, 16000, 48000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			ear, err := e.Listen(b.Context(), pipeline.EarOptions{Rate: rate})
			if err != nil {
				b.Fatal(err)
			}
			pcm := at(b, sentences(b)[0].pcm, rate)
			n, i := rate/50, 0
			b.ReportAllocs()
			for b.Loop() {
				from := i * n % (len(pcm) - n)
				ear.Hear(media.Frame{PCM: pcm[from : from+n], Rate: rate, At: time.Duration(i) * media.FrameTime})
				i++
			}
		})
	}
}

// BenchmarkRecognise is a turn from Ended to Final; rtf is processor time a second of speech, if the machine is otherwise idle.
func BenchmarkRecognise(b *testing.B) {
	e := whole(b)
	for _, p := range []prompt{digits(b)[0], sentences(b)[0], sentences(b)[1]} {
		d := media.Samples(len(p.pcm), 8000)
		b.Run(fmt.Sprintf("%.1fs", d.Seconds()), func(b *testing.B) {
			for b.Loop() {
				recognise(b, e, p.pcm)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/d.Seconds(), "rtf")
		})
	}
}

// BenchmarkFinished judges whether 8 s of a turn are its end; cpu-ms is the processor's time, however busy the machine is.
func BenchmarkFinished(b *testing.B) {
	e := whole(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pcm := referenceSound(b, "long")
	began := local.ThreadTime()
	for b.Loop() {
		if _, err := e.Finished(b.Context(), pcm); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((local.ThreadTime()-began).Seconds()*1000/float64(b.N), "cpu-ms")
}

// recognise transcribes pcm as one turn.
func recognise(b *testing.B, e *local.Engine, pcm []int16) {
	b.Helper()
	t, err := e.Transcribe(b.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		b.Fatal(err)
	}
	end := media.Samples(len(pcm), 8000)
	for _, edge := range []pipeline.Edge{{Kind: pipeline.Began, N: 1}, {Kind: pipeline.Ended, N: 1, At: end}} {
		if edge.Kind == pipeline.Ended {
			for i := 0; i+160 <= len(pcm); i += 160 {
				_ = t.Write(media.Frame{PCM: pcm[i : i+160], Rate: 8000, At: media.Samples(i, 8000)})
			}
		}
		if err := t.Mark(edge); err != nil {
			b.Fatal(err)
		}
	}
	if err := t.Close(); err != nil {
		b.Fatal(err)
	}
	for range t.Results() {
	}
}

// BenchmarkFirstClause is the time from the text to its first sound; whole is until all of it has been made.
func BenchmarkFirstClause(b *testing.B) {
	e := whole(b)
	for _, name := range []string{"jenny", "slt"} {
		b.Run(name, func(b *testing.B) {
			var first, whole, audio time.Duration
			n := 0
			for b.Loop() {
				n++ // each clause is new to the cache
				text := fmt.Sprintf("Thanks for calling Northwind %d, your appointment number %d is booked for Tuesday.", n+seed, n+seed)
				began := time.Now()
				heard := false
				for s, err := range e.Speak(b.Context(), once(text), pipeline.Voice{Rate: 8000, Name: name}) {
					if err != nil {
						b.Fatal(err)
					}
					if !heard {
						first += time.Since(began)
						heard = true
					}
					audio += media.Samples(len(s.PCM), 8000)
				}
				whole += time.Since(began)
			}
			seed += n
			b.ReportMetric(float64(first.Microseconds())/1000/float64(n), "first-ms")
			b.ReportMetric(whole.Seconds()/audio.Seconds(), "rtf")
		})
	}
}

var seed int

// BenchmarkFrameP99Saturated hears 20 calls in real time on one goroutine while the workers have more finals to make than they
// can: how long a frame takes, from its call's turn to the ear's answer, and how late the goroutine wakes.
func BenchmarkFrameP99Saturated(b *testing.B) {
	e := whole(b)
	all := sentences(b)
	stop := make(chan struct{})
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				recognise(b, e, all[i%len(all)].pcm) // one at work
			}
		}
	}()
	const calls = 20
	var ears []*caller
	for range calls {
		ears = append(ears, call(b, e, 8000))
	}
	var took, late []time.Duration
	next := time.Now()
	for i := 0; b.Loop(); i++ {
		next = next.Add(media.FrameTime)
		time.Sleep(time.Until(next))
		late = append(late, time.Since(next))
		for k, c := range ears {
			pcm := all[k].pcm
			from := i * 160 % (len(pcm) - 160)
			began := time.Now()
			c.say(pcm[from : from+160])
			took = append(took, time.Since(began))
		}
	}
	close(stop)
	<-drained
	slices.Sort(took)
	slices.Sort(late)
	b.ReportMetric(us(took, 0.5), "frame-p50-us")
	b.ReportMetric(us(took, 0.99), "frame-p99-us")
	b.ReportMetric(us(took, 1), "frame-max-us")
	b.ReportMetric(us(late, 0.99), "wake-p99-us")
}

// us is a quantile in microseconds.
func us(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))].Nanoseconds()) / 1000
}

// BenchmarkMemory reports what the process holds once the models are loaded and have worked.
func BenchmarkMemory(b *testing.B) {
	e := whole(b)
	for b.Loop() {
		recognise(b, e, sentences(b)[1].pcm)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n/1024, "rss-MB")
		}
	}
}
