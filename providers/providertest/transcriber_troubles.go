package providertest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
)

// LimitOfTroubles is the longest wait, of whatever kind, that a client under TranscriberTroubles should have.
const LimitOfTroubles = 500 * time.Millisecond

// The two stretches of speech of TranscriberTroubles, as a fake recogniser should understand them.
const (
	firstStretch  = "One, two."
	secondStretch = "Three, four."
)

// TranscriberTroubles holds a client to what is promised when its vendor misbehaves: every Ended is answered in time or the transcription
// fails, by an error that names the vendor; what was said is told once, and in order; nothing hangs, and nothing is left. open makes a
// client of a fake that says what it is given, with every limit at LimitOfTroubles. cannot are the faults that the fake does not know.
func TranscriberTroubles(t *testing.T, vendor string, open func(t *testing.T, trouble Trouble, transcripts []string) pipeline.Transcriber, cannot ...Fault) {
	type outcome uint8
	const (
		answered outcome = 1 << iota // every Ended
		whole                        // with all the words
		failed                       // Results
		unopened                     // Transcribe
	)
	for _, tt := range []struct {
		trouble Trouble
		want    outcome // one of
		status  int     // of the failure; 0: any
	}{
		{Trouble{Fault: NoFault}, whole, 0},
		{Trouble{Fault: Twice}, whole, 0},
		{Trouble{Fault: CutOff, Times: 1}, whole, 0},
		{Trouble{Fault: CutOff}, failed, 0},
		{Trouble{Fault: Refuse, Status: http.StatusUnauthorized}, unopened, http.StatusUnauthorized},
		{Trouble{Fault: Refuse, Status: http.StatusPaymentRequired}, unopened, http.StatusPaymentRequired},
		{Trouble{Fault: Refuse, Status: http.StatusTooManyRequests}, unopened, http.StatusTooManyRequests},
		{Trouble{Fault: Refuse, Status: http.StatusInternalServerError}, unopened, http.StatusInternalServerError},
		{Trouble{Fault: Mute}, unopened, 0},
		{Trouble{Fault: Deaf}, unopened | answered | failed, 0},
		{Trouble{Fault: Drip}, answered, 0},
		{Trouble{Fault: NeverAnswers}, answered, 0},
		{Trouble{Fault: Garbage}, answered | failed, 0},
		{Trouble{Fault: Giant}, failed, 0},
		{Trouble{Fault: CloseEarly, Close: 1013, Reason: "There is a trouble."}, failed, 0},
		{Trouble{Fault: Complain, Reason: "There is a trouble."}, failed, 0},
	} {
		if slices.Contains(cannot, tt.trouble.Fault) {
			continue
		}
		name := string(tt.trouble.Fault)
		if tt.trouble.Times > 0 {
			name += " once"
		}
		t.Run(strings.TrimSpace(name+" "+http.StatusText(tt.trouble.Status)), func(t *testing.T) {
			t.Parallel()
			gone(t)
			tr := open(t, tt.trouble, []string{firstStretch, secondStretch})
			began := time.Now()
			s, err := transcribeInTrouble(t, tr)
			if err != nil {
				if tt.want&unopened == 0 {
					t.Fatalf("Transcribe: %v", err)
				}
				mustTell(t, err, vendor, tt.status)
				if tt.trouble.Fault == Mute && !late(err) {
					t.Errorf("%v does not say by Timeout() that it took too long", err)
				}
				return
			}
			said, err := s.twoStretches()
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			s.leave()
			all := slices.EqualFunc(said, []string{firstStretch, secondStretch}, func(got, want string) bool {
				return unwritten(strings.Fields(got)) == unwritten(strings.Fields(want))
			})
			switch {
			case err != nil && tt.want&failed != 0:
				mustTell(t, err, vendor, tt.status)
			case err != nil:
				t.Errorf("Results failed: %v", err)
			case tt.want == whole && !all:
				t.Errorf("understood %q, want both stretches, each once", said)
			case tt.want&(whole|answered) == 0:
				t.Errorf("every Ended was answered, with %q; want an error", said)
			}
			for i, words := range said {
				if other := strings.Fields("one two three four")[2-2*i:]; len(other) > 0 && mentions(words, other[0], other[1]) {
					t.Errorf("stretch %d was understood as %q: those are another's words", i+1, words)
				}
			}
		})
	}
}

