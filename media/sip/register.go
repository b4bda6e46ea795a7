package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A TrunkState is how a trunk stands: whether it answers, and whether we are registered there.
type TrunkState struct {
	Trunk, Org string
	Up         bool      // it has answered our last OPTIONS, or REGISTER
	Registers  bool      // we should be registered there
	Registered bool      // we are
	Until      time.Time // of Registered
	Code       int       // the last status; 0: none came
	Error      string    // why we are not registered, or why it is not up
}

// A vigil is what goes on with one trunk all the time: it is asked whether it is there, and we stay registered.
type vigil struct {
	agent *Agent
	trunk Trunk
	call  string
	tag   string
	seq   uint32
	stop  context.CancelFunc
	over  chan struct{} // closed when it has stopped
	state TrunkState    // the Agent's lock guards it
}

// How registrations go on.
const (
	registerFor = time.Hour        // what we ask for
	leastWait   = time.Second      // after a first failure
	mostWait    = 5 * time.Minute  // after many
	pingEvery   = 30 * time.Second // between two OPTIONS
)

// watch keeps a vigil for each trunk that there is: where a trunk has changed, a new one.
func (a *Agent) watch(ctx context.Context, trunks []Trunk) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaving {
		return
	}
	there := map[string]bool{}
	for _, t := range trunks {
		there[t.ID] = true
		if v := a.vigils[t.ID]; v != nil {
			if v.same(&t) {
				continue
			}
			v.stop()
		}
		own, stop := context.WithCancel(ctx)
		v := &vigil{agent: a, trunk: t, call: word() + "@parley", tag: word(), stop: stop, over: make(chan struct{}), state: TrunkState{Trunk: t.ID, Org: t.Org, Registers: t.Registers}}
		a.vigils[t.ID] = v
		a.work.Go(func() { v.run(own) })
	}
	for id, v := range a.vigils {
		if !there[id] {
			v.stop()
			delete(a.vigils, id)
		}
	}
}

// same says that a trunk is what it was, as far as a vigil is concerned. Its password may be another: it is asked for each time.
func (v *vigil) same(t *Trunk) bool {
	o := &v.trunk
	return o.Host == t.Host && o.Port == t.Port && o.Transport == t.Transport && o.Username == t.Username && o.Realm == t.Realm &&
		o.Registers == t.Registers && (o.Password == nil) == (t.Password == nil)
}

// TrunkStates are how all trunks stand.
func (a *Agent) TrunkStates() []TrunkState {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]TrunkState, 0, len(a.vigils))
	for _, v := range a.vigils {
		all = append(all, v.state)
	}
	return all
}

// run asks and registers until ctx is done; then the registration is given back.
func (v *vigil) run(ctx context.Context) {
	defer close(v.over)
	failures := 0
	for {
		wait := pingEvery + rand.N(pingEvery/10)
		if v.trunk.Registers {
			lasts, err := v.register(ctx, registerFor)
			v.told(lasts, err)
			if failures++; err == nil {
				failures, wait = 0, max(lasts*17/20, leastWait)
			} else {
				wait = min(leastWait<<min(failures-1, 10), mostWait)
				wait = wait/2 + rand.N(wait/2)
			}
		} else {
			v.told(0, v.ping(ctx))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			v.leave()
			return
		}
	}
}

// leave says that calls need not come here any more, where there is still somebody to say it.
func (v *vigil) leave() {
	v.agent.mu.Lock()
	registered := v.state.Registered
	v.agent.mu.Unlock()
	if registered && v.agent.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(v.agent.ctx, leastWait)
		defer cancel()
		_, _ = v.register(ctx, 0) // it ends by itself
	}
}

// told writes down how the trunk stands, and says so where that has changed.
func (v *vigil) told(lasts time.Duration, err error) {
	a := v.agent
	a.mu.Lock()
	was := v.state
	s := &v.state
	s.Up, s.Registered, s.Until, s.Error, s.Code = err == nil, err == nil && v.trunk.Registers, time.Time{}, "", gosip.StatusOK
	if s.Registered {
		s.Until = time.Now().Add(lasts)
	}
	if err != nil {
		var f *Failure
		s.Error, s.Code = err.Error(), 0
		if errors.As(err, &f) {
			s.Code, s.Up = f.Code, f.Code != 0
		}
	}
	now := *s
	a.mu.Unlock()
	log := a.log.With("trunk", v.trunk.ID, "name", v.trunk.Name)
	switch {
	case err != nil && a.ctx.Err() == nil && (was.Error == "" || was.Code != now.Code):
		log.Warn("trunk is not ready", "registers", v.trunk.Registers, "code", now.Code, "error", err)
	case err == nil && (!was.Up || was.Registered != now.Registered):
		log.Info("trunk is ready", "registered", now.Registered)
	}
}

