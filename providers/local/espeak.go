package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// espeak is run as a separate program and never linked: it is GPL, Parley is not.
const espeak = "espeak-ng"

// sentinel is a line that the child is given after each phrase; what it makes of it says that the phrase is through.
const (
	sentinel     = "zizzq"
	sentinelRead = "zˈɪzk"
	espeakLimit  = 2 * time.Second // a phrase takes 1.5 ms
)

// phonemizer turns phrases into phonemes with one child process, which reads lines for as long as it lives. A child that dies or
// hangs is replaced.
type phonemizer struct {
	voice string // espeak's name of it
	log   *slog.Logger

	mu     sync.Mutex
	child  *child // nil until needed
	closed bool
}

type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// phonemes returns the phonemes of each phrase, which must be letters, spaces and apostrophes. After a failure it tries once more
// with a new child.
func (p *phonemizer) phonemes(ctx context.Context, phrases []string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, err := p.try(ctx, phrases)
	if err == nil || ctx.Err() != nil || p.closed {
		return out, err
	}
	p.log.Warn("espeak-ng failed, started anew", "err", err)
	return p.try(ctx, phrases)
}

func (p *phonemizer) try(ctx context.Context, phrases []string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if p.closed {
		return nil, ErrClosed
	}
	if p.child == nil {
		c, err := startEspeak(p.voice)
		if err != nil {
			return nil, err
		}
		p.child = c
	}
	c := p.child
	hung := time.AfterFunc(espeakLimit, func() { _ = c.cmd.Process.Kill() })
	defer hung.Stop()
	out := make([]string, len(phrases))
	for i, phrase := range phrases {
		var err error
		if out[i], err = c.ask(phrase); err != nil {
			p.child = nil
			return nil, errors.Join(fmt.Errorf("ask espeak-ng: %w", err), c.end())
		}
	}
	return out, nil
}

// close ends the child.
func (p *phonemizer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.child != nil {
		_ = p.child.end() // it was killed: that is how it ends
		p.child = nil
	}
}

func startEspeak(voice string) (*child, error) {
	cmd := exec.Command(espeak, "-q", "--ipa", "-b", "1", "-v", voice) //nolint:noctx // it lives as long as the voice, which ends it
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start espeak-ng: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start espeak-ng: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start espeak-ng: %w", err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// foreign are the marks of a passage in another language.
var foreign = regexp.MustCompile(`\([a-z-]+\)`)

func (c *child) ask(phrase string) (string, error) {
	if _, err := io.WriteString(c.in, phrase+"\n"+sentinel+"\n"); err != nil {
		return "", err
	}
	var lines []string
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimSpace(line)
		if line == sentinelRead {
			return foreign.ReplaceAllString(strings.Join(lines, " "), ""), nil
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
}

// end kills the child and waits for it.
func (c *child) end() error {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	return c.cmd.Wait()
}
