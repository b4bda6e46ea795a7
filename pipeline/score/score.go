// Package score plays scripted callers against a real pipeline.Call with scripted providers, in virtual time.
//
//	Caller: Says("one two", 0.5, 1.5), Presses("4#", 3), HangsUp(9)        what is written
//	   │
//	   ▼ in a synctest bubble, a minute in a few milliseconds
//	carrier ⇄ Leg ⇄ Call ⇄ Ear, Recogniser, Model, Voice                   scripted, with their faults
//	   │                │
//	   ▼                ▼
//	Performance.Wire    Performance.Events, Ending, Talks                  what is looked at
//
// The sound of the scripted voice says which word it is, so that the wire itself tells what a caller would have heard: it is held
// against what the call believes. A score that leaves a goroutine behind fails, because its bubble does not end.
//
// Times are in seconds from the answer. The scripted parts answer off the 20 ms grid of the frames, so that no two things happen
// at one instant.
package score

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/legtest"
	"parley/pipeline"
)

// A Score is a call as it is written. Zero parts behave well, and quickly.
type Score struct {
	Caller     []Cue
	Echo       Echo
	Manners    pipeline.Manners
	Lang       string // the agent's; default "en-US"
	Tools      []pipeline.Tool
	Transfer   func(ctx context.Context, to string) error
	HandOver   func(ctx context.Context) error // connects the caller and the guest, of a leg that is a media.Connector then; nil: it is none
	Connect    func(ctx context.Context, other media.Leg) error
	May        func(ctx context.Context, to string) error
	Guest      *Guest // nil: nobody can be called
	Supervised []Supervisor
	Change     func(ctx context.Context, name string) (pipeline.Agent, pipeline.Parts, error)
	Ear        Ear
	Recogniser Recogniser
	Model      Model
	Responder  func(model pipeline.Responder) pipeline.Responder // what answers instead of the model, or stands before it
	Voice      Voice
	Watcher    pipeline.Watcher                                      // goes along with the call; nil: nobody does
	Conversant *Conversant                                           // answers in the model's place, by itself; nil: the model does
	Speaks     func(voice pipeline.Synthesizer) pipeline.Synthesizer // what stands before the voice; it is set up before the call begins
	Agent      func(*pipeline.Agent)                                 // what is otherwise about the agent
	Line       legtest.Line                                          // of a zero Line, an open line with marks and 400 ms of lead
	Tones      bool                                                  // keys are heard as sound
	Watch      func(pipeline.Event)                                  // may block, to see what comes of it
	Setup      float64                                               // how long the cast takes
	SetupFails error
}

// A Performance is what became of a score.
type Performance struct {
	Events []pipeline.Event
	Ending pipeline.Ending
	Talks  []pipeline.Talk // that the model was given
	Wire   []Sound         // what sounded at the far end
	Keys   string          // that the far end was pressed: by the leg, or as tones
	Origin time.Duration   // when the first of Wire began, since the answer
	Cause  media.Cause     // that the carrier was told
	// Of the last Guest: what sounded at their end, the agent's words in it, and the cause that their carrier was told.
	GuestHeard []int16
	GuestTold  string
	GuestKeys  string // that they were pressed
	GuestCause media.Cause
	Supervised []Supervised
	Took       time.Duration // from the answer until Run returned
	Log        string
	Tap        *Tap
	Sessions   []*Session // of the Conversant, in order
}

// limit is how long a performance may last.
const limit = 2 * time.Hour

// Play performs s in a bubble of its own and then, still inside of it, calls check, if it is not nil.
func (s Score) Play(t *testing.T, check func(*testing.T, *Performance)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if p := s.perform(t); check != nil {
			check(t, p)
		}
	})
}

// perform runs the call to its end.
func (s Score) perform(t *testing.T) *Performance {
	p := &Performance{Tap: &Tap{}}
	stage := s.Stage(t.Context(), p)
	began := time.Now()
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
		case <-time.After(limit):
			t.Errorf("the call still goes on after %v", limit)
			stage.Call.Stop(media.CauseShutdown)
		}
	}()
	go stage.Script(ended)
	stage.supervise(t.Context(), ended)
	p.Ending = stage.Call.Run(t.Context())
	p.Took = time.Since(began)
	close(ended)
	if s.Model.Fault.Kind == Ignores || s.Voice.Fault.Kind == Ignores || s.Ear.HangsAt > 0 || s.Recogniser.BlocksAt > 0 {
		time.Sleep(30 * time.Second) // what the call had to leave behind comes to its end
	}
	synctest.Wait()
	stage.Close()
	return p
}

// A Stage is a score set up for a call that has not begun.
type Stage struct {
	Call    *pipeline.Call
	Leg     media.Leg
	Carrier *legtest.Carrier
	score   *Score
	voice   *voice
	guest   *Stage // theirs: Leg, Carrier and script alone
	others  []*supervised
	began   time.Time            // the answer
	speaks  pipeline.Synthesizer // voice, or what stands before it
	p       *Performance
	log     *journal
	caught  struct { // what hears has caught by at
		sync.Mutex
		at   time.Time
		cues []Cue
	}
}

