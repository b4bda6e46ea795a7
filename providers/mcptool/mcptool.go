// Package mcptool lets models use the tools of MCP servers (https://modelcontextprotocol.io), by streamable HTTP.
//
//	Server.Tools ──▶ what was listed before ──▶ pipeline.Tool ──▶ tools/call ──▶ server
//	     └── stale, or none yet: list, in the background ──▶ tools/list ──▶ server
//
// No call waits for a list: a server that is slow or dead costs a call its tools, and nothing else. One session is shared by all calls, and made
// anew when it breaks. What a model is offered is what somebody has named: what a server adds later is not there by itself. Its descriptions
// and answers are a stranger's words all the same, as web pages are.
package mcptool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"parley/pipeline"
)

// All stands, alone, for every tool that a server has.
const All = "*"

const (
	defaultTimeout = 10 * time.Second
	rest           = 2 * time.Second  // how much longer than its request a tool may take, to say what went wrong
	fresh          = 5 * time.Minute  // how long a list is good for
	patience       = 30 * time.Second // from a list that was not there to the next question for it
	mostTools      = 64               // of one server
	mostLooked     = 1000             // of its tools that are looked at
	mostSchema     = 32 << 10         // bytes
	mostAbout      = 2000             // characters of a description
	mostEvent      = 1 << 20          // bytes of an answer
)

// Options say which server, and what a model is offered of it. Name, URL, HTTP and Tools are needed.
type Options struct {
	Name        string   // of the server: its tools are called by it, _ and their own names
	URL         string   // of its MCP endpoint
	Tools       []string // that the model is offered, by their own names; All alone: every one
	HTTP        *http.Client
	Discreet    func(string) string // takes secrets out of a text; nil: there are none
	Timeout     time.Duration       // of one call; 0: 10 s
	Cancellable *bool               // a caller who interrupts ends a call; nil: as the server tells of each tool, which is ended if it only reads
	Filler      string              // said while a tool takes long
	Log         *slog.Logger        // nil: none
}

var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// Check says what is wrong with what the model is offered, and how.
func (o Options) Check() error {
	var bad []error
	if !name.MatchString(o.Name) {
		bad = append(bad, fmt.Errorf("name is %q: want small letters, digits and _, up to 32", o.Name))
	}
	switch {
	case len(o.Tools) == 0:
		bad = append(bad, fmt.Errorf("tools is missing: name those that the model is offered, or %q alone for all", All))
	case slices.Contains(o.Tools, All) && len(o.Tools) > 1:
		bad = append(bad, fmt.Errorf("tools has %q besides others: want it alone, or names", All))
	case len(o.Tools) > mostTools:
		bad = append(bad, fmt.Errorf("tools has %d: want up to %d", len(o.Tools), mostTools))
	}
	if o.Timeout != 0 && (o.Timeout < 100*time.Millisecond || o.Timeout > time.Minute) {
		bad = append(bad, fmt.Errorf("timeout is %v: want 100ms to 1m", o.Timeout))
	}
	return errors.Join(bad...)
}

// A Server is one MCP server. Its methods may be called by any goroutine. It must be closed.
type Server struct {
	o      Options
	client *mcp.Client
	turn   chan struct{} // 1: whoever makes the session
	done   chan struct{} // closed by Close
	work   sync.WaitGroup

	mu      sync.Mutex
	session *mcp.ClientSession // nil: there is none
	tools   []listed
	due     time.Time     // when the list is to be asked for again
	asking  chan struct{} // closed when it has been; nil: nobody asks
	closed  bool
}

// listed is a tool as the server has it.
type listed struct {
	name, own, about string // for the model, and the server's own
	schema           json.RawMessage
	reads            bool // it changes nothing, by the server's account
}

// Open makes a Server. Nothing is asked of it yet.
func Open(o Options) *Server {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Discreet == nil {
		o.Discreet = func(s string) string { return s }
	}
	client := *o.HTTP
	client.Timeout = o.Timeout + rest // a server that drips is not read for ever
	o.HTTP = &client
	return &Server{
		o: o, turn: make(chan struct{}, 1), done: make(chan struct{}),
		client: mcp.NewClient(&mcp.Implementation{Name: "parley", Version: "1"}, &mcp.ClientOptions{Capabilities: &mcp.ClientCapabilities{}}),
	}
}

// Adopt takes over what another Server has listed, if that is the same one in other hands: an agent's of before, say.
func (s *Server) Adopt(before *Server) {
	if before.o.Name != s.o.Name || before.o.URL != s.o.URL || !slices.Equal(before.o.Tools, s.o.Tools) {
		return
	}
	before.mu.Lock()
	tools := before.tools
	before.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tools == nil {
		s.tools = tools
	}
}

// Name is what its tools begin with.
func (s *Server) Name() string { return s.o.Name }

// Tools are those that a model is offered, as they were listed last. It never waits: a list that is stale, or not there, is asked for meanwhile.
func (s *Server) Tools() []pipeline.Tool {
	s.mu.Lock()
	tools := s.tools
	s.refresh()
	s.mu.Unlock()
	all := make([]pipeline.Tool, 0, len(tools))
	for _, t := range tools {
		all = append(all, s.tool(t))
	}
	return all
}

// Ready waits until the server was asked for its tools, with whatever outcome, or ctx is done.
func (s *Server) Ready(ctx context.Context) {
	s.mu.Lock()
	s.refresh()
	asking := s.asking
	s.mu.Unlock()
	if asking == nil {
		return
	}
	select {
	case <-asking:
	case <-ctx.Done():
	}
}

// Close ends the session, and waits for what goes on. Calls that have the tools can use them all the same, by sessions of their own.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	session := s.session
	s.session = nil
	s.mu.Unlock()
	if session != nil {
		_ = session.Close() // it is gone, then
	}
	s.work.Wait()
}

// refresh has the list asked for, if that is due. The caller holds mu.
func (s *Server) refresh() {
	if s.closed || s.asking != nil || time.Now().Before(s.due) {
		return
	}
	asking := make(chan struct{})
	s.asking = asking
	s.work.Go(func() {
		defer close(asking)
		ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
		defer cancel()
		s.work.Go(func() {
			select {
			case <-s.done:
				cancel()
			case <-ctx.Done():
			}
		})
		tools, err := s.list(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asking, s.due = nil, time.Now().Add(fresh)
		if err != nil {
			s.due = time.Now().Add(patience)
			s.o.Log.Warn("an MCP server does not tell of its tools", "server", s.o.Name, "error", s.o.Discreet(err.Error()))
			return
		}
		s.tools = tools
	})
}
