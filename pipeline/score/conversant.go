package score

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
)

// A Conversant is the scripted speech-to-speech model: it answers what the Model does, as the Voice says it, and far ahead of real time. It
// understands what the caller says as the Recogniser does; what it knows of the call is what it was told.
type Conversant struct {
	Behind bool    // the words of an answer come after all its sound
	Lasts  float64 // each session ends so long after it was opened; 0: never
	Warns  float64 // it says so this long before; 0: not at all
	Refuse int     // so many sessions are refused, from the first on
}

// A Session is what became of one session of a Conversant.
type Session struct {
	Edits  []pipeline.Edit
	Sounds []time.Duration // of each Heard: how much sound was written for it
	Clears int
	Wrote  int // samples, in all
	Closed bool
	Late   int // samples that came after it was closed
}

// conversation is the score's pipeline.Conversation.
func (st *Stage) conversation(agent *pipeline.Agent, rate int) *pipeline.Conversation {
	return pipeline.NewConversation(&conversant{Conversant: *st.score.Conversant, st: st}, pipeline.Briefing{Agent: agent, Rate: rate})
}

type conversant struct {
	Conversant
	st   *Stage
	mu   sync.Mutex
	uses int
}

func (c *conversant) Converse(ctx context.Context, b pipeline.Briefing) (pipeline.Session, error) {
	if err := sleep(ctx, 50*time.Millisecond); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uses++; c.uses <= c.Refuse {
		return nil, errFault
	}
	s := &session{conversant: c, rate: b.Rate, out: make(chan outcome), closed: make(chan struct{}), model: &model{Model: c.st.score.Model, p: &Performance{}}}
	c.st.p.Sessions = append(c.st.p.Sessions, &s.log)
	if c.Lasts > 0 {
		s.work.Go(func() {
			ends := time.After(seconds(c.Lasts))
			if c.Warns > 0 {
				select {
				case <-time.After(seconds(c.Lasts - c.Warns)):
					s.say(context.Background(), outcome{Outcome: pipeline.Outcome{Ends: true}})
				case <-s.closed:
				}
			}
			select {
			case <-ends:
				s.say(context.Background(), outcome{err: errFault})
			case <-s.closed:
			}
		})
	}
	return s, nil
}

// outcome is a pipeline.Outcome, or the end.
type outcome struct {
	pipeline.Outcome
	err error
}

type session struct {
	*conversant
	rate   int
	model  *model
	out    chan outcome
	closed chan struct{}
	once   sync.Once
	work   sync.WaitGroup

	state   sync.Mutex
	log     Session
	written int
	known   []remembered
	asked   int                // the answer in progress; 0: there is none
	cancel  context.CancelFunc // of it
	before  chan struct{}      // closed when the answer before it has ended
}

// remembered is a message of the session's conversation.
type remembered struct {
	key int
	m   pipeline.Message
}

func (s *session) Write(pcm []int16) error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.log.Closed {
		s.log.Late += len(pcm)
	}
	s.written += len(pcm)
	s.log.Wrote += len(pcm)
	return nil
}

func (s *session) Clear() error {
	s.state.Lock()
	defer s.state.Unlock()
	s.written = 0
	s.log.Clears++
	return nil
}

func (s *session) Ask(key int, edits []pipeline.Edit) error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.asked != 0 {
		panic("asked while an answer is in progress")
	}
	s.log.Edits = append(s.log.Edits, edits...)
	for _, e := range edits {
		s.edit(e)
	}
	talk := s.talk()
	s.mu.Lock()
	s.st.p.Talks = append(s.st.p.Talks, talk)
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	before, ended := s.before, make(chan struct{})
	s.asked, s.cancel, s.before = key, cancel, ended
	s.known = append(s.known, remembered{key, pipeline.Message{Role: pipeline.Assistant, Turn: talk.Turn}})
	s.work.Go(func() {
		defer close(ended)
		if before != nil {
			<-before
		}
		s.answer(ctx, key, talk)
	})
	return nil
}

