package pipeline

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
)

// sink is a session that counts what is written.
type sink struct {
	Session
	wrote  []int
	clears int
}

func (s *sink) Write(pcm []int16) error { s.wrote = append(s.wrote, len(pcm)); return nil }
func (s *sink) Clear() error            { s.clears, s.wrote = s.clears+1, nil; return nil }

// hears lets a reel hear from..to seconds of the call, with edges at frames.
func (r *reel) hears(s *sink, from, to float64, edges map[int]EdgeKind) {
	for n := int(from * 50); n < int(to*50); n++ {
		at := time.Duration(n) * media.FrameTime
		if pcm := r.hear(at, media.Frame{PCM: make([]int16, r.rate/50), Rate: r.rate, At: at}, Edge{Kind: edges[n]}); len(pcm) > 0 {
			s.wrote = append(s.wrote, len(pcm))
		}
	}
}

func total(n []int) (sum int) {
	for _, v := range n {
		sum += v
	}
	return sum
}

func TestReel(t *testing.T) {
	t.Parallel()
	said := func(from, to float64) Message {
		return Message{Role: Caller, At: time.Duration(from * float64(time.Second)), Length: time.Duration((to - from) * float64(time.Second))}
	}
	for _, tt := range []struct {
		name   string
		until  float64
		edges  map[int]EdgeKind
		asked  Message
		ok     bool
		want   float64 // seconds that were written since the last Clear
		clears int
	}{
		{"a stretch is written as it comes, with what was before", 4, map[int]EdgeKind{100: Began, 150: Ended}, said(2, 2.5), true, 1.3, 0},
		{"one that goes on, too", 2.5, map[int]EdgeKind{100: Began}, said(2, 2.4), true, 0.78, 0},
		{"two of a turn", 6, map[int]EdgeKind{100: Began, 150: Ended, 175: Began, 225: Ended}, said(2, 4), true, 2.6, 0},
		{"what is no part of the turn is cleared", 6, map[int]EdgeKind{50: Began, 75: Ended, 200: Began, 250: Ended}, said(4, 4.5), true, 1.3, 1},
		{"of a stretch that had its answer, the rest", 6, map[int]EdgeKind{50: Began, 250: Ended}, said(4, 5), true, 1.32, 1},
		{"what was typed has no sound", 4, map[int]EdgeKind{100: Began, 150: Ended}, Message{Role: Caller, At: 4 * time.Second}, false, 1.3, 0},
		{"nobody spoke then", 4, nil, said(2, 3), false, 0, 0},
		{"too long", 100, map[int]EdgeKind{100: Began}, said(2, 99), false, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, s := &reel{rate: 8000}, &sink{}
			r.hears(s, 0, tt.until, tt.edges)
			ok, err := r.write(s, tt.asked)
			if err != nil || ok != tt.ok || s.clears != tt.clears {
				t.Fatalf("written %v (%v), cleared %d times", ok, err, s.clears)
			}
			if got := float64(total(s.wrote)) / 8000; tt.name != "too long" && (got < tt.want-0.03 || got > tt.want+0.03) {
				t.Errorf("%.2f s were written, want %.2f", got, tt.want)
			}
			if kept := len(r.lead) + total(lengths(r.all)); kept > r.samples(reelMost)+r.samples(time.Second) {
				t.Errorf("%d samples are kept", kept)
			}
		})
	}
}

func lengths(all []spell) (n []int) {
	for _, s := range all {
		n = append(n, len(s.pcm))
	}
	return n
}

