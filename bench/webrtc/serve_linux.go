package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/metrics"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/media/opus"
)

// whipPath is where every server takes offers.
const whipPath = "/webrtc/whip"

// rate and loss are how the servers code, as media/rtp does when a browser asks for FEC.
const (
	rate = 16000
	loss = 5 // percent
)

// coding is how sound is encoded, by servers and for browsers alike.
func coding() opus.EncoderOptions { return opus.EncoderOptions{Rate: rate, FEC: true, Loss: loss} }

// A server is a program that echoes what browsers say.
type server interface {
	mount(mux *http.ServeMux)
	close(ctx context.Context) error
}

// serve is the child's main: it is a server of that kind until stdin ends, and tells its parent what a program of bench/floor would.
func serve(ctx context.Context, kind, tapes string, stdin io.Reader, stdout io.Writer) (err error) {
	stats := &floor.Stats{}
	var s server
	switch kind {
	case "product", "leg":
		s, err = newProduct(ctx, stats, kind == "leg", tapes)
	default:
		s, err = newBare(stats, kind == "pion-opus")
	}
	if err != nil {
		return err
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err = errors.Join(err, s.close(last))
	}()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	s.mount(mux)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }()
	err = tell(ln.Addr().String(), stats, stdin, stdout)
	err = errors.Join(err, web.Close())
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// tell says where offers are taken, and answers each line with what was done so far.
func tell(address string, stats *floor.Stats, stdin io.Reader, stdout io.Writer) error {
	out := json.NewEncoder(stdout)
	if err := out.Encode(map[string]any{"addresses": []string{address}}); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		if err := out.Encode(counts(stats)); err != nil {
			return fmt.Errorf("tell counts: %w", err)
		}
	}
	return nil
}

// counts are those of this process.
func counts(s *floor.Stats) floor.Counts {
	memory := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(memory)
	used, _ := machine.Used(os.Getpid())
	return floor.Counts{
		In: s.In.Load(), Voiced: s.Voiced.Load(), Out: s.Out.Load(), Bad: s.Bad.Load(), Calls: s.Calls.Load(), Turns: s.Turns.Load(),
		CPU: used, Mallocs: memory[0].Value.Uint64(), GCs: memory[1].Value.Uint64(),
	}
}
