package providertest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
)

// A LiveVendor is a client under test, and the stand-in for its server.
type LiveVendor struct {
	Start func(t testing.TB, l *Live) (baseURL string)
	Open  func(baseURL string) pipeline.Conversant
	Edits bool // what was said can be cut and taken back; else the model is told so in words
}

// Conversant holds a client of a speech-to-speech model to the contract of pipeline.Conversant, against a stand-in for its server over
// real sockets.
func Conversant(t *testing.T, v LiveVendor) {
	for name, f := range map[string]func(*testing.T, LiveVendor){
		"hears and speaks":                   liveHears,
		"hears and speaks, wide":             liveHearsWide,
		"knows what it was told in words":    liveKnows,
		"uses tools":                         liveTools,
		"what was cleared is not heard":      liveClears,
		"interrupted, it knows what was":     liveInterrupted,
		"cancelled before anything has come": liveCancelledEarly,
		"what is taken back was never said":  liveTakesBack,
		"nobody waits for the server":        liveNobodyWaits,
		"many calls at once":                 liveMany,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone(t)
			f(t, v)
		})
	}
	t.Run("refused", func(t *testing.T) { liveRefused(t, v) })
	t.Run("trouble", func(t *testing.T) { liveTroubles(t, v) })
}

// liveLine is a session under test, and what has come of it.
type liveLine struct {
	pipeline.Session
	t    *testing.T
	rate int
	live *Live

	mu   sync.Mutex
	got  []pipeline.Outcome
	err  error
	over bool
	news chan struct{}
}

// open starts a server and a session with it.
func (v LiveVendor) open(t *testing.T, l *Live, rate int, tools ...pipeline.Tool) *liveLine {
	t.Helper()
	s, err := v.Open(v.Start(t, l)).Converse(t.Context(), pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "You book tables.", Lang: "en-US", Tools: tools}, Rate: rate})
	if err != nil {
		t.Fatalf("converse: %v", err)
	}
	return attendLive(t, s, l, rate)
}

func attendLive(t *testing.T, s pipeline.Session, l *Live, rate int) *liveLine {
	line := &liveLine{Session: s, t: t, rate: rate, live: l, news: make(chan struct{}, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for o, err := range s.Outcomes() {
			line.note(o, err)
		}
		line.mu.Lock()
		line.over = true
		line.mu.Unlock()
		line.wake()
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		<-read
	})
	return line
}

func (l *liveLine) note(o pipeline.Outcome, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = err
	} else {
		l.got = append(l.got, o)
	}
	l.wake()
}

func (l *liveLine) wake() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// until waits for outcomes that fit.
func (l *liveLine) until(what string, fits func([]pipeline.Outcome) bool) {
	l.t.Helper()
	late := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		ok, over, err := fits(l.got), l.over, l.err
		l.mu.Unlock()
		if ok {
			return
		}
		if over {
			l.t.Fatalf("%s: the session has ended: %v", what, err)
		}
		select {
		case <-l.news:
		case <-late:
			l.t.Fatalf("%s: of it, nothing came after %d outcomes", what, len(l.got))
		}
	}
}

// liveAnswer is an answer that has come to its end.
type liveAnswer struct {
	text   string
	pcm    []int16
	calls  []pipeline.ToolCall
	usage  pipeline.Usage
	finish string
}

// answer waits for the end of an answer.
func (l *liveLine) answer(key int) (a liveAnswer) {
	l.t.Helper()
	done := func(o pipeline.Outcome) bool { return o.Key == key && o.Done }
	l.until("the answer", func(all []pipeline.Outcome) bool { return slices.ContainsFunc(all, done) })
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.got {
		if o.Key != key {
			continue
		}
		if aloud := o.Delta.Aloud; aloud != nil {
			a.text += aloud.Text
			a.pcm = append(a.pcm, aloud.PCM...)
		}
		if c := o.Delta.Call; c != nil {
			a.calls = append(a.calls, *c)
		}
		if u := o.Delta.Usage; u != nil {
			a.usage = *u
		}
		if o.Delta.Finish != "" {
			a.finish = o.Delta.Finish
		}
	}
	return a
}

// speak writes sound, in frames.
func (l *liveLine) speak(d time.Duration) {
	l.t.Helper()
	pcm := Tones(strings.Repeat("talking ", int(d/TonesLength("talking"))+1), l.rate)[:int(d.Seconds()*float64(l.rate))]
	for frame := range slices.Chunk(pcm, l.rate/50) {
		if err := l.Write(frame); err != nil {
			l.t.Fatalf("write: %v", err)
		}
	}
}

func (l *liveLine) ask(key int, edits ...pipeline.Edit) {
	l.t.Helper()
	if err := l.Ask(key, edits); err != nil {
		l.t.Fatalf("ask: %v", err)
	}
}