// ping asks whether the trunk is there. Any answer says that it is.
func (v *vigil) ping(ctx context.Context) error {
	_, err := v.ask(ctx, gosip.OPTIONS, nil, "")
	return err
}

// register asks the trunk to send calls here, and returns for how long it will.
func (v *vigil) register(ctx context.Context, lasts time.Duration) (time.Duration, error) {
	var signed signature
	for range most {
		headers := []header{{"Expires", seconds(lasts)}}
		if signed.header.name != "" {
			headers = append(headers, signed.header)
		}
		var sent *gosip.Request
		res, err := v.ask(ctx, gosip.REGISTER, &sent, v.trunk.Username, headers...)
		switch {
		case err != nil:
			return 0, err
		case res.IsSuccess():
			return granted(res, sent.Contact().Address, lasts), nil
		case res.StatusCode == 401 || res.StatusCode == 407:
			if err := signed.answer(&v.trunk, sent, res); err != nil {
				return 0, &Failure{Outcome: Refused, Code: res.StatusCode, Reason: err.Error()}
			}
		case res.StatusCode == 423:
			n, err := strconv.Atoi(value(res, "Min-Expires"))
			if least := time.Duration(n) * time.Second; err == nil && least > lasts {
				lasts = least
				continue
			}
			return 0, failure(res)
		default:
			return 0, failure(res)
		}
	}
	return 0, &Failure{Outcome: Refused, Code: gosip.StatusUnauthorized, Reason: "it asks for our password again and again"}
}

// granted is for how long a registration lasts: as our Contact in the answer says, or the whole answer, or as we asked.
func granted(res *gosip.Response, own gosip.Uri, asked time.Duration) time.Duration {
	lasts := asked
	if n, err := strconv.Atoi(value(res, "Expires")); err == nil && n > 0 {
		lasts = time.Duration(n) * time.Second
	}
	for _, h := range res.GetHeaders("Contact") {
		for _, one := range splitList(h.Value()) {
			var u gosip.Uri
			var params gosip.HeaderParams
			if _, err := gosip.ParseAddressValue(one, &u, &params); err != nil || u.User != own.User || u.Host != own.Host {
				continue
			}
			text, _ := params.Get("expires")
			if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n > 0 {
				lasts = time.Duration(n) * time.Second
			}
		}
	}
	return lasts
}

// ask sends a request that belongs to no dialog to the trunk.
func (v *vigil) ask(ctx context.Context, method gosip.RequestMethod, sent **gosip.Request, user string, more ...header) (*gosip.Response, error) {
	a, t := v.agent, &v.trunk
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	places, err := a.where(ctx, t.Host, t.Port, t.transport())
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		var res *gosip.Response
		if res, err = v.askAt(ctx, place, method, sent, user, more); err == nil {
			return res, nil
		}
	}
	return nil, fmt.Errorf("ask trunk: %w", err)
}

func (v *vigil) askAt(ctx context.Context, place netip.AddrPort, method gosip.RequestMethod, sent **gosip.Request, user string, more []header) (*gosip.Response, error) {
	a, t := v.agent, &v.trunk
	if err := a.reach(ctx, t.transport(), place, t.Host); err != nil {
		return nil, err
	}
	face, err := a.face(t.transport(), place.Addr())
	if err != nil {
		return nil, err
	}
	home := gosip.Uri{Scheme: "sip", User: user, Host: bracketed(t.Host), Port: t.Port}
	target := home
	target.User = ""
	d := &dialog{dialogKey: dialogKey{call: v.call, local: v.tag}, self: home, peer: home, face: face, target: target, transport: t.transport(), hop: place.String()}
	if user == "" {
		d.self = d.own("parley")
	}
	d.contact = d.own(user)
	v.seq++
	req := d.numbered(method, v.seq)
	for _, h := range more {
		req.AppendHeader(gosip.NewHeader(h.name, h.value))
	}
	if sent != nil {
		*sent = req
	}
	return a.transact(ctx, req)
}
