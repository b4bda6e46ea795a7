package httptool

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// injections are texts that would begin a line of their own if they reached the wire as they are: n of them, the same each time.
func injections(n int) []string {
	random := rand.New(rand.NewPCG(9110, 5))
	parts := []string{
		"\r\n", "\r", "\n", "\r\n ", "\r\n\r\n", "\x00", "\x0b", "\x7f", "\u0085", "\u2028", "%0d%0a", "%00", "\u560a\u560d", "\"", "\\", "<", ">", ";", ",", "?", "#", "&", "/../", "@", ":", " ", "\t", "é", "\xff", "{{x}}",
		"${secret:K}", "X-Evil: 1", "Host: evil.example", "Content-Length: 0", "POST /evil HTTP/1.1", "Alice", "42",
	}
	all := make([]string, n)
	for i := range all {
		for range 1 + random.IntN(6) {
			all[i] += parts[random.IntN(len(parts))]
		}
	}
	return all
}

// readHead reads one request's lines, and passes over its body.
func readHead(r *bufio.Reader) (lines []string, err error) {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return lines, err
		}
		line, whole := strings.CutSuffix(line, "\r\n")
		if !whole {
			line += " (half a line end)"
		}
		if line == "" {
			_, err := r.Discard(length)
			return lines, err
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(value); err != nil {
				return lines, err
			}
		}
		lines = append(lines, line)
	}
}

// injectedTexts is fewer than make soak-sip's 5,000: under the race detector those take a minute.
var injectedTexts = flag.Int("texts", 500, "texts of TestInjection in each place")

// TestInjection: whatever an organisation writes into a tool, and a model into its places, a request has the lines that it should.
func TestInjection(t *testing.T) {
	t.Parallel()
	heads := make(chan []string, 1)
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close() //nolint:errcheck // a pipe
			for r := bufio.NewReader(there); ; {
				head, err := readHead(r)
				if err != nil {
					return
				}
				heads <- head
				if _, err := there.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")); err != nil {
					return
				}
			}
		}()
		return here, nil
	}}
	defer transport.CloseIdleConnections()
	c := &Client{log: slog.New(slog.DiscardHandler), http: &http.Client{Transport: transport, CheckRedirect: stay}}
	usual := []string{"Host", "User-Agent", "Content-Length", "Accept", "Accept-Encoding", "Authorization", "Content-Type", "X-Tenant"}
	plain := func() Definition {
		return Definition{
			Name: "t", Description: "t", Method: "POST", URL: "http://shop/a/{{x}}?q={{x}}", Headers: map[string]string{"X-Tenant": "of {{x}}"}, Auth: Auth{Bearer: "key"},
			Form: map[string]string{"x": "{{x}}"}, Parameters: json.RawMessage(`{"type":"object","properties":{"x":{"type":"string"}}}`),
		}
	}
	texts := injections(*injectedTexts)
	for name, put := range map[string]func(d *Definition, text string) (x, secret string){
		"argument": func(_ *Definition, text string) (string, string) { return text, "" },
		"header":   func(d *Definition, text string) (string, string) { d.Headers["X-Tenant"] = text; return "1", "" },
		"header name": func(d *Definition, text string) (string, string) {
			d.Headers = map[string]string{text: "1"}
			return "1", ""
		},
		"bearer": func(d *Definition, text string) (string, string) { d.Auth.Bearer = text; return "1", "" },
		"user": func(d *Definition, text string) (string, string) {
			d.Auth = Auth{User: text, Password: text}
			return "1", ""
		},
		"secret": func(d *Definition, text string) (string, string) { d.Auth.Bearer = "${secret:K}"; return "1", text },
		"path":   func(d *Definition, text string) (string, string) { d.URL = "http://shop/" + text; return "1", "" },
		"query": func(d *Definition, text string) (string, string) {
			d.Query = map[string]string{text: text}
			return "1", ""
		},
		"form": func(d *Definition, text string) (string, string) {
			d.Form = map[string]string{text: text}
			return "1", ""
		},
		"method": func(d *Definition, text string) (string, string) { d.Method = text; return "1", "" },
		"host":   func(d *Definition, text string) (string, string) { d.URL = "http://shop" + text + "/"; return "1", "" },
		"call's field": func(d *Definition, _ string) (string, string) {
			d.Headers["X-Tenant"] = "{{call.from}}"
			return "1", ""
		},
	} {
		sent := 0
		for _, text := range texts {
			d := plain()
			x, secret := put(&d, text)
			made, err := c.Compile(d, func(string, string) (string, error) { return secret, nil })
			if err != nil {
				continue
			}
			args, err := json.Marshal(map[string]string{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = made.For(map[string]string{"from": text}).Run(t.Context(), args)
			select {
			case head := <-heads:
				sent++
				if why := strange(head, append(usual, http.CanonicalHeaderKey(text))); why != "" {
					t.Fatalf("%s %q: %s of\n%s", name, text, why, strings.Join(head, "\n"))
				}
			default:
				if err == nil {
					t.Fatalf("%s %q: nothing was sent, and no error", name, text)
				}
			}
		}
		t.Logf("%s: %d of %d texts were sent, none with a line more", name, sent, len(texts))
	}
}

// strange says what is wrong with a request's lines; empty: nothing.
func strange(head, usual []string) string {
	if len(head) == 0 || !strings.HasSuffix(head[0], " HTTP/1.1") || strings.Count(head[0], " ") != 2 {
		return "the first line"
	}
	seen := map[string]bool{}
	for _, line := range head[1:] {
		name, _, ok := strings.Cut(line, ": ")
		if !ok || seen[name] || !slices.Contains(usual, name) || strings.ContainsAny(line, "\r\n\x00") {
			return fmt.Sprintf("line %q", line)
		}
		seen[name] = true
	}
	return ""
}
