package vendors

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A Process is vendors that run elsewhere. Its methods are safe for concurrent use; nothing can be asked after Close.
type Process struct {
	Addresses
	cmd    *exec.Cmd
	stderr *bytes.Buffer

	mu     sync.Mutex // of a question and its answer
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// How long a process may take.
const (
	startLimit  = 20 * time.Second // to say its addresses
	answerLimit = 10 * time.Second // to answer
	endLimit    = 5 * time.Second  // to end when it is told to
)

// Start runs exe with args as the vendors and waits for their addresses. exe is a program that asks Asked, such as the one that
// calls (os.Executable). The process ends with Close, or when ctx does.
func Start(ctx context.Context, o Options, exe string, args ...string) (*Process, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
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
	p.stdout = bufio.NewReader(stdout)
	line, err := p.line(startLimit)
	if err == nil {
		err = json.Unmarshal(line, &p.Addresses)
	}
	if err == nil && (p.Deepgram == "" || p.ElevenLabs == "" || p.OpenAI == "") {
		err = errors.New("an address is missing")
	}
	if err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it says no more than its stderr
		return nil, fmt.Errorf("read addresses of vendors: %w; it wrote %q and %q", err, line, p.stderr)
	}
	return p, nil
}

// line is the next line that the process writes; one that takes longer than limit is killed.
func (p *Process) line(limit time.Duration) ([]byte, error) {
	late := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	return p.stdout.ReadBytes('\n')
}

// PID is the process's, for those who measure it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Reset begins a Report: what was before it is forgotten.
func (p *Process) Reset() error {
	_, err := p.ask("reset")
	return err
}

// Report is what the vendors saw and did since they were started, or since the last Reset.
func (p *Process) Report() (Report, error) {
	a, err := p.ask("report")
	if err != nil {
		return Report{}, err
	}
	if a.Report == nil {
		return Report{}, errors.New("ask vendors for report: there is none in their answer")
	}
	return *a.Report, nil
}

// ask has one line answered.
func (p *Process) ask(what string) (a answer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.stdin, what+"\n"); err != nil {
		return a, fmt.Errorf("ask vendors for %s: %w", what, err)
	}
	line, err := p.line(answerLimit)
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return a, fmt.Errorf("ask vendors for %s: %w", what, err)
	}
	return a, nil
}

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
