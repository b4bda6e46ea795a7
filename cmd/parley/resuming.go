package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/control/assignee"
	"parley/control/lines"
	"parley/control/nodes"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/store"
)

const (
	heldFor = 10 * time.Second        // for how long a call whose line was lost may still go on, before it has ended
	given   = time.Minute             // the same, once another node has asked for it
	askFor  = 2500 * time.Millisecond // for the node of a call to say whether it has ended: the caller hears nothing meanwhile
	leaving = 3 * time.Second         // for a call to end that is told to
)

// resuming has calls go on whose line was lost, on whichever node Twilio asks: there it was, or its node died.
//
//	the line is lost, or the node ─▶ Twilio ── /twilio/after ──▶ resume: has the call ended? ── its record
//	                                                                 │          its node: LetGo ──▶ letGo: its end is kept back
//	call ◀── goOn: TakeCall, what was said ◀── another stream ◀──────┘ no       silent: it is dead
//
// The end of a call that may go on is kept back for a while, so that nobody is told of an end that was none.
type resuming struct {
	deliver func(pipeline.Event) // tells of an end after all

	mu   sync.Mutex
	held map[string]*heldEnd // by call
	done bool
}

// A heldEnd is the end of a call that may go on.
type heldEnd struct {
	end   pipeline.Event
	timer *time.Timer
}

// keep holds an event back if it is the end of a call that may go on. It does not block.
func (r *resuming) keep(e pipeline.Event) bool {
	if e.Kind != pipeline.CallEnded || e.Ending == nil || e.Ending.Cause != media.CauseCarrier || e.Ending.Info.Kind != lines.Twilio {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done || r.deliver == nil {
		return false
	}
	if r.held == nil {
		r.held = map[string]*heldEnd{}
	}
	h := &heldEnd{end: e}
	h.timer = time.AfterFunc(heldFor, func() { r.expire(h, r.deliver) })
	r.held[e.Call] = h
	return true
}

// expire has a call ended that did not go on.
func (r *resuming) expire(h *heldEnd, then func(pipeline.Event)) {
	if r.drop(h) {
		then(h.end)
	}
}

// drop says whether h was still held, which it is no more.
func (r *resuming) drop(h *heldEnd) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[h.end.Call] != h {
		return false
	}
	h.timer.Stop()
	delete(r.held, h.end.Call)
	return true
}

// find is the end that is held of a call, or of the one that its carrier names so; nil: none is.
func (r *resuming) find(call, carrierID string) *heldEnd {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, h := range r.held {
		if id == call || carrierID != "" && h.end.Ending.Info.ID == carrierID {
			return h
		}
	}
	return nil
}

// give holds the end of a call for longer, since somebody has asked for the call; false: it is not held. It is told by then, if at all.
func (r *resuming) give(call string, then func(pipeline.Event)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.held[call]
	if h == nil {
		return false
	}
	h.timer.Stop()
	h.timer = time.AfterFunc(given, func() { r.expire(h, then) })
	return true
}

// over ends a call that its carrier says is over.
func (r *resuming) over(carrierID string) {
	if h := r.find("", carrierID); h != nil {
		r.expire(h, r.deliver)
	}
}

// giveUp ends all that is held, and holds nothing any more.
func (r *resuming) giveUp() {
	r.mu.Lock()
	r.done = true
	all := slices.Collect(maps.Values(r.held))
	r.mu.Unlock()
	for _, h := range all {
		r.expire(h, r.deliver)
	}
}

// resume implements stream.Twilio.Resume.
func (s *server) resume(ctx context.Context, l stream.Lost) (call string, known bool) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // Twilio waits for 15 s
	defer cancel()
	log := s.log.With("carrier_id", l.CallSID)
	if l.Again >= s.cfg.Resumptions {
		log.Warn("a call has lost its line too often to go on", "times", l.Again)
		return "", true
	}
	row, err := s.office.store.CallByCarrier(ctx, lines.Twilio, l.CallSID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", false
	case err != nil:
		log.Error("it is not known whether a call that lost its line goes on: it ends", "error", err)
		return "", true
	case len(l.Owners) > 0 && !slices.Contains(l.Owners, row.Org):
		log.Warn("a call that lost its line is another's than the account's that says so", "call", row.ID)
		return "", true
	case row.Status.Final() && row.Cause != store.CauseCrash:
		return "", true
	case !row.Status.Final():
		err = s.askToLetGo(ctx, row)
	}
	if no := (*nodes.Refusal)(nil); errors.Is(err, nodes.ErrNotLive) || errors.As(err, &no) {
		return "", true // it was ended there
	}
	log.Warn("a call has lost its line, and goes on", "call", row.ID, "boot", row.Boot, "its_node_is_silent", err != nil)
	return row.ID, true
}

