package records

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// calls are those that have begun and not ended.
type calls struct {
	mu   sync.Mutex // never held during I/O
	live map[string]*live
}

// A live call is what its end will need to know.
type live struct {
	call     store.Call
	voice    []time.Duration // voice to voice, of the turns that have one
	turns    int
	messages []store.Message // for the end of a call whose pipeline does not tell it
}

// begin says whether the call is new.
func (c *calls) begin(call store.Call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live[call.ID] != nil {
		return false
	}
	c.live[call.ID] = &live{call: call}
	return true
}

// resume makes a call live that has begun elsewhere.
func (c *calls) resume(call store.Call, turns int, messages []store.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live[call.ID] == nil {
		c.live[call.ID] = &live{call: call, turns: turns, messages: messages}
	}
}

// turn notes a turn of a live call, and makes its record.
func (c *calls) turn(id string, t *pipeline.Turn) (store.Turned, bool) {
	turned := newTurned(id, t)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[id]
	if l == nil {
		return store.Turned{}, false
	}
	if v := t.Latency.VoiceToVoice; v > 0 {
		l.voice = append(l.voice, v)
	}
	l.turns++
	l.messages = append(l.messages[:min(t.First, len(l.messages))], turned.Messages...)
	return turned, true
}

// end takes a call from the live ones; nil if it is none.
func (c *calls) end(id string) *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[id]
	delete(c.live, id)
	return l
}

// endAll takes all of them, oldest first.
func (c *calls) endAll() []*live {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*live, 0, len(c.live))
	for _, l := range c.live {
		all = append(all, l)
	}
	clear(c.live)
	slices.SortFunc(all, func(a, b *live) int { return cmp.Compare(a.call.ID, b.call.ID) })
	return all
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.live)
}

// began is when the call was answered, or at least made.
func (l *live) began() time.Time {
	if l.call.Answered.IsZero() {
		return l.call.Created
	}
	return l.call.Answered
}

// ended is the record of the call's end, as the pipeline tells it. The recording is still missing.
func (l *live) ended(e *pipeline.Ending) *store.Ended {
	ended := &store.Ended{
		Call: l.call.ID, Status: StatusOf(e.Cause), Messages: Messages(l.call.ID, 0, e.History), Collected: collected(e.Slots),
		End: store.End{
			Ended: stamp(l.began().Add(e.Length)), Length: e.Length, Cause: string(e.Cause),
			Turns: e.Turns, Drops: e.Drops, Latency: summary(l.voice), AnsweredBy: string(e.Answer.By),
			Quality: Quality(e.Quality),
		},
	}
	if e.Err != nil {
		ended.End.Error = clean(e.Err.Error())
	}
	return ended
}

// shutDown is the record of the end of a call that goes on while its records end.
func (l *live) shutDown(now time.Time) *store.Ended {
	return &store.Ended{
		Call: l.call.ID, Status: StatusOf(media.CauseShutdown), Messages: l.messages,
		End: store.End{
			Ended: stamp(now), Length: max(0, now.Sub(l.began())), Cause: string(media.CauseShutdown), Error: "its records ended before it",
			Turns: l.turns, Latency: summary(l.voice),
		},
	}
}

// StatusOf says whether a call that ended so was completed or failed.
func StatusOf(c media.Cause) store.Status {
	switch c {
	case media.CauseCaller, media.CauseAgent, media.CauseTransfer: // somebody meant to end it
		return store.Completed
	case media.CauseSilence, media.CauseMaxLength: // it was ended by the rules that the agent was given
		return store.Completed
	}
	return store.Failed // a fault (carrier, media, provider, overrun, panic), a shutdown or an order (cancelled) cut it off, or it never got through (rejected)
}
