package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/requests"
	"parley/bench/serve"
	"parley/bench/vendors"
)

// Bars of a step.
const (
	busyBar   = 0.85                 // of this process's core
	sendBar   = 2 * time.Millisecond // p99 of its own lateness
	othersBar = 0.05                 // of the machine, by other processes
)

// What is asked.
var kinds = []string{"GET", "POST"}

// taskBody is what is posted to both: an agent's id goes into it.
const taskBody = `{"agent_id":%q,"name":"Call customer","to_number":"+1234567890","description":"Follow up call",` +
	`"starting_message":"Hello, this is a call from our company","context_data":{"customer_name":"John Doe","order_id":"12345"},` +
	`"priority":0,"scheduled_at":null}`

// A server is one that runs, and what it is asked.
type server struct {
	addr     netip.AddrPort
	requests map[string][]byte // by the names of kinds
	stop     func() error
}

var statuses = map[string]int{"GET": http.StatusOK, "POST": http.StatusCreated}

// A rig starts servers, each on the second core.
type rig struct {
	options
	meter, subject int // cores
	self, binary   string
	dir            string
	vendors        vendors.Addresses
	log            io.Writer
}

// bench measures both servers, round by round.
func bench(ctx context.Context, o options, log io.Writer) (r *report, err error) {
	b := &rig{options: o, log: log, binary: o.parley}
	if b.meter, b.subject, err = machine.TwoCores(); err != nil {
		return nil, err
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "parley-bench-control-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.binary == "" {
		fmt.Fprintln(log, "building parley")
		if b.binary, err = serve.Build(ctx, b.dir); err != nil {
			return nil, err
		}
	}
	others, err := serve.Vendors(ctx, b.binary, vendors.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, others.Close()) }()
	b.vendors = others.Addresses
	r = newReport(o)
	if o.first {
		first, restore := machine.GoFirst()
		defer restore()
		r.First = first
	}
	order := []string{"floor", "parley"}
	for round := range o.rounds {
		for _, name := range order {
			if err := b.measureOne(ctx, r, name, round+1); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		slices.Reverse(order)
	}
	r.sumUp()
	return r, nil
}

// measureOne runs one server for a round.
func (b *rig) measureOne(ctx context.Context, r *report, name string, round int) (err error) {
	start := b.startFloor
	if name == "parley" {
		start = b.startParley
	}
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, request := range kinds {
		l := requests.Load{Addr: s.addr, Request: s.requests[request], Status: statuses[request], Conns: b.conns, Warm: 300 * time.Millisecond, Measure: b.measure}
		add := func(s step) bool {
			s.Server, s.Request, s.Round = name, request, round
			r.Steps = append(r.Steps, s)
			fmt.Fprintln(b.log, s)
			return s.Passed
		}
		if b.quick {
			l.Rate, l.Measure = 200, 300*time.Millisecond
			s, err := b.step(ctx, l)
			if err != nil {
				return err
			}
			add(s)
			continue
		}
		if err := b.descend(ctx, l, add); err != nil {
			return err
		}
	}
	return nil
}

// shares of what a server answers under a flood are offered one after the other.
var shares = []float64{1, .95, .9, .85, .8, .75, .7, .65, .6, .55, .5, .4, .3, .2, .1}

// descend floods a server, and then offers it less and less of what it answered, until it carries what it is offered.
func (b *rig) descend(ctx context.Context, l requests.Load, add func(step) bool) error {
	flood, err := b.step(ctx, l)
	if err != nil {
		return err
	}
	add(flood)
	if flood.Answered == 0 {
		return nil // there is nothing to share out
	}
	for _, share := range shares {
		l.Rate = share * flood.Answered
		for range 2 { // once more where it says nothing
			s, err := b.step(ctx, l)
			if err != nil {
				return err
			}
			if add(s) {
				return nil
			}
			if s.Void == "" {
				break
			}
		}
	}
	return nil
}

// step runs a load.
func (b *rig) step(ctx context.Context, l requests.Load) (s step, err error) {
	meter := machine.NewMeter()
	o, err := l.Run(ctx, b.meter)
	if err != nil {
		return s, err
	}
	s = newStep(l.Rate, o)
	s.Others = meter.Others()
	s.judge(b.bar)
	return s, nil
}

// startFloor starts the floor.
func (b *rig) startFloor(ctx context.Context) (*server, error) {
	p, err := floor.Start(ctx, b.subject, floor.Options{Name: "json"}, b.self)
	if err != nil {
		return nil, err
	}
	s := &server{stop: p.Close}
	if s.addr, err = netip.ParseAddrPort(p.Addresses[0]); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	s.requests = map[string][]byte{
		"GET":  requests.Get(s.addr, "/things/first"),
		"POST": requests.Post(s.addr, "/things", fmt.Sprintf(taskBody, "first")),
	}
	return s, nil
}

// startParley starts the product on a new database.
func (b *rig) startParley(ctx context.Context) (*server, error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	p, err := serve.Subject{Binary: b.binary, Core: b.subject, Data: data, Vendors: b.vendors, Env: []string{"PARLEY_RATE_LIMIT=1000000000"}}.Start(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{stop: p.Stop}
	agent, err := p.Agent(ctx)
	if err == nil {
		s.addr, err = netip.ParseAddrPort(p.Address())
	}
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	s.requests = map[string][]byte{
		"GET":  requests.Get(s.addr, "/api/v1/agents/"+agent, bearer),
		"POST": requests.Post(s.addr, "/api/v1/tasks", fmt.Sprintf(taskBody, agent), bearer),
	}
	return s, nil
}

// bearer is the header that every request to the product has.
const bearer = "Authorization: Bearer " + serve.Key
