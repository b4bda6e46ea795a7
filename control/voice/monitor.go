package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"parley/pipeline"
)

// A Monitor is the channel of a page that listens to a call: it takes the call over and gives it back as the page asks, and tells it whether
// it has it. What is said in the call the page reads by the call's socket.
//
//	page ──▶ Take ──▶ Do: take over, hand back
//	pipeline.Supervisor.Changed ──▶ Changed ──▶ Tell ──▶ page
type Monitor struct {
	Leg  string                                              // the page's, by its id
	Name string                                              // who listens
	Tell func(text []byte) bool                              // sends the page a message; false: there is no room
	Do   func(ctx context.Context, c pipeline.Command) error // gives the call an order

	has atomic.Bool
}

// standing is what a page is told of the call that it listens to.
type standing struct {
	State string `json:"state"` // listening, or talking
}

// Changed tells the page that it has the call, or no longer, or why it cannot have it. It never waits.
func (m *Monitor) Changed(has bool, err error) {
	m.has.Store(has)
	if err != nil {
		m.send(message{Type: typeError, Error: takeOver + ": " + err.Error()})
		return
	}
	state := "listening"
	if has {
		state = "talking"
	}
	m.send(message{Type: typeState, Data: standing{state}})
}

func (m *Monitor) send(told message) {
	if text, err := json.Marshal(told); err == nil { // it has no field that cannot be
		_ = m.Tell(text) // who takes no messages still listens
	}
}

// What a page may order.
const (
	takeOver = "take_over"
	handBack = "hand_back"
)

// Take does what a page asks, and tells it what is wrong with that. It may wait for the call to take it, for up to 5 s.
func (m *Monitor) Take(ctx context.Context, text []byte) {
	var a asked
	if err := json.Unmarshal(text, &a); err != nil {
		m.send(message{Type: typeError, Error: `not a JSON object: send {"type":"ping"}`})
		return
	}
	if a.Type == typePing {
		m.send(message{Type: typePong})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doWait)
	defer cancel()
	if err := m.do(ctx, a); err != nil {
		m.send(message{Type: typeError, Error: a.Type + ": " + err.Error()})
	}
}

func (m *Monitor) do(ctx context.Context, a asked) error {
	switch {
	case a.Type != typeCommand:
		return fmt.Errorf("messages of the type %.40q are not understood: send ping or command", a.Type)
	case a.Command == takeOver && m.has.Load():
		return errors.New("you have the call already")
	case a.Command == takeOver:
		return m.Do(ctx, pipeline.Command{Kind: pipeline.TakeOver, To: m.Leg, By: m.Name})
	case a.Command != handBack:
		return fmt.Errorf("command %.20q: want take_over or hand_back", a.Command)
	case !m.has.Load():
		return errors.New("you do not have the call")
	}
	return m.Do(ctx, pipeline.Command{Kind: pipeline.Unbridge, Text: a.Text, Ask: a.Text == ""})
}
