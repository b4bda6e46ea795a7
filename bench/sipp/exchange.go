package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip"
)

// An exchange places calls: the user agent of parley serve, in this process, so that each call can be ordered and followed to its end.
type exchange struct {
	ports  *rtp.Ports
	agents map[int]*agent // by how many redirections they follow
	desk   *agent         // that answers, after a while, whom a far end sends to it by REFER

	mu     sync.Mutex
	placed map[string]string // whose calls were placed, by the calls' ids
}

// An agent is one user agent and its loop.
type agent struct {
	*sip.Agent
	stop context.CancelFunc
	done chan error
}

// result is what becomes of a call.
type result struct {
	outcome string
	code    int
	why     string // for people
}

func openExchange(p *pair) (*exchange, error) {
	ports, err := rtp.NewPorts(rtp.PortsOptions{Bind: netip.MustParseAddr("127.0.0.1"), First: 41000, Last: 43000, Quarantine: time.Second})
	if err != nil {
		return nil, fmt.Errorf("open ports: %w", err)
	}
	x := &exchange{ports: ports, agents: map[int]*agent{}, placed: map[string]string{}}
	o := sip.Options{
		Ports: ports, Session: 90 * time.Second, Silence: 2 * time.Minute, Roots: p.roots(), Answer: converse,
		Open:  []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Admit: func(context.Context, sip.Incoming) sip.Verdict { return sip.Verdict{Ring: deskRings} },
	}
	if x.desk, err = begin(o); err != nil {
		return nil, errors.Join(err, x.close())
	}
	o.Open, o.Refer = nil, x.refer
	o.Admit = func(context.Context, sip.Incoming) sip.Verdict { return sip.Verdict{Status: 404} }
	for redirects := range 2 {
		o.Redirects = redirects
		if x.agents[redirects], err = begin(o); err != nil {
			delete(x.agents, redirects)
			return nil, errors.Join(err, x.close())
		}
	}
	return x, nil
}

// deskRings is how long the desk rings: a scenario may do something meanwhile.
const deskRings = 700 * time.Millisecond

// refer lets the far ends of calls whose order says so have them go on with the desk.
func (x *exchange) refer(_ context.Context, leg media.Info, _ string) (by sip.Trunk, from string, err error) {
	if leg.Params["refer"] == "" {
		return by, "", errors.New("the order says nothing of it")
	}
	at := x.desk.Addresses()[0]
	return sip.Trunk{ID: "desk", Org: "sipp", Name: "desk", Host: at.Addr().String(), Port: int(at.Port()), Outbound: true}, leg.From, nil
}

// begin starts a user agent. It ends with close.
func begin(o sip.Options) (*agent, error) {
	o.Listen = []sip.Listener{
		{Transport: "udp", Address: netip.MustParseAddrPort("127.0.0.1:0")}, {Transport: "tcp", Address: netip.MustParseAddrPort("127.0.0.1:0")},
	}
	a, err := sip.New(o)
	if err != nil {
		return nil, fmt.Errorf("open user agent: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return &agent{a, cancel, done}, nil
}

// all are the user agents that run.
func (x *exchange) all() (all []*agent) {
	if x.desk != nil {
		all = append(all, x.desk)
	}
	for _, a := range x.agents {
		all = append(all, a)
	}
	return all
}

// converse holds a call: it is transferred and hung up as the order says, or ends when the far end has hung up.
func converse(ctx context.Context, leg media.Leg) {
	if to := leg.Info().Params["transfer"]; to != "" {
		moved := make(chan struct{})
		defer func() { <-moved }()
		go func() {
			defer close(moved)
			_ = leg.(*sip.Leg).Transfer(ctx, to) // what comes of it the scenario sees
			_ = leg.Hangup(media.CauseAgent)
		}()
	}
	if text := leg.Info().Params["hangup"]; text != "" {
		after, err := time.ParseDuration(text)
		if err == nil {
			late := time.AfterFunc(after, func() { _ = leg.Hangup(media.CauseAgent) })
			defer late.Stop()
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = leg.Hangup(media.CauseShutdown) })
	defer stop()
	for {
		if _, err := leg.Receive(); err != nil {
			return
		}
	}
}

// place places a call to sipp, and waits for what becomes of it.
func (x *exchange) place(ctx context.Context, whose string, o order, transport string, port int) (r result, err error) {
	a := x.agents[o.redirects]
	if a == nil {
		return r, fmt.Errorf("no user agent follows %d redirections", o.redirects)
	}
	params := map[string]string{}
	if o.hangup > 0 {
		params["hangup"] = o.hangup.String()
	}
	if o.transfer != "" {
		params["transfer"] = o.transfer
	}
	if o.refer {
		params["refer"] = "desk"
	}
	ended := make(chan result, 1)
	rang := make(chan string, 1)
	id, err := a.Place(sip.Order{
		Trunk: sip.Trunk{
			ID: "sipp", Org: "sipp", Name: "sipp", Host: "127.0.0.1", Port: port, Transport: transport, Outbound: true,
			Username: o.user, Realm: o.realm, Password: func() (string, error) { return o.password, nil },
		},
		From: "+15550100002", To: "+15550100003", Ring: o.ring, Params: params,
		Told: func(n sip.News) {
			switch {
			case n.Failure != nil:
				ended <- result{string(n.Failure.Outcome), n.Failure.Code, n.Failure.Reason}
			case n.Leg != nil:
				ended <- result{outcome: string(sip.Answered)}
			default:
				rang <- n.ID
			}
		},
	})
	if err != nil {
		return r, err
	}
	x.mu.Lock()
	x.placed[id] = whose
	x.mu.Unlock()
	for {
		select {
		case id := <-rang:
			if o.cancel {
				a.HangUp(id)
			}
		case r = <-ended:
			return r, nil
		case <-ctx.Done():
			return r, fmt.Errorf("wait for the call's outcome: %w", context.Cause(ctx))
		}
	}
}

// left are the scenarios whose calls are still there.
func (x *exchange) left() (names []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range x.all() {
		known := 0
		for id, name := range x.placed {
			if placing, live := a.Placing(id); placing || live {
				names = append(names, name)
				known++
			}
		}
		if n := a.Dialogs() - known; n > 0 {
			names = append(names, fmt.Sprintf("%d dialogs of calls that are over", n))
		}
	}
	return names
}

// close ends the calls that are left, and tells of those that should not have been.
func (x *exchange) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	err = settled(ctx, func() ([]string, error) { return x.left(), nil })
	for _, a := range x.all() {
		if n := a.Stats.Panics.Load(); n > 0 {
			err = errors.Join(err, fmt.Errorf("%d panics", n))
		}
		a.stop()
		if rerr := <-a.done; rerr != nil && !errors.Is(rerr, io.EOF) {
			err = errors.Join(err, rerr)
		}
	}
	return errors.Join(err, x.ports.Close())
}
