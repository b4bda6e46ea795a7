package pipeline

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math"
	"slices"
	"time"

	"parley/media"
	"parley/media/tones"
)

// live is what goes on for a turn: its replies and its tools.
type live struct {
	spawn   func(what string, f func(context.Context)) // on a goroutine of the call, with the turn's context
	cancel  context.CancelCauseFunc                    // of that context
	replies []*reply
}

// released calls f with each utterance of speech that sounds or waits for its turn to.
func (l *live) released(f func(*media.Utterance)) {
	for _, r := range l.replies {
		if r.released && !r.keys {
			f(r.utterance)
		}
	}
}

// perform does what the dialog wants. None of it waits: what takes time runs on a goroutine of its own and reports by the inbox.
func (c *Call) perform(ctx context.Context, a act) {
	switch a := a.(type) {
	case ask:
		c.speak(ctx, a.talk.Turn, a.step, a.held, c.parts.Synthesizer, c.respond(a.talk))
	case utter:
		voice := c.parts.Synthesizer
		if a.tone {
			voice = beeper{}
		}
		c.speak(ctx, a.turn, a.step, a.held, voice, recite(a.text))
	case press:
		c.press(ctx, a)
	case duck:
		c.floor(ctx, a.turn).released((*media.Utterance).Duck)
	case hold:
		c.floor(ctx, a.turn).released((*media.Utterance).Hold)
	case carryOn:
		for _, r := range c.floor(ctx, a.turn).replies {
			if r.released {
				r.utterance.Resume()
			} else {
				r.released = true
				c.playout.Release(r.utterance)
			}
			if _, ok := r.utterance.Began(); ok && !r.announced.Swap(true) {
				c.take(ctx, sounded{r.turn, r.step})
			}
		}
	case cut:
		c.cut(ctx, a.turn)
	case fill:
		c.fill(ctx, a.n, a.text)
	case hush:
		c.hush(ctx, a.n, a.atOnce)
	case use:
		c.use(ctx, a)
	case mute:
		c.muted.Store(a.muted)
	case veil:
		c.veil(a)
	case recast:
		c.spawn("change", func() { c.recast(ctx, a.command) })
	case connect:
		c.spawn("transfer", func() { c.connect(ctx, a.command) })
	case invite:
		c.invite(ctx, a)
	case admit:
		c.admitted(ctx, a)
	case deny:
		c.denied(a)
	case whisper:
		c.whisper(ctx, a)
	case join:
		c.joins(a)
	case handOver:
		c.handOver(ctx)
	case pass:
		c.passKey(a)
	case part:
		c.partsWith(a.n)
	case swap:
		if a.parts.Responder != nil {
			c.parts.Responder = a.parts.Responder
			c.hires(a.parts.Hearer)
			c.attends(a.parts.Watcher)
		}
		if a.parts.Synthesizer != nil {
			c.parts.Synthesizer, c.pace, c.paces = a.parts.Synthesizer, 0, 0
		}
	case expect:
		words := slices.Clone(a.words)
		c.expected.Store(&words)
	case heedTones:
		c.signals.Store(nil)
		if a.on {
			c.signals.Store(&tones.Detector{})
		}
	case tell:
		c.observe(a.event)
	case hangUp:
		c.ended = &a
	}
}

// floor is what goes on for a turn.
func (c *Call) floor(ctx context.Context, turn int) *live {
	l := c.live[turn]
	if l == nil {
		ctx, cancel := context.WithCancelCause(ctx)
		l = &live{cancel: cancel, spawn: func(what string, f func(context.Context)) {
			c.spawn(what, func() { f(ctx) })
		}}
		c.live[turn] = l
	}
	return l
}

// response is what a reply is made of, once there is a context for it.
type response func(context.Context) iter.Seq2[Delta, error]

