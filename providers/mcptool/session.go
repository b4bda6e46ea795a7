package mcptool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"parley/pipeline"
)

// open is the session, which is made if there is none; once is one that is for this time alone, since the Server is closed.
func (s *Server) open(ctx context.Context) (session *mcp.ClientSession, once bool, err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	s.mu.Lock()
	session = s.session
	s.mu.Unlock()
	if session != nil {
		return session, false, nil
	}
	session, err = s.client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: s.o.URL, HTTPClient: s.o.HTTP, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: mostEvent,
	}, nil)
	if err != nil {
		return nil, false, fmt.Errorf("open session: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return session, true, nil
	}
	s.session = session
	return session, false, nil
}

// drop forgets a session that is broken.
func (s *Server) drop(broken *mcp.ClientSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != broken {
		return
	}
	s.session = nil
	if !s.closed {
		s.work.Go(func() { _ = broken.Close() }) // it is gone, then
	}
}

// with does something by the session; once more by another if the server has forgotten it, and so has done nothing.
func (s *Server) with(ctx context.Context, do func(*mcp.ClientSession) error) error {
	for again := true; ; again = false {
		session, once, err := s.open(ctx)
		if err != nil {
			return err
		}
		err = do(session)
		if once {
			_ = session.Close() // it is gone, then
			return err
		}
		if err == nil || refused(err) != nil {
			return err
		}
		s.drop(session)
		if !again || !errors.Is(err, mcp.ErrSessionMissing) {
			return err
		}
	}
}

// undelivered is the code with which the SDK says, in the server's place, that it was not reached.
const undelivered = -32005

// refused is what the server itself has said against a request; nil: it has not, or an error has another reason.
func refused(err error) *jsonrpc.Error {
	var said *jsonrpc.Error
	if errors.As(err, &said) && said.Code != undelivered {
		return said
	}
	return nil
}

// list asks for the tools, and keeps those that the model is offered.
func (s *Server) list(ctx context.Context) (tools []listed, err error) {
	found := map[string]listed{}
	var order []string
	err = s.with(ctx, func(session *mcp.ClientSession) error {
		looked := 0
		for t, err := range session.Tools(ctx, nil) {
			if err != nil {
				return err
			}
			if looked++; looked > mostLooked {
				break
			}
			one, ok := s.offer(t)
			if _, twice := found[one.own]; ok && !twice {
				found[one.own], order = one, append(order, one.own)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.o.Tools[0] != All {
		order = slices.DeleteFunc(slices.Clone(s.o.Tools), func(own string) bool { return found[own].own == "" })
		for _, own := range s.o.Tools {
			if found[own].own == "" {
				s.o.Log.Warn("an MCP server does not have a tool", "server", s.o.Name, "tool", own)
			}
		}
	}
	for _, own := range order[:min(len(order), mostTools)] {
		tools = append(tools, found[own])
	}
	return tools, nil
}

// offer is a tool as the model is offered it; false: it is not one that it can be.
func (s *Server) offer(t *mcp.Tool) (listed, bool) {
	schema, err := json.Marshal(t.InputSchema)
	one := listed{name: s.o.Name + "_" + plain(t.Name), own: t.Name, about: t.Description, schema: schema}
	if one.about == "" {
		one.about = t.Title
	}
	if long := []rune(one.about); len(long) > mostAbout {
		one.about = string(long[:mostAbout])
	}
	if a := t.Annotations; a != nil {
		one.reads = a.ReadOnlyHint
	}
	return one, err == nil && t.Name != "" && len(schema) <= mostSchema && len(one.name) <= 64
}

// plain is a tool's name as models' vendors take it.
func plain(own string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(own))
}

// tool is one for a call.
func (s *Server) tool(t listed) pipeline.Tool {
	firm := !t.reads
	if s.o.Cancellable != nil {
		firm = !*s.o.Cancellable
	}
	return pipeline.Tool{
		Name: t.name, Description: t.about, Parameters: t.schema, Firm: firm, Filler: s.o.Filler, Limit: s.o.Timeout + rest,
		Run: func(ctx context.Context, args json.RawMessage) (string, *pipeline.Command, error) {
			text, err := s.call(ctx, t.own, args)
			if err != nil {
				return "", nil, errors.New(s.o.Discreet(err.Error()))
			}
			return s.o.Discreet(text), nil, nil
		},
	}
}

// call has the server do it. Its errors are for the model.
func (s *Server) call(ctx context.Context, own string, args json.RawMessage) (string, error) {
	given := map[string]any{}
	if len(args) > 0 && json.Unmarshal(args, &given) != nil {
		return "", errors.New("want the arguments as an object")
	}
	running, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	began := time.Now()
	var result *mcp.CallToolResult
	err := s.with(running, func(session *mcp.ClientSession) (err error) {
		result, err = session.CallTool(running, &mcp.CallToolParams{Name: own, Arguments: given})
		return err
	})
	if err == nil {
		return said(result)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	s.o.Log.Warn("MCP tool failed", "server", s.o.Name, "tool", own, "took", time.Since(began).Round(time.Millisecond), "err", s.o.Discreet(err.Error()))
	switch refusal := refused(err); {
	case running.Err() != nil:
		return "", fmt.Errorf("the server did not answer within %v", s.o.Timeout)
	case refusal != nil:
		return "", fmt.Errorf("the server refused: %s", refusal.Message)
	}
	return "", errors.New("the server could not be asked")
}

// said is a result as text; an error if the tool says that it is one.
func said(r *mcp.CallToolResult) (string, error) {
	var parts []string
	for _, c := range r.Content {
		switch c := c.(type) {
		case *mcp.TextContent:
			parts = append(parts, c.Text)
		case *mcp.ImageContent:
			parts = append(parts, "[a picture]")
		case *mcp.AudioContent:
			parts = append(parts, "[a sound]")
		case *mcp.ResourceLink:
			parts = append(parts, "["+c.Name+": "+c.URI+"]")
		case *mcp.EmbeddedResource:
			if c.Resource != nil && c.Resource.Text != "" {
				parts = append(parts, c.Resource.Text)
			}
		}
	}
	if len(parts) == 0 && r.StructuredContent != nil {
		if text, err := json.Marshal(r.StructuredContent); err == nil {
			parts = append(parts, string(text))
		}
	}
	text := strings.Join(parts, "\n")
	if r.IsError {
		if text == "" {
			text = "the tool failed"
		}
		return "", errors.New(text)
	}
	return text, nil
}
