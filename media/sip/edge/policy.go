package edge

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"parley/media/sip/rate"
)

// A Policy is what passes.
type Policy struct {
	Methods    []string // that our handlers take, with ACK and CANCEL; others are answered 405 before anybody looks at their body
	Extensions []string // option tags that we know: a Require of another is answered 420
	Agent      string   // of the Server header of answers from here; empty: none
	Options    bool     // OPTIONS outside dialogs are answered 200 here, without a transaction; false: they pass

	// Screen is asked about each valid request outside dialogs, by the goroutine that reads its socket: it must not block. What it refuses (401, 403,
	// 503 ...) is answered without a transaction. nil: everything passes.
	Screen func(m *Message, source netip.AddrPort) *Refusal
	// Dialog says whether a Call-ID is one of ours: a request with a To tag and another Call-ID is answered 481. nil: it passes, and counts as any other.
	Dialog func(callID string) bool
	// Trusted sources, a trunk's for instance, have no limits. nil: there are none.
	Trusted func(netip.Addr) bool

	Source  Rate // of the messages of one source (an IPv4 address, a /64 of IPv6); the zero value: 50 a second, 200 at once
	All     Rate // of the requests outside dialogs that reach sipgo from all that are not trusted; the zero value: 250 a second, 500 at once
	Stream  Rate // of the messages and keep-alives of one connection that its peer has made: it is read no faster; the zero value: 25 a second, 50 at once
	Sources int  // how many sources are kept in mind; 0: 65536, which takes 1.5 MiB

	Connections int           // of streams, at most; 0: 4096
	PerSource   int           // of one source; 0: a sixteenth of Connections
	Held        int           // bytes of unfinished messages that streams may hold in all; 0: 8 MiB. Past it, the oldest is closed
	Head        time.Duration // in which a message must be whole once it has begun, and the first of a connection; 0: 10 s
	Idle        time.Duration // without any message or keep-alive after which a connection is closed; 0: 1 h
	Stall       time.Duration // after which a peer that does not read is closed; 0: 5 s

	Log *slog.Logger // what is refused, at most one line a second; nil: none
}

// A Rate is a token bucket's.
type Rate = rate.Limit

// A Refusal is an answer that needs no transaction.
type Refusal struct {
	Status  int      // 0: no answer at all
	Reason  string   // empty: RFC 3261's own
	Headers []string // whole lines without CR LF: "Retry-After: 10"
}

// withDefaults fills in what is zero.
func (p Policy) withDefaults() Policy {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	span := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	if p.Source == (Rate{}) {
		p.Source = Rate{PerSecond: 50, Burst: 200}
	}
	if p.All == (Rate{}) {
		p.All = Rate{PerSecond: 250, Burst: 500}
	}
	if p.Stream == (Rate{}) {
		p.Stream = Rate{PerSecond: 25, Burst: 50}
	}
	or(&p.Sources, 1<<16)
	or(&p.Connections, 4096)
	or(&p.PerSource, max(p.Connections/16, 1))
	or(&p.Held, 8<<20)
	span(&p.Head, 10*time.Second)
	span(&p.Idle, time.Hour)
	span(&p.Stall, 5*time.Second)
	return p
}

// judge says what is wrong with a message that is well formed; nil: it may pass. Responses with more than one hop were not for us (RFC 3261,
// section 8.1.3.3).
func (e *Edge) judge(m *Message, source netip.AddrPort) *Refusal {
	if m.status != 0 {
		if m.hops != 1 {
			return &Refusal{}
		}
		return nil
	}
	if m.Method() == "ACK" {
		if m.ToTag() == e.tag(m.get(callID)) {
			return &Refusal{} // of an answer of ours, which has no transaction
		}
		return nil
	}
	for _, rule := range [...]func(*Message) *Refusal{e.method, branch, e.target, e.extensions, e.content} {
		if r := rule(m); r != nil {
			return r
		}
	}
	if m.ToTag() != "" {
		if e.policy.Dialog != nil && m.Method() != "CANCEL" && !e.policy.Dialog(m.CallID()) {
			return &Refusal{Status: 481}
		}
		return nil
	}
	if e.policy.Options && m.Method() == "OPTIONS" {
		return &Refusal{Status: 200, Headers: e.capable}
	}
	if e.policy.Screen != nil {
		return e.policy.Screen(m, source)
	}
	return nil
}