// speak begins a reply of a turn.
func (c *Call) speak(ctx context.Context, turn, step int, held bool, voice Synthesizer, from response) {
	l := c.floor(ctx, turn)
	r := &reply{
		turn: turn, step: step, answered: c.answered,
		voice: voice, how: c.dialog.agent.VoiceAt(c.Leg.Info().Rate),
		utterance: c.playout.Begin(), watch: newWatch(&c.dialog.manners),
	}
	r.script.pace = c.pace
	r.lull = &lull{after: c.dialog.manners.Filler.After, tell: func() { c.post(ctx, stalled{turn, step}) }}
	l.replies = append(l.replies, r)
	if !held {
		r.released = true
		c.playout.Release(r.utterance)
	}
	l.spawn("reply", func(ctx context.Context) { c.attend(ctx, r, from) })
}

// respond asks the responder, when it is done with what it was asked before.
func (c *Call) respond(talk Talk) response {
	responder := c.parts.Responder
	return func(ctx context.Context) iter.Seq2[Delta, error] {
		return func(yield func(Delta, error) bool) {
			select {
			case c.thinking <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-c.thinking }()
			for d, err := range responder.Respond(ctx, talk) {
				if !yield(d, err) {
					return
				}
			}
		}
	}
}

// recite says a text of our own.
func recite(text string) response {
	return func(context.Context) iter.Seq2[Delta, error] {
		return func(yield func(Delta, error) bool) {
			if text != "" {
				yield(Delta{Text: text}, nil)
			}
		}
	}
}

// cut silences a turn and cancels all that is made for it. The samples go first: what was heard is known at the same instant.
func (c *Call) cut(ctx context.Context, turn int) {
	l := c.floor(ctx, turn)
	n := silenced{turn: turn}
	for _, r := range l.replies {
		r.utterance.Cut()
		n.accounts = append(n.accounts, r.ending())
	}
	c.dismiss(turn, ErrBargeIn)
	c.take(ctx, n)
}

// dismiss ends what goes on for a turn.
func (c *Call) dismiss(turn int, why error) {
	if l := c.live[turn]; l != nil {
		l.cancel(why)
		delete(c.live, turn)
	}
}

// reach tells the dialog how far the turn in progress has been heard, for what comes next to be judged by it.
func (c *Call) reach(ctx context.Context, at time.Duration) {
	t := c.dialog.turn
	if t == nil || c.live[t.n] == nil {
		return
	}
	n := reached{turn: t.n, sound: c.meter.contour()}
	var text, heard []string
	for _, r := range c.live[t.n].replies {
		a := r.account()
		text, heard = append(text, a.text), append(heard, a.heard)
		select {
		case <-r.utterance.Done():
		default:
			n.sounds = n.sounds || a.began != 0
		}
	}
	n.text, n.heard = joined(text), joined(heard)
	if b := c.bridge; b != nil {
		if _, began := b.utterance.Began(); began {
			n.filler = b.text
		}
	}
	for _, a := range c.dialog.on(event{at, n}) {
		c.perform(ctx, a)
	}
}

// changeLimit is how long another agent may take to come.
const changeLimit = 15 * time.Second

// recast finds another agent.
func (c *Call) recast(ctx context.Context, cmd Command) {
	finding, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	n := recasted{command: cmd, err: errNoChange}
	if c.parts.Change != nil {
		n.agent, n.parts, n.err = c.parts.Change(finding, cmd.Agent)
	}
	if n.err == nil {
		n.err = n.agent.Manners.Validate()
	}
	c.post(ctx, n)
}

// transferLimit is how long a transfer may take.
const transferLimit = 45 * time.Second

// transferrer is who can connect the caller to somebody else: the leg itself, or else who knows its carrier; nil: nobody.
func (c *Call) transferrer() func(ctx context.Context, to string) error {
	if t := media.TransferrerOf(c.Leg); t != nil {
		return t.Transfer
	}
	return c.parts.Transfer
}

// may says why the caller must not be connected to somebody.
func (c *Call) may(ctx context.Context, to string) error {
	if c.parts.May == nil {
		return nil
	}
	return c.parts.May(ctx, to)
}

// connect lets the carrier connect the caller to somebody else.
func (c *Call) connect(ctx context.Context, cmd Command) {
	going, cancel := context.WithTimeout(ctx, transferLimit)
	defer cancel()
	err := c.may(going, cmd.To)
	switch transfer := c.transferrer(); {
	case err != nil:
	case transfer == nil:
		err = errNoTransfer
	default:
		err = transfer(going, cmd.To)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errTransferLate
	}
	c.post(ctx, transferred{cmd, err, c.parts.Dial != nil && errors.Is(err, media.ErrNoTransfer)})
}

