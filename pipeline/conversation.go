package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/media"
)

// A Conversation makes of a Conversant a Responder that brings its own sound, so that the dialog decides as it does with a cascade: when
// a turn is over, what interrupts, what was heard.
//
//	caller ──▶ Hear ──▶ reel ──▶ Session.Write                    while they speak
//	Talk.History ──▶ edits ──▶ Session.Ask ──▶ Outcomes ──▶ Aloud, Call, Usage ──▶ reply
//
// The session's conversation is made equal to the call's history before each answer: what was said and noted meanwhile is added, what was
// cut is cut to what was heard, what was taken back is removed. So a session that ends (they last for minutes, and break) is followed by a
// new one that is told all in words. Of the caller the model hears what the dialog takes for a turn: no echo, no backchannel, no secret.
//
// It is a Responder and a Hearer of one call.
type Conversation struct {
	conversant Conversant
	briefing   Briefing
	halt       context.CancelFunc // of what is being opened
	ahead      func()             // opens a session while nobody waits for it
	renew      func()             // opens the spare one
	opening    chan struct{}      // holds something while a session is opened
	work       sync.WaitGroup

	mu     sync.Mutex
	begun  bool // a frame has come
	closed bool
	line   *line // nil: there is none
	spare  *line // takes the place of line, which will end soon; nil: there is none
	reel   reel
	owed   Usage // of answers that were cut: it is told with that of the next
}

// line is a session, and what it has been told and has said.
type line struct {
	session Session
	since   time.Time // when it was opened
	tired   bool      // it will end soon
	entries []entry
	key     int // the last one
	answer  int // the key of the answer that is wanted; 0: none
	queue   []Outcome
	sound   int           // samples in queue
	fresh   chan struct{} // there is more in queue, or an end
	err     error         // it has ended
}

// entry is a message of the session's conversation.
type entry struct {
	key    int
	m      Message // of an answer: all of it that has come
	answer bool
	cut    bool
	ours   bool // the history has none of it
}

var (
	errSessionOver = errors.New("the session has ended")
	errEndless     = errors.New("the answer does not end")
	errOvertaken   = errors.New("another answer is wanted")
)

// soonLost is how long a session has to last for another to be opened as soon as it has ended; else only when it is needed.
const soonLost = 10 * time.Second

// longestAnswer is how much of an answer may wait to be heard.
const longestAnswer = 5 * time.Minute

// NewConversation makes a conversation. It opens a session when there is something to be heard or to be answered; Close ends it then.
func NewConversation(c Conversant, b Briefing) *Conversation {
	ctx, cancel := context.WithCancel(context.Background())
	v := &Conversation{conversant: c, briefing: b, halt: cancel, opening: make(chan struct{}, 1)}
	v.reel = reel{rate: b.Rate}
	v.ahead = func() { _, _ = v.open(ctx) } // whoever needs it tries again, and says what is wrong
	v.renew = func() { _ = v.dial(ctx, &v.spare) }
	return v
}

// Close implements [Hearer].
func (v *Conversation) Close() error {
	v.mu.Lock()
	all := []*line{v.line, v.spare}
	v.closed, v.line, v.spare = true, nil, nil
	v.mu.Unlock()
	v.halt()
	var bad []error
	for _, l := range all {
		if l != nil {
			bad = append(bad, l.session.Close())
		}
	}
	v.work.Wait()
	return errors.Join(bad...)
}

// open returns the session that is to be asked, or opens one; nil: the call has ended.
func (v *Conversation) open(ctx context.Context) (*line, error) {
	select {
	case v.opening <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-v.opening }()
	if l, closed := v.current(); l != nil || closed {
		return l, nil
	}
	if err := v.dial(ctx, &v.line); err != nil {
		return nil, err
	}
	l, _ := v.current()
	return l, nil
}

// current is the session that is to be asked; nil: there is none. A tired one gives way between two answers.
func (v *Conversation) current() (l *line, closed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old := v.line; v.spare != nil && (old == nil || old.answer == 0) {
		v.line, v.spare = v.spare, nil
		v.reel.unsent()
		if old != nil {
			v.leave(old, errSessionOver)
		}
	}
	return v.line, v.closed
}

// dial opens a session, for as.
func (v *Conversation) dial(ctx context.Context, as **line) error {
	s, err := v.conversant.Converse(ctx, v.briefing)
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	l := &line{session: s, since: time.Now(), fresh: make(chan struct{}, 1)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return s.Close()
	}
	if old := *as; old != nil { // a spare that will end soon itself
		v.leave(old, errSessionOver)
	}
	*as = l
	if as == &v.line {
		v.reel.unsent()
	}
	v.work.Go(func() { v.read(l) })
	return nil
}

