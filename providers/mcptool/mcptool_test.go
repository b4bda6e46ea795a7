package mcptool

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"parley/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A shop is an MCP server in this process, which can be made to misbehave.
type shop struct {
	*httptest.Server
	dead     atomic.Bool   // it answers 500 to all
	stuck    atomic.Bool   // it answers nothing
	listings atomic.Int32  // questions for its tools
	leave    chan struct{} // closed when the test is over
}

type order struct {
	Order string `json:"order"`
}

func open(t *testing.T, stateless bool) *shop {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "shop", Version: "1"}, nil)
	s := &shop{leave: make(chan struct{})}
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true}
	mcp.AddTool(server, &mcp.Tool{Name: "find-order", Description: "Finds an order.", Annotations: reads}, func(_ context.Context, _ *mcp.CallToolRequest, in order) (*mcp.CallToolResult, any, error) {
		if in.Order == "0" {
			return nil, nil, errors.New("there is no order 0, says sesame")
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "Order " + in.Order + " is on its way, sesame."}, &mcp.ImageContent{MIMEType: "image/png", Data: []byte("x")}}}, nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "cancel", Description: "Cancels all."}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, map[string]int, error) {
		return nil, map[string]int{"cancelled": 3}, nil
	})
	server.AddTool(&mcp.Tool{Name: "huge", InputSchema: json.RawMessage(`{"type":"object","description":"` + strings.Repeat("x", mostSchema) + `"}`)}, nil)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: stateless})
	server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
			if method == "tools/list" {
				s.listings.Add(1)
			}
			return next(ctx, method, r)
		}
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.dead.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case s.stuck.Load():
			select {
			case <-r.Context().Done():
			case <-s.leave:
			}
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		close(s.leave)
		for session := range server.Sessions() { // those that nobody could end while it was dead
			_ = session.Close()
		}
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// asks is a Server of a shop's.
func asks(t *testing.T, s *shop, change ...func(*Options)) *Server {
	t.Helper()
	transport := &http.Transport{}
	o := Options{
		Name: "shop", URL: s.URL, Tools: []string{All}, HTTP: &http.Client{Transport: transport}, Timeout: 5 * time.Second,
		Discreet: func(text string) string { return strings.ReplaceAll(text, "sesame", "[secret]") },
	}
	for _, f := range change {
		f(&o)
	}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	server := Open(o)
	t.Cleanup(func() { server.Close(); transport.CloseIdleConnections() })
	return server
}

func names(tools []pipeline.Tool) (all []string) {
	for _, t := range tools {
		all = append(all, t.Name)
	}
	return all
}

// run uses a tool of a call's.
func run(t *testing.T, tools []pipeline.Tool, name, args string) (string, error) {
	t.Helper()
	for _, one := range tools {
		if one.Name == name {
			text, _, err := one.Run(t.Context(), json.RawMessage(args))
			return text, err
		}
	}
	t.Fatalf("there is no %s among %v", name, names(tools))
	return "", nil
}

