package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// settingsOf are the settings of servers by name, beside those that all have.
var settingsOf = map[string][]string{
	"open":    nil,
	"small":   {"PARLEY_MAX_CALLS=1"},
	"single":  {"PARLEY_ORG_CALLS=1"},
	"leaving": {"PARLEY_DRAIN=30s"},
	"nobody":  nil, // its agent is disabled: no number is answered
	"closed":  {"PARLEY_SIP_OPEN=192.0.2.0/24"},
	"secret":  {"PARLEY_SIP_SRTP=require"},
}

// alone are the settings whose servers no two trials share.
var alone = []string{"small", "single", "leaving"}

// A bench is what scenarios run against.
type bench struct {
	dir      string
	servers  map[string]*server // by the name of their settings
	exchange *exchange          // nil: no call is placed
	pair     *pair              // of TLS
}

// open starts what trials need.
func open(ctx context.Context, parley, dir string, trials []*trial) (*bench, error) {
	b := &bench{dir: dir, servers: map[string]*server{}}
	var err error
	if b.pair, err = newPair(dir); err != nil {
		return nil, err
	}
	for _, t := range trials {
		if err := b.prepare(ctx, parley, t); err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

// server is the name of the server that a trial needs.
func (t *trial) server() string {
	if slices.Contains(alone, t.scenario.server) {
		return t.scenario.server + "-" + t.transport
	}
	return t.scenario.server
}

// prepare starts what one scenario needs, unless it runs already.
func (b *bench) prepare(ctx context.Context, parley string, t *trial) (err error) {
	s := t.scenario
	if s.role == caller {
		if b.exchange == nil {
			b.exchange, err = openExchange(b.pair)
		}
		return err
	}
	env, known := settingsOf[s.server]
	if !known {
		return fmt.Errorf("scenario %s: there is no server %q", s.name, s.server)
	}
	name := t.server()
	if b.servers[name] != nil {
		return nil
	}
	started, err := start(ctx, parley, filepath.Join(b.dir, "server-"+name), append(b.pair.env(), env...))
	if err == nil {
		b.servers[name] = started
		err = started.enrol(ctx)
	}
	if err == nil && s.server == "nobody" {
		err = started.retire(ctx)
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", name, err)
	}
	return nil
}

// close ends all of it: what did not end well is told.
func (b *bench) close() (err error) {
	for name, s := range b.servers {
		if serr := errors.Join(s.emptied(), s.stop()); serr != nil {
			err = errors.Join(err, fmt.Errorf("server %s: %w", name, serr))
		}
	}
	if b.exchange != nil {
		err = errors.Join(err, b.exchange.close())
	}
	return err
}

// A server is a parley serve that runs.
type server struct {
	cmd  *exec.Cmd
	url  string
	at   map[string]string // where it listens, by the transport
	log  *journal
	done chan error
}

// A journal is what a server writes, and may be read while it does.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

const (
	startLimit = time.Minute
	endLimit   = 30 * time.Second
)

var address = regexp.MustCompile(`http://[0-9a-z.:]+`)

// key opens the API of every server here.
const key = "va_bench_k3y-0123456789-abcdefghijklmnopqrstuvwxyz"

// enrol makes the trunk whose name and password scenarios know.
func (s *server) enrol(ctx context.Context) error {
	_, err := s.ask(ctx, http.MethodPost, "/api/v1/trunks", `{"name": "desk", "host": "127.0.0.2", "username": "acme", "password": "correct-horse"}`)
	return err
}

// retire has its agents answer no calls any more.
func (s *server) retire(ctx context.Context) error {
	text, err := s.ask(ctx, http.MethodGet, "/api/v1/agents", "")
	if err != nil {
		return err
	}
	var agents struct {
		Data []struct{ ID string } `json:"data"`
	}
	if err := json.Unmarshal(text, &agents); err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	for _, a := range agents.Data {
		if _, err := s.ask(ctx, http.MethodPatch, "/api/v1/agents/"+a.ID, `{"enabled": false}`); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the server's API, or its metrics.
func (s *server) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing of it is missed
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	return text, err
}

var dialogs = regexp.MustCompile(`(?m)^parley_sip_dialogs (\d+)`)

// emptied waits until no dialog is left: what the last scenario has said last is heard a little later.
func (s *server) emptied() error {
	select {
	case err := <-s.done: // as a scenario wanted it
		s.done <- err
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	return settled(ctx, func() ([]string, error) {
		text, err := s.ask(ctx, http.MethodGet, "/metrics", "")
		m := dialogs.FindSubmatch(text)
		switch {
		case err != nil:
			select {
			case ended := <-s.done: // it has, meanwhile
				s.done <- ended
				return nil, nil
			case <-ctx.Done():
				return nil, err
			}
		case m == nil:
			return nil, errors.New("its metrics do not say how many dialogs there are")
		case string(m[1]) == "0":
			return nil, nil
		}
		return []string{string(m[1]) + " dialogs"}, nil
	})
}

// lastWords is how long dialogs may go on when all scenarios have ended.
const lastWords = 10 * time.Second

// settled waits until nothing is left; what still is when ctx ends is told.
func settled(ctx context.Context, left func() ([]string, error)) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		names, err := left()
		if err != nil || len(names) == 0 {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("still there when all scenarios have ended: %s", strings.Join(names, ", "))
		}
	}
}

var listening = regexp.MustCompile(`Calls by SIP: udp://([0-9.:]+), tcp://([0-9.:]+), tls://([0-9.:]+)\.`)

// start starts a server without models, and waits until it says where it listens. The machine may be as busy as it likes: no call is refused for it.
func start(ctx context.Context, parley, data string, env []string) (*server, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, parley, "serve"), log: &journal{}, done: make(chan error, 1)}
	s.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "PARLEY_HTTP_ADDR=127.0.0.1:0", "PARLEY_DATA_DIR=" + data, "PARLEY_SPEECH_DIR=" + data, "PARLEY_EAR=energy", "PARLEY_API_KEY=" + key,
		"PARLEY_SIP_LISTEN=udp://127.0.0.1:0,tcp://127.0.0.1:0,tls://127.0.0.1:0", "PARLEY_SIP_SESSION=90s", "PARLEY_RTP_TIMEOUT=2m",
		"PARLEY_DRAIN=1s", "PARLEY_MAX_CPU=0", "PARLEY_MAX_LATENESS=0", "PARLEY_MAX_SPEECH_WAIT=0",
	}, env...)
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = endLimit
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w: make build makes it", parley, err)
	}
	up := make(chan struct{})
	go func() { // it ends with the process
		lines, told := bufio.NewScanner(out), false
		for lines.Scan() {
			if url := address.FindString(lines.Text()); s.url == "" {
				s.url = url
			}
			if m := listening.FindStringSubmatch(lines.Text()); m != nil && !told {
				told, s.at = true, map[string]string{"udp": m[1], "tcp": m[2], "tls": m[3]}
				close(up)
			}
		}
		s.done <- s.cmd.Wait()
	}()
	select {
	case <-up:
	case err := <-s.done:
		return nil, fmt.Errorf("start %s: %w\n%s", parley, err, s.log)
	case <-time.After(startLimit):
		_ = s.cmd.Process.Kill()
		return nil, fmt.Errorf("start %s: it does not listen within %v\n%s", parley, startLimit, s.log)
	}
	return s, nil
}

// stop ends the server. One that has panicked, or does not end, did not do well.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case err := <-s.done:
		if err != nil {
			return fmt.Errorf("it ended badly: %w\n%s", err, s.log)
		}
	case <-time.After(endLimit):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("it does not end within %v\n%s", endLimit, s.log)
	}
	if strings.Contains(s.log.String(), "panic") {
		return fmt.Errorf("it has panicked:\n%s", s.log)
	}
	return nil
}
