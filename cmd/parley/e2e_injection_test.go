//go:build e2e

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// injections are texts that would begin a line of their own, or end what they stand in, if they reached the wire as they are: what breaks
// lines, in the ways in which it is written, between what is harmless before and after it. Past those, n of them have two in one.
func injections(n int) (all []string) {
	breaks := []string{
		"\r\n", "\n", "\r", "\r\n ", "\r\n\r\n", "\n\n", "\x00", "\x0b", "\x0c", "\u0085", "\u2028", "\u2029", "%0d%0a", "%0D%0A", "%0a", "%E5%98%8A%E5%98%8D", "\u560a\u560d", `\r\n`, `\u000d\u000a`,
		"&#13;&#10;", "=0D=0A", "\">", "\\\"", ">", ">;tag=evil", "\"", ";", "?", ",", "@", "<sip:evil@192.0.2.9>", "\t",
	}
	befores := []string{"", "acme", "+15550100002", "Acme Ltd"}
	afters := []string{"X-Evil: 1", "", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKevil"}
	for _, b := range breaks {
		for _, before := range befores {
			for _, after := range afters {
				all = append(all, before+b+after)
			}
		}
	}
	for i, one := 0, len(all); len(all) < n; i++ {
		all = append(all, all[i%one]+all[(i+1+i/one)%one])
	}
	return all
}

// A sniffer is a trunk that reads every line of what reaches it. It challenges each call, and is busy then.
type sniffer struct {
	conn net.PacketConn

	mu    sync.Mutex
	realm string   // of its challenges
	evil  []string // messages with a line that should not be there
	tried []string // INVITEs with an answer to a challenge
	calls int      // INVITEs of all kinds
	seen  map[string]bool
}

func newSniffer(t *testing.T) *sniffer {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sniffer{conn: c, realm: "127.0.0.1", seen: map[string]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run()
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return s
}

func (s *sniffer) port() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

// run reads until the socket is closed.
func (s *sniffer) run() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		if strings.TrimSpace(text) == "" { // a keep-alive
			continue
		}
		if answer := s.hear(text); answer != "" {
			_, _ = s.conn.WriteTo([]byte(answer), from)
		}
	}
}

// expected are the headers that Parley sends, each once.
var expected = []string{
	"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Session-Expires", "Min-SE", "Allow", "Supported", "Content-Type", "Content-Length", "Proxy-Authorization",
	"User-Agent", "Accept", "Reason", "Expires",
}

// strange says what is wrong with a message's lines; empty: nothing.
func strange(text string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	once := map[string]bool{}
	for i, line := range strings.Split(head, "\r\n") {
		name, _, ok := strings.Cut(line, ":")
		switch {
		case strings.ContainsAny(line, "\r\n\x00"):
			return fmt.Sprintf("line %d breaks", i)
		case i == 0 && !strings.HasSuffix(line, " SIP/2.0"):
			return "its first line"
		case i > 0 && (!ok || !slices.Contains(expected, name) || once[name]):
			return fmt.Sprintf("line %q", line)
		}
		once[name] = true
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		if body != "" && (len(line) < 2 || line[1] != '=' || strings.ContainsAny(line, "\r\n\x00") || strings.Contains(line, "Evil")) {
			return fmt.Sprintf("line %q of the description", line)
		}
	}
	return ""
}

// hear takes a message, and returns the answer to it.
func (s *sniffer) hear(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := strange(text); why != "" {
		s.evil = append(s.evil, why+":\n"+text)
	}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	method, _, _ := strings.Cut(head, " ")
	status, more := "200 OK", ""
	switch method {
	case "ACK", "SIP/2.0":
		return ""
	case "INVITE":
		s.calls++
		signed := strings.Contains(head, "\r\nProxy-Authorization: ")
		if status = "486 Busy Here"; !signed {
			escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.realm)
			status, more = "407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\""+escaped+"\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n"
		} else {
			s.tried = append(s.tried, head)
		}
	}
	answer := "SIP/2.0 " + status + "\r\n" + more
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq":
			answer += line + "\r\n"
		case "To":
			answer += line + ";tag=sniffer\r\n"
		}
	}
	return answer + "Content-Length: 0\r\n\r\n"
}

func (s *sniffer) set(realm string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.realm = realm
}

func (s *sniffer) found() (evil, tried []string, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.evil), slices.Clone(s.tried), s.calls
}

