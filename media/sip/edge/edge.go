package edge

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/media/sip/rate"
)

// An Edge is one policy with its counts, for all sockets of a user agent. Its methods are safe for any goroutine.
type Edge struct {
	policy  Policy
	allow   string   // the header
	capable []string // of an OPTIONS' answer
	seed    maphash.Seed
	secret  [32]byte // of Tag
	sources *rate.Sources
	all     *rate.Gate

	counts [outcomes]atomic.Int64
	told   atomic.Int64 // when the last line was logged, in Unix seconds
	silent atomic.Int64 // what was refused since
}

// An outcome is what became of a message.
type outcome uint8

const (
	passed outcome = iota
	answered
	malformed
	dropped
	limited
	unsent
	closed
	outcomes
)

// Stats are an Edge's counts since its beginning.
type Stats struct {
	Passed    int64 // messages that sipgo was given
	Answered  int64 // requests that were answered from here, though well formed
	Malformed int64 // messages, whether they were answered or not
	Dropped   int64 // well-formed messages without an answer
	Limited   int64 // messages past a rate
	Unsent    int64 // messages of ours that were malformed, and not sent
	Closed    int64 // connections that were closed for being slow, deaf, unframed or too many
}

// New makes an Edge.
func New(p Policy) *Edge {
	p = p.withDefaults()
	now := time.Now()
	e := &Edge{policy: p, allow: "Allow: " + strings.Join(p.Methods, ", "), seed: maphash.MakeSeed(), sources: rate.NewSources(p.Source, p.Sources, now), all: rate.NewGate(p.All, now)}
	_, _ = rand.Read(e.secret[:]) // it never fails (crypto/rand)
	e.capable = []string{e.allow, "Accept: application/sdp"}
	if len(p.Extensions) > 0 {
		e.capable = append(e.capable, "Supported: "+strings.Join(p.Extensions, ", "))
	}
	return e
}

// Stats are the counts until now.
func (e *Edge) Stats() Stats {
	n := func(o outcome) int64 { return e.counts[o].Load() }
	return Stats{Passed: n(passed), Answered: n(answered), Malformed: n(malformed), Dropped: n(dropped), Limited: n(limited), Unsent: n(unsent), Closed: n(closed)}
}

// full says whether too many requests have reached sipgo just now; if not, there is one more.
func (e *Edge) full() bool {
	_, ok := e.all.Take(time.Now())
	return !ok
}

// trusted says whether a source has no limits.
func (e *Edge) trusted(a netip.Addr) bool {
	return e.policy.Trusted != nil && e.policy.Trusted(a.Unmap())
}

// tag is the To tag of an answer from here: the same for each copy of a request, and known again in its ACK (RFC 3261, section 8.2.7).
func (e *Edge) tag(callID []byte) string {
	return fmt.Sprintf("e%016x", maphash.Bytes(e.seed, callID))
}

// Tag is the To tag of all answers to an INVITE that opens a dialog, and to its CANCEL: one for both (RFC 3261, section 9.2), as it is made
// of what they have in common. Who gets such a request from sipgo finds it in its To: sipgo answers a CANCEL by itself, and would make up two.
func (e *Edge) Tag(call, branch string, seq uint32) string {
	h := hmac.New(sha256.New, e.secret[:])
	fmt.Fprintf(h, "%s\n%s\n%d", call, branch, seq)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// tagTo gives a request its Tag.
func (e *Edge) tagTo(m *Message) {
	c := cursor{b: m.get(cseq)}
	seq, _ := number(c.run(&digits), 1<<31)
	branch, _ := param(m.top.params, "branch")
	h := &m.headers[m.first[to]-1]
	h.value = append(bytes.Clone(h.value), ";tag="+e.Tag(m.CallID(), string(branch), uint32(seq))...)
	m.odd = true
}

// admit decides about a message that was parsed, fault being why it could not be: it passes, or reply is what to answer (nil: nothing).
func (e *Edge) admit(m *Message, fault error, source netip.AddrPort) (reply []byte, pass bool) {
	if fault != nil {
		e.note(malformed, source, fault.Error())
		if m.status != 0 || m.method == nil || m.Method() == "ACK" {
			return nil, false
		}
		status := 400
		if f := (*Fault)(nil); errors.As(fault, &f) {
			status = f.Status
		}
		return e.reply(m, &Refusal{Status: status, Reason: reason(status) + ": " + fault.Error()}, source), false
	}
	r := e.judge(m, source)
	if r == nil && m.status == 0 && m.Method() != "ACK" && (m.ToTag() == "" || e.policy.Dialog == nil) && !e.trusted(source.Addr()) && e.full() {
		e.note(limited, source, "rate of all")
		return e.reply(m, &Refusal{Status: 503, Headers: []string{"Retry-After: 10"}}, source), false
	}
	switch {
	case r == nil:
		e.counts[passed].Add(1)
		if method := m.Method(); (method == "INVITE" || method == "CANCEL") && m.ToTag() == "" {
			e.tagTo(m)
		}
		return nil, true
	case r.Status == 0:
		e.note(dropped, source, "no answer is due")
		return nil, false
	case r.Status >= 300 && r.Status != 401 && r.Status != 407:
		e.note(answered, source, reason(r.Status))
	default:
		e.counts[answered].Add(1)
	}
	return e.reply(m, r, source), false
}

// note counts an outcome, and tells the log of it unless it was told something within this second.
func (e *Edge) note(o outcome, source netip.AddrPort, why string) {
	e.counts[o].Add(1)
	if e.policy.Log == nil {
		return
	}
	now := time.Now().Unix()
	if last := e.told.Load(); now == last || !e.told.CompareAndSwap(last, now) {
		e.silent.Add(1)
		return
	}
	e.policy.Log.Warn("sip message refused", slog.String("source", source.String()), slog.String("reason", why), slog.Int64("others", e.silent.Swap(0)))
}

// scratch are buffers for checking what we send, which must not be changed.
var scratch = sync.Pool{New: func() any { return new(outgoing) }}

type outgoing struct {
	m Message
	b []byte
}

// sound checks a message of ours and returns what to send: sipgo writes header values as they are, and a wrong one would say on the wire what we
// did not mean.
func (e *Edge) sound(b []byte) ([]byte, error) {
	if len(b) <= 4 && len(bytes.Trim(b, "\r\n")) == 0 {
		return b, nil // keep-alive
	}
	b = bracketed(b)
	o := scratch.Get().(*outgoing)
	defer scratch.Put(o)
	o.b = append(o.b[:0], b...)
	n, err := o.m.Parse(o.b)
	if err == nil && n != len(b) {
		err = bad("message", "has something after its end")
	}
	if err != nil {
		e.counts[unsent].Add(1)
		return nil, fmt.Errorf("send sip message: %w", err)
	}
	if bytes.Contains(b, []byte(untagged)) {
		b = bytes.ReplaceAll(b, []byte(untagged), nil)
	}
	return b, nil
}

// bracketed gives IPv4-mapped addresses in Via their brackets, without which sipgo writes them.
func bracketed(b []byte) []byte {
	const mapped = " ::ffff:"
	for at := bytes.Index(b, []byte(mapped)); at >= 0; at = bytes.Index(b, []byte(mapped)) {
		end := at + len(mapped)
		for end < len(b) && (digits[b[end]] || b[end] == '.') {
			end++
		}
		b = bytes.Join([][]byte{b[:at+1], []byte("["), b[at+1 : end], []byte("]"), b[end:]}, nil)
	}
	return b
}

// addrPort is a socket's address as netip has it.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	case *net.TCPAddr:
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	return netip.AddrPort{}
}
