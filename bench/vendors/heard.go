package vendors

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/report"
	"parley/bench/stamp"
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
	return &stamps{path: report.NewHistogram(), gathered: report.NewHistogram(), late: report.NewHistogram()}
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
	report.Record(s.gathered, now-oldest)
	if len(law)-(end-stamp.Len) <= frame {
		report.Record(s.path, now-newest)
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
	report.Record(s.late, late)
}

// reset forgets what was found and how late it was.
func (s *stamps) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range []*hdrhistogram.Histogram{s.path, s.gathered, s.late} {
		h.Reset()
	}
}

// times are the distributions so far; those of nothing are left out.
func (s *stamps) times() map[string]report.Spread {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := map[string]report.Spread{}
	for name, h := range map[string]*hdrhistogram.Histogram{
		report.FrameToSTT: s.path, report.FrameToSTTGathered: s.gathered, VoiceLate: s.late,
	} {
		if h.TotalCount() > 0 {
			times[name] = report.SpreadOf(h)
		}
	}
	return times
}
