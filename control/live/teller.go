package live

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"parley/control/records"
	"parley/pipeline"
	"parley/store"
)

// A teller makes the transcript of a call of its events: what is final, by records.Messages, and what stands there until then.
//
//	Transcribed ──▶ said, partial ──▶ ┐ the caller, going on
//	Spoken ──▶ opened ────────────────┼─▶ interim
//	TurnEnded, CallEnded ─────────────┴─▶ final
//
// Keys are not shown until the turn that they began tells of them, and secrets not at all: neither comes out of the pipeline otherwise than
// as pipeline.MaskedSlot.
type teller struct {
	call string

	said    []piece // settled words that no turn has answered yet
	fresh   bool    // the last of them is still being judged: it may be an echo, or a mere "uh-huh"
	partial string  // the words after them
	began   time.Duration

	turn   int           // the last that was told of
	opened time.Duration // when it was
	first  int           // place of the first of its messages
	soFar  []pipeline.Message
}

// A piece is settled words of the caller's.
type piece struct {
	text string
	at   time.Duration
}

// take notes an event, and returns what it makes final.
func (w *teller) take(e pipeline.Event) []store.Message {
	switch {
	case e.Kind == pipeline.Transcribed:
		w.hear(e)
	case e.Kind == pipeline.Backchannel, e.Kind == pipeline.Echo:
		if w.fresh {
			w.said, w.fresh = w.said[:len(w.said)-1], false
		}
	case e.Kind == pipeline.SpeechBegan:
		if len(w.said) == 0 && w.partial == "" {
			w.began = e.At
		}
	case e.Kind == pipeline.FellSilent, e.Kind == pipeline.Drifted:
		w.partial = ""
	case e.Kind == pipeline.Spoken && e.Turn != nil:
		if e.Turn.N != w.turn {
			w.turn, w.opened = e.Turn.N, e.At
			w.answered(e.Turn.Messages, e.At)
		}
		w.first, w.soFar = e.Turn.First, e.Turn.Messages
	case e.Kind == pipeline.TurnEnded && e.Turn != nil:
		return w.ended(e.Turn)
	case e.Kind == pipeline.CallEnded && e.Ending != nil:
		w.said, w.partial, w.soFar = nil, "", nil
		return records.Messages(w.call, 0, e.Ending.History)
	}
	return nil
}

func (w *teller) hear(e pipeline.Event) {
	if len(w.said) == 0 && w.partial == "" && w.began == 0 {
		w.began = e.At
	}
	if w.fresh = e.Final; !e.Final {
		w.partial = e.Text
		return
	}
	w.partial = ""
	w.said = append(w.said, piece{e.Text, e.At})
}

// ended makes a turn final. What the caller said may have been taken back, to be answered together with what they went on to say.
func (w *teller) ended(t *pipeline.Turn) []store.Message {
	if t.N != w.turn { // nobody followed it
		w.answered(t.Messages, t.At)
	} else if asked, ok := words(w.soFar); ok {
		if _, still := words(t.Messages); !still {
			w.said = slices.Insert(w.said, 0, piece{asked.Text, w.opened})
			w.began = asked.At
		}
	}
	w.turn, w.soFar = t.N, nil
	return records.Messages(w.call, t.First, t.Messages)
}

// answered takes away what a turn answers: the caller's words are in its messages now.
func (w *teller) answered(messages []pipeline.Message, until time.Duration) {
	m, ok := words(messages)
	if !ok {
		return
	}
	text := letters(m.Text)
	isIn := func(said string) bool { return m.Text == pipeline.MaskedSlot || strings.Contains(text, letters(said)) }
	w.said = slices.DeleteFunc(w.said, func(p piece) bool { return p.at < until || isIn(p.text) })
	if isIn(w.partial) {
		w.partial = ""
	}
	w.fresh = w.fresh && len(w.said) > 0
	if w.partial == "" && len(w.said) == 0 {
		w.began = 0
	}
}

// words are what the caller said, of a turn's messages.
func words(messages []pipeline.Message) (pipeline.Message, bool) {
	i := slices.IndexFunc(messages, func(m pipeline.Message) bool { return m.Role == pipeline.Caller })
	if i < 0 {
		return pipeline.Message{}, false
	}
	return messages[i], true
}

// letters is what two writings of the same words have in common.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// interim is what follows the first so many messages, as it stands.
func (w *teller) interim(finals int) []store.Message {
	var all []store.Message
	if w.soFar != nil && w.first == finals {
		all = records.Messages(w.call, w.first, w.soFar)
	}
	text := w.partial
	for _, p := range slices.Backward(w.said) {
		text = strings.TrimSpace(p.text + " " + text)
	}
	if text == "" {
		return all
	}
	going := pipeline.Message{Role: pipeline.Caller, Text: text, At: w.began}
	return append(all, records.Messages(w.call, finals+len(all), []pipeline.Message{going})...)
}