// askToLetGo asks the node of a call whether the call has ended, and if not, to leave it to us. No answer is one, too: the node is dead.
func (s *server) askToLetGo(ctx context.Context, row store.Call) error {
	if row.Boot == s.office.boot {
		return s.letGo(ctx, row.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return s.office.node.Tell(ctx, row.Boot, nodes.Order{Act: nodes.LetGo, Call: row.ID})
}

// letGo leaves a call whose line was lost to whoever asks: it ends here, if it has not noticed yet, and all that was said is in the database.
// nodes.ErrNotLive: it has ended otherwise.
func (s *server) letGo(ctx context.Context, call string) error {
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for c := s.board.Call(call); c != nil; c = s.board.Call(call) {
		c.Stop(media.CauseCarrier)
		select {
		case <-look.C:
		case <-ctx.Done():
			return nodes.ErrNotLive // it is ending, for a reason of its own
		}
	}
	if !s.resuming.give(call, s.ended) {
		return nodes.ErrNotLive
	}
	if err := s.office.records.Flush(ctx); err != nil {
		s.log.Warn("a call goes on elsewhere, where not all of it may be known", "call", call, "error", err)
	}
	return nil
}

// ended tells of the end of a call that another node has asked for, unless that has taken it.
func (s *server) ended(e pipeline.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	row, err := s.office.store.CallByCarrier(ctx, lines.Twilio, e.Ending.Info.ID)
	if err != nil || row.Boot == s.office.boot {
		s.resuming.deliver(e)
		return
	}
	s.office.records.Forget(e.Call)
	s.office.desk.Forget(e.Call)
	_ = s.bills.settle(e.Call) // what it was used for here, nobody asks for
}

// A resumption is a call that goes on, as the record has it.
type resumption struct {
	past     pipeline.Past
	row      store.Call
	agent    store.Agent
	messages []store.Message
}

// resumptionKey is of a call's context.
type resumptionKey struct{}

// resumptionOf is what the call of a context goes on with; nil: it is a new one.
func resumptionOf(ctx context.Context) *resumption {
	r, _ := ctx.Value(resumptionKey{}).(*resumption)
	return r
}

// goOn holds the conversation on with the caller of a call that lost its line. One that cannot go on is hung up on.
func (s *server) goOn(ctx context.Context, leg media.Leg) pipeline.Ending {
	info := leg.Info()
	r, err := s.takeUp(ctx, info)
	if err != nil {
		s.log.Error("a call that lost its line cannot go on", "call", info.Resumes, "carrier_id", info.ID, "error", err)
		_ = leg.Hangup(media.CauseRejected) // what is lost is refused all the same
		return pipeline.Ending{Call: info.Resumes, Info: info, Cause: media.CauseRejected, Err: err, Answered: time.Now()}
	}
	ctx = context.WithValue(s.bills.resume(ctx, r.row.ID), resumptionKey{}, r)
	return s.board.Resume(ctx, leg, &r.past)
}

// takeUp makes a call this node's, and reads what was said. What this node itself has of it is told to nobody as an end any more.
func (s *server) takeUp(ctx context.Context, info media.Info) (*resumption, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	db := s.office.store
	row, err := db.CallByCarrier(ctx, info.Kind, info.ID)
	if err != nil {
		return nil, err
	}
	if row.ID != info.Resumes {
		return nil, fmt.Errorf("the carrier's call is %s by now", row.ID)
	}
	if row, err = db.TakeCall(ctx, store.Takeover{Call: row.ID, From: row.Boot, Node: s.office.home, Boot: s.office.boot, Most: s.cfg.Resumptions}); err != nil {
		return nil, err
	}
	r := &resumption{row: row}
	if r.messages, err = db.Transcript(ctx, row.Org, row.ID); err != nil {
		return nil, err
	}
	turns, err := db.Turns(ctx, row.Org, row.ID)
	if err != nil {
		return nil, err
	}
	if r.agent, err = db.AgentVersion(ctx, row.Org, row.Agent, row.AgentVersion); err != nil {
		return nil, err
	}
	r.past = pipeline.Past{Call: row.ID, Answered: row.Answered, History: historyOf(r.messages), Collected: row.Collected}
	for _, t := range turns {
		r.past.Turns = max(r.past.Turns, t.N)
	}
	if h := s.resuming.find(row.ID, ""); h != nil && s.resuming.drop(h) { // it knows more than the record, such as which tools were asked for
		r.past.Answer = h.end.Ending.Answer
		r.past.History, r.past.Turns = h.end.Ending.History, max(r.past.Turns, h.end.Ending.Turns)
	}
	return r, nil
}

// historyOf is what was said, as the record has it.
func historyOf(messages []store.Message) []pipeline.Message {
	history := make([]pipeline.Message, len(messages))
	for i, m := range messages {
		history[i] = pipeline.Message{Role: pipeline.Role(m.Role), Text: m.Text, Cut: m.Cut, Turn: m.Turn, At: m.At, Length: m.Length}
		for _, w := range m.WordTimes() {
			history[i].Words = append(history[i].Words, pipeline.Word{Text: m.Text[w.From:w.To], Start: w.At, End: w.At + w.Length})
		}
	}
	return history
}

// beginAgain is begin of a call that goes on: with the agent that it had, and under the same record.
func (o *office) beginAgain(ctx context.Context, r *resumption, info media.Info) (store.Agent, media.Info, error) {
	row := r.agent
	if token := info.Params[pipeline.TokenParam]; token != "" {
		plan, err := o.dialer.Answered(ctx, token)
		if err != nil {
			return store.Agent{}, info, fmt.Errorf("go on with a placed call: %w", err)
		}
		row.SystemPrompt = assignee.Prompt(row.SystemPrompt, plan.Task)
		info.Params = filled(plan.Slots(), info.Params)
	}
	row.StartingMessage = "" // it was said; Manners.CutOff is in its place
	o.records.Resume(r.row, r.past.Turns, r.messages)
	o.desk.Resume(r.row, r.messages)
	return row, info, nil
}

// filled are the parameters of a call, on top of what is known of it otherwise.
func filled(known, params map[string]string) map[string]string {
	maps.DeleteFunc(known, func(name, _ string) bool { return params[name] != "" })
	maps.Copy(known, params)
	return known
}
