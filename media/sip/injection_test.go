package sip

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// injections are texts that would begin a line of their own, or end what they stand in, if they reached the wire as they are.
func injections() (all []string) {
	breaks := []string{
		"\r\n", "\n", "\r", "\r\n ", "\r\n\r\n", "\x00", "\x0b", "\u0085", "\u2028", "%0d%0a", "%0a", "\u560a\u560d", `\r\n`, "\">", ">", ">;tag=evil", "\"", ";", "?", ",", "@", "<sip:evil@192.0.2.9>", "\t", " ", "[", ":", "&", "=",
	}
	for _, b := range breaks {
		for _, before := range []string{"", "+15550100099", "sip:desk@127.0.0.1", "sip:desk", "sip:", "tel:+1555", "desk", "sip:desk@127.0.0.1;x=y", "sips:desk@[::1]:5061"} {
			for _, after := range []string{"X-Evil: 1", "", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKevil", "@127.0.0.1", "evil@192.0.2.9", "Replaces=x"} {
				all = append(all, before+b+after)
			}
		}
	}
	return all
}

// TestInjectedTransfers: whomever a call is to be transferred to, its REFER has the lines that every REFER has, and one address.
func TestInjectedTransfers(t *testing.T) {
	t.Parallel()
	_, p, l := talking(t, nil)
	usual := []string{"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Refer-To", "Referred-By", "Content-Length"}
	texts, sent := append(injections(), "+15550100099", "sip:desk@127.0.0.1"), 0
	for _, to := range texts {
		var target string
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		before := sent
		go func() { ended <- l.Transfer(ctx, to) }()
		for waits := true; waits; {
			select {
			case err := <-ended:
				waits = false
				if err == nil {
					t.Errorf("%q: it is transferred", to)
				}
			default:
				text, ok := p.overheard(time.Millisecond)
				if !ok {
					continue
				}
				head, body, _ := strings.Cut(text, "\r\n\r\n")
				var names []string
				for _, line := range strings.Split(head, "\r\n")[1:] {
					name, value, _ := strings.Cut(line, ": ")
					names = append(names, name)
					if name == "Refer-To" {
						target = value
					}
				}
				slices.Sort(names)
				want := slices.Sorted(slices.Values(usual))
				if !slices.Equal(names, want) || body != "" || strings.ContainsAny(strings.ReplaceAll(head, "\r\n", ""), "\r\n\x00") {
					t.Errorf("%q is on the wire as\n%s", to, text)
				}
				p.decline(head)
				sent = before + 1
			}
		}
		cancel()
		if sent > before && (!strings.HasPrefix(target, "<sip") || strings.Count(target, "<") != 1 || !strings.HasSuffix(target, ">")) {
			t.Errorf("%q is sent as %q", to, target)
		}
	}
	t.Logf("%d texts, %d REFERs", len(texts), sent)
	if sent < 2 {
		t.Error("not even what is right is sent")
	}
	p.leave()
}

// overheard is the next message as it stands; false: none comes for a while.
func (p *phone) overheard(within time.Duration) (string, bool) {
	p.t.Helper()
	buf := make([]byte, 64<<10)
	_ = p.conn.SetReadDeadline(time.Now().Add(within))
	n, err := p.conn.Read(buf)
	return string(buf[:n]), err == nil
}

// decline refuses a request whose head is given.
func (p *phone) decline(head string) {
	p.t.Helper()
	answer := "SIP/2.0 603 Decline\r\n"
	for line := range strings.SplitSeq(head, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			answer += line + "\r\n"
		}
	}
	p.raw(answer + "Content-Length: 0\r\n\r\n")
}

// TestInjectedOrders: a call from or to such a text is not placed, and nothing of it is sent.
func TestInjectedOrders(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	for _, text := range injections() {
		for field, o := range map[string]Order{"to": {To: text, From: "1"}, "from": {To: "1", From: text}} {
			o.Trunk = Trunk{ID: "t", Host: "127.0.0.1", Port: 9, Outbound: true}
			if dialable.MatchString(text) {
				t.Fatalf("%q is harmless", text)
			}
			if _, err := a.Place(o); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s %q: %v", field, text, err)
			}
		}
	}
}

// TestInjectedTrunks: what a trunk's name, realm and user may be written as adds no line to an answer to its challenge.
func TestInjectedTrunks(t *testing.T) {
	t.Parallel()
	for i, text := range injections() {
		if i%29 != 0 { // each is a call: some of every kind
			continue
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := dial(t, func(o *Order) {
				o.Trunk.Username, o.Trunk.Realm, o.Trunk.Name = text, "pbx", text
				o.Trunk.Password = func() (string, error) { return text, nil }
			})
			d.p.tagged(d.p.asked("INVITE"), "b", 407, "", `Proxy-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"`)
			for over := false; !over; {
				select {
				case n := <-d.news:
					over = n.Failure != nil
				default:
					text, ok := d.p.overheard(time.Millisecond)
					if !ok {
						continue
					}
					head, _, _ := strings.Cut(text, "\r\n\r\n")
					for _, line := range strings.Split(head, "\r\n") {
						if strings.HasPrefix(line, "X-Evil") || strings.Count(head, "\r\nVia: ") != 1 || strings.ContainsAny(line, "\r\n\x00") {
							t.Errorf("on the wire:\n%s", text)
						}
					}
					if strings.HasPrefix(head, "INVITE ") {
						d.p.decline(head)
					}
				}
			}
		})
	}
}
