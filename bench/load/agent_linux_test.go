package load

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/bench/stamp"
	"parley/media"
	"parley/media/g711"
	"parley/media/pace"
	"parley/media/stream"
)

const secret = "0123456789abcdef0123456789abcdef"

// hangover is how long the agent waits after a caller's last word.
const hangover = 200 * time.Millisecond

// talk is how long it speaks.
const talk = 600 * time.Millisecond

// An agent is the product's own leg and playout with the least behind it that can hold a conversation: it greets, yields to three voiced
// frames, and answers when the caller has been silent for a while, the first time at length; all its speech begins with a stamp.
type agent struct {
	t      *testing.T
	server *httptest.Server
	twilio stream.Twilio
	side   side         // the carrier's; newAgent makes it twilio where there is none
	host   *stream.Host // of it
	wheel  pace.Wheel

	// What the test changes.
	before http.HandlerFunc // sees each request first; what it has answered is answered
	leaves time.Duration    // the agent hangs up then; 0: never
	came   func(n int64)    // told of the n-th call; nil: nobody asks
	rude   bool             // it stalls in its greeting, is slow to speak and to yield, and speaks on for a frame when it has yielded

	live   atomic.Int64
	calls  atomic.Int64
	ended  atomic.Int64 // by the caller, in good order
	keys   atomic.Int64
	stamps atomic.Int64 // in callers' frames
	played atomic.Int64 // notes of marks
}

// A side is a server's of a carrier.
type side interface {
	Mount(mux *http.ServeMux)
	Close(ctx context.Context) error
}

// newAgent starts one; change is applied before.
func newAgent(t *testing.T, tls bool, change ...func(*agent)) *agent {
	t.Helper()
	a := &agent{t: t}
	a.wheel.Waiter = &pace.Timer{}
	a.twilio.AuthToken = secret
	a.side, a.host = &a.twilio, &a.twilio.Host
	for _, f := range change {
		f(a)
	}
	a.host.Answer = a.answer
	mux := http.NewServeMux()
	a.side.Mount(mux)
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.before != nil {
			spy := &answered{ResponseWriter: w}
			if a.before(spy, r); spy.done {
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	if tls {
		a.server.StartTLS()
	} else {
		a.server.Start()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var turning sync.WaitGroup
	turning.Go(func() { _ = a.wheel.Run(ctx) })
	t.Cleanup(func() {
		if err := a.side.Close(context.Background()); err != nil {
			t.Error(err)
		}
		cancel()
		turning.Wait()
		a.server.Close()
	})
	return a
}

// answered is a ResponseWriter that knows whether it was used.
type answered struct {
	http.ResponseWriter
	done bool
}

func (a *answered) WriteHeader(status int) {
	a.done = true
	a.ResponseWriter.WriteHeader(status)
}

// plan is a load on the agent that is measured from the first moment, and whose figures may be as bad as a busy machine makes them.
func (a *agent) plan(script string, steps ...Step) Plan {
	return Plan{
		URL: a.server.URL + "/twilio/voice", AuthToken: secret, Script: scripted(a.t, script, 500*time.Millisecond), Steps: steps, Settle: 1,
		MostLate: time.Hour, MostBusy: 100,
	}
}

// answer is a call.
func (a *agent) answer(ctx context.Context, leg media.Leg) {
	if n := a.calls.Add(1); a.came != nil {
		a.came(n)
	}
	a.live.Add(1)
	defer a.live.Add(-1)
	playout := media.NewPlayout(leg, &a.wheel, nil)
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer playout.Close()
	say := func(length time.Duration) *media.Utterance {
		u := playout.Begin()
		playout.Release(u)
		feeding.Go(func() {
			pcm := a.stampedSpeech(length)
			if n := len(pcm) / 2; a.rude && length == talk {
				_ = u.Write(ctx, pcm[:n]) // it fails again below
				<-time.After(length/2 + stall)
				pcm = pcm[n:]
			}
			if u.Write(ctx, pcm) == nil {
				u.CloseWrite()
			}
		})
		return u
	}
	if a.leaves > 0 {
		defer time.AfterFunc(a.leaves, func() { _ = leg.Hangup(media.CauseAgent) }).Stop()
	}
	const long = 4 * time.Second // enough to be spoken over, also on a busy machine
	u := say(talk)
	talked, quiet, answers := 0, 0, 0
	for {
		packet, err := leg.Receive()
		switch {
		case errors.Is(err, io.EOF):
			a.ended.Add(1)
			return
		case err != nil:
			return
		case packet.Note.Kind == media.Played:
			a.played.Add(1)
			playout.Played(packet.Note)
		case packet.Digit != 0:
			a.keys.Add(1)
			u = say(talk)
		case loud(packet.Frame.PCM):
			talked, quiet = talked+1, 0
			switch {
			case talked == 3 && !a.rude:
				u.Cut()
			case talked == 3+slowYield && a.rude:
				u.Cut()
				say(media.FrameTime)
			}
		case packet.Frame.PCM != nil:
			if quiet++; talked >= 3 && time.Duration(quiet)*media.FrameTime >= hangover {
				talked = 0
				if answers++; answers == 1 {
					u = say(long)
				} else {
					u = say(talk)
				}
			}
		}
		if packet.Frame.PCM != nil {
			law := make([]byte, len(packet.Frame.PCM))
			g711.Ulaw.Encode(law, packet.Frame.PCM)
			if _, next := stamp.Find(law); next >= 0 {
				a.stamps.Add(1)
			}
		}
	}
}

// How rude a rude agent is.
const (
	stall     = 400 * time.Millisecond // of silence in the middle of its greeting
	slow      = 80 * time.Millisecond  // from its voice's first sound to its first frame
	slowYield = 8                      // frames that it hears on before it yields
)

// stampedSpeech begins with a stamp of when it was made.
func (a *agent) stampedSpeech(d time.Duration) []int16 {
	pcm := tone(d)
	law := make([]byte, stamp.Len)
	made := stamp.Now()
	if a.rude {
		made -= slow
	}
	stamp.Put(law, made)
	g711.Ulaw.Decode(pcm, law)
	return pcm
}

// refuse answers requests to a path with a status.
func refuse(path string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, path) {
			w.WriteHeader(status)
		}
	}
}
