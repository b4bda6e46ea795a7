package deepgram

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// How Flux is listened to.
const (
	fluxTimeout = 3 * time.Second        // silence that ends a turn however unfinished it is; the call's own patience is 4 s (Manners.TranscriptLimit)
	fluxEager   = "0.5"                  // how likely an end is for an answer to be prepared, unheard
	mostTerms   = 100                    // key terms in a message (docs/keyterm)
	forceLimit  = 500 * time.Millisecond // longest wait for the answer to ForceEndTurn

	// Deepgram recommends messages of 80 ms. Where a turn may end, the last frame that Flux needs to be sure would wait for up to 60 ms in
	// them, and the caller with it: for half a second from there each frame is a message.
	nearFrames = 25

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
func (c *Client) fluxQuery(o pipeline.Listening, enc wire.Encoding) url.Values {
	q := url.Values{
		"model":               {c.STTModel},
		"encoding":            {encodingName(enc)},
		"sample_rate":         {strconv.Itoa(enc.Rate)},
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

// configure is the message that tells which words are expected: those always, and those now. What is more than Flux takes is left out.
func configure(always, now []string) []byte {
	terms := append(append(make([]string, 0, len(always)+len(now)), now...), always...)
	b, err := json.Marshal(struct {
		Type     string   `json:"type"`
		Keyterms []string `json:"keyterms"`
	}{"Configure", terms[:min(len(terms), mostTerms)]})
	if err != nil {
		return nil // strings always encode
	}
	return b
}

// turn takes one TurnInfo message, whose times are in call time already. Each has all the words of the turn so far.
func (h *hearing) turn(m *message, now time.Time, out *wire.Outbox) {
	if m.lang != "" && !m.again {
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
		out.Put(pipeline.Transcript{Kind: pipeline.EagerEnd, Text: m.text, Words: m.words, Lang: h.lang, Finished: m.sure})
	case "TurnResumed":
		out.Put(pipeline.Transcript{Kind: pipeline.TurnResumed, Lang: h.lang})
		h.partial(m, out)
	default:
		if known == nil || known.text != m.text {
			h.partial(m, out)
		}
	}
}

// endOfTurn tells the words of a turn, and then answers the Endeds that lie in it: theirs have been told.
func (h *hearing) endOfTurn(m *message, out *wire.Outbox) {
	h.interim = nil
	h.settled, h.endpoint = max(h.settled, m.end), max(h.endpoint, m.end)
	if m.text != "" {
		out.Put(pipeline.Transcript{Kind: pipeline.EndOfTurn, Text: m.text, Words: m.words, Lang: h.lang, Finished: m.sure})
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
func (h *hearing) goesOn(out *wire.Outbox) {
	for len(h.questions) > 0 && h.questions[0].patient {
		h.answer(out)
	}
}

// fillStillness sends what waits to fill a message, and then silence, if nothing was written since it was last called. The silence is not
// among the audio that is kept for a new socket, nor does it take the room of what is to come.
func (t *transcription) fillStillness(conn *websocket.Conn, buf []byte) error {
	t.mu.Lock()
	still := t.reel.Head() == t.still && !t.closing
	t.still = t.reel.Head()
	enc, n := t.reel.Encoding, 0
	var rest []byte
	if still {
		n = enc.Bytes(stillLength) / t.chunk
		rest = t.reel.Take(buf[:0], t.chunk, t.reel.Head(), &t.clock)
		t.clock.Skip(media.Samples(n*t.chunk/enc.Width, enc.Rate))
	}
	t.mu.Unlock()
	if len(rest) > 0 {
		if err := wire.Write(conn, websocket.BinaryMessage, rest); err != nil {
			return err
		}
	}
	silence := buf[:t.chunk]
	if n > 0 {
		enc.Encode(silence, make([]int16, t.chunk/enc.Width))
	}
	for range n {
		if err := wire.Write(conn, websocket.BinaryMessage, silence); err != nil {
			return err
		}
	}
	return nil
}
