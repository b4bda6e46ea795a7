package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"parley/media"
)

// This file is Genesys' dialect, AudioHook version 2 (developer.genesys.cloud, AudioHook; the reference implementation of purecloudlabs): sound
// is binary frames of mu-law, everything else JSON that either side numbers, and that mostly wants an answer.

// genesysDialect is Genesys'. The sound that we ask for is the caller's alone.
var genesysDialect = dialect{
	kind:  "genesys",
	parse: parseGenesys,
	sound: func(s *start) (sounds, error) {
		if s.encoding != "PCMU" {
			return sounds{}, errors.New("media: want PCMU at 8000 with the channel external alone")
		}
		return sounds{hears: telephone, says: telephone}, nil
	},
	words:  func(string, format) phrases { return phrases{} }, // ours are numbered: see genesysLeg.say
	binary: true,
}

// Genesys limits how many messages come in a second, not how much sound: so ours are long, and it has more of it than others in hand, which it
// lets go of at barge_in. The figure of 1600 bytes is pipecat's; Genesys' own is UNCONFIRMED.
const (
	genesysChunk = 200 * time.Millisecond
	genesysLead  = 400 * time.Millisecond
)

// nobodysCall is the conversation of a connection that is only tried.
const nobodysCall = "00000000-0000-0000-0000-000000000000"

// genesysMessage is every message from Genesys.
type genesysMessage struct {
	Type       string `json:"type"`
	Seq        int64  `json:"seq"`
	ID         string `json:"id"`
	Parameters struct {
		Organization string `json:"organizationId"`
		Conversation string `json:"conversationId"`
		Participant  struct {
			ANI  string `json:"ani"`
			Name string `json:"aniName"`
			DNIS string `json:"dnis"`
		} `json:"participant"`
		Media     []genesysMedia `json:"media"`
		Language  string         `json:"language"`
		Variables map[string]any `json:"inputVariables"`
		Digit     string         `json:"digit"`
	} `json:"parameters"`
}

// genesysMedia is a form that sound may have.
type genesysMedia struct {
	Type     string   `json:"type"`
	Format   string   `json:"format"`
	Channels []string `json:"channels"`
	Rate     int      `json:"rate"`
}

// heard says whether it is one that we hear.
func (m genesysMedia) heard() bool {
	return m.Type == "audio" && m.Format == "PCMU" && m.Rate == telephone.rate && slices.Equal(m.Channels, []string{"external"})
}

// parseGenesys reads one text message into m. Its errors name the field.
func parseGenesys(text []byte, m *message) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	var g genesysMessage
	if err := json.Unmarshal(text, &g); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{stream: []byte(g.ID), at: unstamped, number: g.Seq, kind: kindAsked, asks: g.Type, digit: g.Parameters.Digit}
	switch g.Type {
	case "":
		return errors.New("parse message: no type")
	case "open":
		p := g.Parameters
		m.kind = kindStart
		m.start = &start{
			account: p.Organization, stream: g.ID, call: g.ID, from: p.Participant.ANI, to: p.Participant.DNIS, params: make(map[string]string), number: g.Seq,
		}
		if slices.ContainsFunc(p.Media, genesysMedia.heard) {
			m.start.encoding, m.start.rate, m.start.channels = "PCMU", telephone.rate, 1
		}
		for name, value := range p.Variables { // of the flow that connects the call
			m.start.params[name] = fmt.Sprint(value)
		}
		for name, value := range map[string]string{"conversation_id": p.Conversation, "caller_name": p.Participant.Name, "language": p.Language} {
			if value != "" {
				m.start.params[name] = value
			}
		}
	}
	return nil
}

// A genesysLeg is a Leg that numbers what it says, and answers what it is asked.
type genesysLeg struct {
	*Leg
	tried bool // it carries no call

	mu     sync.Mutex
	seq    int64 // of ours
	heard  int64 // of theirs, the last
	parted bool  // closed is said: nothing follows it
}

var _ socket = (*genesysLeg)(nil)

