//go:build e2e

package main

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip"
)

// A switchboard is somebody else's telephone, over real sockets: it hears how much is said to it, and hangs up when that is enough.
type switchboard struct {
	*sip.Agent
	heard chan time.Duration
	rings time.Duration // before it answers
	rang  atomic.Int64  // how many calls have
}

func newSwitchboard(t *testing.T, enough time.Duration, trunks ...sip.Trunk) *switchboard {
	t.Helper()
	return newSlowSwitchboard(t, 0, enough, trunks...)
}

// newSlowSwitchboard is one that rings before it answers.
func newSlowSwitchboard(t *testing.T, rings, enough time.Duration, trunks ...sip.Trunk) *switchboard {
	t.Helper()
	ports, err := rtp.NewPorts(rtp.PortsOptions{Bind: netip.MustParseAddr("127.0.0.1"), First: 30000, Last: 31000})
	if err != nil {
		t.Fatal(err)
	}
	b := &switchboard{heard: make(chan time.Duration, 8), rings: rings}
	b.Agent, err = sip.New(sip.Options{
		Listen: []sip.Listener{{Transport: "udp", Address: netip.MustParseAddrPort("127.0.0.1:0")}},
		Trunks: func() []sip.Trunk { return trunks },
		Ports:  ports, Open: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Admit:  func(context.Context, sip.Incoming) sip.Verdict { b.rang.Add(1); return sip.Verdict{Ring: b.rings} },
		Answer: func(_ context.Context, leg media.Leg) { b.heard <- listenFor(leg, enough) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// listenFor says silence to a leg until it has heard enough sound, or the leg has ended, and returns how much it has heard.
func listenFor(leg media.Leg, enough time.Duration) (heard time.Duration) {
	silence := make([]int16, leg.Info().Rate/50)
	for heard < enough {
		p, err := leg.Receive()
		if err != nil {
			return heard
		}
		loud := false
		for _, s := range p.Frame.PCM {
			loud = loud || s > 500 || s < -500
		}
		if loud {
			heard += media.FrameTime
		}
		if len(p.Frame.PCM) > 0 && leg.Send(media.Frame{PCM: silence, Rate: leg.Info().Rate}) != nil {
			return heard
		}
	}
	return heard
}

// TestEndToEndSIP: the agent answers a call by SIP, and calls somebody by a trunk; both hear it speak.
func TestEndToEndSIP(t *testing.T) {
	t.Parallel()
	b := newSwitchboard(t, time.Second)
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_RTP_PORTS=31002-32000", "PARLEY_RTP_BIND=127.0.0.1")
	port := n.sipPort()
	id, err := b.Place(sip.Order{Trunk: sip.Trunk{Host: "127.0.0.1", Port: port, Outbound: true}, From: "+15550100001", To: "+15550100002"})
	if err != nil {
		t.Fatal(err)
	}
	b.hears(t, "who calls")
	waitFor(t, "the call is counted", func() bool { return n.metric("parley_calls_total", `cause="caller"`) == 1 })

	if q := n.record(id).Quality; q == nil || q.MOS < 4 || q.Received < 50 || q.Sent < 50 {
		t.Errorf("the record's quality: %+v", q)
	}

	own := b.Addresses()[0].Port()
	env := []string{"PARLEY_API_KEY=" + testKey}
	for _, args := range [][]string{
		{"trunks", "set", "Peer", "--host=127.0.0.1", "--port=" + strconv.Itoa(int(own)), "--url=" + n.url},
		{"numbers", "set", "+15550100002", "--trunk=Peer", "--url=" + n.url},
		{"dial", "--agent=Receptionist", "--url=" + n.url, "+15550100003"},
	} {
		if out, code := command(t, env, args...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	b.hears(t, "who is called")
	waitFor(t, "the trunk answers", func() bool {
		out, code := command(t, env, "trunks", "--url="+n.url)
		return code == 0 && regexp.MustCompile(`Peer .* up `).MatchString(out)
	})
	if v := n.metric("parley_sip_requests_total", `direction="out"`, `method="INVITE"`, `code="200"`); v != 1 {
		t.Errorf("%v INVITEs were answered", v)
	}
}

// hears waits until somebody has heard enough.
func (b *switchboard) hears(t *testing.T, who string) {
	t.Helper()
	select {
	case d := <-b.heard:
		if d < time.Second {
			t.Fatalf("%s has heard %v of sound", who, d)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s has heard nothing", who)
	}
}

// sipPort is where the server listens for SIP.
func (n *node) sipPort() (port int) {
	n.t.Helper()
	waitFor(n.t, "it says where it listens", func() bool {
		m := regexp.MustCompile(`Calls by SIP: udp://127\.0\.0\.1:(\d+)`).FindStringSubmatch(n.out.String())
		if m != nil {
			port, _ = strconv.Atoi(m[1])
		}
		return m != nil
	})
	return port
}

// TestEndToEndSIPDrain: a number that rings when the server is told to stop is not hung up on: whoever answers is spoken to.
func TestEndToEndSIPDrain(t *testing.T) {
	t.Parallel()
	b := newSlowSwitchboard(t, 4*time.Second, time.Second)
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_RTP_PORTS=33402-33800", "PARLEY_RTP_BIND=127.0.0.1")
	for _, args := range [][]string{
		{"trunks", "set", "Peer", "--host=127.0.0.1", "--port=" + strconv.Itoa(int(b.Addresses()[0].Port())), "--url=" + n.url},
		{"numbers", "set", "+15550100002", "--trunk=Peer", "--url=" + n.url},
	} {
		if out, code := command(t, []string{"PARLEY_API_KEY=" + testKey}, args...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	n.plan("+15550100003")
	waitFor(t, "it rings", func() bool { return b.rang.Load() == 1 })
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.hears(t, "who is called")
}

// TestEndToEndSIPTransfer: a caller whose telephone refuses REFER is joined by us with somebody who is called by the same trunk, and one with
// a softphone that has registered.
func TestEndToEndSIPTransfer(t *testing.T) {
	t.Parallel()
	b := newSwitchboard(t, time.Hour)
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_RTP_PORTS=32002-33000", "PARLEY_RTP_BIND=127.0.0.1")
	port := n.sipPort()
	for _, args := range [][]string{
		{"trunks", "set", "Peer", "--host=127.0.0.1", "--port=" + strconv.Itoa(int(b.Addresses()[0].Port())), "--url=" + n.url},
		{"numbers", "set", "+15550100002", "--trunk=Peer", "--url=" + n.url},
	} {
		if out, code := command(t, []string{"PARLEY_API_KEY=" + testKey}, args...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	var anna struct{ Password string }
	n.into(n.api(http.MethodPost, "/api/v1/extensions", map[string]any{"username": "anna"}), &anna)
	softphone := newSwitchboard(t, time.Hour, sip.Trunk{
		ID: "own", Host: "127.0.0.1", Port: port, Username: "anna", Realm: "parley", Password: func() (string, error) { return anna.Password, nil }, Registers: true,
	})
	waitFor(t, "the softphone is registered", func() bool {
		states := softphone.TrunkStates()
		return len(states) == 1 && states[0].Registered
	})
	for to, answers := range map[string]func() bool{
		"+15550100099": func() bool { return b.Dialogs() == 2 },
		"ext:anna":     func() bool { return softphone.Dialogs() == 1 },
	} {
		placed := make(chan *sip.Leg, 1)
		id, err := b.Place(sip.Order{
			Trunk: sip.Trunk{Host: "127.0.0.1", Port: port, Outbound: true}, From: "+15550100001", To: "+15550100002",
			Told: func(e sip.News) {
				if e.Leg != nil {
					placed <- e.Leg
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		leg := <-placed
		if a := n.api(http.MethodPost, "/api/v1/calls/"+n.going().ID+"/transfer", map[string]any{"to": to, "say": "One moment."}); a.Status != http.StatusOK {
			t.Fatalf("the transfer to %s is not taken: %d %s", to, a.Status, a.Error)
		}
		until(t, time.Minute, to+" answers", answers) // the greeting is heard first
		_ = leg.Hangup(media.CauseCaller)
		if done := n.record(id); done.Cause != "caller" || !strings.Contains(done.text("system"), "connected to "+to) {
			t.Errorf("the call with %s ended with cause %q: %s", to, done.Cause, done.text("system"))
		}
		waitFor(t, "nobody is left", func() bool { return b.Dialogs()+softphone.Dialogs() == 0 })
	}
}

// TestEndToEndSIPRefer: a far end that takes the REFER, tells by NOTIFY how the new call goes and in the end that it was answered, has the
// caller; the record says so.
func TestEndToEndSIPRefer(t *testing.T) {
	t.Parallel()
	sipp, err := exec.LookPath("sipp")
	if err != nil {
		t.Fatal("sipp is not installed: run apt-get install sip-tester, or make setup-test")
	}
	n := serve(t, "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_RTP_PORTS=33002-33400", "PARLEY_RTP_BIND=127.0.0.1")
	scenario, err := filepath.Abs("testdata/refer_accepted.xml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), sipp, "-sf", scenario, "-m", "1", "-i", "127.0.0.1", "-s", "+15550100002", "-nostdin", "-timeout", "90s", "-timeout_error",
		"-cid_str", "refer-%u", "127.0.0.1:"+strconv.Itoa(n.sipPort()))
	cmd.Dir = t.TempDir()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	call := n.going()
	if a := n.api(http.MethodPost, "/api/v1/calls/"+call.ID+"/transfer", map[string]any{"to": "+15550100099", "say": "One moment."}); a.Status != http.StatusOK {
		t.Fatalf("the transfer is not taken: %d %s", a.Status, a.Error)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("sipp: %v\n%s", err, said.String())
	}
	done := n.record("refer-1")
	if done.Cause != "transfer" || done.Status != "completed" {
		t.Errorf("the call ended with cause %q, status %q", done.Cause, done.Status)
	}
	if v := n.metric("parley_events_total", `kind="transferred"`); v != 1 {
		t.Errorf("%v calls were transferred", v)
	}
}
