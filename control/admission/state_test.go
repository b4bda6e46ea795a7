package admission

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"parley/media"
)

// A machine is a made-up one: calls use it as they are told to, and a state judges them. Its clock is what step says.
type machine struct {
	t      *testing.T
	limits Limits
	state  state
	now    time.Time
	at     sample
	frames media.Times
	tasks  media.Times

	cores   float64
	idle    float64       // processors used without a call
	cost    float64       // processors a call uses
	lag     time.Duration // from when a call is live until it uses them
	late    time.Duration // of every frame
	noise   float64       // of what is used, as a share
	workers int
	speech  float64 // workers a call with local speech uses
	waits   time.Duration

	rng      *rand.Rand
	begun    map[string]time.Time
	length   map[string]time.Duration
	n        int
	owed     float64 // calls to be offered
	admitted int
	refused  map[Reason]int
}

func newMachine(t *testing.T, l Limits) *machine {
	return &machine{
		t: t, limits: l, now: time.Unix(1_000_000, 0), cores: 2, cost: 0.001, idle: 0.02, lag: time.Second, late: 100 * time.Microsecond, workers: 1,
		rng: rand.New(rand.NewPCG(1, 2)), begun: map[string]time.Time{}, length: map[string]time.Duration{}, refused: map[Reason]int{},
	}
}

// usual are the limits of the settings' defaults.
var usual = Limits{Calls: 1000, CPU: 0.85, Lateness: 20 * time.Millisecond, Wait: time.Second}

// using is what is used at this moment, of all processors there are.
func (m *machine) using() float64 {
	sum := m.idle
	for _, at := range m.begun {
		if m.now.Sub(at) >= m.lag {
			sum += m.cost
		}
	}
	return sum
}

// step lets a quarter of a second pass.
func (m *machine) step() {
	m.now = m.now.Add(every)
	for id, at := range m.begun {
		if m.now.Sub(at) >= m.length[id] {
			m.state.calls.end(id)
			delete(m.begun, id)
		}
	}
	used := min(m.cores, m.using()*(1+m.noise*(2*m.rng.Float64()-1)))
	m.at.processor.Allowed = m.cores
	m.at.processor.Used += time.Duration(used * float64(every))
	frames := m.frames.Shard()
	for range min(len(m.begun)*2, 200) {
		frames.Add(m.late)
	}
	m.at.late = m.frames.Counts()
	m.at.speech.Workers = m.workers
	m.at.speech.Busy += time.Duration(min(float64(m.workers), m.speech*float64(m.state.calls.speech)) * float64(every))
	for range 3 {
		if m.waits > 0 {
			m.tasks.Shard().Add(m.waits)
		}
	}
	m.at.speech.Waits = m.tasks.Counts()
	m.state.observe(m.now, m.at, m.limits)
}

// offer has calls ask at one moment; those that are let in come at once and last for so long.
func (m *machine) offer(calls int, r Request, lasts time.Duration) (in int) {
	for range calls {
		m.n++
		r.Key = fmt.Sprint(m.n)
		why := m.state.judge(r, m.now, m.limits)
		if why != "" {
			m.refused[why]++
			continue
		}
		m.state.calls.expect(r, m.now)
		if _, ok := m.state.calls.take(r.Key, m.now); !ok {
			m.t.Fatal("a call has lost its place")
		}
		m.state.calls.begin(r.Key, r)
		m.begun[r.Key], m.length[r.Key] = m.now, lasts
		m.admitted++
		in++
	}
	return in
}

// pass lets time pass, with so many calls offered each second.
func (m *machine) pass(d time.Duration, perSecond float64, r Request, lasts time.Duration) (in int) {
	for range d / every {
		m.step()
		for m.owed += perSecond * every.Seconds(); m.owed >= 1; m.owed-- {
			in += m.offer(1, r, lasts)
		}
	}
	return in
}

const hour = time.Hour

func TestAnIdleNodeAdmits(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*machine){
		"that has just begun": func(*machine) {},
		"that has been idle":  func(m *machine) { m.pass(time.Minute, 0, Request{}, 0) },
		"that was busy loading": func(m *machine) {
			m.idle = 2
			m.pass(5*time.Second, 0, Request{}, 0)
			m.idle = 0.02
			m.pass(11*time.Second, 0, Request{}, 0)
		},
		"whose only call had a hiccup": func(m *machine) {
			m.pass(time.Second, 2, Request{}, hour)
			m.late = time.Second
			m.step()
			m.late = 0
			m.step()
		},
		"that was full and is empty now": func(m *machine) {
			m.cost = 0.1
			m.pass(time.Minute, 5, Request{}, 10*time.Second)
			m.pass(30*time.Second, 0, Request{}, 0)
		},
	} {
		m := newMachine(t, usual)
		prepare(m)
		if why := m.state.judge(Request{Speech: true}, m.now, m.limits); why != "" {
			t.Errorf("a node %s refuses: %s", name, why)
		}
	}
}