func (g *genesysLeg) face() media.Leg { return unmarked{g} }

func (g *genesysLeg) begun() bool { return g.started && !g.tried }

// say sends a message with parameters, which are JSON.
func (g *genesysLeg) say(what, parameters string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.parted {
		return errHungUp
	}
	g.parted = what == "closed"
	g.seq++
	text := fmt.Sprintf(`%s{"version":"2","type":%q,"seq":%d,"clientseq":%d,"id":%q,"parameters":%s}`, textRoom, what, g.seq, g.heard, g.stream, parameters)
	if err := g.out.send(sealText([]byte(text))); err != nil {
		return err
	}
	g.stats.MessagesOut.Add(1)
	return nil
}

// opened says that the call may begin.
func (g *genesysLeg) opened() error {
	return g.say("opened", `{"startPaused":false,"media":[{"type":"audio","format":"PCMU","channels":["external"],"rate":8000}]}`)
}

// reply is what a message means, once it is answered where it wants that.
func (g *genesysLeg) reply(m *message) (p media.Packet, err error) {
	g.mu.Lock()
	g.heard = m.number
	g.mu.Unlock()
	switch m.asks {
	case "ping":
		err = g.say("pong", "{}")
	case "close":
		if err = g.say("closed", "{}"); err == nil {
			err = io.EOF
		}
	case "update":
		err = g.say("updated", "{}")
	case "dtmf":
		if p.Digit = key(m.digit); p.Digit == 0 {
			err = g.senseless(errSenseless)
		}
	case "paused", "pause": // the one by the reference implementation, the other by pipecat's: UNCONFIRMED which comes, and that it wants no answer
		p.Note.Kind = media.Held
	case "resumed":
		p.Note.Kind = media.Resumed
	case "discarded":
		g.stats.Gaps.Add(1)
	default: // playback_started, playback_completed, error and what there may be
		g.stats.Unknown.Add(1)
	}
	return p, err
}

// Send hands over at most Info.Chunk of audio in one message. It does not block and does not allocate.
func (g *genesysLeg) Send(f media.Frame) error {
	if g.hungUp.Load() {
		return errHungUp
	}
	return g.Leg.Send(f)
}

// Clear makes Genesys forget what it has not played.
func (g *genesysLeg) Clear() error {
	if g.hungUp.Load() {
		return errHungUp
	}
	return g.say("event", `{"entities":[{"type":"barge_in","data":{}}]}`)
}

// Hangup ends the session. The flow that connected the call goes on with it, and is told why in the variable cause.
func (g *genesysLeg) Hangup(cause media.Cause) error {
	g.hangOnce.Do(func() {
		reason := "completed"
		switch cause {
		case media.CauseProvider, media.CauseOverrun, media.CausePanic, media.CauseShutdown, media.CauseCarrier, media.CauseRejected:
			reason = "error"
		}
		_ = g.say("disconnect", fmt.Sprintf(`{"reason":%q,"outputVariables":{"cause":%q}}`, reason, cause)) // a dead socket cannot be told
		g.hungUp.Store(true)
		_ = g.conn.SetReadDeadline(past) // it fails only on a closed connection
	})
	return nil
}

// finish ends the session, and then the connection: Genesys answers a disconnect with close, which wants its answer too.
func (g *genesysLeg) finish() {
	_ = g.Hangup("")
	g.reading.Lock()
	_ = g.conn.SetReadDeadline(time.Now().Add(g.limits.Linger))
	for !g.over() {
		op, payload, err := g.in.next()
		if err != nil {
			break
		}
		g.goodbye = op == opClose
		if op == opText && g.speaks.parse(payload, &g.said) == nil && g.said.kind == kindAsked {
			_, _ = g.reply(&g.said) // what it means to the call is of no matter any more
		}
	}
	g.reading.Unlock()
	g.out.close(closeNormal, "")
	g.Leg.finish()
}

// over says that there is nothing to wait for: closed was said, or the socket does not work any more.
func (g *genesysLeg) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.parted || g.broken || g.goodbye || g.out.failed() != nil
}
