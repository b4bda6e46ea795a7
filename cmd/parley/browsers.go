package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/control/admission"
	"parley/control/directory"
	"parley/control/live"
	"parley/control/talk"
	"parley/control/traits"
	"parley/control/voice"
	"parley/media"
	"parley/media/webrtc"
	webrelay "parley/media/webrtc/relay"
	"parley/pipeline"
	"parley/store"
)

// browsers is how pages call.
type browsers struct {
	WebRTCUDP       string        `name:"webrtc-udp" help:"Address of the one UDP port that the sound of all calls from browsers comes in by. Empty: that of --http-addr; off: browsers cannot call." placeholder:"HOST:PORT" var:"PARLEY_WEBRTC_UDP"`
	WebRTCTCP       string        `name:"webrtc-tcp" help:"Address of a TCP port for browsers that have no UDP. Empty: none." placeholder:"HOST:PORT" var:"PARLEY_WEBRTC_TCP"`
	WebRTCAddresses []string      `name:"webrtc-addresses" help:"IP addresses at which browsers reach these ports, where those are none of the machine's own, as behind a NAT; separated by commas. Empty: all that the machine has at the start." placeholder:"IP" var:"PARLEY_WEBRTC_ADDRESSES"`
	TURN            string        `name:"turn" help:"Address of a TURN server, over UDP and TCP, for browsers whose networks let nothing else through: it relays to the port of calls and to nobody else. Empty: none." placeholder:"HOST:PORT" var:"PARLEY_TURN"`
	TURNTLS         string        `name:"turn-tls" help:"Address of the same over TLS (turns:), such as :443, for networks that let nothing through but what looks like https. Empty: none." placeholder:"HOST:PORT" var:"PARLEY_TURN_TLS"`
	TURNTLSCert     string        `name:"turn-tls-cert" help:"File of its certificate (PEM, with its chain), of the host of --public-url." type:"path" var:"PARLEY_TURN_TLS_CERT"`
	TURNTLSKey      string        `name:"turn-tls-key" help:"File of its key (PEM)." type:"path" var:"PARLEY_TURN_TLS_KEY"`
	WebRTCEcho      time.Duration `name:"webrtc-echo-tail" help:"How much echo of the agent's own voice is taken out of what browsers send, where they leave it in; up to 500ms. 0: none is." default:"200ms" var:"PARLEY_WEBRTC_ECHO_TAIL"`
}

// noBrowsers is the word for it.
const noBrowsers = "off"

// public are the addresses of --webrtc-addresses.
func (b *browsers) public() (all []netip.Addr, err error) {
	for _, text := range b.WebRTCAddresses {
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || a.IsUnspecified() || a.Zone() != "" {
			return nil, fmt.Errorf("--webrtc-addresses has %q: want IP addresses such as 203.0.113.7", text)
		}
		all = append(all, a.Unmap())
	}
	return all, nil
}

// relays says whether there is a TURN server.
func (b *browsers) relays() bool { return b.TURN != "" || b.TURNTLS != "" }

// turnCertificate is that of TURN over TLS; nil: there is none.
func (b *browsers) turnCertificate() (*tls.Config, error) {
	if b.TURNTLS == "" {
		return nil, nil
	}
	secure, err := renewed(b.TURNTLSCert, b.TURNTLSKey)
	if err != nil {
		return nil, fmt.Errorf("read --turn-tls-cert and --turn-tls-key: %w", err)
	}
	return secure, nil
}

// check says what is wrong with it.
func (b *browsers) check() (bad []error) {
	if _, err := b.public(); err != nil {
		bad = append(bad, err)
	}
	if b.relays() && b.WebRTCUDP == noBrowsers {
		bad = append(bad, errors.New("--turn and --turn-tls need browsers that can call: --webrtc-udp is off"))
	}
	if b.TURNTLS != "" && (b.TURNTLSCert == "" || b.TURNTLSKey == "") {
		bad = append(bad, errors.New("--turn-tls is set: --turn-tls-cert and --turn-tls-key are not"))
	}
	for name, at := range map[string]string{"webrtc-udp": b.WebRTCUDP, "webrtc-tcp": b.WebRTCTCP, "turn": b.TURN, "turn-tls": b.TURNTLS} {
		if at == "" || at == noBrowsers && name == "webrtc-udp" {
			continue
		}
		if _, port, err := net.SplitHostPort(at); err != nil || port == "" {
			bad = append(bad, fmt.Errorf("--%s is %q: want host:port, such as :8080", name, at))
		}
	}
	if b.WebRTCEcho < 0 || b.WebRTCEcho > 500*time.Millisecond {
		bad = append(bad, fmt.Errorf("--webrtc-echo-tail is %v: want 0 to 500ms", b.WebRTCEcho))
	}
	return bad
}

// What a page's leg has for parameters: the agent that its token is for; if that is tried before it is saved, its draft; and whether anybody
// could have had the token.
const (
	agentParam  = "parley_agent"
	draftParam  = "parley_draft"
	widgetParam = "parley_widget"
)