// sane checks that the client has kept the protocol's rules.
func (l *liveLine) sane() {
	l.t.Helper()
	if n := l.live.counts.Wrong.Load(); n != 0 {
		l.t.Errorf("the server was told %d things that it refuses", n)
	}
}

func heardEdit(key int) pipeline.Edit {
	return pipeline.Edit{Kind: pipeline.Heard, Key: key, Message: pipeline.Message{Role: pipeline.Caller, Text: "a table please"}}
}

func toldEdit(key int, by pipeline.Role, text string) pipeline.Edit {
	return pipeline.Edit{Key: key, Message: pipeline.Message{Role: by, Text: text}}
}

func liveHears(t *testing.T, v LiveVendor)     { liveHearsAt(t, v, 8000) }
func liveHearsWide(t *testing.T, v LiveVendor) { liveHearsAt(t, v, 48000) }

func liveHearsAt(t *testing.T, v LiveVendor, rate int) {
	l := v.open(t, &Live{}, rate)
	l.speak(1230 * time.Millisecond)
	l.ask(2, heardEdit(1))
	a := l.answer(2)
	const want = "You spoke for 12 tenths of a second."
	if strings.TrimSpace(a.text) != want || a.finish != "stop" || a.usage.Input == 0 || a.usage.Output == 0 {
		t.Errorf("it said %q, finish %q, usage %+v; want %q", a.text, a.finish, a.usage, want)
	}
	if got, want := media.Samples(len(a.pcm), rate), TonesLength(want); (got - want).Abs() > 30*time.Millisecond {
		t.Errorf("%v of sound, want %v", got, want)
	}
	if level := loudest(a.pcm); level < toneLevel*8/10 || level > toneLevel*12/10 {
		t.Errorf("the loudest sample is %d, want %d", level, toneLevel)
	}
	l.speak(420 * time.Millisecond)
	l.ask(4, heardEdit(3))
	if a := l.answer(4); !strings.Contains(a.text, "4 tenths") {
		t.Errorf("then it said %q", a.text)
	}
	l.sane()
}

func loudest(pcm []int16) (level int) {
	for _, s := range pcm {
		level = max(level, int(s))
	}
	return level
}

func liveKnows(t *testing.T, v LiveVendor) {
	var turns []LiveTurn
	var mu sync.Mutex
	l := v.open(t, &Live{Answer: func(turn LiveTurn) LiveAnswer {
		mu.Lock()
		defer mu.Unlock()
		turns = append(turns, turn)
		return LiveAnswer{Text: "Well."}
	}}, 8000)
	call := pipeline.Message{Role: pipeline.Assistant, Text: "Let me see.", Calls: []pipeline.ToolCall{{ID: "call_A1", Name: "book", Args: []byte(`{"n":2}`)}}}
	l.ask(9, toldEdit(1, pipeline.Assistant, "Welcome."), toldEdit(2, pipeline.Caller, "a table"), pipeline.Edit{Key: 3, Message: call},
		pipeline.Edit{Key: 4, Message: pipeline.Message{Role: pipeline.ToolRole, CallID: "call_A1", Text: "booked"}},
		toldEdit(5, pipeline.Assistant, "Done."), toldEdit(6, pipeline.Narrator, "The caller pressed 1."))
	if a := l.answer(9); a.text != "Well." {
		t.Errorf("it said %q", a.text)
	}
	l.ask(11, toldEdit(10, pipeline.Narrator, "The caller is silent."))
	l.answer(11)
	mu.Lock()
	defer mu.Unlock()
	var all []string
	for _, m := range turns[1].Messages {
		all = append(all, m.Text)
	}
	known := strings.Join(all, " | ")
	at := 0
	for _, want := range []string{"Welcome.", "a table", "Let me see.", "book", "booked", "Done.", "The caller pressed 1.", "Well.", "The caller is silent."} {
		i := strings.Index(known[at:], want)
		if i < 0 {
			t.Fatalf("it knows %q, want %q after its byte %d", known, want, at)
		}
		at += i + len(want)
	}
	l.sane()
}

func liveTools(t *testing.T, v LiveVendor) {
	l := v.open(t, &Live{Answer: func(turn LiveTurn) LiveAnswer {
		if turn.N == 1 {
			return LiveAnswer{Text: "Let me see.", Call: &Piece{"call_A1", "book", `{"n":2}`}}
		}
		return LiveParrot(turn)
	}}, 8000, pipeline.Tool{Name: "book", Description: "Books a table.", Parameters: []byte(`{"type":"object","properties":{"n":{"type":"integer"}}}`)})
	l.speak(time.Second)
	l.ask(2, heardEdit(1))
	a := l.answer(2)
	if len(a.calls) != 1 || a.calls[0].ID != "call_A1" || a.calls[0].Name != "book" || string(a.calls[0].Args) != `{"n":2}` {
		t.Fatalf("calls %+v", a.calls)
	}
	l.ask(4, pipeline.Edit{Key: 3, Message: pipeline.Message{Role: pipeline.ToolRole, CallID: "call_A1", Text: "table nine"}})
	if a := l.answer(4); !strings.Contains(a.text, "table nine") {
		t.Errorf("it said %q of the result", a.text)
	}
	l.sane()
}