// TestABurstDoesNotOverrun: hundreds of calls ask before any of them costs a thing.
func TestABurstDoesNotOverrun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cost float64
		warm bool // the node has had calls before
		most float64
	}{
		{"cheap calls", 0.001, false, 0.85},
		{"cheap calls, known", 0.001, true, 0.85},
		{"dear calls, known", 0.03, true, 0.9}, // one call is 1.5 % of the machine
		{"dear calls", 0.01, false, 0.86},
	} {
		m := newMachine(t, usual)
		m.limits.Calls = 0
		m.cost = c.cost
		m.pass(20*time.Second, 0, Request{}, 0)
		if c.warm {
			m.pass(2*time.Minute, 1, Request{}, 30*time.Second)
			m.pass(10*time.Second, 0, Request{}, 0)
		}
		in := m.offer(5000, Request{}, hour)
		worst := 0.0
		for range 80 {
			m.step()
			worst = max(worst, m.using()/m.cores)
		}
		if in < 30 || worst > c.most {
			t.Errorf("%s: %d of 5000 are let in at once, and use %.2f of the processors, want %.2f at most", c.name, in, worst, c.most)
		}
		if len(m.refused) != 1 || m.refused[CPU] == 0 {
			t.Errorf("%s: refused %v, want all for the processors", c.name, m.refused)
		}
	}
}

// TestOverload: at 150 % of what the machine carries, it carries what it can, and refuses the rest.
func TestOverload(t *testing.T) {
	t.Parallel()
	for _, cost := range []float64{0.002, 0.01, 0.03} {
		m := newMachine(t, usual)
		m.limits.Calls = 0
		m.cost, m.noise = cost, 0.1
		const lasts = 30 * time.Second
		carries := (0.85*m.cores - m.idle) / cost
		offered := 1.5 * carries / lasts.Seconds()
		m.pass(2*time.Minute, offered, Request{}, lasts) // until it stands
		m.admitted, m.refused = 0, map[Reason]int{}
		worst, mean, flips, was := 0.0, 0.0, 0, false
		const steps = 1200
		for range steps {
			m.pass(every, offered, Request{}, lasts)
			worst, mean = max(worst, m.using()/m.cores), mean+m.using()/m.cores/steps
			if full := m.state.judge(Request{}, m.now, m.limits) != ""; full != was {
				was = full
				flips++
			}
		}
		got := float64(m.admitted) * lasts.Seconds() / (steps * every.Seconds()) / carries
		t.Logf("a call costs %v: %.1f %% of what can be carried is, the processors are used to %.3f on average and %.3f at most; %d flips in 5 minutes", cost, 100*got, mean, worst, flips)
		if got < 0.93 || got > 1.02 || worst > 0.85*1.07 || m.refused[CPU] == 0 || len(m.refused) != 1 {
			t.Errorf("a call costs %v: %.3f of what can be carried is, at worst with %.3f of the processors; refused %v", cost, got, worst, m.refused)
		}
	}
}

// TestLatenessBrakes: late frames stop everything, until they have been punctual for a while; then calls come in by and by.
func TestLatenessBrakes(t *testing.T) {
	t.Parallel()
	m := newMachine(t, usual)
	m.cost = 0.0001
	m.pass(20*time.Second, 10, Request{}, hour)
	if len(m.refused) > 0 || m.state.calls.live < 199 {
		t.Fatalf("before: %d are live, refused %v", m.state.calls.live, m.refused)
	}
	m.late = 50 * time.Millisecond
	m.pass(time.Second, 0, Request{}, 0)
	if in := m.pass(10*time.Second, 10, Request{}, hour); in > 0 || m.refused[Late] != 100 {
		t.Fatalf("while frames are late: %d are let in, refused %v", in, m.refused)
	}
	m.late = 0
	if in := m.pass(lateWindow, 10, Request{}, hour); in > 0 {
		t.Errorf("%d are let in at once when frames are punctual again", in)
	}
	first := m.pass(4*time.Second, 100, Request{}, hour)
	if first == 0 || first > 40 {
		t.Errorf("in the first seconds after, %d of 400 are let in: want some, by and by", first)
	}
	if in := m.pass(time.Minute, 10, Request{}, hour); in < 400 {
		t.Errorf("a minute later %d of 600 are let in, refused %v", in, m.refused)
	}
}

// TestNoFlapping: a load around the bar does not open and close the door all the time.
func TestNoFlapping(t *testing.T) {
	t.Parallel()
	m := newMachine(t, usual)
	m.cost = 0.0001
	m.pass(10*time.Second, 10, Request{}, hour)
	flips, was := 0, Reason("")
	for i := range 2400 { // ten minutes
		m.late = 19 * time.Millisecond
		if i%40 < 20 {
			m.late = 22 * time.Millisecond
		}
		m.step()
		if now := m.state.judge(Request{}, m.now, m.limits); now != was {
			flips, was = flips+1, now
		}
	}
	if flips != 1 || was != Late {
		t.Errorf("it changed its mind %d times, and says %q: want once, and lateness", flips, was)
	}
}

