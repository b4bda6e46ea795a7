package serve_test

import (
	"strings"
	"testing"

	"parley/bench/serve"
	"parley/bench/vendors"
)

// TestServer starts the real program twice on the same data.
func TestServer(t *testing.T) {
	t.Parallel()
	binary, err := serve.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	others, err := serve.Vendors(t.Context(), binary, vendors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	subject := serve.Subject{Binary: binary, Core: -1, Data: t.TempDir(), Vendors: others.Addresses}
	var agents []string
	for range 2 {
		s, err := subject.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Healthy(t.Context()); err != nil {
			t.Error(err)
		}
		agent, err := s.Agent(t.Context())
		if err != nil {
			t.Error(err)
		}
		agents = append(agents, agent)
		m, err := s.Metrics(t.Context())
		if err != nil || m["go_goroutines"] < 5 || m["parley_accepting"] != 1 {
			t.Errorf("metrics: %v, %v", m, err)
		}
		if m, err := s.Memory(); err != nil || m.RSS < 10<<20 || m.Anon <= 0 || m.Anon > m.RSS {
			t.Errorf("memory: %+v, %v", m, err)
		}
		if s.Listening <= 0 || !strings.HasSuffix(s.URL, s.Address()) {
			t.Errorf("listening after %v at %s", s.Listening, s.Address())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := s.Memory(); err == nil {
			t.Error("a process that has ended has memory")
		}
	}
	s, err := subject.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
	if stacks := s.Stacks(); !strings.Contains(stacks, "created by main.(*server).run") {
		t.Errorf("stacks without the server's own: %.1000s", stacks)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("a server whose stacks were asked for ended badly: %v", err)
	}
	if agents[0] != agents[1] {
		t.Errorf("the database was not kept: agents %v", agents)
	}
	subject.Env = []string{"PARLEY_RATE_LIMIT=none"}
	if _, err := subject.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "--rate-limit") {
		t.Errorf("a server with bad settings: %v", err)
	}
	if err := others.Close(); err != nil {
		t.Error(err)
	}
}