// A turn that was taken back comes again as a whole.
func TestReelWritesAgain(t *testing.T) {
	t.Parallel()
	r, s := &reel{rate: 8000}, &sink{}
	m := Message{Role: Caller, At: 2 * time.Second, Length: 500 * time.Millisecond}
	r.hears(s, 0, 3, map[int]EdgeKind{100: Began, 125: Ended})
	if ok, err := r.write(s, m); !ok || err != nil {
		t.Fatal(ok, err)
	}
	s.wrote = nil
	r.hears(s, 3, 5, map[int]EdgeKind{175: Began, 225: Ended})
	m.Length = 2 * time.Second
	if ok, err := r.write(s, m); !ok || err != nil || s.clears != 1 {
		t.Fatal(ok, err, s.clears)
	}
	if got := float64(total(s.wrote)) / 8000; got < 2.05 || got > 2.15 {
		t.Errorf("%.2f s were written", got)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	told := func(by Role, turn int, text string) Message { return Message{Role: by, Turn: turn, Text: text} }
	l := &line{}
	check := func(what string, history []Message, want ...EditKind) {
		t.Helper()
		var got []EditKind
		for _, e := range l.update(Talk{Turn: history[len(history)-1].Turn, Why: ForWords, History: history}) {
			got = append(got, e.Kind)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	answers := func(turn int, text string) {
		l.entries = append(l.entries, entry{key: l.next(), answer: true, m: told(Assistant, turn, text)})
	}
	one := told(Caller, 1, "one")
	check("the first words", []Message{one}, Told)
	answers(1, "You said one. What else?")
	heard := told(Assistant, 1, "You said")
	heard.Cut, heard.Length = true, time.Second
	check("an interruption", []Message{one, heard, told(Caller, 2, "two")}, Cut, Told)
	answers(2, "Two it is.")
	check("taken back, as the caller goes on", []Message{one, heard, told(Caller, 3, "two three")}, Unsaid, Unsaid, Told)
	answers(3, "Three it is.")
	check("a note of the house and a word of its own", []Message{one, heard, told(Caller, 3, "two three"), told(Assistant, 3, "Three it is."),
		told(Assistant, 4, "One moment."), told(Narrator, 5, "They are a member."), told(Caller, 5, "four")}, Told, Told, Told)
	answers(5, "Four it is, and more.")
	check("an answer of which not all was made to be heard", []Message{one, heard, told(Caller, 3, "two three"), told(Assistant, 3, "Three it is."),
		told(Assistant, 4, "One moment."), told(Narrator, 5, "They are a member."), told(Caller, 5, "four"), told(Assistant, 5, "Four it is,"), told(Caller, 6, "five")}, Cut, Told)
	check("nothing to answer", []Message{one, heard, told(Caller, 3, "two three"), told(Assistant, 3, "Three it is."),
		told(Assistant, 4, "One moment."), told(Narrator, 5, "They are a member."), told(Caller, 5, "four"), told(Assistant, 5, "Four it is,"), told(Caller, 6, "five")}, Told)
}

// Speech that never becomes a turn, as a television's, does not pile up at the session; a turn after it is heard as a whole.
func TestConversationForgets(t *testing.T) {
	t.Parallel()
	s := &sink{}
	v := NewConversation(nil, Briefing{Rate: 8000})
	v.begun, v.line = true, &line{session: s}
	most := 0
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	for n := range 30_000 { // 10 min
		kind := NoEdge
		switch n % 500 {
		case 50:
			kind = Began
		case 450:
			kind = Ended
		}
		v.Hear(time.Duration(n)*media.FrameTime, f, Edge{Kind: kind})
		most = max(most, total(s.wrote))
	}
	if limit := v.reel.samples(reelMost + time.Second); most > limit {
		t.Errorf("the session had %d samples, want at most %d", most, limit)
	}
	m := Message{Role: Caller, At: 591 * time.Second, Length: 8 * time.Second}
	if ok, err := v.reel.write(s, m); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := float64(total(s.wrote)) / 8000; got < 8 || got > 8.5 {
		t.Errorf("%.2f s of the turn were written", got)
	}
}

// BenchmarkConversationHears is what a frame costs besides ear and recogniser, while the caller speaks.
func BenchmarkConversationHears(b *testing.B) {
	v := NewConversation(nil, Briefing{Rate: 8000})
	v.begun, v.line = true, &line{session: &sink{}}
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	b.ReportAllocs()
	for n := range b.N {
		kind := NoEdge
		switch n % 500 {
		case 50:
			kind = Began
		case 400:
			kind = Ended
		}
		v.Hear(time.Duration(n)*media.FrameTime, f, Edge{Kind: kind})
	}
}

// puppet is a Conversant whose sessions say "go" to all that they are asked, and then what a test has them say.
type puppet struct {
	sessions []*puppetSession
	most     int // it opens no more; 0: as many as are wanted
}

func (p *puppet) Converse(context.Context, Briefing) (Session, error) {
	if p.most > 0 && len(p.sessions) == p.most {
		return nil, errors.New("no more")
	}
	s := &puppetSession{says: make(chan Outcome, 8), closed: make(chan struct{})}
	p.sessions = append(p.sessions, s)
	return s, nil
}

type puppetSession struct {
	sink
	says    chan Outcome
	closed  chan struct{}
	asked   int   // the key of the last
	cancels []int // the keys of those that were asked for last then
}

func (s *puppetSession) Ask(key int, _ []Edit) error {
	s.asked = key
	s.says <- aloud(key, "go")
	return nil
}

func (s *puppetSession) Cancel() error { s.cancels = append(s.cancels, s.asked); return nil }
func (s *puppetSession) Close() error  { close(s.closed); return nil }

func (s *puppetSession) Outcomes() iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		for {
			select {
			case o := <-s.says:
				if !yield(o, nil) {
					return
				}
			case <-s.closed:
				return
			}
		}
	}
}

func aloud(key int, text string) Outcome {
	return Outcome{Key: key, Delta: Delta{Aloud: &Aloud{Text: text}}}
}

// reads checks what comes next of an answer.
func reads(t *testing.T, next func() (Delta, error, bool), want string) {
	t.Helper()
	if d, err, ok := next(); err != nil || !ok || d.Aloud == nil || d.Aloud.Text != want {
		t.Fatalf("%+v (%v, %v), want %q", d, err, ok, want)
	}
}

// An answer that is still being read when the next is asked for is cancelled before that, and takes nothing of it.
func TestConversationIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{}
		v := NewConversation(p, Briefing{Rate: 8000})
		first, stopFirst := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 1}))
		second, stopSecond := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 2}))
		reads(t, first, "go")
		s := p.sessions[0]
		before := s.asked
		reads(t, second, "go")
		stopFirst()
		if want := []int{before}; !slices.Equal(s.cancels, want) {
			t.Errorf("cancelled %v, want %v", s.cancels, want)
		}
		s.says <- aloud(s.asked, "on")
		reads(t, second, "on")
		stopSecond()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What an answer has used that was cut is told with the next one's, whether it had come before it was cut or came after.
func TestConversationOwesWhatWasCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{}
		v := NewConversation(p, Briefing{Rate: 8000})
		used := func(n int) Delta { return Delta{Usage: &Usage{Input: 100 * n, Output: 10 * n, Cached: n}} }
		late, stop := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 1}))
		reads(t, late, "go")
		s := p.sessions[0]
		stop()
		s.says <- Outcome{Key: s.asked, Delta: used(1)}
		s.says <- Outcome{Key: s.asked, Delta: Delta{Finish: "cancelled"}, Done: true}
		queued, stop := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 2}))
		reads(t, queued, "go")
		s.says <- Outcome{Key: s.asked, Delta: used(2)}
		synctest.Wait()
		stop()
		whole, stop := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 3}))
		defer stop()
		reads(t, whole, "go")
		s.says <- Outcome{Key: s.asked, Delta: used(4)}
		if d, err, ok := whole(); err != nil || !ok || d.Usage == nil || *d.Usage != *used(7).Usage {
			t.Errorf("%+v (%v, %v)", d.Usage, err, ok)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A session that takes another's place and will end soon itself, before anything was asked of it, is closed as the next one comes.
func TestConversationHasOneSpare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{}
		v := NewConversation(p, Briefing{Rate: 8000})
		v.Hear(0, media.Frame{PCM: make([]int16, 160), Rate: 8000}, Edge{})
		synctest.Wait()
		for n := range 2 {
			p.sessions[n].says <- Outcome{Ends: true}
			synctest.Wait()
		}
		if len(p.sessions) != 3 {
			t.Fatalf("%d sessions", len(p.sessions))
		}
		select {
		case <-p.sessions[1].closed:
		default:
			t.Error("nobody has the second session, and it is open")
			close(p.sessions[1].closed)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What is of no answer is not taken for the beginning of the next: a session that ends then is followed by another.
func TestConversationEndsBetweenAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &puppet{most: 1}
		v := NewConversation(p, Briefing{Rate: 8000})
		v.Hear(0, media.Frame{PCM: make([]int16, 160), Rate: 8000}, Edge{})
		synctest.Wait()
		p.sessions[0].says <- Outcome{Ends: true} // there is no other yet
		synctest.Wait()
		next, stop := iter.Pull2(v.Respond(t.Context(), Talk{Turn: 1}))
		reads(t, next, "go")
		stop()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}
