package load

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"path/filepath"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/bench/report"
	"parley/bench/stamp"
	"parley/bench/wire"
	"parley/media/g711"
	"parley/media/wav"
)

// tone is speech as far as loudness goes, at 8 kHz.
func tone(d time.Duration) []int16 {
	pcm := make([]int16, int(d*8000/time.Second))
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*300*float64(i)/8000))
	}
	return pcm
}

// recording writes a WAV file of speech, and returns its path.
func recording(t *testing.T, d time.Duration) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	if err := wav.WriteFile(path, wav.Sound{PCM: tone(d), Rate: 8000, Channels: 1}); err != nil {
		t.Fatal(err)
	}
	return path
}

// scripted is a script whose recordings are called SPEECH: so much of it.
func scripted(t *testing.T, text string, speech time.Duration) []carrier.Step {
	t.Helper()
	steps, err := carrier.ParseScript("test", text)
	if err != nil {
		t.Fatal(err)
	}
	path := recording(t, speech)
	for i := range steps {
		if steps[i].What == "SPEECH" {
			steps[i].What = path
		}
	}
	return steps
}

// A score is one call played in made-up time, slot by slot, with a server that does what the test says.
type score struct {
	t    *testing.T
	g    *generator
	c    *call
	now  time.Duration
	said []said // what the caller has sent
	sent []byte // by Send
	left bool
}

// said is a message of the caller's.
type said struct {
	at    time.Duration
	event string
	loud  bool   // of media
	law   []byte // of media
	name  string // of a mark, or the key
}

func (s *score) Send(frames []byte)  { s.sent = append(s.sent, frames...) }
func (s *score) Leave(time.Duration) { s.left = true }

// newScore begins a call at 100 s.
func newScore(t *testing.T, script string, change ...func(*Plan)) *score {
	t.Helper()
	p := Plan{URL: "http://localhost/voice", Script: scripted(t, script, time.Second), Steps: []Step{{Calls: 1, Hold: time.Second}}}
	for _, f := range change {
		f(&p)
	}
	p, err := p.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{plan: p, dialect: wire.Twilio, key: wire.NewKey(), now: newMeasures(), tally: newTally(), squares: squaresOf(), wake: make(chan struct{}, 1), measuring: true}
	if g.program, err = compile(g.dialect, g.key, p.Script, p.Library); err != nil {
		t.Fatal(err)
	}
	s := &score{t: t, g: g, now: 100 * time.Second}
	s.c = &call{g: g, stream: s, line: g.dialect.NewLine(g.key, wire.Call{Account: "AC1", ID: "CA1", Stream: "MZ1"}), ear: ear{due: s.now - 30*time.Millisecond}, until: s.now + p.MaxLength}
	g.joined(s.c)
	return s
}

// slots lets so many slots of the caller's pass.
func (s *score) slots(n int) {
	for range n {
		if s.left {
			return
		}
		s.now += wire.FrameTime
		s.take(s.c.Speak(s.now))
	}
}

// pass lets time pass, a multiple of 20 ms.
func (s *score) pass(d time.Duration) { s.slots(int(d / wire.FrameTime)) }

// take reads what the caller sent.
func (s *score) take(frames []byte) {
	for len(frames) > 0 {
		text, rest := unmask(s.t, frames)
		frames = rest
		var m struct {
			Event string
			Media struct{ Payload []byte }
			Mark  struct{ Name string }
			DTMF  struct{ Digit string }
		}
		if err := json.Unmarshal(text, &m); err != nil {
			s.t.Fatalf("%v: %s", err, text)
		}
		pcm := make([]int16, len(m.Media.Payload))
		g711.Ulaw.Decode(pcm, m.Media.Payload)
		s.said = append(s.said, said{s.now, m.Event, len(pcm) > 0 && loud(pcm), m.Media.Payload, m.Mark.Name + m.DTMF.Digit})
	}
}

// unmask reads a client's frame as a server does.
func unmask(t *testing.T, b []byte) (text, rest []byte) {
	t.Helper()
	n, head := int(b[1]&0x7F), 2
	if n == 126 {
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	}
	key, body := b[head:head+4], b[head+4:head+4+n]
	for i, x := range body {
		text = append(text, x^key[i&3])
	}
	return text, b[head+4+n:]
}

// agent sends audio after (a part of a slot) the last slot: speech, or silence.
func (s *score) agent(after time.Duration, pcm []int16, stamped ...time.Duration) {
	s.t.Helper()
	law := make([]byte, len(pcm))
	g711.Ulaw.Encode(law, pcm)
	for _, at := range stamped {
		stamp.Put(law, at)
	}
	s.tell(after, wire.Message{Kind: wire.Media, Text: true, Payload: []byte(base64.StdEncoding.EncodeToString(law)), Audio: time.Duration(len(law)) * time.Second / 8000})
}

func (s *score) tell(after time.Duration, m wire.Message) {
	s.t.Helper()
	if err := s.c.Hear(m, s.now+after); err != nil {
		s.t.Fatal(err)
	}
}

func (s *score) clear(after time.Duration) { s.tell(after, wire.Message{Kind: wire.Clear}) }

// times are figures of the report, in milliseconds: how many, the least and the most.
func (s *score) times(name string) [3]float64 {
	d := s.step().Times[name]
	return [3]float64{float64(d.N), math.Round(d.Min), math.Round(d.Max)}
}

func (s *score) step() *report.Step {
	step := &report.Step{Times: map[string]report.Spread{}, Counts: map[string]int64{}}
	s.g.now.fill(step)
	return step
}

// want compares counts.
func (s *score) want(counts map[string]int64) {
	s.t.Helper()
	got := s.step().Counts
	for name, n := range counts {
		if got[name] != n {
			s.t.Errorf("%s: %d, want %d", name, got[name], n)
		}
	}
}

// wantTimes compares how many times there are, the least and the most of them in milliseconds, as a histogram of three digits tells them.
func (s *score) wantTimes(name string, n, least, most float64) {
	s.t.Helper()
	got, want := s.times(name), [3]float64{n, least, most}
	for i := range want {
		if math.Abs(got[i]-want[i]) > want[i]/500 {
			s.t.Errorf("%s: %v, want %v (n, least, most)", name, got, want)
			return
		}
	}
}

// loudAt are the times of the caller's voiced frames, since the call began.
func (s *score) loudAt() (first, last time.Duration, n int) {
	for _, m := range s.said {
		if m.loud {
			if n++; n == 1 {
				first = m.at - 100*time.Second
			}
			last = m.at - 100*time.Second
		}
	}
	return first, last, n
}

// events are the caller's messages but for media, in order.
func (s *score) events() (all []string) {
	for _, m := range s.said {
		if m.event != "media" {
			all = append(all, m.event+" "+m.name)
		}
	}
	return all
}

func payload(pcm []int16) []byte {
	law := make([]byte, len(pcm))
	g711.Ulaw.Encode(law, pcm)
	return []byte(base64.StdEncoding.EncodeToString(law))
}
