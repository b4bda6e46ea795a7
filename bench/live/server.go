package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"parley/control/live"
	"parley/control/socket"
	"parley/control/voice"
	"parley/media"
	"parley/media/pace"
	"parley/media/stream"
	"parley/pipeline"
	"parley/store"
)

// secret signs the streams.
const secret = "0123456789abcdef0123456789abcdef"

// noStore has no calls: all of this run are live.
type noStore struct{ stored }

// stored is what else a noStore would have: it is not asked.
type stored = store.Calls

func (noStore) Call(context.Context, string, string) (store.Call, error) {
	return store.Call{}, store.ErrNotFound
}

// beServer is the product's process: calls as parley serve has them, with providers that take no time, and their sockets. It tells its address,
// and ends with stdin.
func beServer(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	wheels := pace.PerProcessor(func(v any, stack []byte) { log.Error("a beat panicked", "panic", v, "stack", string(stack)) })
	board := &pipeline.Switchboard{Pacer: wheels, Log: log}
	desk := live.New(live.Options{Calls: noStore{}, Boot: "bench", Log: log, Follow: func(call string) func() {
		if c := board.Call(call); c != nil {
			return c.Follow()
		}
		return func() {}
	}})
	board.Watch, board.Cast = desk.Watch, cast(desk)
	twilio := &stream.Twilio{Host: stream.Host{PublicURL: "http://" + ln.Addr().String(), Log: log}, AuthToken: secret}
	twilio.Answer = func(ctx context.Context, leg media.Leg) { board.Answer(ctx, leg) }
	sockets := &voice.Sockets{Desk: desk, Log: log, Limits: socket.Limits{Send: 8 << 10}} // the stalled are to be stalled soon
	mux := http.NewServeMux()
	twilio.Mount(mux)
	mux.HandleFunc("GET /ws/calls/{id}", func(w http.ResponseWriter, r *http.Request) {
		sockets.Serve(w, r, voice.Viewer{Org: org, Call: r.PathValue("id")})
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	works, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	var failed [3]error
	running.Go(func() { failed[0] = wheels.Run(works) })
	running.Go(func() { failed[1] = desk.Run(works) })
	running.Go(func() { failed[2] = web.Serve(ln) })
	fmt.Fprintln(stdout, ln.Addr())
	_, _ = io.Copy(io.Discard, stdin)
	sockets.Close()
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(twilio.Close(bye), web.Shutdown(bye))
	end()
	running.Wait()
	if errors.Is(failed[2], http.ErrServerClosed) {
		failed[2] = nil
	}
	return errors.Join(err, failed[0], failed[1], failed[2])
}
