package webrtc

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func check(t *testing.T, username string) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("odd"), stun.NewUsername(username))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// TestPort: checks go by their names, all else by who has answered its source last, and nothing of it allocates.
func TestPort(t *testing.T) {
	p, err := openPort(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	at := p.GetListenAddresses()[0]
	seats := map[string]*seat{}
	for _, name := range []string{"old", "new"} {
		conn, err := p.GetConn(name, at)
		if err != nil {
			t.Fatal(err)
		}
		seats[name], _ = conn.(*seat)
	}
	browser, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	where := netip.MustParseAddrPort(browser.LocalAddr().String())
	b := make([]byte, maxDatagram)
	gets := func(name string, packet []byte) {
		t.Helper()
		if _, err := browser.WriteTo(packet, at); err != nil {
			t.Fatal(err)
		}
		_ = seats[name].SetReadDeadline(time.Now().Add(patience))
		n, from, err := seats[name].ReadFromAddrPort(b)
		if err != nil || from != where || !bytes.Equal(b[:n], packet) {
			t.Fatalf("%s got %x from %v: %v", name, b[:n], from, err)
		}
	}
	sound := []byte{128, 0, 1}
	if _, err := browser.WriteTo(sound, at); err != nil { // nobody's: it is not kept for anybody
		t.Fatal(err)
	}
	gets("old", check(t, "old:them"))
	if _, err := seats["old"].WriteToAddrPort(sound, where); err != nil {
		t.Fatal(err)
	}
	gets("old", sound)
	gets("new", check(t, "new:them"))
	gets("old", sound)
	if _, err := seats["new"].WriteToAddrPort(sound, where); err != nil {
		t.Fatal(err)
	}
	gets("new", sound)
	gets("old", check(t, "old:them")) // still by its name
	p.RemoveConnByUfrag("old")
	gets("new", sound)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = seats["new"].WriteToAddrPort(sound, where)
		_, _ = browser.WriteTo(sound, at)
		_, _, _ = seats["new"].ReadFromAddrPort(b)
	}); n > 0 {
		t.Errorf("a packet each way allocates %v times", n)
	}
	_ = seats["new"].SetReadDeadline(time.Now())
	if _, _, err := seats["new"].ReadFromAddrPort(b); err == nil {
		t.Error("a read beyond its deadline succeeded")
	}
	if _, err := p.GetConn("x", &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}); err == nil {
		t.Error("there is a seat at an address that is not ours")
	}
}

// FuzzChecked: whatever comes, nothing beyond it is looked at.
func FuzzChecked(f *testing.F) {
	f.Add([]byte{0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 3, 'a', ':', 'b', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		name, ok := checked(b)
		if !ok && name != nil || len(name) > len(b) {
			t.Errorf("%x names %x", b, name)
		}
		if ok {
			var m stun.Message
			if err := stun.Decode(b, &m); err == nil && name != nil {
				if user, err := m.Get(stun.AttrUsername); err != nil || !bytes.HasPrefix(user, name) {
					t.Errorf("%x names %x, and %x by pion", b, name, user)
				}
			}
		}
	})
}
