package keypad

import (
	"context"
	"iter"
	"maps"
	"strings"

	"parley/pipeline"
)

// Options are what one call brings to Rules.
type Options struct {
	Agent  pipeline.Responder // answers all that the rules do not: a model, or a flow
	Script Script             // takes callers to its nodes, as goto wants it; nil: keys that lead to one are the agent's
	Slots  map[string]string  // fills the {{places}} of texts, besides what was gathered: see [pipeline.Fill]
}

// A Script is a Responder with places to go to, such as a flow's.
type Script interface {
	// Goto answers talk by going to a node, whatever is being asked; ok is false if there is none of that name.
	Goto(ctx context.Context, talk pipeline.Talk, node string) (answer iter.Seq2[pipeline.Delta, error], ok bool)
}

// Responder begins one call: the rules, and behind them the agent itself. The call's Agent must have the rules' Keys.
func (r *Rules) Responder(o Options) pipeline.Responder {
	s := &session{rules: r, o: o, retold: map[int]retold{}}
	s.here.values = o.Slots
	return s
}

// session is one call's state.
type session struct {
	rules  *Rules
	o      Options
	here   place
	before place          // where it was before the last words were answered
	turn   int            // of those words; 0: it was no words that were answered last
	retold map[int]retold // what the agent is told of turns
}

// A place is all that may have to be taken back. Its maps are replaced, never changed.
type place struct {
	gather *gather // whose answer is awaited; nil: none
	misses int     // of it
	wanted pipeline.Expect
	slots  map[string]string // that were gathered; secrets masked
	theirs map[string]string // that the agent's script has collected
	values map[string]string // for the places of texts; no secrets
}

// A reply is what one Respond yields: words, then a command, or what the agent has to say, or a node of its script.
type reply struct {
	texts   []string
	expect  *pipeline.Expect
	learned bool // slots are to be told
	do      *pipeline.Command
	asks    bool
	node    string
}

func (r *reply) say(text string) {
	if text = strings.TrimSpace(text); text != "" {
		r.texts = append(r.texts, text)
	}
}

// give takes a Delta, and says whether more are wanted.
type give func(pipeline.Delta, error) bool

// Respond implements [pipeline.Responder].
func (s *session) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := context.Cause(ctx); err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		r := reply{asks: true}
		if talk.Why != pipeline.ForToolResult {
			s.settle(talk)
			r = s.answer(talk)
		}
		s.play(ctx, talk, r, yield)
	}
}

// settle goes back if the last answer was taken back, and remembers where it stands.
func (s *session) settle(talk pipeline.Talk) {
	if s.turn != 0 && talk.Lacks(s.turn) {
		s.here = s.before
	}
	s.before, s.turn = s.here, 0
	if talk.Why == pipeline.ForWords {
		s.turn = talk.Turn
	}
}

// answer decides what is done about a turn of the caller's.
func (s *session) answer(talk pipeline.Talk) reply {
	g := s.here.gather
	switch {
	case talk.Why == pipeline.ForKeys:
		return s.keys(talk)
	case talk.Why == pipeline.ForSilence && g != nil:
		return s.missed(talk, "")
	case talk.Why == pipeline.ForWords && g != nil && g.masked:
		s.retell(talk.Turn, "The caller has said something that is secret and not shown.", true)
		return s.missed(talk, g.invalid)
	}
	return reply{asks: true}
}

// keys takes an entry: for a rule, for the question that was asked, or for the agent.
func (s *session) keys(talk pipeline.Talk) reply {
	g, entry := s.here.gather, talk.Keys
	if u := s.rules.find(entry, g != nil || s.here.wanted.Sole); u != nil {
		return s.do(talk, &u.action, "The caller pressed "+entry)
	}
	switch {
	case g != nil:
		return s.take(talk, g, entry)
	case s.rules.otherwise != nil && !awaitsKeys(s.here.wanted):
		return s.do(talk, s.rules.otherwise, "The caller pressed "+entry)
	}
	return reply{asks: true}
}

// awaitsKeys says whether keys were asked for.
func awaitsKeys(e pipeline.Expect) bool { return e.Digits > 0 || e.Terminator != 0 || e.KeyGap > 0 }

