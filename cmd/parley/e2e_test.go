//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/control/tracing/tracingtest"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "parley-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "parley")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// A node is one running `parley serve`.
type node struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	data string
	out  *syncBuffer // what it told people
	log  *syncBuffer
	done chan error

	collector *tracingtest.Collector // of its traces; nil: nobody takes them
}

// syncBuffer is a log that two processes' ends may touch.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const testToken = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"

// serve starts the real binary on a free port and waits until it listens. Its end is checked when the test ends.
func serve(t *testing.T, env ...string) *node {
	t.Helper()
	n := &node{t: t, data: t.TempDir(), out: &syncBuffer{}, log: &syncBuffer{}, done: make(chan error, 1)}
	n.cmd = exec.Command(binary, "serve")
	n.cmd.Env = append(cleanEnv(), "PARLEY_HTTP_ADDR=127.0.0.1:0", "PARLEY_DATA_DIR="+n.data, "TWILIO_AUTH_TOKEN="+testToken, "PARLEY_API_KEY="+testKey)
	// The machine may be as busy as it likes: only tests of admission have their calls refused for it.
	n.cmd.Env = append(n.cmd.Env, "PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0", "PARLEY_MAX_SPEECH_WAIT=0")
	n.cmd.Env = append(n.cmd.Env, env...)
	n.cmd.Stderr = n.log
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n.url == "" && lines.Scan() {
		fmt.Fprintln(n.out, lines.Text())
		if m := regexp.MustCompile(`http://[0-9a-z.:]+`).FindString(lines.Text()); m != "" {
			n.url = m
		}
	}
	t.Logf("serve listened after %v", time.Since(began).Round(time.Millisecond))
	go func() {
		for lines.Scan() {
			fmt.Fprintln(n.out, lines.Text())
		}
		n.done <- n.cmd.Wait()
	}()
	t.Cleanup(func() {
		n.stop()
		if t.Failed() {
			t.Logf("server's log:\n%s", n.log)
		}
	})
	if n.url == "" {
		t.Fatal("serve printed no URL")
	}
	return n
}

// cleanEnv is this process's environment without settings of Parley's.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		if keep := !strings.HasPrefix(k, "PARLEY_") && !strings.HasPrefix(k, "TWILIO_") && !strings.HasPrefix(k, "OPENAI_") && !strings.HasPrefix(k, "DEEPGRAM_") && !strings.HasPrefix(k, "ELEVENLABS_") && !strings.HasPrefix(k, "AWS_") && !strings.HasPrefix(k, "OTEL_") && k != "DATABASE_URL" && k != "NATS_URL"; keep || k == "PARLEY_SPEECH_DIR" {
			env = append(env, kv)
		}
	}
	return env
}

// stop ends the node in good order; a node that will not end fails the test.
func (n *node) stop() {
	if n.done == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-n.done:
		if err != nil {
			n.t.Errorf("serve ended: %v", err)
		}
	case <-time.After(time.Minute):
		n.t.Error("serve did not end within a minute of SIGTERM")
		_ = n.cmd.Process.Kill()
		<-n.done
	}
	n.done = nil
}

// get fetches a page of the node.
func (n *node) get(path string) (int, string) {
	n.t.Helper()
	resp, err := http.Get(n.url + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric is the sum of a metric's samples whose line contains all of labels.
func (n *node) metric(name string, labels ...string) float64 {
	n.t.Helper()
	_, text := n.get("/metrics")
	sum := 0.0
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || key != name && !strings.HasPrefix(key, name+"{") {
			continue
		}
		match := true
		for _, l := range labels {
			match = match && strings.Contains(key, l)
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil && match {
			sum += v
		}
	}
	return sum
}

// until waits for a condition, looking often; it fails the test after limit.
func until(t *testing.T, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for pause := 20 * time.Millisecond; !cond(); pause = min(pause+time.Millisecond, 100*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// recordingOf is the node's recording of a call.
func (n *node) recordingOf(c callRow) string {
	n.t.Helper()
	paths, err := filepath.Glob(filepath.Join(n.data, "recordings", "*", c.ID+".wav"))
	if err != nil || len(paths) != 1 {
		n.t.Fatalf("recordings of %s: %v, %v", c.ID, paths, err)
	}
	return paths[0]
}

// command runs the binary to its end.
func command(t *testing.T, env []string, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(cleanEnv(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Logf("%v: %s", args, errs.String())
		return out.String(), exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return out.String(), 0
}