func liveClears(t *testing.T, v LiveVendor) {
	l := v.open(t, &Live{}, 8000)
	l.speak(2 * time.Second)
	if err := l.Clear(); err != nil {
		t.Fatalf("clear: %v", err)
	}
	l.speak(630 * time.Millisecond)
	l.ask(2, heardEdit(1))
	if a := l.answer(2); !strings.Contains(a.text, "for 6 tenths") {
		t.Errorf("it said %q", a.text)
	}
	l.sane()
}

// liveInterrupted interrupts an answer that is still being made, and asks at once.
func liveInterrupted(t *testing.T, v LiveVendor) {
	const long = "We are open from nine to five on weekdays and from ten to two on Saturdays but never on Sundays."
	var known LiveTurn
	l := v.open(t, &Live{Pace: 4, Answer: func(turn LiveTurn) LiveAnswer {
		if turn.N == 1 {
			return LiveAnswer{Text: long}
		}
		known = turn
		return LiveAnswer{Text: "Goodbye."}
	}}, 8000)
	l.speak(time.Second)
	l.ask(2, heardEdit(1))
	l.until("some sound", func(all []pipeline.Outcome) bool {
		n := 0
		for _, o := range all {
			if o.Delta.Aloud != nil {
				n += len(o.Delta.Aloud.PCM)
			}
		}
		return n > 16000
	})
	if err := l.Cancel(); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	heard := heardOfTones(long, 1500*time.Millisecond)
	l.speak(500 * time.Millisecond)
	l.ask(4, pipeline.Edit{Kind: pipeline.Cut, Key: 2, Message: pipeline.Message{Role: pipeline.Assistant, Text: heard, Cut: true, Length: 1500 * time.Millisecond}}, heardEdit(3))
	if a := l.answer(4); a.text != "Goodbye." {
		t.Errorf("then it said %q", a.text)
	}
	var all []string
	for _, m := range known.Messages {
		all = append(all, m.Text)
	}
	text := strings.Join(all, " | ")
	if v.Edits && (!strings.Contains(text, heard) || strings.Contains(text, "weekdays")) {
		t.Errorf("it knows %q, want no more than %q", text, heard)
	}
	if !v.Edits && !strings.Contains(text, `"`+heard+`"`) {
		t.Errorf("it was not told that %q was heard: %q", heard, text)
	}
	l.sane()
}

func liveCancelledEarly(t *testing.T, v LiveVendor) {
	l := v.open(t, &Live{First: 300 * time.Millisecond}, 8000)
	l.speak(time.Second)
	l.ask(2, heardEdit(1))
	if err := l.Cancel(); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	l.speak(520 * time.Millisecond)
	l.ask(4, heardEdit(3))
	if a := l.answer(4); !strings.Contains(a.text, "for 5 tenths") {
		t.Errorf("it said %q", a.text)
	}
	if l.answers(2) != 0 {
		t.Error("the first answer has come to its end")
	}
}

// answers counts the ends of an answer that was not cancelled.
func (l *liveLine) answers(key int) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.got {
		if o.Key == key && o.Delta.Aloud != nil && len(o.Delta.Aloud.PCM) > 0 {
			n++
		}
	}
	return n
}

func liveTakesBack(t *testing.T, v LiveVendor) {
	var known LiveTurn
	l := v.open(t, &Live{Answer: func(turn LiveTurn) LiveAnswer {
		known = turn
		return LiveAnswer{Text: "Where would you like to sit?"}
	}}, 8000)
	l.speak(time.Second)
	l.ask(2, heardEdit(1))
	l.answer(2)
	l.speak(1640 * time.Millisecond)
	l.ask(4, pipeline.Edit{Kind: pipeline.Unsaid, Key: 1, Message: pipeline.Message{Role: pipeline.Caller, Text: "a table"}},
		pipeline.Edit{Kind: pipeline.Unsaid, Key: 2, Message: pipeline.Message{Role: pipeline.Assistant, Text: "Where would you like to sit?"}}, heardEdit(3))
	l.answer(4)
	if v.Edits && (len(known.Messages) != 1 || known.Messages[0].Sound.Round(10*time.Millisecond) != 1640*time.Millisecond) {
		t.Errorf("it knows %+v", known.Messages)
	}
	l.sane()
}