// read takes what comes of a session until it ends.
func (v *Conversation) read(l *line) {
	failure := errSessionOver
	for o, err := range l.session.Outcomes() {
		if err == nil {
			err = v.took(l, o)
		}
		if err != nil {
			failure = err
			break
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lose(l, failure)
}

// lose lets a session go that has ended. The next one begins anew, and if it lasted for a while, at once.
func (v *Conversation) lose(l *line, why error) {
	lost := v.line == l && l.err == nil
	switch l {
	case v.line:
		v.line = nil
	case v.spare:
		v.spare = nil
	}
	v.leave(l, why)
	if lost && v.spare == nil && !v.closed && time.Since(l.since) >= soonLost {
		v.work.Go(v.ahead)
	}
}

// leave ends a session.
func (v *Conversation) leave(l *line, why error) {
	if l.err != nil {
		return
	}
	l.err = why
	l.wake()
	if !v.closed {
		v.work.Go(func() { _ = l.session.Close() })
	}
}

func (l *line) wake() {
	select {
	case l.fresh <- struct{}{}:
	default:
	}
}

// took queues what came of an answer, if it is wanted, and notes it in any case.
func (v *Conversation) took(l *line, o Outcome) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if o.Ends && !l.tired && !v.closed {
		l.tired = true
		v.work.Go(v.renew)
	}
	if i := slices.IndexFunc(l.entries, func(e entry) bool { return e.key == o.Key }); i >= 0 && !l.entries[i].cut {
		m := &l.entries[i].m
		if a := o.Delta.Aloud; a != nil {
			m.Text += a.Text
		}
		if c := o.Delta.Call; c != nil {
			m.Calls = append(m.Calls, *c)
		}
	}
	if o.Key == 0 || o.Key != l.answer { // 0 is of no answer
		v.owe(o)
		return nil
	}
	if u := o.Delta.Usage; u != nil {
		o.Delta.Usage = &Usage{u.Input + v.owed.Input, u.Output + v.owed.Output, u.Cached + v.owed.Cached}
		v.owed = Usage{}
	}
	if a := o.Delta.Aloud; a != nil {
		if l.sound += len(a.PCM); media.Samples(l.sound, v.briefing.Rate) > longestAnswer {
			return errEndless
		}
	}
	l.queue = append(l.queue, o)
	l.wake()
	return nil
}

// owe notes what was used for what nobody wants any more. mu is held.
func (v *Conversation) owe(unwanted ...Outcome) {
	for _, o := range unwanted {
		if u := o.Delta.Usage; u != nil {
			v.owed.Input, v.owed.Output, v.owed.Cached = v.owed.Input+u.Input, v.owed.Output+u.Output, v.owed.Cached+u.Cached
		}
	}
}

// unwant lets go of the answer. mu is held.
func (v *Conversation) unwant(l *line) {
	v.owe(l.queue...)
	l.answer, l.queue, l.sound = 0, nil, 0
}

// Hear implements [Hearer].
func (v *Conversation) Hear(at time.Duration, f media.Frame, e Edge) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	if !v.begun {
		v.begun = true
		v.work.Go(v.ahead)
	}
	fresh := v.reel.hear(at, f, e)
	if v.line == nil {
		return
	}
	var err error
	switch {
	case v.reel.spilt: // what is kept is written anew if it is wanted
		v.reel.unsent()
		err = v.line.session.Clear()
	case len(fresh) > 0:
		err = v.line.session.Write(fresh)
	}
	if err != nil {
		v.lose(v.line, err)
	}
}

// Respond implements [Responder]. A session that ends before anything of the answer has come is followed by another.
func (v *Conversation) Respond(ctx context.Context, talk Talk) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		for again := true; ; again = false {
			begun, err := v.respond(ctx, talk, yield)
			if err == nil || ctx.Err() != nil && begun {
				return
			}
			if begun || !again || hopeless(err) || ctx.Err() != nil {
				yield(Delta{}, err)
				return
			}
		}
	}
}

// hopeless says of a failure that the next try will fail as well.
func hopeless(err error) bool {
	h, ok := errors.AsType[interface {
		error
		Hopeless() bool
	}](err)
	return ok && h.Hopeless()
}

// respond asks, and yields the answer. It says whether anything of it was yielded.
func (v *Conversation) respond(ctx context.Context, talk Talk, yield func(Delta, error) bool) (begun bool, err error) {
	l, err := v.open(ctx)
	if err != nil {
		return false, err
	}
	if l == nil {
		return false, errSessionOver
	}
	key, err := v.ask(l, talk)
	if err != nil {
		return false, err
	}
	defer v.settle(ctx, l, key)
	for {
		next, err := v.take(l, key)
		for i, o := range next {
			if !o.Done || o.Delta.Finish != "" {
				begun = true
				if !yield(o.Delta, nil) {
					v.mu.Lock()
					v.owe(next[i+1:]...)
					v.mu.Unlock()
					return begun, nil
				}
			}
			if o.Done {
				return begun, nil
			}
		}
		if len(next) > 0 {
			continue
		}
		if err != nil {
			return begun, err
		}
		select {
		case <-l.fresh:
		case <-ctx.Done():
			return begun, context.Cause(ctx)
		}
	}
}

