package records

import (
	"slices"
	"strings"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// newTurned is the record of a turn.
func newTurned(call string, t *pipeline.Turn) store.Turned {
	return store.Turned{
		Turn: store.Turn{
			Call: call, N: t.N, Why: string(t.Why), Said: clean(t.Said), Text: clean(t.Text), Heard: clean(t.Heard), Cut: t.Cut,
			At: t.At, Sounded: t.Sounded, Latency: stages(t.Latency), Counts: counts(t), Error: clean(t.Err), Lookup: lookup(t.Lookup), Remembered: t.Remembered,
		},
		Messages: Messages(call, t.First, t.Messages), Collected: collected(t.Slots),
	}
}

// lookup is what was looked up for a turn; nil: nothing.
func lookup(l *pipeline.Lookup) *store.Lookup {
	if l == nil {
		return nil
	}
	out := &store.Lookup{Took: l.Took, Error: clean(l.Err)}
	for _, s := range l.Sources {
		out.Sources = append(out.Sources, store.Source{Document: clean(s.Document), Place: clean(s.Place)})
	}
	return out
}

// Quality is how a call's sound travelled; nil: its leg does not say.
func Quality(q *media.Quality) *store.Quality {
	if q == nil {
		return nil
	}
	return &store.Quality{
		MOS: q.MOS, Received: q.Received, Lost: q.Lost, Late: q.Late, Loss: q.Loss, Concealed: q.Concealed(), Jitter: q.Jitter, Delay: q.Delay,
		Trip: q.Trip, Sent: q.Sent, FarLost: q.FarLost, FarLoss: q.FarLoss, FarJitter: q.FarJitter,
	}
}

// collected is what was collected, as every database takes it; nil stays nil.
func collected(slots map[string]string) map[string]string {
	if slots == nil {
		return nil
	}
	out := make(map[string]string, len(slots))
	for name, v := range slots {
		out[clean(name)] = clean(v)
	}
	return out
}

// Messages are messages of a call's history, the first of which is at the given place in it. What a tool said stands behind its name
// and what it was asked: find_order {"order":"4711"}: on its way.
func Messages(call string, first int, history []pipeline.Message) []store.Message {
	var messages []store.Message
	asked := make(map[string]string) // by the id of the call, as the last that asked it
	for i, m := range history {
		for _, c := range m.Calls {
			asked[c.ID] = strings.TrimSpace(c.Name+" "+string(c.Args)) + ": "
		}
		text := m.Text
		if m.Role == pipeline.ToolRole {
			text = asked[m.CallID] + text
		}
		messages = append(messages, store.Message{
			Call: call, Seq: first + i, Role: string(m.Role), Text: clean(text), Cut: m.Cut, Turn: m.Turn, At: m.At, Length: m.Length,
			Words: words(m),
		})
	}
	return messages
}

// words are when the words of a message were.
func words(m pipeline.Message) string {
	all, from := make([]store.WordTime, 0, len(m.Words)), 0
	if clean(m.Text) != m.Text {
		return "" // they would stand elsewhere
	}
	for _, w := range m.Words {
		if at := strings.Index(m.Text[from:], w.Text); at >= 0 && w.Text != "" {
			all = append(all, store.WordTime{From: from + at, To: from + at + len(w.Text), At: w.Start, Length: w.End - w.Start})
			from += at + len(w.Text)
		}
	}
	return store.PackWords(all)
}

// stages are the shares of a turn's latency, in milliseconds; those that did not happen are left out.
func stages(l pipeline.Latency) map[string]int64 {
	shares := make(map[string]int64)
	for name, d := range l.Stages() {
		if d > 0 {
			shares[name] = d.Milliseconds()
		}
	}
	return shares
}

// counts are how often something happened in a turn, and what it used.
func counts(t *pipeline.Turn) map[string]int64 {
	all := make(map[string]int64)
	for name, n := range t.Counts.All(t.Usage) {
		all[name] = int64(n)
	}
	if ms := t.Masked.Milliseconds(); ms > 0 {
		all["masked_ms"] = ms
	}
	return all
}

// summary tells a call's latency, in milliseconds: the smallest that half of its turns, and 95 of 100, did not exceed. nil: no turn
// has one.
func summary(voice []time.Duration) map[string]int64 {
	if len(voice) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(voice))
	rank := func(percent int) int64 { return sorted[(len(sorted)*percent+99)/100-1].Milliseconds() }
	return map[string]int64{"voice_to_voice_p50": rank(50), "voice_to_voice_p95": rank(95)}
}

// clean is text that every database takes: UTF-8 without NUL, which Postgres refuses. What comes from carriers, callers and models may be
// anything.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
}

func cleanCall(c store.Call) store.Call {
	c.Leg, c.CarrierID, c.From, c.To, c.Error = clean(c.Leg), clean(c.CarrierID), clean(c.From), clean(c.To), clean(c.Error)
	c.Created, c.Answered, c.Ended = stamp(c.Created), stamp(c.Answered), stamp(c.Ended)
	return c
}

// stamp is a time as the store keeps it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
