// Package vendors runs stand-ins for the vendors in a process of their own, so that a test or a bench measures its calls and not them.
//
//	bench ──Start──▶ exe args (the same program, or parley bench vendors)
//	  ▲                 │ one line of JSON: the addresses
//	  └─────────────────┘
//	calls ───────────▶ fake OpenAI (chat completions), fake Deepgram (listen, speak)
//
// Whoever started the process ends it with Close; should the starter die, the process sees the end of its standard input and goes too.
package vendors

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/providers/providertest"
)

// Environ names the variable by which Start tells a program that it is to be the vendors: its value is Options as JSON.
const Environ = "PARLEY_BENCH_VENDORS"

// Options say how the vendors behave. The zero value: whole, at once, and content with any key.
type Options struct {
	Key         string        `json:"key,omitempty"`         // wanted of everyone; empty: any
	Transcripts []string      `json:"transcripts,omitempty"` // what callers say, over and over; default providertest.DefaultTranscript
	Final       time.Duration `json:"final,omitempty"`       // from Finalize to its answer
	Answer      string        `json:"answer,omitempty"`      // what the model says, without gaps; default providertest.DefaultAnswer
	FirstToken  time.Duration `json:"first_token,omitempty"` // from a request to its first word, unless Answer is set
	TokenGap    time.Duration `json:"token_gap,omitempty"`   // between words, unless Answer is set
	FirstAudio  time.Duration `json:"first_audio,omitempty"` // from Flush to its first sound
	Pace        float64       `json:"pace,omitempty"`        // of the voice, as a multiple of real time; 0: at once
}

// Addresses are where the vendors listen.
type Addresses struct {
	Deepgram string `json:"deepgram"` // base URL, ws://127.0.0.1:port
	OpenAI   string `json:"openai"`   // base URL, http://127.0.0.1:port/v1
}

// Run serves on loopback ports until ctx ends. Once it listens it writes its Addresses to stdout as one line of JSON.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	var local net.ListenConfig
	deepgram, err := local.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for Deepgram: %w", err)
	}
	openai, err := local.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("listen for OpenAI: %w", err), deepgram.Close())
	}
	vendors, ctx := errgroup.WithContext(ctx)
	vendors.Go(func() error {
		d := &providertest.Deepgram{Key: o.Key, Transcripts: o.Transcripts, Delay: o.Final, FirstAudio: o.FirstAudio, Pace: o.Pace}
		return d.Run(ctx, deepgram)
	})
	vendors.Go(func() error {
		m := &providertest.OpenAI{Key: o.Key, FirstToken: o.FirstToken, TokenGap: o.TokenGap}
		if o.Answer != "" {
			m.Answer = func(providertest.OpenAIRequest) providertest.OpenAIAnswer { return providertest.OpenAISay(o.Answer) }
		}
		return m.Run(ctx, openai)
	})
	vendors.Go(func() error {
		at := Addresses{Deepgram: "ws://" + deepgram.Addr().String(), OpenAI: "http://" + openai.Addr().String() + "/v1"}
		if err := json.NewEncoder(stdout).Encode(at); err != nil {
			return fmt.Errorf("print addresses: %w", err)
		}
		return nil
	})
	return vendors.Wait()
}

// Asked says whether this process was started by Start, and as what. A TestMain asks it first, and then calls Serve.
func Asked(getenv func(string) string) (o Options, asked bool, err error) {
	s := getenv(Environ)
	if s == "" {
		return o, false, nil
	}
	if err := json.Unmarshal([]byte(s), &o); err != nil {
		return o, true, fmt.Errorf("read %s: %w", Environ, err)
	}
	return o, true, nil
}

// Serve is Run until stdin ends, which it does when the starter closes it or dies.
func Serve(ctx context.Context, o Options, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // it ends with stdin, and so does the process
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin)
	}()
	return Run(ctx, o, stdout)
}

// A Process is vendors that run elsewhere.
type Process struct {
	Addresses
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
}

// How long a process may take.
const (
	startLimit = 20 * time.Second // to say its addresses
	endLimit   = 5 * time.Second  // to end when it is told to
)

// Start runs exe with args as the vendors and waits for their addresses. exe is a program that asks Asked, such as the one that
// calls (os.Executable). The process ends with Close, or when ctx does.
func Start(ctx context.Context, o Options, exe string, args ...string) (*Process, error) {
	options, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode options: %w", err)
	}
	p := &Process{cmd: exec.CommandContext(ctx, exe, args...), stderr: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), Environ+"="+string(options))
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = endLimit
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start vendors: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start vendors: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start vendors: %w", err)
	}
	late := time.AfterFunc(startLimit, func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	late.Stop()
	if err == nil {
		err = json.Unmarshal(line, &p.Addresses)
	}
	if err == nil && (p.Deepgram == "" || p.OpenAI == "") {
		err = errors.New("an address is missing")
	}
	if err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it says no more than its stderr
		return nil, fmt.Errorf("read addresses of vendors: %w; it wrote %q and %q", err, line, p.stderr)
	}
	return p, nil
}

// PID is the process's, for those who measure it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Close ends the process and waits for it.
func (p *Process) Close() error {
	_ = p.stdin.Close() // it ends at that
	late := time.AfterFunc(endLimit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("end vendors: %w: %s", err, p.stderr)
	}
	return nil
}