// Stage sets the score up. Whoever runs Stage.Call runs Script beside it.
func (s Score) Stage(_ context.Context, p *Performance) *Stage {
	line := s.Line
	if line.Info.Kind == "" {
		line.Info = media.Info{Outbound: line.Info.Outbound, Kind: "score", ID: "CA1", From: "+15550100", To: "+15550199", Lead: 400 * time.Millisecond, Chunk: 100 * time.Millisecond}
		line.Marks = true
	}
	line.Open, line.Hum = true, 1
	leg, carrier := legtest.New(line)
	if s.HandOver != nil {
		leg = connecting{leg, leg.(media.Marker), s.HandOver}
	}
	st := &Stage{Leg: leg, Carrier: carrier, score: &s, p: p, log: &journal{}, voice: &voice{Voice: s.Voice}}
	if st.speaks = st.voice; s.Speaks != nil {
		st.speaks = s.Speaks(st.voice)
	}
	var mu sync.Mutex
	st.Call = &pipeline.Call{
		Leg: leg, Pacer: Pacer{}, Cast: st.Cast, Tones: s.Tones,
		Log: slog.New(slog.NewTextHandler(st.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Watch: func(e pipeline.Event) {
			mu.Lock()
			p.Events = append(p.Events, e)
			mu.Unlock()
			if s.Watch != nil {
				s.Watch(e)
			}
		},
	}
	return st
}

// Cast is the score's pipeline.Cast.
func (st *Stage) Cast(ctx context.Context, _ string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
	s := st.score
	st.began = time.Now()
	if s.Setup > 0 {
		if err := sleep(ctx, seconds(s.Setup)); err != nil {
			return pipeline.Agent{}, pipeline.Parts{}, nil, err
		}
	}
	if s.SetupFails != nil {
		return pipeline.Agent{}, pipeline.Parts{}, nil, s.SetupFails
	}
	agent := pipeline.Agent{Name: "score", Lang: cmp.Or(s.Lang, "en-US"), Manners: s.Manners, Tools: s.Tools}
	if s.Agent != nil {
		s.Agent(&agent)
	}
	m := s.Manners.WithDefaults()
	var responder pipeline.Responder = &model{Model: s.Model, p: st.p}
	var hearer pipeline.Hearer
	if s.Conversant != nil {
		talk := st.conversation(&agent, info.Rate)
		responder, hearer = talk, talk
	}
	if s.Responder != nil {
		responder = s.Responder(responder)
	}
	parts := pipeline.Parts{
		Ear:           newEar(s.Ear, st.hears, m),
		Transcription: newRecogniser(s.Recogniser, st.hears, info.Rate),
		Responder:     responder,
		Synthesizer:   st.speaks,
		Hearer:        hearer,
		Watcher:       s.Watcher,
		Change:        s.Change,
		May:           s.May,
		Transfer:      s.Transfer,
		Connect:       s.Connect,
		Dial:          st.dial(),
	}
	return agent, parts, st.p.Tap, nil
}

// Script plays the caller until the script or the call ends.
func (st *Stage) Script(ended <-chan struct{}) {
	began := time.Now()
	var deeds []deed
	for _, c := range st.score.Caller {
		deeds = append(deeds, c.deeds...)
	}
	slices.SortStableFunc(deeds, func(a, b deed) int { return int(a.at - b.at) })
	for _, d := range deeds {
		select {
		case <-time.After(time.Until(began.Add(d.at + phase))):
			d.do(st)
		case <-ended:
			return
		}
	}
}

// Close takes down what the performance is made of, after the call has ended.
func (st *Stage) Close() {
	st.p.Cause, _ = st.Carrier.Cause()
	st.p.Log = st.log.String()
	st.closeGuest()
	st.closeSupervised()
	sounded := st.Carrier.Sounded()
	st.p.Wire = st.voice.decode(sounded, st.Leg.Info().Rate)
	st.p.Keys = keysOf(st.Carrier, sounded, st.Leg.Info().Rate)
	if len(sounded) > 0 {
		st.p.Origin = sounded[0].At.Sub(st.began)
	}
}

// keysOf are the keys that the far end was pressed: told by the leg, or heard as tones.
func keysOf(far *legtest.Carrier, sounded []legtest.Stretch, rate int) string {
	keys := ""
	for _, k := range far.Pressed() {
		keys += string(k.Key)
	}
	ear := dtmf.NewDetector(rate)
	for _, s := range sounded {
		for frame := range slices.Chunk(append(s.PCM, make([]int16, rate/10)...), rate/50) { // between two stretches there is silence
			if p, ok := ear.Hear(frame); ok {
				keys += string(p.Key)
			}
		}
	}
	return keys
}

// journal is a log that may be read when all is over.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// A Tap counts what a recording would have got.
type Tap struct {
	mu     sync.Mutex
	Frames int    // of the caller
	Blank  []bool // by the caller's frame, 20 ms each from the answer: whether it is silence, without the line's hum
	Spoken []int16
	Closed bool
}

// Caller implements pipeline.Tap.
func (t *Tap) Caller(f media.Frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Frames++
	for n := int(f.At / media.FrameTime); len(t.Blank) <= n; {
		t.Blank = append(t.Blank, silenced(f))
	}
}

// Forget implements pipeline.Forgetter.
func (t *Tap) Forget(since time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := int(since / media.FrameTime); n < len(t.Blank); n++ {
		t.Blank[n] = true
	}
}

// Agent implements pipeline.Tap.
func (t *Tap) Agent(_ time.Duration, pcm []int16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Spoken = append(t.Spoken, pcm...)
}

// Close implements io.Closer.
func (t *Tap) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Closed = true
	return nil
}
