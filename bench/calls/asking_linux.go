package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"parley/bench/report"
	"parley/bench/requests"
	"parley/bench/serve"
)

// asking is the API being asked beside a step's calls.
type asking struct {
	done    chan struct{}
	outcome *requests.Outcome // once done is closed
	err     error
}

// ask asks for an agent at apiRate, by a thread of its own on the generator's core: from now on, but counted only after settle, for as long as
// the step is measured.
func (b *rig) ask(ctx context.Context, s *server, settle, measure time.Duration) (*asking, error) {
	addr, err := netip.ParseAddrPort(s.product.Address())
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	l := requests.Load{
		Addr: addr, Request: requests.Get(addr, "/api/v1/agents/"+s.agent, "Authorization: Bearer "+serve.Key), Status: http.StatusOK,
		Conns: 16, Rate: apiRate, Warm: settle, Measure: measure,
	}
	a := &asking{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.outcome, a.err = l.Run(ctx, b.ours)
	}()
	return a, nil
}

// fill waits until it is over and tells a step how long requests took; one without an answer is no less a failure than a lost frame.
func (a *asking) fill(step *report.Step) error {
	<-a.done
	if a.err != nil {
		return fmt.Errorf("ask the API: %w", a.err)
	}
	step.Times[report.API] = report.SpreadOf(a.outcome.Took)
	if n := a.outcome.Unheard; n > 0 {
		step.Failed = append(step.Failed, fmt.Sprintf("%s: %d of %d without an answer", report.API, n, n+a.outcome.Answered))
	}
	return nil
}