// TestOrganisations: one organisation's flood leaves room for another, coming and live.
func TestOrganisations(t *testing.T) {
	t.Parallel()
	l := usual
	l.Calls, l.OrgCalls = 100, 30
	m := newMachine(t, l)
	m.step()
	if in := m.offer(500, Request{Org: "flood"}, hour); in != 30 || m.refused[OrgCalls] != 470 {
		t.Errorf("%d of the flood are let in, refused %v", in, m.refused)
	}
	if in := m.offer(20, Request{Org: "other"}, hour); in != 20 {
		t.Errorf("%d of another's 20 are let in, refused %v", in, m.refused)
	}
	if why := m.state.judge(Request{Org: "flood", Answered: true}, m.now, l); why != "" {
		t.Errorf("somebody who has picked up is refused: %s", why)
	}
	// Those who have not come yet count, for a while.
	c := &m.state.calls
	for i := range 20 {
		c.expect(Request{Key: fmt.Sprint("coming", i), Org: "third"}, m.now)
	}
	if n := c.number("third", m.now); n.org != 20 || n.coming != 20 || n.all != 70 {
		t.Errorf("%+v are coming, want 20 of 70", n)
	}
	if n := c.number("third", m.now.Add(comes)); n.org != 0 || n.all != 50 {
		t.Errorf("%+v are coming though they should have come", n)
	}
	if _, ok := c.take("coming0", m.now.Add(keeps-time.Second)); !ok {
		t.Error("who comes late has lost its place")
	}
	if _, ok := c.take("coming1", m.now.Add(keeps)); ok {
		t.Error("a place is kept for ever")
	}
	c.sweep(m.now.Add(keeps))
	if len(c.waiting) != 0 {
		t.Errorf("%d places are kept", len(c.waiting))
	}
}

// TestMaxCalls holds whoever asks to the node's limit.
func TestMaxCalls(t *testing.T) {
	t.Parallel()
	m := newMachine(t, Limits{Calls: 10})
	m.step()
	if in := m.offer(15, Request{}, 5*time.Second); in != 10 || m.refused[MaxCalls] != 5 {
		t.Errorf("%d of 15 are let in, refused %v", in, m.refused)
	}
	if why := m.state.judge(Request{Answered: true}, m.now, m.limits); why != MaxCalls {
		t.Errorf("above the limit somebody who has picked up is told %q", why)
	}
	m.pass(6*time.Second, 0, Request{}, 0)
	if in := m.offer(15, Request{}, time.Minute); in != 10 {
		t.Errorf("afterwards %d of 15 are let in", in)
	}
}

// TestSpeech: a queue of local speech refuses those who would wait in it, and nobody else; so does the work that those who are there will make.
func TestSpeech(t *testing.T) {
	t.Parallel()
	offline := Request{Speech: true}
	m := newMachine(t, usual)
	m.speech = 0.12
	m.step()
	in := m.offer(100, offline, hour)
	m.pass(time.Minute, 1, offline, hour)
	if live := m.state.calls.speech; in > 7 || live < 4 || live > 7 || m.refused[Speech] == 0 || len(m.refused) != 1 {
		t.Errorf("%d of 100 are let in at once, %d in the end, where 5 can be served; refused %v", in, live, m.refused)
	}
	if in := m.offer(50, Request{}, hour); in != 50 {
		t.Errorf("%d of 50 calls without local speech are let in: %v", in, m.refused)
	}
	m = newMachine(t, usual)
	m.pass(time.Second, 2, offline, hour)
	m.waits = 3 * time.Second
	m.step()
	m.step()
	if why := m.state.judge(offline, m.now, m.limits); why != Speech {
		t.Errorf("while tasks wait for 3 s: %q", why)
	}
	m.waits = 0
	m.at.speech.Oldest = 3 * time.Second
	m.pass(20*time.Second, 0, offline, 0)
	if why := m.state.judge(offline, m.now, m.limits); why != Speech {
		t.Errorf("while a task has waited for 3 s: %q", why)
	}
	m.at.speech.Oldest = 0
	m.pass(5*time.Second, 0, offline, 0)
	if why := m.state.judge(offline, m.now, m.limits); why != "" {
		t.Errorf("when all is well again: %q", why)
	}
}

// TestNoBars: what is 0 refuses nobody.
func TestNoBars(t *testing.T) {
	t.Parallel()
	m := newMachine(t, Limits{})
	m.cost, m.late, m.waits, m.speech = 1, time.Second, time.Minute, 1
	if in := m.pass(time.Minute, 10, Request{Org: "o", Speech: true}, hour); in != 600 {
		t.Errorf("%d of 600 are let in, refused %v", in, m.refused)
	}
}
