package vendors

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/report"
	"parley/bench/stamp"
)

// What the histograms hold.
const (
	longest   = int64(time.Minute / time.Microsecond) // more counts as that
	precision = 3                                     // significant digits
)

// frame is the sound between two frames of a carrier, in samples of mu-law.
const frame = 160

// stamps finds and writes stamps, and keeps how old those were that it found. It is safe for concurrent use.
//
// A message of the recogniser's has the sound of several frames, which the product gathers since the vendor prefers it (80 ms). The
// newest stamp of a message, if it stands in its last frame, was on its way and never waited for another: its age is the path's
// (report.FrameToSTT). The oldest one waited for all that came after it: its age has the gathering in it (report.FrameToSTTGathered).
// Both are taken when the message has been read from the socket.
type stamps struct {
	found, written atomic.Int64

	mu             sync.Mutex
	path, gathered *hdrhistogram.Histogram // microseconds
	late           *hdrhistogram.Histogram // of the voices, against their own pace
}

func newStamps() *stamps {
	newOne := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, precision) }
	return &stamps{path: newOne(), gathered: newOne(), late: newOne()}
}

// heard looks for stamps in a message of mu-law.
func (s *stamps) heard(law []byte) {
	oldest, next := stamp.Find(law)
	if next < 0 {
		return
	}
	now, newest, end, n := stamp.Now(), oldest, next, int64(1)
	for {
		at, after := stamp.Find(law[end:])
		if after < 0 {
			break
		}
		newest, end = at, end+after
		n++
	}
	s.found.Add(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	record(s.gathered, now-oldest)
	if len(law)-(end-stamp.Len) <= frame {
		record(s.path, now-newest)
	}
}

// begins writes a stamp into the first sound of an utterance.
func (s *stamps) begins(law []byte) {
	if len(law) >= stamp.Len {
		s.written.Add(1)
		stamp.Put(law, stamp.Now())
	}
}

// paced notes how late a voice was.
func (s *stamps) paced(late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record(s.late, late)
}

// reset forgets what was found and how late it was.
func (s *stamps) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range []*hdrhistogram.Histogram{s.path, s.gathered, s.late} {
		h.Reset()
	}
}

// times are the distributions so far.
func (s *stamps) times() (map[string]report.Spread, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := map[string]report.Spread{}
	for name, h := range map[string]*hdrhistogram.Histogram{
		report.FrameToSTT: s.path, report.FrameToSTTGathered: s.gathered, VoiceLate: s.late,
	} {
		if h.TotalCount() == 0 {
			continue
		}
		spread, err := spreadOf(h)
		if err != nil {
			return nil, fmt.Errorf("report %s: %w", name, err)
		}
		times[name] = spread
	}
	return times, nil
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d/time.Microsecond), 0), longest)) // it is within its bounds
}

// spreadOf is a histogram of microseconds as a report has it.
func spreadOf(h *hdrhistogram.Histogram) (report.Spread, error) {
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return report.Spread{}, fmt.Errorf("encode histogram: %w", err)
	}
	at := func(percentile float64) float64 { return float64(h.ValueAtPercentile(percentile)) / 1000 }
	return report.Spread{
		N: h.TotalCount(), Min: float64(h.Min()) / 1000, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Max: float64(h.Max()) / 1000, Mean: h.Mean() / 1000, Histogram: string(encoded),
	}, nil
}