// TestTools: a model is offered what the server has, once that is known, and uses it; secrets that the server sends back are not told.
func TestTools(t *testing.T) {
	t.Parallel()
	for _, stateless := range []bool{true, false} {
		shop := open(t, stateless)
		s := asks(t, shop)
		if tools := s.Tools(); len(tools) != 0 {
			t.Errorf("before the server was asked there are %v", names(tools))
		}
		s.Ready(t.Context())
		tools := s.Tools()
		if got := strings.Join(names(tools), " "); got != "shop_cancel shop_find_order" && got != "shop_find_order shop_cancel" {
			t.Fatalf("the model is offered %s", got)
		}
		for _, one := range tools {
			if one.Firm != (one.Name == "shop_cancel") || one.Description == "" || !json.Valid(one.Parameters) || one.Limit != 7*time.Second {
				t.Errorf("%+v", one)
			}
		}
		if text, err := run(t, tools, "shop_find_order", `{"order":"4711"}`); err != nil || text != "Order 4711 is on its way, [secret].\n[a picture]" {
			t.Errorf("%q, %v", text, err)
		}
		if text, err := run(t, tools, "shop_cancel", ``); err != nil || text != `{"cancelled":3}` {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := run(t, tools, "shop_find_order", `{"order":"0"}`); err == nil || !strings.Contains(err.Error(), "no order 0, says [secret]") {
			t.Errorf("the tool's own error is %v", err)
		}
		if _, err := run(t, tools, "shop_find_order", `{"number":1}`); err == nil {
			t.Error("wrong arguments are taken")
		}
		if _, err := run(t, tools, "shop_find_order", `[1]`); err == nil || !strings.Contains(err.Error(), "object") {
			t.Errorf("arguments that are no object: %v", err)
		}
		if n := shop.listings.Load(); n != 1 {
			t.Errorf("the tools were listed %d times", n)
		}
	}
}

// TestAllowed: of what the server has the model is offered what was named, in that order, and what is not there is left out.
func TestAllowed(t *testing.T) {
	t.Parallel()
	s := asks(t, open(t, true), func(o *Options) { o.Tools, o.Cancellable = []string{"cancel", "none", "huge"}, new(true) })
	s.Ready(t.Context())
	if tools := s.Tools(); len(tools) != 1 || tools[0].Name != "shop_cancel" || tools[0].Firm {
		t.Errorf("the model is offered %v", names(tools))
	}
	after := asks(t, open(t, true))
	after.Adopt(s)
	if len(after.tools) != 0 {
		t.Error("another server's tools were taken over")
	}
}

// TestDead: a server that does not answer costs a call its tools, and no time; when it is back, and the call asks, it is used again.
func TestDead(t *testing.T) {
	t.Parallel()
	shop := open(t, false)
	s := asks(t, shop, func(o *Options) { o.Timeout = 2 * time.Second })
	shop.stuck.Store(true)
	began := time.Now()
	s.Tools()
	if took := time.Since(began); took > time.Second {
		t.Errorf("a call waited for %v", took)
	}
	s.Ready(t.Context())
	if tools := s.Tools(); len(tools) != 0 || time.Until(s.due) < patience/2 {
		t.Errorf("nobody has told of %v, and it is asked again in %v", names(tools), time.Until(s.due))
	}
	shop.stuck.Store(false)
	s.mu.Lock()
	s.due = time.Time{}
	s.mu.Unlock()
	s.Ready(t.Context())
	tools := s.Tools()
	for name, fault := range map[string]*atomic.Bool{"did not answer": &shop.stuck, "could not be asked": &shop.dead} {
		fault.Store(true)
		if _, err := run(t, tools, "shop_cancel", `{}`); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
		fault.Store(false)
		if text, err := run(t, tools, "shop_cancel", `{}`); err != nil {
			t.Errorf("when it is back: %q, %v", text, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(pipeline.ErrBargeIn)
	if _, _, err := tools[0].Run(ctx, nil); err == nil || err.Error() != pipeline.ErrBargeIn.Error() {
		t.Errorf("a caller who interrupts: %v", err)
	}
}

// TestForgotten: a session that the server has forgotten is made anew, and the call is done.
func TestForgotten(t *testing.T) {
	t.Parallel()
	shop := open(t, false)
	s := asks(t, shop)
	s.Ready(t.Context())
	tools := s.Tools()
	if _, err := run(t, tools, "shop_cancel", `{}`); err != nil {
		t.Fatal(err)
	}
	old := shop.Config.Handler
	other := open(t, false)
	shop.Config.Handler = other.Config.Handler // a server that was started anew
	defer func() { shop.Config.Handler = old }()
	if text, err := run(t, tools, "shop_cancel", `{}`); err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestClosed: a call that goes on when its agent has been changed uses its tools to the end.
func TestClosed(t *testing.T) {
	t.Parallel()
	s := asks(t, open(t, false))
	s.Ready(t.Context())
	tools := s.Tools()
	s.Close()
	if text, err := run(t, tools, "shop_cancel", `{}`); err != nil || s.session != nil {
		t.Errorf("%q, %v, and a session stays: %v", text, err, s.session != nil)
	}
	s.Ready(t.Context())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"name is":      {Name: "Shop", Tools: []string{All}},
		"tools is":     {Name: "shop"},
		"besides":      {Name: "shop", Tools: []string{All, "x"}},
		"up to 64":     {Name: "shop", Tools: make([]string, 65)},
		"timeout is":   {Name: "shop", Tools: []string{"x"}, Timeout: time.Hour},
		"timeout is 1": {Name: "shop", Tools: []string{"x"}, Timeout: 1},
	} {
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