// method refuses those that nobody handles (RFC 3261, section 8.2.1).
func (e *Edge) method(m *Message) *Refusal {
	for _, known := range e.policy.Methods {
		if known == string(m.method) {
			return nil
		}
	}
	return &Refusal{Status: 405, Headers: []string{e.allow}}
}

// branch refuses the magic cookie with nothing after it, which tells no transaction from another (RFC 4475, section 3.2.1).
func branch(m *Message) *Refusal {
	if b, _ := param(m.top.params, "branch"); bytes.EqualFold(b, []byte("z9hG4bK")) {
		return &Refusal{Status: 400, Reason: "Bad Request: empty Via branch"}
	}
	return nil
}

// target refuses schemes that are not the telephone's (RFC 3261, section 8.2.2.1).
func (e *Edge) target(m *Message) *Refusal {
	for _, known := range [...]string{"sip", "sips", "tel"} {
		if strings.EqualFold(known, string(m.scheme)) {
			return nil
		}
	}
	return &Refusal{Status: 416}
}

// extensions refuses what is required and not known (RFC 3261, section 8.2.2.3).
func (e *Edge) extensions(m *Message) *Refusal {
	if m.first[require] == 0 || m.Method() == "CANCEL" {
		return nil
	}
	var unknown []string
	for _, h := range m.headers {
		if h.kind != require {
			continue
		}
		for tag := range strings.SplitSeq(string(h.value), ",") {
			tag = strings.TrimSpace(tag)
			if !contains(e.policy.Extensions, tag) && tokens.only([]byte(tag)) {
				unknown = append(unknown, tag)
			}
		}
	}
	if unknown == nil {
		return nil
	}
	return &Refusal{Status: 420, Headers: []string{"Unsupported: " + strings.Join(unknown, ", ")}}
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if strings.EqualFold(a, one) {
			return true
		}
	}
	return false
}

// bodies are what a session's requests may carry. Several parts may hold a description beside what a carrier adds.
var bodies = []string{"application/sdp", "multipart/mixed"}

// content refuses a session's body that nobody reads, and a session whose answer may be no description (RFC 3261, sections 8.2.3 and 21.4.7).
func (e *Edge) content(m *Message) *Refusal {
	switch m.Method() {
	case "INVITE", "UPDATE", "PRACK":
	default:
		return nil
	}
	kind, _, _ := strings.Cut(string(m.get(contentType)), ";")
	kind = strings.ReplaceAll(kind, " ", "")
	if len(m.body) > 0 && !contains(bodies, kind) {
		return &Refusal{Status: 415, Headers: []string{"Accept: " + strings.Join(bodies, ", ")}}
	}
	if coding := m.get(contentEncoding); len(coding) > 0 && !bytes.EqualFold(coding, []byte("identity")) {
		return &Refusal{Status: 415, Headers: []string{"Accept-Encoding: identity"}}
	}
	if m.first[accept] != 0 && !accepts(m) {
		return &Refusal{Status: 406}
	}
	return nil
}

// accepts says whether a request takes descriptions for an answer. An empty Accept takes nothing; a range takes what it covers.
func accepts(m *Message) bool {
	for _, h := range m.headers {
		if h.kind != accept {
			continue
		}
		for kind := range strings.SplitSeq(string(h.value), ",") {
			kind, _, _ = strings.Cut(kind, ";")
			if contains([]string{"application/sdp", "application/*", "*/*"}, strings.ReplaceAll(kind, " ", "")) {
				return true
			}
		}
	}
	return false
}
