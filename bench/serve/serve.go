// Package serve runs the real `parley serve` as what is measured: on a core of its own, with a new database and without offline speech.
//
//	Build ──▶ parley ──Start──▶ parley serve, GOMAXPROCS=1 ──▶ URL, once it says so
//	                               │ bench vendors: in another process
//	                               ▼
//	                 Metrics, Memory; Stop, Stacks
//
// A server has what a small installation has: SQLite, records, recordings, the API. Only its settings are the bench's: nothing of this
// process's environment that is Parley's gets through.
package serve

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
	"syscall"
	"time"

	"parley/bench/machine"
	"parley/bench/vendors"
)

// What a server is told, and its callers must know.
const (
	Key   = "va_bench_k3y-0123456789-abcdefghijklmnopqrstuvwxyz" // of its API, with all scopes
	Token = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"                   // signs webhooks and streams, as Twilio's auth token
)

// Build makes the program of this module in dir, and returns its path.
func Build(ctx context.Context, dir string) (binary string, err error) {
	binary = filepath.Join(dir, "parley")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "parley/cmd/parley").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w\n%s", err, out)
	}
	return binary, nil
}

// Vendors starts the mock vendors of the program.
func Vendors(ctx context.Context, binary string, o vendors.Options) (*vendors.Process, error) {
	return vendors.Start(ctx, o, binary, "bench", "vendors")
}

// A Subject says what server is to be started.
type Subject struct {
	Binary  string
	Core    int               // that it has for itself; below 0: it runs anywhere
	Data    string            // its directory; what an earlier server has left there is used
	Vendors vendors.Addresses // who recognises, answers and speaks
	Env     []string          // settings besides, such as PARLEY_RATE_LIMIT=100
}

// A Server is one that runs.
type Server struct {
	URL       string
	Listening time.Duration // from the start of its process until it listened: it has said where

	cmd    *exec.Cmd
	log    *bytes.Buffer // complete once done is closed
	done   chan struct{} // closed when it has ended
	failed error         // then
}

// How long a server may take.
const (
	startLimit = time.Minute
	endLimit   = 30 * time.Second
)

// Start starts a server and waits until it listens. It ends with Stop, or at once when ctx does.
func (s Subject) Start(ctx context.Context) (*Server, error) {
	r := &Server{cmd: exec.CommandContext(ctx, s.Binary, "serve"), log: &bytes.Buffer{}, done: make(chan struct{})}
	r.cmd.Env = append(foreign(os.Environ()),
		"PARLEY_HTTP_ADDR=127.0.0.1:0", "PARLEY_DATA_DIR="+s.Data, "PARLEY_API_KEY="+Key, "TWILIO_AUTH_TOKEN="+Token,
		"PARLEY_EAR=energy", "PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "PARLEY_LLM=openai",
		"DEEPGRAM_BASE_URL="+s.Vendors.Deepgram, "DEEPGRAM_API_KEY=bench", "OPENAI_BASE_URL="+s.Vendors.OpenAI, "OPENAI_API_KEY=bench",
		"PARLEY_LOG_LEVEL=warn")
	r.cmd.Env = append(r.cmd.Env, s.Env...)
	r.cmd.Stderr = r.log
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start parley: %w", err)
	}
	began := time.Now()
	if err := machine.StartOn(s.Core, r.cmd); err != nil {
		return nil, fmt.Errorf("start parley: %w", err)
	}
	late := time.AfterFunc(startLimit, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	where := regexp.MustCompile(`http://[0-9a-z.:]+`)
	lines := bufio.NewScanner(out)
	for r.URL == "" && lines.Scan() {
		r.URL = where.FindString(lines.Text())
	}
	r.Listening = time.Since(began)
	go func() { // until the process closes its end
		defer close(r.done)
		_, _ = io.Copy(io.Discard, out)
		r.failed = r.cmd.Wait()
	}()
	if r.URL == "" {
		<-r.done
		return nil, fmt.Errorf("start parley: it did not say where it listens: %w\n%s", r.failed, r.log)
	}
	return r, nil
}

// foreign are the variables of an environment that are not Parley's.
func foreign(env []string) (kept []string) {
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		ours := name == "DATABASE_URL" || name == "NATS_URL"
		for _, prefix := range []string{"PARLEY_", "TWILIO_", "OPENAI_", "DEEPGRAM_", "ELEVENLABS_", "AWS_", "OTEL_"} {
			ours = ours || strings.HasPrefix(name, prefix)
		}
		if !ours {
			kept = append(kept, kv)
		}
	}
	return kept
}

// Address is host:port of its URL.
func (s *Server) Address() string { return strings.TrimPrefix(s.URL, "http://") }

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop ends it in good order, and tells of it if it did not end well.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	late := time.AfterFunc(endLimit, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.done
	if s.failed != nil {
		return fmt.Errorf("stop parley: %w\n%s", s.failed, s.log)
	}
	return nil
}

// Stacks ends it at once, and tells what each of its goroutines was doing.
func (s *Server) Stacks() string {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // Go writes all stacks then, and exits
	late := time.AfterFunc(endLimit, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.done
	s.failed = nil // as it was told to
	return s.log.String()
}

// Metrics are what it shows at /metrics: the sum of each metric's samples, by name.
func (s *Server) Metrics(ctx context.Context) (map[string]float64, error) {
	text, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && key != "#" {
			name, _, _ := strings.Cut(key, "{")
			sums[name] += v
		}
	}
	return sums, nil
}

// Healthy waits until it answers requests.
func (s *Server) Healthy(ctx context.Context) error {
	_, err := s.get(ctx, "/healthz")
	return err
}

// get fetches a page, on a connection that is closed after it.
func (s *Server) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+Key)
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	defer answer.Body.Close() //nolint:errcheck // all was read
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w: %.500s", path, err, text)
	}
	return text, nil
}

// A Memory is what a process has of the machine's, in bytes (VmRSS and RssAnon of proc(5)).
type Memory struct {
	RSS  int64 // the resident set
	Anon int64 // of it, what is the process's own: not the program's file, which the kernel reads and drops as it likes
}

// Memory is how much it has.
func (s *Server) Memory() (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		return m, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64) // the kernel writes numbers
		switch name {
		case "VmRSS":
			m.RSS = kb << 10
		case "RssAnon":
			m.Anon = kb << 10
		}
	}
	if m.RSS == 0 {
		return m, errors.New("read memory: /proc says no VmRSS: has parley ended?")
	}
	return m, nil
}

// Agent is the id of the agent that answers calls by default.
func (s *Server) Agent(ctx context.Context) (string, error) {
	text, err := s.get(ctx, "/api/v1/agents")
	if err != nil {
		return "", err
	}
	id := regexp.MustCompile(`"id":\s*"([0-9a-f-]{36})"`).FindSubmatch(text)
	if id == nil {
		return "", fmt.Errorf("get /api/v1/agents: there is no agent: %.500s", text)
	}
	return string(id[1]), nil
}