// mentions says whether text has any of two words, whoever wrote them.
func mentions(text string, a, b string) bool {
	low := strings.ToLower(text)
	return strings.Contains(low, a) || strings.Contains(low, b)
}

// late says whether an error tells of something that took too long.
func late(err error) bool {
	var wire net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &wire) && wire.Timeout()
}

// mustTell says that an error names the vendor, and the status that it should.
func mustTell(t *testing.T, err error, vendor string, status int) {
	t.Helper()
	if !strings.Contains(err.Error(), vendor) {
		t.Errorf("%v does not name %s", err, vendor)
	}
	var told interface {
		error
		StatusCode() int
	}
	if status != 0 && (!errors.As(err, &told) || told.StatusCode() != status) {
		t.Errorf("%v: want status %d", err, status)
	}
}

// A troubled call is one on a fake that misbehaves.
type troubled struct {
	pipeline.Transcription
	t       *testing.T
	at      time.Duration
	results chan result
}

func transcribeInTrouble(t *testing.T, tr pipeline.Transcriber) (*troubled, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	s, err := tr.Transcribe(ctx, pipeline.Listening{Rate: 8000, Lang: "en"})
	if took := time.Since(began); took > LimitOfTroubles+3*time.Second {
		t.Errorf("Transcribe took %v", took)
	}
	if err != nil {
		return nil, err
	}
	k := &troubled{Transcription: s, t: t, results: make(chan result, 1000)}
	go func() {
		for r, err := range s.Results() {
			k.results <- result{Transcript: r, err: err}
		}
		k.results <- result{last: true}
	}()
	return k, nil
}

// twoStretches says two stretches, in real time, the second when the first was answered, and returns what was understood of each.
func (k *troubled) twoStretches() (said []string, err error) {
	k.t.Helper()
	for n := 1; n <= 2; n++ {
		k.do(k.Mark(pipeline.Edge{Kind: pipeline.Began, N: n, At: k.at, Sure: true}))
		k.play(Tones("hello there", 8000))
		end := k.at
		k.play(make([]int16, 1600))
		asked := time.Now()
		k.do(k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n, At: end}))
		text, err := k.answer(n)
		if err != nil {
			return said, err
		}
		if took := time.Since(asked); took > LimitOfTroubles+2*time.Second {
			k.t.Errorf("Ended %d was answered after %v", n, took)
		}
		said = append(said, text)
	}
	return said, nil
}

// do lets a transcription fail: Results says why.
func (k *troubled) do(err error) { _ = err }

// play writes pcm five times as fast as it was spoken.
func (k *troubled) play(pcm []int16) {
	for len(pcm) >= 160 {
		k.do(k.Write(media.Frame{PCM: pcm[:160], Rate: 8000, At: k.at}))
		k.at += media.FrameTime
		pcm = pcm[160:]
		<-time.After(4 * time.Millisecond)
	}
}

// answer is what was understood of stretch n.
func (k *troubled) answer(n int) (string, error) {
	k.t.Helper()
	for late := time.After(patience); ; {
		select {
		case r := <-k.results:
			switch {
			case r.err != nil:
				return "", r.err
			case r.last:
				k.t.Fatalf("Results ended without an error, and Ended %d was not answered", n)
			case r.Kind == pipeline.Final && r.Edge == n:
				return r.Text, nil
			case r.Kind == pipeline.Final:
				k.t.Errorf("%+v came, want the Final of Ended %d", r.Transcript, n)
			}
		case <-late:
			k.t.Fatalf("Ended %d was not answered within %v", n, patience)
		}
	}
}

// leave closes the call, and wants nothing more of it than its end.
func (k *troubled) leave() {
	k.t.Helper()
	began := time.Now()
	if err := k.Close(); err != nil {
		k.t.Errorf("Close: %v", err)
	}
	if took := time.Since(began); took > LimitOfTroubles+2*time.Second {
		k.t.Errorf("Close took %v", took)
	}
	for {
		select {
		case r := <-k.results:
			if r.last {
				return
			}
			if r.Kind == pipeline.Final && r.err == nil && r.Text != "" {
				k.t.Errorf("%+v was still told", r.Transcript)
			}
		case <-time.After(patience):
			k.t.Fatal("Results did not end")
		}
	}
}
