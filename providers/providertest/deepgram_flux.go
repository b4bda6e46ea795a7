package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// How the fake Flux takes turns.
const (
	fluxUpdate   = 250 // ms of audio between two TurnInfos, at most
	fluxStart    = 100 // ms of voice that begin a turn
	fluxHangover = 300 * time.Millisecond
)

// fluxParams are the parameters that listen v2 knows (reference listen-flux).
var fluxParams = []string{"model", "encoding", "sample_rate", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "keyterm", "language_hint",
	"profanity_filter", "numerals", "redact", "tag", "mip_opt_out"}

// fluxRefuses says what is wrong with the parameters of a path, as far as Flux is concerned.
func fluxRefuses(path string, q url.Values) string {
	model := q.Get("model")
	if path == "/v2/speak" {
		if !strings.HasPrefix(model, "flux-") || strings.HasPrefix(model, "flux-general") {
			return "model " + model + " is not available at " + path
		}
		return ""
	}
	if path != "/v2/listen" {
		if strings.HasPrefix(model, "flux-") {
			return "model " + model + " is not available at " + path
		}
		return ""
	}
	if model != "flux-general-en" && model != "flux-general-multi" {
		return "model " + model + " is not available at " + path
	}
	for name := range q {
		if !slices.Contains(fluxParams, name) {
			return "unknown parameter " + name
		}
	}
	if q.Has("language_hint") && model != "flux-general-multi" {
		return "language_hint is for flux-general-multi"
	}
	for _, limit := range []struct {
		name        string
		least, most float64
	}{{"eot_threshold", 0.5, 1}, {"eager_eot_threshold", 0.3, 0.9}, {"eot_timeout_ms", 500, 60000}} {
		if v, err := strconv.ParseFloat(q.Get(limit.name), 64); q.Has(limit.name) && (err != nil || v < limit.least || v > limit.most) {
			return limit.name + " " + q.Get(limit.name)
		}
	}
	return ""
}

// A deepgramFlux is one socket of listen v2. Its turns are as the documentation's state machine has them (docs/flux/state):
//
//	quiet ──StartOfTurn──▶ open ──EagerEndOfTurn──▶ ending ──EndOfTurn──▶ quiet
//	                        ▲ └──────ForceEndTurn──────┘ └──▶ EndOfTurn
//	                        └────────TurnResumed───────┘
type deepgramFlux struct {
	*deepgramSocket
	stretch
	d        *Deepgram
	hangover int // samples
	turn     int // turn_index
	words    []string

	open    bool
	ending  bool // EagerEndOfTurn was told
	told    int  // words of the turn
	last    int  // when something was told, in samples
	leaving bool // the client has said goodbye
	count   int  // sequence_id
	json    []byte
}

// flux serves one recogniser of listen v2.
func (d *Deepgram) flux(_ context.Context, s *deepgramSocket) {
	f := &deepgramFlux{deepgramSocket: s, stretch: stretch{rate: s.rate, width: s.width, onset: -1}, d: d, words: d.words(0)}
	hangover := d.Hangover
	if hangover == 0 {
		hangover = fluxHangover
	}
	f.hangover = f.samples(int(hangover.Milliseconds()))
	b := append(f.begin("Connected"), '}')
	if f.say(b, 0) == nil {
		d.attend(s, f.hear, f.obey)
	}
}

// begin is the beginning of a message, with what all messages have.
func (f *deepgramFlux) begin(kind string) []byte {
	b := append(f.json[:0], `{"type":"`...)
	b = append(b, kind...)
	b = append(b, `","request_id":"`...)
	b = append(b, f.request...)
	b = append(b, `","sequence_id":`...)
	b = strconv.AppendInt(b, int64(f.count), 10)
	f.count++
	return b
}

// hear takes audio and tells what it changes.
func (f *deepgramFlux) hear(audio []byte) error {
	if f.trouble.Fault == CloseEarly {
		f.closeEarly()
		return websocket.ErrCloseSent
	}
	f.stretch.hear(audio)
	if f.trouble.Fault == CutOff && f.heard >= f.samples(cutOffAfter) {
		return f.Close()
	}
	if f.leaving {
		return nil
	}
	return f.notice()
}

