package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A trial is one scenario over one transport.
type trial struct {
	scenario  *scenario
	transport string
	took      time.Duration
	err       error
}

func (t *trial) String() string {
	return t.scenario.role + "/" + t.scenario.name + "/" + t.transport
}

// longest is how long a scenario may take: that of a session which runs out lasts a minute.
const longest = 100 * time.Second

// perform runs trials, some at once, and tells of each.
func perform(ctx context.Context, b *bench, trials []*trial, atOnce int, tell func(done, of int, t *trial)) {
	next, ended := make(chan *trial), make(chan *trial)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for t := range next {
				began := time.Now()
				t.err = t.run(ctx, b)
				t.took = time.Since(began)
				ended <- t
			}
		})
	}
	go func() { // it ends with the trials
		for _, t := range trials {
			next <- t
		}
		close(next)
		workers.Wait()
		close(ended)
	}()
	done := 0
	for t := range ended {
		done++
		tell(done, len(trials), t)
	}
}

// run runs sipp, and places the call that it waits for.
func (t *trial) run(ctx context.Context, b *bench) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	dir := filepath.Join(b.dir, strings.ReplaceAll(t.String(), "/", "-"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	script := filepath.Join(dir, "scenario.xml")
	if err := os.WriteFile(script, t.scenario.xml, 0o600); err != nil {
		return err
	}
	port, err := free(ctx, t.transport)
	if err != nil {
		return err
	}
	args := []string{
		"-sf", script, "-m", "1", "-l", "1", "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-t", map[string]string{"udp": "u1", "tcp": "t1", "tls": "t1"}[t.transport],
		"-s", "100", "-nostdin", "-timeout", "90s", "-timeout_error", "-trace_msg", "-message_file", "messages.txt", "-trace_err", "-error_file", "errors.txt",
	}
	door, err := t.door(ctx, b, port)
	if err != nil {
		return err
	}
	defer door.close()
	if t.scenario.role == callee {
		s := b.servers[t.server()]
		args = append(args, "-key", "server", strconv.Itoa(s.cmd.Process.Pid), "-auth_uri", "100@"+door.to, door.to)
	}
	cmd := exec.CommandContext(ctx, "sipp", args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start sipp: %w", err)
	}
	var placed error
	if t.scenario.role == caller {
		if placed = t.place(ctx, b, door, port); placed != nil {
			cancel()
		}
	}
	err = cmd.Wait()
	if err == nil && placed == nil {
		return nil
	}
	if err != nil {
		err = fmt.Errorf("sipp: %w", err)
	}
	return errors.Join(placed, err, evidence(dir, said.String()))
}

// place places the call, and holds what becomes of it against what the scenario says.
func (t *trial) place(ctx context.Context, b *bench, d *door, port int) error {
	if err := listens(ctx, t.transport, port); err != nil {
		return err
	}
	if d.port != 0 {
		port = d.port
	}
	got, err := b.exchange.place(ctx, t.String(), t.scenario.order, t.transport, port)
	if err != nil {
		return err
	}
	if got.outcome != t.scenario.outcome || got.code != t.scenario.code {
		return fmt.Errorf("the call is %s %d, want %s %d: %s", got.outcome, got.code, t.scenario.outcome, t.scenario.code, got.why)
	}
	return nil
}

// evidence is what sipp saw of a scenario that failed.
func evidence(dir, said string) error {
	errs, _ := os.ReadFile(filepath.Join(dir, "errors.txt")) // there is none where sipp said it elsewhere
	messages, _ := os.ReadFile(filepath.Join(dir, "messages.txt"))
	if len(errs) == 0 {
		errs = []byte(said)
	}
	return fmt.Errorf("sipp says:\n%.2000s\nmessages:\n%.8000s", errs, messages)
}

// free is a port that nobody listens on.
func free(ctx context.Context, transport string) (int, error) {
	if transport != "udp" {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		return l.Addr().(*net.TCPAddr).Port, l.Close()
	}
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return c.LocalAddr().(*net.UDPAddr).Port, c.Close()
}

// listens waits until somebody listens on a port: the system's own table of sockets says so without a packet being sent.
func listens(ctx context.Context, transport string, port int) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	state := map[string]string{"udp": "07", "tcp": "0A", "tls": "0A"}[transport] // of a socket that waits for whoever comes
	want := fmt.Sprintf(":%04X 00000000:0000 %s", port, state)
	for {
		table, err := os.ReadFile("/proc/net/" + map[string]string{"udp": "udp", "tcp": "tcp", "tls": "tcp"}[transport])
		if err != nil {
			return fmt.Errorf("look for sipp's socket: %w", err)
		}
		if strings.Contains(string(table), want) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for sipp to listen: %w", context.Cause(ctx))
		}
	}
}