// TestEndToEndHeaderInjection: what tenants may write into names, numbers, trunks and tasks by the API adds no line to what goes over the
// wire: 5,000 texts that would, and a trunk that reads every line. PARLEY_E2E_INJECTIONS=n tries n texts in every field: make soak has 5,000.
func TestEndToEndHeaderInjection(t *testing.T) {
	t.Parallel()
	texts := injections(0)
	more := 1 // times as many
	if s := os.Getenv("PARLEY_E2E_INJECTIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < len(texts) {
			t.Fatalf("PARLEY_E2E_INJECTIONS is %q: want %d or more", s, len(texts))
		}
		more, texts = n/len(texts), injections(n)
	}
	wire := newSniffer(t)
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_DIAL_RATE=100", "PARLEY_DIAL_CALLS=100", "PARLEY_RATE_LIMIT=1000000", "PARLEY_CALLER_ID=+15550100002")
	trunk := n.trunked(t, wire.port(), "+15550100002")
	var agents, numbers []struct {
		ID string `json:"id"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	n.into(n.api(http.MethodGet, "/api/v1/numbers", nil), &numbers)
	agent, number := "/api/v1/agents/"+agents[0].ID, "/api/v1/numbers/"+numbers[0].ID
	usual := map[string]any{"name": "Softphone", "username": "acme", "password": "correct-horse", "realm": nil, "caller_id": nil, "host": "127.0.0.1"}
	task := map[string]any{"agent_id": agents[0].ID, "to_number": "+15550100077", "name": "Call"}
	n.into(n.api(http.MethodPatch, trunk, usual), &struct{}{})
	place := func(change string, value any) {
		body := map[string]any{}
		for k, v := range task {
			body[k] = v
		}
		if change != "" {
			body[change] = value
		}
		made := n.api(http.MethodPost, "/api/v1/tasks", body)
		if made.Status >= 500 {
			t.Fatalf("a task with %s %q: %d %s", change, value, made.Status, made.Error)
		}
		if made.Status >= 300 {
			return
		}
		var row struct {
			ID string `json:"id"`
		}
		n.into(made, &row)
		_, _, before := wire.found()
		n.into(n.api(http.MethodPost, "/api/v1/tasks/"+row.ID+"/execute", nil), &struct{}{})
		until(t, time.Minute, fmt.Sprintf("the call with %s %q is over", change, value), func() bool {
			var now taskRow
			n.into(n.api(http.MethodGet, "/api/v1/tasks/"+row.ID, nil), &now)
			_, _, calls := wire.found()
			return now.Status == "failed" || now.Status == "completed" || calls > before+1
		})
	}
	place("", nil)
	if _, tried, _ := wire.found(); len(tried) != 1 || !strings.Contains(tried[0], `username="acme"`) {
		t.Fatalf("no usual call reaches the wire: %q", tried)
	}
	accepted, sent := map[string]int{}, 0
	for _, f := range []struct {
		path, field string
		every       int // how many that are accepted there are to a call; 0: the field is of the call itself
	}{
		{trunk, "username", 4}, {trunk, "password", 40}, {trunk, "realm", 4}, {trunk, "caller_id", 1}, {trunk, "name", 40}, {trunk, "host", 1000},
		{agent, "name", 40}, {agent, "starting_message", 40}, {number, "label", 40}, {"/api/v1/numbers", "phone_number", 40},
		{"", "to_number", 0}, {"", "name", 0}, {"", "starting_message", 0}, {"", "context_data", 0},
	} {
		for i, text := range texts {
			sent++
			if f.every == 0 && f.field != "to_number" && i%(40*more) != 0 { // these reach no header: a call each would take an hour
				n.tasked(t, task, f.field, text)
				continue
			}
			if f.every == 0 {
				place(f.field, text)
				continue
			}
			change := map[string]any{f.field: text}
			if f.field == "username" || f.field == "host" {
				change["password"] = "correct-horse"
			}
			method := http.MethodPatch
			if f.field == "phone_number" { // it is that of a new one
				method = http.MethodPost
			}
			a := n.api(method, f.path, change)
			if a.Status >= 500 {
				t.Fatalf("%s %q: %d %s", f.field, text, a.Status, a.Error)
			}
			if a.Status >= 300 {
				continue
			}
			accepted[f.field]++
			if f.field == "realm" {
				wire.set(text)
			}
			if accepted[f.field]%(f.every*more) == 0 {
				place("", nil)
			}
		}
		if f.path == trunk {
			n.into(n.api(http.MethodPatch, trunk, usual), &struct{}{})
			wire.set("127.0.0.1")
		}
	}
	evil, tried, calls := wire.found()
	t.Logf("%d texts; accepted: %v; %d INVITEs were read, %d of them signed", sent, accepted, calls, len(tried))
	if sent < 5000 {
		t.Errorf("%d texts are tried, want 5,000", sent)
	}
	for _, e := range evil[:min(len(evil), 5)] {
		t.Errorf("on the wire: %s", e)
	}
	if len(evil) > 0 {
		t.Errorf("%d messages have lines that should not be there", len(evil))
	}
	place("", nil)
	if _, after, _ := wire.found(); len(after) != len(tried)+1 {
		t.Error("after all of it no usual call is placed")
	}
}

// tasked makes a task with a text in a field, and lets it be.
func (n *node) tasked(t *testing.T, task map[string]any, field, text string) {
	t.Helper()
	body := map[string]any{}
	for k, v := range task {
		body[k] = v
	}
	body[field] = text
	if field == "context_data" {
		body[field] = map[string]string{"name": text}
	}
	if a := n.api(http.MethodPost, "/api/v1/tasks", body); a.Status >= 500 {
		t.Fatalf("a task with %s %q: %d %s", field, text, a.Status, a.Error)
	}
}
