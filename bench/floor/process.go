package floor

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
	"runtime/metrics"
	"sync"
	"time"

	"parley/bench/machine"
)

// Environ names the variable by which Start tells a program that it is to be a floor: its value is Options as JSON.
const Environ = "PARLEY_BENCH_FLOOR"

// Counts are what a program has done, and what it took.
type Counts struct {
	In      int64         `json:"in"` // as in Stats
	Voiced  int64         `json:"voiced"`
	Out     int64         `json:"out"`
	Bad     int64         `json:"bad"`
	Calls   int64         `json:"calls"`
	Turns   int64         `json:"turns"`
	CPU     time.Duration `json:"cpu"` // of the process, in steps of 10 ms; 0 where the machine does not tell
	Mallocs uint64        `json:"mallocs"`
	GCs     uint64        `json:"gcs"`
}

// ready is the first line that a program's process writes.
type ready struct {
	Addresses []string `json:"addresses,omitempty"` // none: it listens nowhere
}

// Asked says whether this process was started by Start, and as what. A main or a TestMain asks it first, and then calls Serve.
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

// Serve is Run until stdin ends. It writes a line of JSON once it listens, and one with its Counts for each line that it reads.
func Serve(ctx context.Context, o Options, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu    sync.Mutex // of out
		out   = json.NewEncoder(stdout)
		stats = make(chan *Stats, 1)
	)
	go func() { // it ends with stdin, and so does the process
		defer cancel()
		s, lines := (*Stats)(nil), bufio.NewScanner(stdin)
		for lines.Scan() {
			if s == nil {
				s = <-stats
			}
			mu.Lock()
			err := out.Encode(s.counts())
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return Run(ctx, o, func(addresses []string, s *Stats) {
		mu.Lock()
		defer mu.Unlock()
		if out.Encode(ready{addresses}) != nil {
			cancel() // nobody will come
		}
		stats <- s
	})
}

// counts are those of this process.
func (s *Stats) counts() Counts {
	memory := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(memory)
	used, _ := machine.Used(os.Getpid())
	return Counts{
		In: s.In.Load(), Voiced: s.Voiced.Load(), Out: s.Out.Load(), Bad: s.Bad.Load(), Calls: s.Calls.Load(), Turns: s.Turns.Load(),
		CPU: used, Mallocs: memory[0].Value.Uint64(), GCs: memory[1].Value.Uint64(),
	}
}

// A Process is a program that runs elsewhere.
type Process struct {
	Addresses []string
	cmd       *exec.Cmd
	stdin     io.WriteCloser
	out       *json.Decoder
	stderr    *bytes.Buffer
}

// How long a process may take.
const (
	startLimit = 20 * time.Second // to say where it listens
	endLimit   = 5 * time.Second  // to end when it is told to
)

// Start runs exe with args as a floor, and waits until it listens. exe is a program that asks Asked, such as the one that calls
// (os.Executable). It has the core for itself, with GOMAXPROCS=1; below 0: it runs anywhere. The process ends with Close, or when ctx does.
func Start(ctx context.Context, core int, o Options, exe string, args ...string) (*Process, error) {
	options, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode options: %w", err)
	}
	p := &Process{cmd: exec.CommandContext(ctx, exe, args...), stderr: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), Environ+"="+string(options))
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = endLimit
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	p.out = json.NewDecoder(stdout)
	if err := machine.StartOn(core, p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	late := time.AfterFunc(startLimit, func() { _ = p.cmd.Process.Kill() })
	var r ready
	err = p.out.Decode(&r)
	late.Stop()
	if err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it says no more than its stderr
		return nil, fmt.Errorf("start %s: %w; it wrote: %s", o.Name, err, bytes.TrimSpace(p.stderr.Bytes()))
	}
	p.Addresses = r.Addresses
	return p, nil
}

// PID is the process's, for those who measure it.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Counts asks what the program has done. One goroutine at a time may.
func (p *Process) Counts() (c Counts, err error) {
	if _, err := io.WriteString(p.stdin, "counts\n"); err != nil {
		return c, fmt.Errorf("ask for counts: %w", err)
	}
	if err := p.out.Decode(&c); err != nil {
		return c, fmt.Errorf("read counts: %w", err)
	}
	return c, nil
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	_ = p.stdin.Close() // it ends at that
	late := time.AfterFunc(endLimit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("end floor: %w", errors.Join(err, errors.New(p.stderr.String())))
	}
	return nil
}