// do begins an action. How is what it came of, for the agent.
func (s *session) do(talk pipeline.Talk, a *action, how string) reply {
	var r reply
	r.say(s.fill(a.say))
	switch a.kind {
	case asks:
		s.retell(talk.Turn, note(how, s.fill(a.what)), false)
		r.asks = true
		if a.protected {
			r.expect = s.expects(true)
		}
		return r
	case gathers:
		s.here.gather, s.here.misses = a.gather, 0
		r.say(s.fill(a.gather.prompt))
	case goes:
		s.here.gather = nil
		r.node = a.what
		return r
	case transfers:
		s.here.gather = nil
		r.do = &pipeline.Command{Kind: pipeline.Transfer, To: a.what}
	case bridges:
		s.here.gather = nil
		r.do = &pipeline.Command{Kind: pipeline.Bridge, To: a.what}
	case attends:
		s.here.gather = nil
		r.do = &pipeline.Command{Kind: pipeline.Bridge, To: a.what, Join: pipeline.Join{Attended: true}}
	case presses:
		r.do = &pipeline.Command{Kind: pipeline.Press, Keys: a.what}
	case hangsUp:
		s.here.gather = nil
		r.do = &pipeline.Command{Kind: pipeline.HangUp, Text: s.fill(a.what)}
	}
	r.expect = s.expects(a.protected)
	return r
}

func (s *session) fill(text string) string {
	filled, _ := pipeline.Fill(text, s.here.values)
	return filled
}

// expects is what is awaited when the rules have spoken: the answer to their gather, or what the agent waits for still.
func (s *session) expects(protected bool) *pipeline.Expect {
	e := s.here.wanted
	if s.here.gather != nil {
		e = s.here.gather.expect()
	}
	e.Protected = protected
	return &e
}

// play yields a reply.
func (s *session) play(ctx context.Context, talk pipeline.Talk, r reply, yield give) {
	if r.expect != nil && !yield(pipeline.Delta{Expect: r.expect}, nil) {
		return
	}
	if r.learned && !yield(pipeline.Delta{Slots: s.collected()}, nil) {
		return
	}
	text := strings.Join(r.texts, " ")
	if text != "" && (r.asks || r.node != "") {
		text += " "
	}
	if text != "" && !yield(pipeline.Delta{Text: text}, nil) {
		return
	}
	switch {
	case r.do != nil:
		yield(pipeline.Delta{Do: r.do}, nil)
	case r.asks, r.node != "":
		s.relay(talk, s.theirs(ctx, s.brief(talk), r.node), r.expect != nil, yield)
	}
}

// theirs is what the agent answers: at a node of its script, if there is one.
func (s *session) theirs(ctx context.Context, talk pipeline.Talk, node string) iter.Seq2[pipeline.Delta, error] {
	if node != "" && s.o.Script != nil {
		if answer, ok := s.o.Script.Goto(ctx, talk, node); ok {
			return answer
		}
	}
	return s.o.Agent.Respond(ctx, talk)
}

// relay yields the agent's answer. A gather that goes on is still expected to be answered, unless the agent now waits for keys itself.
// Told says that what is expected has been said.
func (s *session) relay(talk pipeline.Talk, answer iter.Seq2[pipeline.Delta, error], told bool, yield give) {
	if talk.Step == 0 {
		s.here.wanted = pipeline.Expect{}
	}
	for d, err := range answer {
		switch {
		case d.Expect != nil:
			s.here.wanted, told = *d.Expect, true
			if awaitsKeys(*d.Expect) {
				s.here.gather = nil
			} else if g := s.here.gather; g != nil {
				e := g.expect()
				e.Words, e.Kind, e.Protected = d.Expect.Words, d.Expect.Kind, d.Expect.Protected
				d.Expect = &e
			}
		case d.Slots != nil:
			s.here.theirs = d.Slots
			d.Slots = s.collected()
		case d.Text != "" && s.here.gather != nil && !told:
			told = true
			if !yield(pipeline.Delta{Expect: s.expects(false)}, nil) {
				return
			}
		}
		if !yield(d, err) {
			return
		}
	}
}

// collected is all that was collected: by the agent's script, and by gathers.
func (s *session) collected() map[string]string {
	all := map[string]string{}
	maps.Copy(all, s.here.theirs)
	maps.Copy(all, s.here.slots)
	return all
}
