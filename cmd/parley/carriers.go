package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"parley/control/lines"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/callapi"
)

// A door is where the calls of one carrier come in by sockets.
type door struct {
	hooks interface{ Mount(mux *http.ServeMux) }
	*stream.Host
}

// host is what the sockets of a carrier need of this server; kind is that of its legs.
func (s *server) host(kind string) stream.Host {
	return stream.Host{PublicURL: s.cfg.PublicURL, Answer: s.answer, Accepting: s.welcome(kind), Rejecting: s.rejecting(kind), Log: s.log}
}

// listenTelnyx takes Telnyx' calls: those of the server's own account, if its key is known, and those of organisations' own.
func (s *server) listenTelnyx() error {
	var key ed25519.PublicKey
	if s.cfg.TelnyxPublicKey != "" {
		var err error
		if key, err = stream.ParseTelnyxKey(s.cfg.TelnyxPublicKey); err != nil {
			return fmt.Errorf("--telnyx-public-key: %w", err)
		}
	}
	secret, err := s.cfg.master(s.cfg.DataDir)
	if err != nil {
		return err
	}
	t := &stream.Telnyx{
		Host: s.host("telnyx"), PublicKey: key, Secret: []byte(secret), Token: pipeline.TokenParam, Admit: s.expected, Progress: s.progress(callapi.State),
		Accounts: func(account string) []stream.Account { return s.office.accounts.keys(lines.Telnyx, account) },
	}
	s.doors = append(s.doors, door{t, &t.Host})
	return nil
}

// coming is how many calls were answered just now whose streams are on their way.
func (s *server) coming() (n int) {
	for _, d := range s.doors {
		n += d.Coming(comes)
	}
	return n
}

// streams are what the sockets of each carrier count.
func (s *server) streams() (all []*stream.Stats) {
	for _, d := range s.doors {
		all = append(all, &d.Stats)
	}
	return all
}

func (s *server) closeDoors(ctx context.Context) error {
	var g errgroup.Group
	for _, d := range s.doors {
		g.Go(func() error { return d.Close(ctx) })
	}
	return g.Wait()
}
