package edge

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// payloads are what a tenant may try in a string that reaches a message: n of them, the same for a seed.
func payloads(seed uint64, n int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	parts := []string{"\r\n", "\r", "\n", "\x00", "\u2028", "\u2029", "\u0085", "%0d%0a", "%00", "\"", "\\", "<", ">", ";", ",", "?", "@", "\t", " ", "é", "\xff", "\x0b", "\x7f", "X-Injected: yes", "Via: SIP/2.0/UDP x",
		"Content-Length: 0", "sip:a@b", "tag=1", "lr", "42", "Alice", strings.Repeat("A", 300)}
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		all[i] = b.String()
	}
	return all
}

// TestInjection puts 5,000 payloads in every place of a message that a tenant may have a word in: a message that is sent has the lines that it should, and
// each payload that is refused is refused with the place's name.
func TestInjection(t *testing.T) {
	t.Parallel()
	e := New(Policy{})
	places := map[string]func(*sip.Request, string){
		"header":       func(r *sip.Request, p string) { r.AppendHeader(sip.NewHeader("X-Tenant", p)) },
		"header name":  func(r *sip.Request, p string) { r.AppendHeader(sip.NewHeader("X-"+p, "v")) },
		"display name": func(r *sip.Request, p string) { r.From().DisplayName = p },
		"made name":    func(r *sip.Request, p string) { r.From().DisplayName = DisplayName(p) },
		"user":         func(r *sip.Request, p string) { r.Recipient.User = p },
		"made user":    func(r *sip.Request, p string) { r.To().Address.User = User(p) },
		"host":         func(r *sip.Request, p string) { r.Recipient.Host = p },
		"tag":          func(r *sip.Request, p string) { r.From().Params.Add("tag", p) },
		"call id":      func(r *sip.Request, p string) { id := sip.CallIDHeader(p); r.ReplaceHeader(&id) },
		"refer to":     func(r *sip.Request, p string) { r.AppendHeader(sip.NewHeader("Refer-To", "<sip:"+p+"@example.com>")) },
	}
	sent := make(map[string]int)
	for i, p := range payloads(7, 5000) {
		for place, put := range places {
			req, base := request(t), 0
			base = bytes.Count([]byte(req.String()), []byte("\n"))
			put(req, p)
			if Sound(req) != nil {
				continue
			}
			wire, err := e.sound([]byte(req.String()))
			if err != nil {
				continue
			}
			sent[place]++
			extra := 0
			if place == "header" || place == "header name" || place == "refer to" {
				extra = 1
			}
			if got := bytes.Count(wire, []byte("\n")) - base; got != extra || bytes.ContainsAny(wire, "\x00\x0b\x7f") || bytes.Contains(wire, []byte("\r\nX-Injected")) || bytes.Count(wire, []byte("\r")) != bytes.Count(wire, []byte("\n")) {
				t.Fatalf("payload %d, %q as %s: %d lines more:\n%q", i, p, place, got, wire)
			}
		}
	}
	t.Logf("5,000 texts in each of %d places; sent: %v, none with a line more", len(places), sent)
	for place := range places {
		if sent[place] < 20 {
			t.Errorf("%s: %d of 5,000 were sent: the test looks at nothing", place, sent[place])
		}
	}
	for _, place := range []string{"made name", "made user"} {
		if sent[place] != 5000 {
			t.Errorf("%s: %d of 5,000 were sent, and any string should do", place, sent[place])
		}
	}
}

// request is a sound INVITE.
func request(t testing.TB) *sip.Request {
	t.Helper()
	m, err := sip.ParseMessage([]byte("INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: \"Parley\" <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n" +
		"Call-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Request)
}

func TestSound(t *testing.T) {
	t.Parallel()
	if err := Sound(request(t)); err != nil {
		t.Errorf("a sound request: %v", err)
	}
	for value, want := range map[string]string{"a\r\nX-Injected: yes": "U+000D", "a\u2028b": "U+2028", "a\x00": "U+0000", "a\xff": "UTF-8", "a\u0085": "U+0085"} {
		r := request(t)
		r.AppendHeader(sip.NewHeader("X-T", value))
		if err := Sound(r); err == nil || !strings.Contains(err.Error(), "X-T") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
	}
	for s, ok := range map[string]bool{"sip:bob@example.com": true, "sips:+44%201@[2001:db8::1]:5061;transport=tls": true, "tel:+442071234567": true, "sip:a%0d%0ab@example.com": false, "sip:a b@example.com": false,
		"sip:a@b\r\n": false, "javascript:alert(1)": true, "": false, "sip:": false, "sip:a@300.1.1.1": false, "sip:%00@example.com": false} {
		if err := URI(s); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", s, err, ok)
		}
	}
	if got := DisplayName("Ac\"me\r\n\u2028 Ltd\xff" + strings.Repeat("é", 100)); strings.ContainsAny(got, "\"\r\n\u2028") || len(got) > 128 {
		t.Errorf("a display name is %q", got)
	}
}
