package deepgram

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
)

// How Flux is listened to.
const (
	fluxTimeout = 3 * time.Second        // silence that ends a turn however unfinished it is; the call's own patience is 4 s (Manners.TranscriptLimit)
	fluxEager   = "0.5"                  // how likely an end is for an answer to be prepared, unheard
	forceLimit  = 500 * time.Millisecond // longest wait for the answer to ForceEndTurn

	// Flux takes no KeepAlive, and a turn whose audio stops would never end: after stillAfter without audio it is sent silence, nearly
	// as much as the time that has passed.
	stillAfter  = time.Second
	stillLength = 800 * time.Millisecond
)

// turnBased says whether a model finds the ends of turns itself, and is spoken to by listen v2.
func turnBased(model string) bool { return strings.HasPrefix(model, "flux-") }

// EnglishOnly says whether a model of recognition understands no other language.
func EnglishOnly(model string) bool { return turnBased(model) && !multilingual(model) }

func multilingual(model string) bool { return strings.HasSuffix(model, "-multi") }

// fluxQuery is how a socket of listen v2 is opened.
func (c *Client) fluxQuery(o pipeline.Listening, enc encoding) url.Values {
	q := url.Values{
		"model":               {c.STTModel},
		"encoding":            {enc.name},
		"sample_rate":         {strconv.Itoa(enc.rate)},
		"eager_eot_threshold": {fluxEager},
		"eot_timeout_ms":      {strconv.FormatInt(or(c.Endpointing, fluxTimeout).Milliseconds(), 10)},
	}
	if lang, _, _ := strings.Cut(o.Lang, "-"); lang != "" && multilingual(c.STTModel) {
		q.Set("language_hint", strings.ToLower(lang))
	}
	for _, w := range o.Words {
		q.Add("keyterm", w)
	}
	for k, v := range c.ListenQuery {
		q[k] = v
	}
	return q
}

// turn takes one TurnInfo message, whose times are in call time already. Each but EndOfTurn has all the words of the turn so far.
func (h *hearing) turn(m *message, now time.Time, out *outbox) {
	if m.lang != "" {
		h.lang = m.lang
	}
	known := h.interim
	h.fresh(m)
	switch {
	case m.event == "EndOfTurn":
		h.endOfTurn(m, out)
		return
	case m.again && m.text != "":
		return
	case m.text == "":
		if known == nil { // nobody speaks
			h.settled = max(h.settled, m.end)
			h.hasten(now)
		}
		return
	case known == nil:
		h.bePatient(now)
	default: // the turn goes on
	}
	h.interim = m
	switch m.event {
	case "EagerEndOfTurn":
		out.put(pipeline.Transcript{Kind: pipeline.EagerEnd, Text: m.text, Words: m.words, Lang: h.lang, Finished: m.sure})
	case "TurnResumed":
		out.put(pipeline.Transcript{Kind: pipeline.TurnResumed, Lang: h.lang})
		h.partial(m, out)
	default:
		if known == nil || known.text != m.text {
			h.partial(m, out)
		}
	}
}

// endOfTurn tells the words of a turn, and then answers the Endeds that lie in it: theirs have been told.
func (h *hearing) endOfTurn(m *message, out *outbox) {
	h.interim = nil
	h.settled, h.endpoint = max(h.settled, m.end), max(h.endpoint, m.end)
	if m.text != "" {
		out.put(pipeline.Transcript{Kind: pipeline.EndOfTurn, Text: m.text, Words: m.words, Lang: h.lang, Finished: m.sure})
	}
	for len(h.questions) > 0 && (h.questions[0].asked || h.questions[0].at <= m.end) {
		h.answer(out)
	}
}

// bePatient gives a turn that has just begun its whole time to end by itself: its question may have been hastened by the silence before.
func (h *hearing) bePatient(now time.Time) {
	if len(h.questions) > 0 && h.questions[0].patient {
		h.questions[0].due = now.Add(h.questions[0].limit)
	}
}

// goesOn answers what waits for Flux when the caller speaks again: their words come with the end of the turn.
func (h *hearing) goesOn(out *outbox) {
	for len(h.questions) > 0 && h.questions[0].patient {
		h.answer(out)
	}
}

// fillStillness gives Flux silence if nothing was written since it was last called.
func (t *transcription) fillStillness() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reel.head == t.still && !t.waiting && !t.closing {
		rate := t.reel.enc.rate
		t.reel.still(make([]int16, int(stillLength*time.Duration(rate)/time.Second)))
	}
	t.still = t.reel.head
}
