package access

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestBlockedGrows(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		who   string
		tries int
		want  time.Duration // 0: not blocked
	}{
		{"account x", 1, 0}, {"account x", 4, 0}, {"account x", 5, time.Second}, {"account x", 6, 2 * time.Second}, {"account x", 10, 32 * time.Second},
		{"account x", 14, 512 * time.Second}, {"account x", 15, 15 * time.Minute}, {"account x", 1 << 40, 15 * time.Minute},
		{"address x", 19, 0}, {"address x", 20, time.Second}, {"address x", 100, 15 * time.Minute},
	} {
		got := blocked(c.who, c.tries, now)
		if c.want == 0 && !got.IsZero() || c.want > 0 && got.Sub(now) != c.want {
			t.Errorf("%s after %d tries: %v, want %v", c.who, c.tries, got.Sub(now), c.want)
		}
	}
}

func TestHousehold(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64",
	} {
		if got := household(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s is of %s, want %s", from, got, want)
		}
	}
	if got := household(netip.Addr{}); got != "invalid IP" {
		t.Errorf("no address is %s", got)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"direct, with a forged header", "192.0.2.1:1234", []string{"198.51.100.1"}, "192.0.2.1"},
		{"by a proxy", "10.1.2.3:1234", []string{"192.0.2.1"}, "192.0.2.1"},
		{"by a proxy, forged before", "10.1.2.3:1234", []string{"198.51.100.1, 192.0.2.1"}, "192.0.2.1"},
		{"forged in a header of its own", "10.1.2.3:1234", []string{"198.51.100.1", "192.0.2.1"}, "192.0.2.1"},
		{"by two proxies", "10.1.2.3:1234", []string{"192.0.2.1, 10.9.9.9"}, "192.0.2.1"},
		{"from within", "10.1.2.3:1234", []string{"10.9.9.9"}, "10.9.9.9"},
		{"a proxy that says nothing", "10.1.2.3:1234", nil, "10.1.2.3"},
		{"a proxy that says nonsense", "10.1.2.3:1234", []string{"192.0.2.1, unknown"}, "10.1.2.3"},
		{"IPv6", "[2001:db8::1]:1234", []string{"2001:db9::7"}, "2001:db9::7"},
		{"IPv6 with a port", "[2001:db8::1]:1234", []string{"[2001:db9::7]:80"}, "2001:db9::7"},
		{"IPv4 in IPv6", "[::ffff:10.1.2.3]:1234", []string{"192.0.2.1"}, "192.0.2.1"},
		{"a Unix socket", "@", []string{"192.0.2.1"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := Address(r, trusted); got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