// knownPaces is how many replies tell a voice's pace well enough: from then on no time is spent on it.
const knownPaces = 4

// observe adds to an event what the dialog cannot know, and passes it on.
func (c *Call) observe(e Event) {
	if t := e.Turn; t != nil {
		if l := c.live[t.N]; l != nil {
			for _, r := range l.replies {
				r.mu.Lock()
				if c.paces < knownPaces {
					if pace := r.script.learned(); pace != 0 {
						c.pace = pace
						c.paces++
					}
				}
				r.mu.Unlock()
			}
		}
		c.dismiss(t.N, errHungUp)
		drops := int(c.drops.Load())
		t.Counts.Drops, c.told = drops-c.told, drops
		masked := time.Duration(c.masked.Load())
		t.Masked, c.toldMasked = masked-c.toldMasked, masked
		if t.Latency.VoiceToVoice > 0 {
			c.waits = append(c.waits, t.Latency.VoiceToVoice)
		}
	}
	if e.Kind == ProviderFail {
		args := []any{"provider", e.Text, "err", e.Err}
		if t := c.dialog.turn; t != nil {
			args = append(args, "turn", t.n)
		}
		c.log.Warn("provider failed", args...)
	}
	c.publish(e)
}

func (c *Call) publish(e Event) {
	e.Call = c.ID
	c.feed.publish(e)
	defer c.caught("watch")
	if c.watcher != nil {
		c.watcher.Watch(e)
	}
	if c.Watch != nil {
		c.Watch(e)
	}
}

// attends makes w the one who goes along with the call; nil: nobody does. Whoever did has their leave.
func (c *Call) attends(w Watcher) {
	if last := c.watcher; last != nil {
		c.spawn("watcher", func() {
			if err := last.Close(); err != nil {
				c.log.Debug("close watcher", "err", err)
			}
		})
	}
	c.watcher = w
}

// ending sums up.
func (c *Call) ending() Ending {
	e := Ending{
		Call: c.ID, Info: c.Leg.Info(), Cause: c.ended.cause, Err: c.ended.err,
		Answered: c.answered, Length: time.Since(c.answered), Drops: int(c.drops.Load()),
	}
	if c.dialog != nil {
		e.Turns, e.History, e.Answer, e.Slots = c.dialog.ended, c.dialog.history, c.dialog.callee.answer, c.dialog.unrecorded()
	}
	if q, ok := c.Quality(); ok {
		e.Quality = &q
	}
	return e
}

// report writes the call's one canonical line.
func (c *Call) report(ctx context.Context, e Ending) {
	slices.Sort(c.waits)
	level := slog.LevelInfo
	switch e.Cause {
	case media.CausePanic, media.CauseOverrun, media.CauseProvider:
		level = slog.LevelError
	}
	args := []any{
		"cause", string(e.Cause), "length", e.Length.Round(time.Millisecond), "turns", e.Turns, "drops", e.Drops,
		"v2v_p50", quantile(c.waits, 50).Round(time.Millisecond), "v2v_p95", quantile(c.waits, 95).Round(time.Millisecond),
	}
	if e.Answer.By != "" {
		args = append(args, "answered_by", string(e.Answer.By), "cue", string(e.Answer.Cue))
	}
	if q := e.Quality; q != nil {
		args = append(args, "mos", math.Round(100*q.MOS)/100, "loss", math.Round(1e4*q.Loss)/1e4, "concealed", q.Concealed(), "jitter", q.Jitter.Round(time.Microsecond),
			"delay", q.Delay.Round(time.Millisecond), "trip", q.Trip.Round(time.Microsecond), "far_loss", math.Round(1e4*q.FarLoss)/1e4)
	}
	if e.Err != nil {
		args = append(args, "err", e.Err)
	}
	c.log.Log(ctx, level, "call ended", args...)
}

// quantile is the nearest-rank percentile p of what is sorted; 0 of nothing.
func quantile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}