// take is what has come of the answer, or else why no more will.
func (v *Conversation) take(l *line, key int) ([]Outcome, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l.answer != key {
		return nil, errOvertaken
	}
	next := l.queue
	l.queue, l.sound = nil, 0
	if len(next) == 0 {
		return nil, l.err
	}
	if next[len(next)-1].Done {
		l.answer = 0
	}
	return next, nil
}

// settle cancels the answer, unless it is complete or another has been asked for since. A session that was too late with it is not asked
// again.
func (v *Conversation) settle(ctx context.Context, l *line, key int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l.answer != key || l.err != nil {
		return
	}
	v.unwant(l)
	err := l.session.Cancel()
	if late, ok := errors.AsType[*LateError](context.Cause(ctx)); ok {
		err = late
	}
	if err != nil {
		v.lose(l, err)
	}
}

// ask brings the session up to date and wants an answer. Whoever reads the one before may not know yet that nobody wants it.
func (v *Conversation) ask(l *line, talk Talk) (key int, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if l.answer != 0 {
		v.unwant(l)
		if err := l.session.Cancel(); err != nil {
			v.lose(l, err)
			return 0, err
		}
	}
	edits := l.update(talk)
	for i := range edits {
		e := &edits[i]
		if e.Message.Role != Caller || e.Kind != Told || i != len(edits)-1 || e.Message.Text == MaskedSlot {
			continue // what was said before in words, as to a session that is new, has been heard by another
		}
		ok, err := v.reel.write(l.session, e.Message)
		if err != nil {
			v.lose(l, err)
			return 0, err
		}
		if ok {
			e.Kind = Heard
		}
	}
	l.answer = l.next()
	l.entries = append(l.entries, entry{key: l.answer, answer: true, m: Message{Role: Assistant, Turn: talk.Turn}})
	if err := l.session.Ask(l.answer, edits); err != nil {
		v.lose(l, err)
		return 0, err
	}
	return l.answer, nil
}

func (l *line) next() int {
	l.key++
	return l.key
}

// update is what makes the session's conversation the history of a talk, and notes that it is done. What is added comes last, in its order.
func (l *line) update(talk Talk) (edits []Edit) {
	known, entries := l.entries, make([]entry, 0, len(l.entries)+len(talk.History)+2)
	var added []Edit
	add := func(m Message, ours bool) {
		e := entry{key: l.next(), m: m, ours: ours}
		entries = append(entries, e)
		added = append(added, Edit{Kind: Told, Key: e.key, Message: m})
	}
	skip := func(n int) {
		for _, e := range known[:n] {
			if e.ours {
				entries = append(entries, e)
			} else { // it was taken back
				edits = append(edits, Edit{Kind: Unsaid, Key: e.key, Message: e.m})
			}
		}
		known = known[n:]
	}
	for _, m := range talk.History {
		at := slices.IndexFunc(known, func(e entry) bool { return e.is(m) })
		if at < 0 {
			add(m, false)
			continue
		}
		skip(at)
		e := known[0]
		known = known[1:]
		if over := m.Cut || m.Turn < talk.Turn; e.answer && over && !e.cut && m.Text != strings.TrimSpace(e.m.Text) { // more came than was made to be heard
			e.cut, e.m.Text = true, m.Text
			edits = append(edits, Edit{Kind: Cut, Key: e.key, Message: m})
		}
		entries = append(entries, e)
	}
	skip(len(known))
	if !slices.ContainsFunc(added, func(e Edit) bool { return e.Message.Role != Assistant }) {
		text := "Go on."
		if talk.Why == ForGreeting {
			text = "The call has just been answered. Greet the caller."
		}
		add(Message{Role: Narrator, Text: text, Turn: talk.Turn}, true)
	}
	l.entries = entries
	return append(edits, added...)
}

// is says whether m is what the history has of e.
func (e entry) is(m Message) bool {
	switch {
	case e.ours, e.m.Role != m.Role, e.m.Turn != m.Turn:
		return false
	case !e.answer:
		return e.m.CallID == m.CallID && sameWords(e.m.Text, m.Text)
	}
	return strings.HasPrefix(strings.TrimSpace(e.m.Text), m.Text) &&
		slices.EqualFunc(e.m.Calls, m.Calls, func(a, b ToolCall) bool { return a.ID == b.ID })
}
