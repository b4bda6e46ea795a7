package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/vendors"
)

// kinds are the servers that are searched, in the order of a round.
var kinds = []string{"product", "floor", "floor-20ms", "baseline"}

func known(kind string) bool { return slices.Contains(kinds, kind) }

// programs are bench/floor's, by our names.
var programs = map[string]string{"floor": "own-whole-ahead", "floor-20ms": "own-whole", "baseline": "usual-whole"}

// hangover is the silence after which the recogniser says that a turn is over.
const hangover = 300 * time.Millisecond

// token signs the product's calls.
const token = "0123456789abcdef0123456789abcdef"

// A server is one that runs on its core.
type server struct {
	url     string // the voice webhook
	metrics string // URL; empty: it has none
	debug   string // URL of its profiles; empty: it has none
	pid     int
	close   func() error
}

// start starts a server of a kind, whose vendors are at.
func (b *rig) start(ctx context.Context, kind string, at vendors.Addresses, env []string) (*server, error) {
	if program, ok := programs[kind]; ok {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find own binary: %w", err)
		}
		p, err := floor.Start(ctx, b.core, floor.Options{Name: program, Conversation: floor.Deepgram(at.Deepgram, "flux-general-en", hangover)}, self)
		if err != nil {
			return nil, err
		}
		return &server{url: "http://" + p.Addresses[0] + "/twilio/voice", pid: p.PID(), close: p.Close}, nil
	}
	return b.product(ctx, at, env)
}

// product starts bin/parley serve on its core. Its default agent speaks by the vendors; env comes on top.
func (b *rig) product(ctx context.Context, at vendors.Addresses, env []string) (s *server, err error) {
	dir, err := os.MkdirTemp(b.dir, "parley-bench-calls-")
	if err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	addr, debug, err := freeAddresses(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.binary, "serve")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(),
		"PARLEY_HTTP_ADDR=" + addr, "PARLEY_DATA_DIR=" + filepath.Join(dir, "data"),
		"PARLEY_LOG_LEVEL=error", "PARLEY_MAX_CALLS=0", "PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0", "TWILIO_AUTH_TOKEN=" + token,
		"PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "PARLEY_LLM=openai", "PARLEY_EAR=energy", "PARLEY_DEEPGRAM_STT_MODEL=flux-general-en",
		"DEEPGRAM_API_KEY=bench", "DEEPGRAM_BASE_URL=" + at.Deepgram, "OPENAI_API_KEY=bench", "OPENAI_BASE_URL=" + at.OpenAI,
		"PARLEY_DRAIN=1s",
	}, env)
	if b.profile != "" { // else not: its flight recorder has a price
		cmd.Env = append(cmd.Env, "PARLEY_DEBUG_ADDR="+debug)
	}
	var log io.Writer = io.Discard
	if b.show {
		log = b.log
	}
	cmd.Stderr = log
	if err := machine.StartOn(b.core, cmd); err != nil {
		return nil, fmt.Errorf("start product: %w", err)
	}
	s = &server{
		url: "http://" + addr + "/twilio/voice", metrics: "http://" + addr + "/metrics", debug: "http://" + debug + "/debug/pprof/", pid: cmd.Process.Pid,
		close: func() error {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
			defer late.Stop()
			werr := cmd.Wait()
			return errors.Join(werr, os.RemoveAll(dir))
		},
	}
	if err := answers(ctx, "http://"+addr+"/readyz"); err != nil {
		return nil, errors.Join(fmt.Errorf("start product: %w", err), s.close())
	}
	return s, nil
}

// freeAddresses are two of loopback that nobody listens on just now: for calls, and for profiles.
func freeAddresses(ctx context.Context) (a, b string, err error) {
	var all [2]net.Listener
	for i := range all {
		if all[i], err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		defer all[i].Close()
	}
	return all[0].Addr().String(), all[1].Addr().String(), nil
}

// answers waits until a URL does.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("it does not answer"))
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