// notice tells the next change of the turn, or that there is none.
func (f *deepgramFlux) notice() error {
	silent := f.silence()
	switch {
	case !f.open && f.heard >= f.samples(fluxStart):
		f.open = true
		return f.tell("StartOfTurn", f.soFar(), "", 0)
	case f.ending && silent < f.samples(20):
		f.ending = false
		return f.tell("TurnResumed", len(f.words), "", 0)
	case f.open && silent >= f.hangover && f.trouble.Fault != NeverAnswers:
		return f.end("model")
	case f.open && f.eager && !f.d.Reticent && !f.ending && silent >= f.hangover/2:
		f.ending = true
		return f.tell("EagerEndOfTurn", len(f.words), "", 0)
	case !f.open && f.onset >= 0 && silent >= f.hangover: // too short for speech
		f.over()
	}
	if f.pos-f.last < f.samples(fluxUpdate) {
		return nil
	}
	n := 0
	if f.open {
		n = max(f.soFar(), f.told)
	}
	return f.tell("Update", n, "", 0)
}

// soFar is how many words have been said by how long there was voice.
func (f *deepgramFlux) soFar() int {
	return min(max(f.heard/f.samples(wordLength), 1), len(f.words))
}

// end tells the end of the turn, and begins anew.
func (f *deepgramFlux) end(trigger string) error {
	f.d.counts.Turns.Add(1)
	if err := f.tell("EndOfTurn", len(f.words), trigger, f.answerAfter(f.d)); err != nil {
		return err
	}
	f.over()
	f.turn++
	f.open, f.ending, f.told, f.words = false, false, 0, f.d.words(f.turn)
	return nil
}

// obey does what a text message says.
func (f *deepgramFlux) obey(message []byte) error {
	var m struct {
		Type     string   `json:"type"`
		Keyterms []string `json:"keyterms"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(message), &m); err != nil {
		m.Type = ""
	}
	deaf := f.trouble.Fault == NeverAnswers || f.leaving
	switch m.Type {
	case "ForceEndTurn":
		f.d.counts.Forced.Add(1)
		if f.open && !deaf {
			return f.end("manual")
		}
	case "Configure":
		if f.d.Hooks.Configured != nil {
			f.d.Hooks.Configured(m.Keyterms)
		}
		terms, err := json.Marshal(m.Keyterms)
		if err != nil {
			return err
		}
		return f.say(append(append(append(f.begin("ConfigureSuccess"), `,"keyterms":`...), terms...), '}'), 0)
	case "CloseStream":
		f.d.counts.CloseStreams.Add(1)
		if deaf {
			return nil
		}
		return f.goodbye(f.answerAfter(f.d))
	default: // KeepAlive among them, which is listen v1's
		b := append(f.begin("Error"), `,"code":"UNPARSABLE_CLIENT_MESSAGE","description":"The message is none that listen v2 knows."}`...)
		if err := f.say(b, 0); err != nil {
			return err
		}
		f.hangUp(websocket.ClosePolicyViolation, "UNPARSABLE_CLIENT_MESSAGE")
		return websocket.ErrCloseSent
	}
	return nil
}

// goodbye tells what was heard so far, and closes without a status. A turn that is going on is not ended (docs/flux/close-stream).
func (f *deepgramFlux) goodbye(after time.Duration) error {
	f.leaving = true
	if f.open {
		if err := f.tell("Update", max(f.soFar(), f.told), "", after); err != nil {
			return err
		}
	}
	return f.post.send(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNoStatusReceived, ""), after)
}

// tell sends a TurnInfo with the first n words of the turn.
func (f *deepgramFlux) tell(event string, n int, trigger string, after time.Duration) error {
	f.told, f.last = n, f.pos
	sure := "0.02"
	b := append(f.begin("TurnInfo"), `,"event":"`...)
	b = append(b, event...)
	b = append(b, `","turn_index":`...)
	b = strconv.AppendInt(b, int64(f.turn), 10)
	b = append(b, `,"audio_window_start":`...)
	b = strconv.AppendFloat(b, f.seconds(max(f.onset, 0)), 'f', 3, 64)
	b = append(b, `,"audio_window_end":`...)
	b = strconv.AppendFloat(b, f.seconds(f.pos), 'f', 3, 64)
	b = append(b, `,"transcript":`...)
	b = appendText(b, f.words[:n])
	b = append(b, `,"words":[`...)
	for i, w := range f.words[:n] {
		from, to := f.spread(i, n)
		b = append(appendWord(b, i, w, from, to), '}')
	}
	switch event {
	case "EndOfTurn":
		sure = "0.83"
	case "EagerEndOfTurn":
		sure = "0.55"
	}
	b = append(b, `],"end_of_turn_confidence":`...)
	b = append(b, sure...)
	if trigger != "" {
		b = append(b, `,"trigger":"`...)
		b = append(b, trigger...)
		b = append(b, '"')
	}
	b = append(b, '}')
	f.json = b
	return f.say(b, after)
}
