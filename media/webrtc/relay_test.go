package webrtc

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/media/webrtc/relay"
)

// relayed is a house with a relay beside it, whose credentials are those of every answer.
func relayed(t *testing.T) (*house, *relay.Relay, Relay) {
	t.Helper()
	var told Relay
	h := newHouse(t, Options{Relays: func(*http.Request, Grant) []Relay { return []Relay{told} }})
	r, err := relay.Listen(t.Context(), relay.Options{Address: "127.0.0.1:0", Ways: h.Ways(), Secret: []byte("a secret of 32 characters or more")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	told.URLs = r.URLs("127.0.0.1")
	told.Name, told.Credential = r.Credentials("a-token", time.Now().Add(time.Minute))
	return h, r, told
}

// TestRelayOnly: a page that reaches nothing but the relay, over UDP or TCP, holds a call.
func TestRelayOnly(t *testing.T) {
	t.Parallel()
	h, r, told := relayed(t)
	for _, url := range told.URLs {
		p := newPage(t, h, asks{relays: []webrtc.ICEServer{{URLs: []string{url}, Username: told.Name, Credential: told.Credential}}})
		p.call()
		l := h.leg()
		p.connected()
		keys, _, _ := listen(l)
		if err := p.mouth.press('5', 8000); err != nil {
			t.Fatal(err)
		}
		if k := next(t, "a key by the relay", keys); k != '5' {
			t.Errorf("%s: the key is %c", url, k)
		}
		if !l.Tell([]byte("by the relay")) || next(t, "a message", p.told) != "by the relay" {
			t.Errorf("%s: no message comes", url)
		}
		pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		if err != nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
			t.Errorf("%s: the way is %v, %v", url, pair, err)
		}
	}
	if r.Stats.Allocated.Load() < 2 {
		t.Errorf("%d allocations were made", r.Stats.Allocated.Load())
	}
}

// TestRelayTold: the answer to an offer tells of the relay, a URL in each Link.
func TestRelayTold(t *testing.T) {
	t.Parallel()
	h, _, told := relayed(t)
	a := h.ask("POST", "/webrtc/whip", typeSDP, h.token(), offerText)
	links := a.Header.Values("Link")
	if a.StatusCode != 201 || len(links) != 2 {
		t.Fatalf("%d, links %q", a.StatusCode, links)
	}
	for i, link := range links {
		want := "<" + told.URLs[i] + `>; rel="ice-server"; username="` + told.Name + `"; credential="` + told.Credential + `"; credential-type="password"`
		if link != want {
			t.Errorf("link %s, want %s", link, want)
		}
	}
	if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Link") {
		t.Error("pages of other origins cannot read it")
	}
}

// TestWays: each address that pages may be told of leads to one of the port's own, and no two to the same.
func TestWays(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	for _, c := range []struct {
		at     string
		public []netip.Addr
		want   []string // without the port, which is the same everywhere
	}{
		{"127.0.0.1:0", nil, []string{"127.0.0.1 127.0.0.1"}},
		{"127.0.0.1:0", []netip.Addr{addr("203.0.113.9")}, []string{"203.0.113.9 127.0.0.1"}},
		{"127.0.0.1:0", []netip.Addr{addr("203.0.113.9"), addr("203.0.113.10"), addr("2001:db8::9")}, []string{"203.0.113.9 127.0.0.1"}},
	} {
		p, err := openPort(t.Context(), c.at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for told, way := range (&Server{o: Options{Public: c.public}, doors: doors{udp: p}}).Ways() {
			got = append(got, told.Addr().String()+" "+way.Addr().String())
			if told.Port() != way.Port() {
				t.Errorf("%v leads to %v", told, way)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s, %v: %v, want %v", c.at, c.public, got, c.want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
