package httptool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/pipeline/score"
)

var update = flag.Bool("update", false, "write the goldens anew")

// pipes is a listener without a socket, as a bubble needs it.
type pipes chan net.Conn

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil } // which a server does once
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// shop is a server of an operator's, which sells things.
type shop struct {
	handler http.HandlerFunc
	log     bytes.Buffer
	left    []string // requests that were cancelled before they were answered
	close   func()
}

// tools opens the shop, inside of a bubble, and makes the tools that ask it.
func (s *shop) tools(t *testing.T) []pipeline.Tool {
	conns := make(pipes)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.handler(w, r)
		if r.Context().Err() != nil {
			s.left = append(s.left, r.Method)
		}
	}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	served := make(chan error)
	go func() { served <- server.Serve(conns) }()
	transport := &http.Transport{DialContext: conns.dial}
	c := &Client{log: slog.New(slog.NewTextHandler(&s.log, nil)), http: &http.Client{Transport: transport, CheckRedirect: stay}}
	s.close = func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
	var all []pipeline.Tool
	for _, d := range []Definition{
		{Name: "find_order", URL: "http://shop/orders/{{order}}", Cancellable: true, Filler: "I am looking that up.", Auth: Auth{Bearer: "${secret:KEY}"}},
		{Name: "cancel_order", URL: "http://shop/cancel", Body: json.RawMessage(`{"order":"{{order}}"}`), Auth: Auth{Bearer: "${secret:KEY}"}},
	} {
		d.Description, d.Timeout, d.Parameters = "For orders.", 6*time.Second, json.RawMessage(`{"type":"object","properties":{"order":{"type":"string"}},"required":["order"]}`)
		made, err := c.Compile(d, func(string, string) (string, error) { return "open-sesame", nil })
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made.For(map[string]string{"from": "+15550100"}))
	}
	return all
}

// after waits as a server does, which sees when the client has gone.
func after(r *http.Request, d time.Duration) bool {
	select {
	case <-time.After(d + time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

// Tools on a whole call, with a real HTTP server that is good, slow, wrong and rude, in virtual time.
func TestOnCall(t *testing.T) {
	t.Parallel()
	answers := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
	}
	slow := func(d time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if after(r, d) {
				fmt.Fprint(w, `{"status":"done"}`)
			}
		}
	}
	tells := pipeline.Manners{Interrupt: pipeline.Interrupt{Tool: pipeline.Bar{Words: 1, Speech: 300 * time.Millisecond}}}
	ask, stop := score.Says("please do", 2, 2.6), score.Says("stop please", 5.4, 6.1)
	for _, c := range []struct {
		name, tool, args string
		manners          pipeline.Manners
		caller           []score.Cue
		handler          http.HandlerFunc
		left             int // requests that were given up
	}{
		{"found", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"path": %q, "status": "on its way"}`, r.URL.Path)
		}, 0},
		{"slow", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, slow(4 * time.Second), 0},
		{"never answers", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, slow(time.Hour), 1},
		{"drips", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, func(w http.ResponseWriter, r *http.Request) {
			for after(r, 100*time.Millisecond) {
				fmt.Fprint(w, ".")
				_ = http.NewResponseController(w).Flush()
			}
		}, 1},
		{"interrupted", "find_order", `{"order":"4711"}`, tells, []score.Cue{stop}, slow(5 * time.Second), 1},
		{"interrupted and goes on", "cancel_order", `{"order":"4711"}`, tells, []score.Cue{stop}, slow(5 * time.Second), 0},
		{"refused, with a secret", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no such key: "+r.Header.Get("Authorization"), http.StatusForbidden)
		}, 0},
		{"a web page", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, answers("<html><p>Sign in</p></html>"), 0},
		{"sent away", "find_order", `{"order":"4711"}`, pipeline.Manners{}, nil, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, 0},
		{"wrong arguments", "find_order", `{"order":["4711"]}`, pipeline.Manners{}, nil, answers("never"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{handler: c.handler}
			p := score.Score{
				Manners: c.manners, Caller: append(c.caller, ask, score.HangsUp(12)),
				Agent: func(a *pipeline.Agent) { a.Tools = s.tools(t) },
				Model: score.Model{Answer: func(k pipeline.Talk) []pipeline.Delta {
					if k.Why == pipeline.ForWords && k.Text == "please do" {
						return []pipeline.Delta{{Call: &pipeline.ToolCall{Name: c.tool, Args: json.RawMessage(c.args)}}}
					}
					if k.Why == pipeline.ForToolResult {
						return score.Text("That is that.")
					}
					return score.Parrot(k)
				}},
			}
			p.Play(t, func(t *testing.T, p *score.Performance) {
				s.close()
				synctest.Wait()
				golden(t, c.name, p.String())
				if len(s.left) != c.left {
					t.Errorf("given up were %q, want %d", s.left, c.left)
				}
				for what, text := range map[string]string{"performance": p.String(), "call's log": p.Log, "tools' log": s.log.String()} {
					if strings.Contains(text, "sesame") {
						t.Errorf("the %s tells the secret:\n%s", what, text)
					}
				}
			})
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden: run go test ./providers/httptool -update and read it: %v", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as written (-want +got):\n%s", diff)
	}
}