// liveNobodyWaits: a server that reads nothing costs whoever speaks no time, and in the end the session.
func liveNobodyWaits(t *testing.T, v LiveVendor) {
	live := &Live{Trouble: Trouble{Fault: Deaf}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := v.Open(v.Start(t, live)).Converse(ctx, pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "p"}, Rate: 8000})
	if err != nil {
		return // who waits for the server's first word has waited long enough
	}
	l := attendLive(t, s, live, 8000)
	frame := make([]int16, 160)
	for range 2_000_000 {
		if err := l.Write(frame); err != nil {
			return
		}
		if err := l.Ask(1, []pipeline.Edit{heardEdit(2)}); err != nil {
			return
		}
		if err := l.Cancel(); err != nil {
			return
		}
	}
	t.Error("what is not read is kept without end")
}

func liveMany(t *testing.T, v LiveVendor) {
	live := &Live{}
	c := v.Open(v.Start(t, live))
	var work sync.WaitGroup
	for range 20 {
		s, err := c.Converse(t.Context(), pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "p"}, Rate: 8000})
		if err != nil {
			t.Fatalf("converse: %v", err)
		}
		l := attendLive(t, s, live, 8000)
		work.Go(func() {
			for n := range 5 {
				l.speak(time.Second)
				l.ask(2*n+2, heardEdit(2*n+1))
				if a := l.answer(2*n + 2); !strings.Contains(a.text, "10 tenths") {
					t.Errorf("it said %q", a.text)
				}
			}
		})
	}
	work.Wait()
	if n := live.counts.Wrong.Load(); n != 0 {
		t.Errorf("the server was told %d things that it refuses", n)
	}
}

// liveRefused are servers that do not want us: the error says by its status why, and holds no secret.
func liveRefused(t *testing.T, v LiveVendor) {
	for _, tt := range []struct {
		status   int
		hopeless bool
	}{{http.StatusUnauthorized, true}, {http.StatusForbidden, true}, {http.StatusTooManyRequests, false}, {http.StatusServiceUnavailable, false}} {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			t.Parallel()
			gone(t)
			_, err := v.Open(v.Start(t, &Live{Trouble: Trouble{Fault: Refuse, Status: tt.status}})).Converse(t.Context(), pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "p"}, Rate: 8000})
			var e interface {
				error
				StatusCode() int
				Hopeless() bool
			}
			if !errors.As(err, &e) || e.StatusCode() != tt.status || e.Hopeless() != tt.hopeless {
				t.Errorf("error %v", err)
			}
		})
	}
}

// liveTroubles are servers that begin well: nobody is left waiting, and the session's end says why.
func liveTroubles(t *testing.T, v LiveVendor) {
	for _, f := range []Fault{CutOff, Garbage, Giant, CloseEarly, Complain} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			gone(t)
			live := &Live{Trouble: Trouble{Fault: f, Reason: "server_error"}, Answer: func(LiveTurn) LiveAnswer {
				return LiveAnswer{Text: "We are open from nine to five on weekdays and from ten to two on Saturdays."}
			}}
			s, err := v.Open(v.Start(t, live)).Converse(t.Context(), pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "p"}, Rate: 8000})
			if err != nil {
				return // the first word of the server's was wrong already
			}
			l := attendLive(t, s, live, 8000)
			for key := 2; key < 20; key += 2 { // garbage is put up with for a while
				if l.Ask(key, []pipeline.Edit{toldEdit(key-1, pipeline.Narrator, "Go on.")}) != nil || f == Garbage && l.Cancel() != nil || f != Garbage {
					break
				}
			}
			late := time.After(20 * time.Second)
			for {
				l.mu.Lock()
				over, err := l.over, l.err
				l.mu.Unlock()
				if over {
					if err == nil {
						t.Error("the session has ended without an error")
					}
					return
				}
				select {
				case <-l.news:
				case <-late:
					t.Fatal("the session goes on")
				}
			}
		})
	}
	for _, f := range []Fault{Mute, NeverAnswers} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			gone(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			live := &Live{Trouble: Trouble{Fault: f}}
			s, err := v.Open(v.Start(t, live)).Converse(ctx, pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "p"}, Rate: 8000})
			if f == Mute {
				if err == nil {
					t.Error("there is a session")
					_ = s.Close()
				}
				return
			}
			if err != nil {
				t.Fatalf("converse: %v", err)
			}
			l := attendLive(t, s, live, 8000)
			l.speak(time.Second)
			l.ask(2, heardEdit(1))
			if err := l.Cancel(); err != nil {
				t.Errorf("cancel: %v", err)
			}
		})
	}
}
