package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"parley/control/live"
	"parley/pipeline"
)

// The further types of messages of a page's own channel.
const (
	typeState   = "state"
	typeTurn    = "turn"
	typeKey     = "key"
	typeText    = "text"
	typeCommand = "command"
)

const (
	mostNews = 256             // events that wait for the page
	doWait   = 5 * time.Second // for the call to take what a page asks
	mostText = 2000            // characters of typed text
)

// A Caller is the end of a call that a page has. Its methods must not wait, but for Do.
type Caller struct {
	Tell func(text []byte) bool                              // sends the page a message; false: there is no room
	Key  func(key rune) error                                // presses a key, in the page's name
	Do   func(ctx context.Context, c pipeline.Command) error // gives its call an order
}

// A Page shows the caller their own call, by the channel that a page has beside its sound, and takes what they type and press.
//
//	pipeline.Event ──▶ Watch ──▶ states, turns ──┐
//	live.Reader ──▶ transcript ──────────────────┴▶ Run ──▶ Caller.Tell ──▶ page
//	page ──▶ Take ──▶ Caller.Key, Do
type Page struct {
	caller Caller
	news   chan pipeline.Event
	lost   atomic.Int64 // events for which there was no room
	told   told
	state  string
}

// NewPage makes a Page.
func NewPage(c Caller) *Page {
	p := &Page{caller: c, news: make(chan pipeline.Event, mostNews)}
	p.told.send = p.send
	return p
}

// Watch takes note of what happens on the call. It never waits.
func (p *Page) Watch(e pipeline.Event) {
	switch e.Kind {
	case pipeline.SpeechBegan, pipeline.SpeechEnded, pipeline.ReplyBegan, pipeline.TurnEnded, pipeline.Interrupted, pipeline.FellSilent, pipeline.FalseAlarm,
		pipeline.Commanded, pipeline.Bridged, pipeline.Unbridged:
		select {
		case p.news <- e:
		default:
			p.lost.Add(1)
		}
	default:
	}
}

// Run tells the page of its call until that is over, or ctx is done. An error says why no more is told; the call goes on.
func (p *Page) Run(ctx context.Context, desk *live.Desk, org, call string) error {
	r, err := desk.Open(ctx, org, call)
	if err != nil {
		return fmt.Errorf("read the page's call: %w", err)
	}
	defer r.Close()
	for {
		u, news, more := r.Take()
		if news {
			if err := p.told.tell(u); err != nil {
				return err
			}
		}
		if u.Over {
			return nil
		}
		select {
		case <-more:
		case e := <-p.news:
			if err := p.happened(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// What messages of a page's channel carry, beside those of the socket.
type (
	stateData struct {
		State string `json:"state"`
		At    int64  `json:"at_ms"`
	}
	turnData struct {
		N       int              `json:"turn"`
		Why     string           `json:"why"`
		Said    string           `json:"said"`
		Text    string           `json:"text"` // all that was meant: what of it was not heard is lost
		Heard   string           `json:"heard"`
		Cut     bool             `json:"interrupted"`
		Held    int              `json:"held"`
		Alarms  int              `json:"false_alarms"`
		At      int64            `json:"at_ms"`
		Latency map[string]int64 `json:"latency_ms"`
	}
)

// states are what events say of the conversation.
var states = map[pipeline.EventKind]string{
	pipeline.SpeechBegan: "hearing", pipeline.SpeechEnded: "thinking", pipeline.ReplyBegan: "speaking",
	pipeline.Interrupted: "hearing", pipeline.FellSilent: "listening", pipeline.TurnEnded: "listening", pipeline.FalseAlarm: "speaking",
	pipeline.Bridged: "bridged", pipeline.Unbridged: "listening",
}

// stateOf is the state that an event leads to; "" if it leads to none. Of the orders from outside, those count that stop the agent.
func stateOf(e pipeline.Event) string {
	if e.Kind != pipeline.Commanded {
		return states[e.Kind]
	}
	switch pipeline.CommandKind(e.Text) {
	case pipeline.Hold:
		return "held"
	case pipeline.Unhold:
		return "listening"
	}
	return ""
}

// happened tells of an event. The end of a turn changes nothing where it is not the agent's time: a caller who speaks meanwhile is still heard,
// and a call that is held stays so.
func (p *Page) happened(e pipeline.Event) error {
	if e.Kind == pipeline.TurnEnded && e.Turn != nil {
		if err := p.send(message{Type: typeTurn, Data: showTurn(e.Turn)}); err != nil {
			return err
		}
	}
	state := stateOf(e)
	elsewhere := p.state == "hearing" || p.state == "held" || p.state == "bridged"
	if state == "" || state == p.state || e.Kind == pipeline.TurnEnded && elsewhere {
		return nil
	}
	p.state = state
	return p.send(message{Type: typeState, Data: stateData{state, e.At.Milliseconds()}})
}

func showTurn(t *pipeline.Turn) turnData {
	d := turnData{
		N: t.N, Why: string(t.Why), Said: t.Said, Text: t.Text, Heard: t.Heard, Cut: t.Cut, Held: t.Counts.Held, Alarms: t.Counts.FalseAlarms,
		At: t.At.Milliseconds(), Latency: make(map[string]int64),
	}
	for stage, took := range t.Latency.Stages() {
		if took > 0 {
			d.Latency[stage] = took.Milliseconds()
		}
	}
	return d
}

var errDeaf = errors.New("the page takes no more messages")

func (p *Page) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if !p.caller.Tell(text) {
		return errDeaf
	}
	return nil
}

// asked is what a page sends.
type asked struct {
	Type    string `json:"type"`
	Key     string `json:"key"`
	Text    string `json:"text"`
	Command string `json:"command"`
}

// Take does what a page asks, and tells it what is wrong with that. It may wait for the call to take it, for up to 5 s.
func (p *Page) Take(ctx context.Context, text []byte) {
	var m asked
	if err := json.Unmarshal(text, &m); err != nil {
		p.complain(`not a JSON object: send {"type":"ping"}`)
		return
	}
	if m.Type == typePing {
		_ = p.send(message{Type: typePong}) // who is deaf is not told
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doWait)
	defer cancel()
	if err := p.do(ctx, m); err != nil {
		p.complain(m.Type + ": " + err.Error())
	}
}

func (p *Page) complain(why string) { _ = p.send(message{Type: typeError, Error: why}) } // who is deaf is not told

// do does it. A page is a caller's, who may hang up and be silent, and has no orders for the agent.
func (p *Page) do(ctx context.Context, m asked) error {
	switch m.Type {
	case typeKey:
		if len(m.Key) != 1 {
			return errors.New("key: want one of 0-9 * # A-D")
		}
		return p.caller.Key(rune(m.Key[0]))
	case typeText:
		if n := len([]rune(m.Text)); n == 0 || n > mostText {
			return fmt.Errorf("text of %d characters: want 1 to %d", n, mostText)
		}
		return p.caller.Do(ctx, pipeline.Command{Kind: pipeline.Write, Text: m.Text})
	case typeCommand:
		kind, known := map[string]pipeline.CommandKind{"hang_up": pipeline.HangUp, "mute": pipeline.Mute, "unmute": pipeline.Unmute}[m.Command]
		if !known {
			return fmt.Errorf("command %.20q: want hang_up, mute or unmute", m.Command)
		}
		c := pipeline.Command{Kind: kind}
		if kind == pipeline.HangUp {
			c.Cause = "caller"
		}
		return p.caller.Do(ctx, c)
	}
	return fmt.Errorf("messages of the type %.40q are not understood: send ping, key, text or command", m.Type)
}
