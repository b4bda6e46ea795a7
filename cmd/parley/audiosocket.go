package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"parley/control/access"
	"parley/control/admission"
	"parley/control/directory"
	"parley/media"
	"parley/media/stream"
	"parley/store"
)

// ownPBX is how calls come from an Asterisk of one's own.
type ownPBX struct {
	AudioSocket      string   `name:"audiosocket" help:"Address of a TCP port that Asterisk connects calls to by AudioSocket, such as :9092. Empty: its calls are not taken." placeholder:"HOST:PORT" var:"PARLEY_AUDIOSOCKET"`
	AudioSocketAllow []string `name:"audiosocket-allow" help:"Networks from which it may connect, once it has announced a call with a key of the API; separated by commas. The sound is not encrypted: none of these should be anybody else's." placeholder:"CIDR" default:"127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7" var:"PARLEY_AUDIOSOCKET_ALLOW"`
}

// check says what is wrong with it.
func (c *ownPBX) check() (bad []error) {
	if _, port, err := net.SplitHostPort(c.AudioSocket); c.AudioSocket != "" && (err != nil || port == "") {
		bad = append(bad, fmt.Errorf("--audiosocket is %q: want host:port, such as :9092", c.AudioSocket))
	}
	if _, err := c.near(); err != nil {
		bad = append(bad, err)
	}
	return bad
}

// near are the networks of --audiosocket-allow; an address is a network of one.
func (c *ownPBX) near() (all []netip.Prefix, err error) {
	for _, text := range c.AudioSocketAllow {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--audiosocket-allow has %q: want networks such as 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// pbxPort is where AudioSocket listens.
type pbxPort struct {
	*stream.AudioSocket
	ln *net.TCPListener
}

// run takes connections until ctx ends.
func (p *pbxPort) run(ctx context.Context) error { return p.Serve(ctx, p.ln) }

// close is for a server that never runs.
func (p *pbxPort) close() error {
	if p == nil {
		return nil
	}
	return p.ln.Close()
}

// listenAudioSocket takes calls of an Asterisk's, if that is wanted.
func (s *server) listenAudioSocket(ctx context.Context) error {
	if s.cfg.AudioSocket == "" {
		return nil
	}
	networks, err := s.cfg.near()
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.AudioSocket)
	if err != nil {
		return fmt.Errorf("listen for AudioSocket: %w", err)
	}
	a := &stream.AudioSocket{
		Host: stream.Host{PublicURL: s.cfg.PublicURL, Answer: s.answer, Log: s.log}, Networks: networks, Announced: s.announced,
	}
	s.pbx = &pbxPort{a, ln.(*net.TCPListener)}
	s.doors = append(s.doors, door{a, &a.Host})
	return nil
}

// agentField is the field of an announcement that names an agent, by its id.
const agentField = "agent"

// announced says whose call a dialplan announces, by a key that may begin calls, and gives it a place. It gets no further than the key's
// organisation: the names that lead elsewhere are this server's own.
func (s *server) announced(ctx context.Context, key string, in *stream.Incoming) (stream.Refusal, error) {
	who, err := s.office.auth.Authenticate(ctx, key)
	switch {
	case errors.Is(err, access.ErrUnauthenticated):
		return stream.RefusedSignature, err
	case err != nil:
		s.log.Warn("nobody knows whose key announces a call", "error", err)
		return stream.RefusedBusy, errors.New("keys cannot be looked up now")
	case !who.Allows(access.CallsWrite):
		return stream.RefusedSignature, fmt.Errorf("the key does not have the scope %s", access.CallsWrite)
	}
	in.Owners = []string{who.Org}
	params := make(map[string]string)
	for name, values := range in.Params {
		if strings.HasPrefix(name, "parley_") {
			delete(in.Params, name)
			continue
		}
		params[name] = values[0]
	}
	if agent := params[agentField]; agent != "" {
		in.Params.Set(agentParam, agent)
		params[agentParam] = agent
	}
	route, err := s.office.route(media.Info{From: in.From, To: in.To, Owners: in.Owners, Params: params})
	switch {
	case errors.Is(err, directory.ErrNobody), errors.Is(err, store.ErrNotFound):
		return stream.RefusedForm, errors.New("no agent answers this call: agent, if it is set, is the id of one of yours")
	case err != nil:
		return stream.RefusedBusy, errors.New("agents cannot be looked up now")
	}
	if why := s.gate.Admit(admission.Request{Key: in.CallSID, Org: route.Org, Speech: s.company.speaksLocally(route.Agent)}); why != "" {
		return stream.RefusedBusy, fmt.Errorf("no more calls are taken now: %s", why)
	}
	return 0, nil
}