// listenBrowsers opens what pages call by, unless that is off.
func (s *server) listenBrowsers(ctx context.Context) error {
	if s.cfg.WebRTCUDP == noBrowsers {
		return nil
	}
	public, err := s.cfg.public()
	if err != nil {
		return err
	}
	s.pages.desk = s.office.desk
	s.browsers, err = webrtc.Listen(context.WithoutCancel(ctx), webrtc.Options{ // calls outlive the signal to stop
		UDP: cmp.Or(s.cfg.WebRTCUDP, s.cfg.HTTPAddr), TCP: s.cfg.WebRTCTCP, Public: public, Path: voice.WHIPPath,
		Gate: talkGate{s.office.talk, &s.office.drafts, s.board}, Answer: s.answerPage, Accepting: s.welcomePage, Message: s.pages.take,
		Relays: s.relaysOf, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("%w (--webrtc-udp says where; off: browsers cannot call)", err)
	}
	if !s.cfg.relays() {
		return nil
	}
	if err := s.listenRelay(ctx); err != nil {
		return errors.Join(err, s.closeBrowsers(ctx))
	}
	return nil
}

// listenRelay opens the TURN server.
func (s *server) listenRelay(ctx context.Context) error {
	secret, err := s.cfg.master(s.cfg.DataDir)
	if err != nil {
		return err
	}
	certificate, err := s.cfg.turnCertificate()
	if err != nil {
		return err
	}
	s.relay, err = webrelay.Listen(ctx, webrelay.Options{
		Address: s.cfg.TURN, Secure: s.cfg.TURNTLS, TLS: certificate, Ways: s.browsers.Ways(), Secret: []byte(secret), Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("%w (--turn and --turn-tls say where)", err)
	}
	return nil
}

// relayLife is how long a page can make allocations: it does so when its call begins, and when its network changes.
const relayLife = time.Hour

// relays are what a page is told of that reaches this server as host.
func (s *server) relays(host string) []voice.ICEServer {
	if s.relay == nil {
		return nil
	}
	name, password := s.relay.Credentials(store.NewID(), time.Now().Add(relayLife))
	return []voice.ICEServer{{URLs: s.relay.URLs(host), Username: name, Credential: password}}
}

// relaysOf are those that a page is told of with the answer to its offer.
func (s *server) relaysOf(r *http.Request, _ webrtc.Grant) (all []webrtc.Relay) {
	at := &url.URL{Host: r.Host}
	if public, err := url.Parse(s.cfg.PublicURL); err == nil && public.Host != "" {
		at = public
	}
	for _, relay := range s.relays(at.Hostname()) {
		all = append(all, webrtc.Relay{URLs: relay.URLs, Name: relay.Username, Credential: relay.Credential})
	}
	return all
}

// closeBrowsers hangs up on pages, and closes their ports.
func (s *server) closeBrowsers(ctx context.Context) (err error) {
	if s.browsers != nil {
		err = s.browsers.Close(ctx)
	}
	if s.relay != nil {
		err = errors.Join(err, s.relay.Close())
	}
	return err
}

// talkGate is who lets pages in.
type talkGate struct {
	*talk.Tokens
	drafts *talk.Drafts
	board  *pipeline.Switchboard
}

// Look implements webrtc.Gate.
func (g talkGate) Look(token string) (webrtc.Grant, error) {
	p, err := g.Tokens.Look(token, time.Now())
	if err != nil {
		return webrtc.Grant{}, webrtc.ErrToken
	}
	if p.Call != "" {
		return g.supervised(p)
	}
	params := maps.Clone(p.Slots)
	if params == nil {
		params = make(map[string]string)
	}
	delete(params, pipeline.TokenParam) // that is a placed call's
	params[agentParam] = p.Agent
	if p.Widget {
		params[widgetParam] = "public"
	}
	if p.Draft != "" {
		if _, here := g.drafts.Draft(p.Org, p.Draft, time.Now()); !here {
			return webrtc.Grant{}, g.absent(p, "the draft")
		}
		params[draftParam] = p.Draft
	}
	return webrtc.Grant{ID: p.ID, Owner: p.Org, From: p.From, Params: params, Expires: time.Unix(p.Expires, 0)}, nil
}

// absent says of what a token names that it is not here: it lives elsewhere, or is over.
func (g talkGate) absent(p talk.Pass, what string) error {
	if p.Boot != g.drafts.Boot {
		return &webrtc.Absent{Why: what + " lives on another node than the one that was asked: ask again, the token is good still"}
	}
	return &webrtc.Absent{Why: what + " is over", Over: true}
}

// Spend implements webrtc.Gate.
func (g talkGate) Spend(ctx context.Context, grant webrtc.Grant) error {
	err := g.Tokens.Spend(ctx, grant.ID, grant.Owner, grant.Expires, time.Now())
	if errors.Is(err, talk.ErrToken) {
		return webrtc.ErrToken
	}
	return err
}

// routeTo is the agent that a page's call was opened for.
func (o *office) routeTo(org, id string) (directory.Route, error) {
	r := directory.Route{Org: org}
	agent, err := o.directory.Agent(org, id)
	if err == nil && !agent.Enabled {
		err = directory.ErrNobody
	}
	if err == nil {
		r.Agent = agent
	}
	return r, err
}

// routeToDraft is an agent as somebody is writing it.
func (o *office) routeToDraft(org, id string) (directory.Route, error) {
	agent, ok := o.drafts.Draft(org, id, time.Now())
	if !ok {
		return directory.Route{Org: org}, directory.ErrNobody
	}
	return directory.Route{Org: org, Agent: agent}, nil
}

// welcomePage gives a page's call a place, or says that there is none.
func (s *server) welcomePage(_ context.Context, id string, g webrtc.Grant) bool {
	if g.Params[supervisedParam] != "" {
		return true // the call has its place, and who listens costs next to nothing
	}
	r := admission.Request{Key: id, Org: g.Owner}
	route, err := s.office.route(media.Info{Owners: []string{g.Owner}, Params: g.Params})
	if err == nil {
		r.Speech = s.company.speaksLocally(route.Agent)
	}
	if g.Params[widgetParam] != "" {
		w, public := traits.WidgetOf(route.Agent.Settings)
		if !public || !s.visitors.enter(route.Agent.ID, id, w.AtOnce, time.Now()) {
			return false
		}
	}
	if s.gate.Admit(r) != "" {
		s.visitors.leave(route.Agent.ID, id)
		return false
	}
	return true
}

// answerPage holds the conversation with a page, and shows it to that page.
func (s *server) answerPage(ctx context.Context, leg *webrtc.Leg) {
	if call := leg.Info().Params[supervisedParam]; call != "" {
		s.supervise(ctx, leg, call)
		return
	}
	if info := leg.Info(); info.Params[widgetParam] != "" {
		defer s.visitors.stay(info.Params[agentParam], info.ID)()
	}
	end := s.pages.open(ctx, leg, s.board)
	defer end()
	defer s.office.drafts.Forget(leg.Info().Params[draftParam])
	s.answer(ctx, leg)
}

// pages are those that call, by their legs and, once those are known, by their calls; and those that listen, by their legs.
type pages struct {
	desk *live.Desk

	mu    sync.Mutex
	legs  map[string]*visit
	calls map[string]*visit
	ears  map[string]func(text []byte) // what takes the messages of those that listen
}

// A visit is one page's, for as long as its call.
type visit struct {
	*voice.Page
	org, call string          // the pages' lock guards them
	begun     chan struct{}   // closed when they are known
	ctx       context.Context //nolint:containedctx // of what the page sends: its channel brings none
}

// open makes a page known. End forgets it, and waits until nothing is told any more.
func (p *pages) open(ctx context.Context, leg *webrtc.Leg, board *pipeline.Switchboard) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	v := &visit{begun: make(chan struct{}), ctx: ctx}
	v.Page = voice.NewPage(voice.Caller{Tell: leg.Tell, Key: leg.Key, Do: func(ctx context.Context, c pipeline.Command) error {
		call := board.Call(p.callOf(v))
		if call == nil {
			return errors.New("the call has not begun, or is over")
		}
		return call.Do(ctx, c)
	}})
	p.mu.Lock()
	if p.legs == nil {
		p.legs, p.calls = make(map[string]*visit), make(map[string]*visit)
	}
	id := leg.Info().ID
	p.legs[id] = v
	p.mu.Unlock()
	var told sync.WaitGroup
	told.Go(func() {
		select {
		case <-v.begun:
			_ = v.Run(ctx, p.desk, v.org, v.call) // who takes no messages still talks
		case <-ctx.Done():
		}
	})
	return func() {
		cancel()
		p.mu.Lock()
		delete(p.legs, id)
		delete(p.calls, v.call)
		p.mu.Unlock()
		told.Wait()
	}
}

// begin makes a call known as a page's, if its leg is one.
func (p *pages) begin(call, org, leg string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.legs[leg]; v != nil && v.call == "" {
		v.org, v.call = org, call
		p.calls[call] = v
		close(v.begun)
	}
}

func (p *pages) callOf(v *visit) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return v.call
}

// watch is told of every call's events.
func (p *pages) watch(e pipeline.Event) {
	p.mu.Lock()
	v := p.calls[e.Call]
	p.mu.Unlock()
	if v != nil {
		v.Watch(e)
	}
}

// take is given what a page has sent.
func (p *pages) take(leg *webrtc.Leg, text []byte) {
	p.mu.Lock()
	v, take := p.legs[leg.Info().ID], p.ears[leg.Info().ID]
	p.mu.Unlock()
	switch {
	case v != nil:
		v.Take(v.ctx, text)
	case take != nil:
		take(text)
	}
}
