package main

import (
	"sync"
	"time"
)

// arrival is how long a browser may take from its offer to its first packet of sound.
const arrival = 30 * time.Second

// visitors are the calls of pages that nobody answers for, of which each agent takes so many at once.
//
//	welcomePage ──▶ enter ── answerPage ──▶ stay ── end ──▶ leave
//	                  ├── the server has no room: leave
//	                  └── nobody comes: the place is free again after a while
type visitors struct {
	mu     sync.Mutex
	agents map[string]map[string]time.Time // by agent and leg: until when a place is kept; zero: the call goes on
}

// enter keeps a place for a leg that is about to come; false: the agent has no more.
func (v *visitors) enter(agent, leg string, most int, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	legs := v.agents[agent]
	for id, until := range legs {
		if !until.IsZero() && now.After(until) {
			delete(legs, id)
		}
	}
	if len(legs) >= most {
		return false
	}
	if legs == nil {
		legs = make(map[string]time.Time)
		if v.agents == nil {
			v.agents = make(map[string]map[string]time.Time)
		}
		v.agents[agent] = legs
	}
	legs[leg] = now.Add(arrival)
	return true
}

// stay gives a leg its place until leave.
func (v *visitors) stay(agent, leg string) (leave func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if legs := v.agents[agent]; legs != nil {
		legs[leg] = time.Time{}
	}
	return func() { v.leave(agent, leg) }
}

// leave gives a leg's place to others.
func (v *visitors) leave(agent, leg string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if delete(v.agents[agent], leg); len(v.agents[agent]) == 0 {
		delete(v.agents, agent)
	}
}
