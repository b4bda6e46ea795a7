package httptool

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGateCheck(t *testing.T) {
	t.Parallel()
	g, err := NewGate([]string{"llm.internal", "stt.internal:8080", "10.1.0.0/16", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"https://api.example.com/v1": true, "wss://api.example.com": true, "https://8.8.8.8": true, "http://llm.internal/v1": true, "http://LLM.internal:9": true,
		"ws://stt.internal:8080": true, "http://10.1.2.3": true, "https://[::1]:9": true,
		"http://api.example.com": false, "ftp://api.example.com": false, "http://stt.internal": false, "https://10.2.0.1": false, "https://127.0.0.1": false,
		"https://localhost": false, "https://LocalHost.": false, "https://a.localhost": false, "https://[::ffff:127.0.0.1]": false, "https://169.254.169.254/": false, "": false, "https://": false,
	} {
		if err := g.Check(target); (err == nil) != want {
			t.Errorf("%s: %v, want %v", target, err, want)
		}
	}
	if _, err := NewGate([]string{"http://x"}); err == nil {
		t.Error("a URL is taken as a host")
	}
}

func TestGateTransport(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	closed, err := NewGate(nil)
	if err != nil {
		t.Fatal(err)
	}
	open, err := NewGate([]string{strings.TrimPrefix(server.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		gate *Gate
		want bool
	}{{closed, false}, {open, true}} {
		transport := c.gate.Transport()
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			answer.Body.Close()
		}
		if (err == nil) != c.want {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
}