// edit does to the conversation what an Edit says.
func (s *session) edit(e pipeline.Edit) {
	at := slices.IndexFunc(s.known, func(k remembered) bool { return k.key == e.Key })
	if (e.Kind == pipeline.Cut || e.Kind == pipeline.Unsaid) != (at >= 0) {
		panic("an edit of what is not known, or known already")
	}
	switch e.Kind {
	case pipeline.Heard:
		s.log.Sounds = append(s.log.Sounds, media.Samples(s.written, s.rate))
		s.written = 0
		s.known = append(s.known, remembered{e.Key, e.Message})
	case pipeline.Told:
		s.known = append(s.known, remembered{e.Key, e.Message})
	case pipeline.Cut:
		s.known[at].m.Text, s.known[at].m.Cut = e.Message.Text, true
	case pipeline.Unsaid:
		s.known = slices.Delete(s.known, at, at+1)
	}
}

// talk is what the model is asked, as far as it was told.
func (s *session) talk() pipeline.Talk {
	var k pipeline.Talk
	for _, r := range s.known {
		k.History = append(k.History, r.m)
	}
	last := k.History[len(k.History)-1]
	k.Turn, k.Why, k.Text = last.Turn, pipeline.ForCommand, last.Text
	keys, pressed := strings.CutPrefix(last.Text, "The caller pressed ")
	switch {
	case last.Role == pipeline.Caller:
		k.Why = pipeline.ForWords
	case last.Role == pipeline.ToolRole:
		k.Why = pipeline.ForToolResult
	case pressed:
		k.Why, k.Keys = pipeline.ForKeys, strings.TrimSuffix(keys, ".")
	case last.Text == "The caller is silent.":
		k.Why = pipeline.ForSilence
	case strings.HasPrefix(last.Text, "The call has just been answered"):
		k.Why = pipeline.ForGreeting
	}
	return k
}

// answer says what the model does, unless it is cancelled.
func (s *session) answer(ctx context.Context, key int, talk pipeline.Talk) {
	say := func(d pipeline.Delta) { s.say(ctx, outcome{Outcome: pipeline.Outcome{Key: key, Delta: d}}) }
	var behind strings.Builder
	words := func(yield func(string, error) bool) {
		for d, err := range s.model.Respond(ctx, talk) {
			switch {
			case err != nil:
				yield("", err)
				return
			case d.Text == "":
				say(d)
				continue
			case s.Behind:
				behind.WriteString(d.Text)
			default:
				say(pipeline.Delta{Aloud: &pipeline.Aloud{Text: d.Text}})
			}
			if !yield(d.Text, nil) {
				return
			}
		}
	}
	for speech, err := range s.st.voice.Speak(ctx, words, pipeline.Voice{Rate: s.rate}) {
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.say(ctx, outcome{err: err})
			return
		case len(speech.PCM) > 0:
			say(pipeline.Delta{Aloud: &pipeline.Aloud{PCM: slices.Clone(speech.PCM)}})
		}
	}
	if behind.Len() > 0 {
		say(pipeline.Delta{Aloud: &pipeline.Aloud{Text: behind.String()}})
	}
	s.say(ctx, outcome{Outcome: pipeline.Outcome{Key: key, Done: true}})
}

func (s *session) say(ctx context.Context, o outcome) {
	s.state.Lock()
	if at := slices.IndexFunc(s.known, func(k remembered) bool { return k.key == o.Key }); at >= 0 && o.Delta.Aloud != nil {
		s.known[at].m.Text += o.Delta.Aloud.Text
	} else if at >= 0 && o.Delta.Call != nil {
		s.known[at].m.Calls = append(s.known[at].m.Calls, *o.Delta.Call)
	}
	if o.Done && o.Key == s.asked {
		s.asked = 0 // it may be asked again as soon as this is known
	}
	s.state.Unlock()
	select {
	case s.out <- o:
	case <-s.closed:
	case <-ctx.Done():
	}
}

func (s *session) Cancel() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.asked != 0 {
		s.cancel()
		s.asked = 0
	}
	return nil
}

func (s *session) Outcomes() iter.Seq2[pipeline.Outcome, error] {
	return func(yield func(pipeline.Outcome, error) bool) {
		for {
			select {
			case o := <-s.out:
				if !yield(o.Outcome, o.err) || o.err != nil {
					return
				}
			case <-s.closed:
				return
			}
		}
	}
}

func (s *session) Close() error {
	_ = s.Cancel()
	s.once.Do(func() { close(s.closed) })
	s.state.Lock()
	s.log.Closed = true
	s.state.Unlock()
	s.work.Wait()
	return nil
}
