package main

import (
	"fmt"
	"testing"
	"time"

	"parley/control/admission"
	"parley/media/webrtc"
	"parley/store"
)

// TestVisitors: an agent takes so many calls of pages at once. Who does not come leaves the place to others.
func TestVisitors(t *testing.T) {
	t.Parallel()
	v, now := &visitors{}, time.Now()
	enter := func(agent, leg string, later time.Duration) bool { return v.enter(agent, leg, 2, now.Add(later)) }
	if !enter("a", "1", 0) || !enter("a", "2", 0) || enter("a", "3", arrival) || !enter("b", "1", 0) {
		t.Errorf("%v", v.agents)
	}
	leave := v.stay("a", "1")
	if !enter("a", "3", arrival+1) || enter("a", "4", arrival+1) {
		t.Errorf("the second has not come, the first stays: %v", v.agents)
	}
	leave()
	if !enter("a", "4", arrival+1) {
		t.Errorf("the first has gone: %v", v.agents)
	}
	for _, leg := range []string{"3", "4"} {
		v.stay("a", leg)()
	}
	v.stay("b", "1")()
	v.stay("c", "1")()
	if got := fmt.Sprint(v.agents); got != "map[]" {
		t.Errorf("when all have gone there is %s", got)
	}
}

// TestVisitorRefused: a page's call for which the server has no room takes none of its agent's places.
func TestVisitorRefused(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"PARLEY_LLM": "flow"})
	s := &server{company: c, office: &office{}, gate: &admission.Gate{Draining: func() bool { return true }}}
	draft := s.office.drafts.Keep(store.Agent{ID: "a", Org: "o", Settings: `{"widget":{"enabled":true,"calls_at_once":1}}`}, time.Now())
	grant := webrtc.Grant{Owner: "o", Params: map[string]string{widgetParam: "1", draftParam: draft}}
	if s.welcomePage(t.Context(), "1", grant) || len(s.visitors.agents) > 0 {
		t.Errorf("while the server drains: %v", s.visitors.agents)
	}
	s.gate.Draining = nil
	if !s.welcomePage(t.Context(), "2", grant) || s.welcomePage(t.Context(), "3", grant) {
		t.Errorf("of one place: %v", s.visitors.agents)
	}
}
