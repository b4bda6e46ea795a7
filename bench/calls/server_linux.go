package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"parley/bench/floor"
	"parley/bench/serve"
	"parley/bench/vendors"
	"parley/bench/vitals"
)

// kinds are the servers that are searched, in the order of a round.
var kinds = []string{"product", "floor", "floor-20ms", "baseline"}

func known(kind string) bool { return slices.Contains(kinds, kind) }

// programs are bench/floor's, by our names.
var programs = map[string]string{"floor": "own-whole-ahead", "floor-20ms": "own-whole", "baseline": "usual-whole"}

// model is the recogniser's: it says itself when a turn is over.
const model = "flux-general-en"

// hangover is the silence after which the recogniser says that a turn is over.
const hangover = 300 * time.Millisecond

// A server is one that runs on its core.
type server struct {
	url     string // the voice webhook
	source  vitals.Source
	debug   string        // URL of its profiles; empty: it has none
	product *serve.Server // nil: it is another
	agent   string        // of the product: who answers
	close   func() error
}

// start starts a server of a kind, whose vendors are at; env are settings of the product besides.
func (b *rig) start(ctx context.Context, kind string, at vendors.Addresses, env []string) (*server, error) {
	program, ok := programs[kind]
	if !ok {
		return b.product(ctx, at, env)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	p, err := floor.Start(ctx, b.core, floor.Options{Name: program, Conversation: floor.Deepgram(at.Deepgram, model, hangover)}, self)
	if err != nil {
		return nil, err
	}
	return &server{url: "http://" + p.Addresses[0] + "/twilio/voice", source: vitals.Source{PID: p.PID()}, close: p.Close}, nil
}

// product starts bin/parley serve on its core, as it is shipped but for what limits it.
func (b *rig) product(ctx context.Context, at vendors.Addresses, env []string) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "parley-bench-calls-")
	if err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	settings := []string{"PARLEY_MAX_CALLS=0", "PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0", "PARLEY_LOG_LEVEL=error", "PARLEY_DRAIN=1s", "PARLEY_DEEPGRAM_STT_MODEL=" + model}
	debug := ""
	if b.profile != "" { // else not: its flight recorder has a price
		addr, err := freeAddress(ctx)
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		settings, debug = append(settings, "PARLEY_DEBUG_ADDR="+addr), "http://"+addr
	}
	s, err := serve.Subject{Binary: b.binary, Core: b.core, Data: filepath.Join(dir, "data"), Vendors: at, Env: slices.Concat(settings, env)}.Start(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	agent, err := s.Agent(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Stop(), os.RemoveAll(dir))
	}
	return &server{
		product: s, agent: agent, url: s.URL + "/twilio/voice", source: vitals.Source{URL: s.URL + "/metrics", PID: s.PID()}, debug: debug,
		close: func() error { return errors.Join(s.Stop(), os.RemoveAll(dir)) },
	}, nil
}

// freeAddress is one of loopback that nobody listens on just now.
func freeAddress(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
