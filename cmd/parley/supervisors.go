package main

import (
	"context"
	"errors"
	"time"

	"parley/control/talk"
	"parley/control/voice"
	"parley/media/webrtc"
	"parley/pipeline"
)

// What a supervisor's leg has for parameters: the call that its token is for, and who listens.
const (
	supervisedParam = "parley_call"
	supervisorParam = "parley_supervisor"
)

// supervised is what a token allows that lets a page listen to a call: where the call lives.
func (g talkGate) supervised(p talk.Pass) (webrtc.Grant, error) {
	if g.board.Call(p.Call) == nil {
		return webrtc.Grant{}, g.absent(p, "the call")
	}
	params := map[string]string{supervisedParam: p.Call, supervisorParam: p.Name}
	return webrtc.Grant{ID: p.ID, Owner: p.Org, Params: params, Expires: time.Unix(p.Expires, 0)}, nil
}

// supervise lets a page listen to a call, until either ends.
func (s *server) supervise(ctx context.Context, leg *webrtc.Leg, id string) {
	call, info := s.board.Call(id), leg.Info()
	if call == nil {
		return // it has ended since the page was let in
	}
	m := &voice.Monitor{Leg: info.ID, Name: info.Params[supervisorParam], Tell: leg.Tell, Do: call.Do}
	defer s.pages.hear(info.ID, func(text []byte) { m.Take(ctx, text) })()
	m.Changed(false, nil)
	err := call.Attend(ctx, pipeline.Supervisor{Name: m.Name, Leg: leg, Changed: m.Changed})
	if err != nil && !errors.Is(err, pipeline.ErrEnded) {
		s.log.Warn("a supervisor cannot listen", "call", id, "supervisor", m.Name, "error", err)
	}
}

// hear has the messages of a page that listens taken; forget ends that.
func (p *pages) hear(leg string, take func(text []byte)) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ears == nil {
		p.ears = make(map[string]func([]byte))
	}
	p.ears[leg] = take
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.ears, leg)
	}
}
