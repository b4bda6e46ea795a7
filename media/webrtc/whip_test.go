package webrtc

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

// offerText is an offer as a browser makes it (shared/wire/webrtc_sip.md, section 1).
var offerText = strings.ReplaceAll(`v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110
c=IN IP4 0.0.0.0
a=ice-ufrag:aB3d
a=ice-pwd:0123456789abcdef01234567
a=ice-options:trickle
a=fingerprint:sha-256 `+strings.TrimSuffix(strings.Repeat("AB:", 32), ":")+`
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtcp-mux-only
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:110 telephone-event/8000
`, "\n", "\r\n")

const candidateText = "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:aB3d\r\na=ice-pwd:0123456789abcdef01234567\r\n" +
	"a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"

// TestWHIP walks through RFC 9725: what each request is answered, and with which headers.
func TestWHIP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	const at = "/webrtc/whip"
	for _, c := range []struct {
		name, method, kind, token, body string
		want                            int
	}{
		{"no token", "POST", typeSDP, "", offerText, 401},
		{"a wrong token", "POST", typeSDP, "nobody", offerText, 401},
		{"what is elsewhere", "POST", typeSDP, "absent", offerText, 503},
		{"what is over", "POST", typeSDP, "absent for good", offerText, 404},
		{"another type", "POST", "text/plain", "org-w", offerText, 415},
		{"no type", "POST", "", "org-w", offerText, 415},
		{"no SDP", "POST", typeSDP, "org-w", "hello", 400},
		{"nothing", "POST", typeSDP, "org-w", "", 422},
		{"too long", "POST", typeSDP, "org-w", strings.Repeat("a", 1<<17), 413},
		{"GET", "GET", "", "", "", 204},
		{"PUT", "PUT", typeSDP, "org-w", offerText, 405},
		{"no such call", "PATCH", typeFragment, "org-w", candidateText, 404},
		{"nor one to end", "DELETE", "", "org-w", "", 404},
	} {
		path := at
		if c.method == "PATCH" || c.method == "DELETE" {
			path += "/nobody"
		}
		a := h.ask(c.method, path, c.kind, c.token, c.body)
		if a.StatusCode != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, a.StatusCode, c.want, text(a))
		}
		if kind := a.Header.Get("Content-Type"); c.want >= 400 && kind != "application/problem+json" {
			t.Errorf("%s: the answer is %q", c.name, kind)
		}
	}
	if a := h.ask("OPTIONS", at, "", "", ""); a.StatusCode != 200 || a.Header.Get("Accept-Post") != typeSDP ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("OPTIONS: %d %v", a.StatusCode, a.Header)
	}

	a := h.ask("POST", at, typeSDP+"; charset=utf-8", "org-w", offerText) // refusals have left the token as it was
	url, tag, answer := a.Header.Get("Location"), a.Header.Get("ETag"), text(a)
	if a.StatusCode != 201 || a.Header.Get("Content-Type") != typeSDP || tag != `"ice-1"` || !strings.HasPrefix(url, at+"/") || len(url) < len(at)+30 {
		t.Fatalf("POST: %d %v\n%s", a.StatusCode, a.Header, answer)
	}
	for _, line := range []string{"a=ice-lite", "a=setup:passive", "a=group:BUNDLE 0", "a=sendrecv", "a=rtcp-mux", "a=end-of-candidates", "a=mid:0"} {
		if !strings.Contains(answer, line+"\r\n") {
			t.Errorf("the answer lacks %s:\n%s", line, answer)
		}
	}
	if a := h.ask("POST", at, typeSDP, "org-w", offerText); a.StatusCode != 401 {
		t.Errorf("the token opens a second call: %d", a.StatusCode)
	}
	restart := strings.NewReplacer("aB3d", "eF5g", "0123456789abcdef", "fedcba9876543210").Replace(candidateText)
	for _, c := range []struct {
		name, method, kind, token, match, body string
		want                                   int
		tag                                    string
	}{
		{"candidates", "PATCH", typeFragment, "org-w", tag, candidateText, 204, ""},
		{"one of several tags", "PATCH", typeFragment, "org-w", `"x", ` + tag, candidateText, 204, ""},
		{"no tag", "PATCH", typeFragment, "org-w", "", candidateText, 428, ""},
		{"another tag", "PATCH", typeFragment, "org-w", `"ice-7"`, candidateText, 412, ""},
		{"a weak tag", "PATCH", typeFragment, "org-w", "W/" + tag, candidateText, 412, ""},
		{"another type", "PATCH", typeSDP, "org-w", tag, candidateText, 415, ""},
		{"no fragment", "PATCH", typeFragment, "org-w", tag, "hello", 400, ""},
		{"half a candidate", "PATCH", typeFragment, "org-w", tag, "a=candidate:1 1 udp\r\n", 400, ""},
		{"a short password", "PATCH", typeFragment, "org-w", "*", "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", 400, ""},
		{"another's token", "PATCH", typeFragment, "org-x", tag, candidateText, 401, ""},
		{"another's token ends nothing", "DELETE", "", "org-x", "", "", 401, ""},
		{"new credentials by the old tag", "PATCH", typeFragment, "org-w", tag, restart, 400, ""},
		{"a restart", "PATCH", typeFragment, "org-w", "*", restart, 200, `"ice-2"`},
		{"the tag of before", "PATCH", typeFragment, "org-w", tag, candidateText, 412, ""},
		{"the new tag", "PATCH", typeFragment, "org-w", `"ice-2"`, restart, 204, ""},
		{"the end", "DELETE", "", "org-w", `"ice-7"`, "", 200, ""},
	} {
		var header []string
		if c.match != "" {
			header = []string{"If-Match", c.match}
		}
		a := h.ask(c.method, url, c.kind, c.token, c.body, header...)
		if got := text(a); a.StatusCode != c.want || a.Header.Get("ETag") != c.tag || c.want == 204 && got != "" {
			t.Errorf("%s: %d with ETag %q, want %d with %q: %s", c.name, a.StatusCode, a.Header.Get("ETag"), c.want, c.tag, got)
		} else if c.want == 200 && c.tag != "" && (!strings.Contains(got, "a=ice-ufrag:") || !strings.Contains(got, "a=candidate:")) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	eventually(t, "the call is gone", func() bool { return h.Live() == 0 })
	if a := h.ask("DELETE", url, "", "org-w", ""); a.StatusCode != 404 {
		t.Errorf("DELETE of a call that is over: %d", a.StatusCode)
	}
	if n := h.Stats.Refused[RefusedToken].Load(); n < 5 {
		t.Errorf("%d requests were counted as without a good token", n)
	}
}

// TestBadOffers: what cannot be is refused whole, and named.
func TestBadOffers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	for _, c := range []struct {
		from, to string
		status   int
		names    string
	}{
		{"m=audio 9", "m=video 9", 422, "m=video"},
		{"m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP", 422, "RTP/AVP"},
		{"a=sendrecv", "a=recvonly", 422, "recvonly"},
		{"a=sendrecv", "a=inactive", 422, "inactive"},
		{"a=rtcp-mux\r\n", "", 422, "rtcp-mux"},
		{"a=group:BUNDLE 0\r\n", "", 422, "BUNDLE"},
		{"a=group:BUNDLE 0\r\n", "a=group:BUNDLE 0 1\r\n", 422, "BUNDLE"},
		{"111 0 8 110", "96", 422, "codec"},
		{"111 0 8 110", "0 999", 400, "payload type"},
		{"a=setup:actpass", "a=setup:holdconn", 400, "a=setup"},
		{"a=ice-ufrag:aB3d", "a=ice-ufrag:a", 400, "ice-ufrag"},
		{"a=ice-ufrag:aB3d", "a=ice-ufrag:a b3d", 400, "ice-ufrag"},
		{"a=ice-pwd:0123456789abcdef01234567\r\n", "", 400, "ice-pwd"},
		{"a=fingerprint:sha-256 AB", "a=fingerprint:sha-256 A", 400, "fingerprint"},
		{"a=fingerprint:sha-256", "a=fingerprint:md5", 400, "fingerprint"},
		{"a=mid:0\r\n", "", 400, "a=mid"},
		{"a=mid:0\r\n", "a=mid:\x00\r\n", 400, "a=mid"},
		{"m=audio", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\nm=audio", 422, "m=audio"},
	} {
		token := h.token()
		a := h.ask("POST", "/webrtc/whip", typeSDP, token, strings.Replace(offerText, c.from, c.to, 1))
		if got := text(a); a.StatusCode != c.status || !strings.Contains(got, c.names) {
			t.Errorf("%q for %q: %d %s, want %d that names %s", c.to, c.from, a.StatusCode, got, c.status, c.names)
		}
	}
	if n := h.Live(); n != 0 {
		t.Errorf("%d calls were opened", n)
	}
}

// TestBusy: a server that is full, drains or is asked too much says so, and leaves the token as it was.
func TestBusy(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{Limits: Limits{Calls: 1}})
	first, second := h.token(), h.token()
	one := h.ask("POST", "/webrtc/whip", typeSDP, first, offerText)
	if one.StatusCode != http.StatusCreated {
		t.Fatalf("the first: %d", one.StatusCode)
	}
	if a := h.ask("POST", "/webrtc/whip", typeSDP, second, offerText); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %v", a.StatusCode, a.Header)
	}
	h.ask("DELETE", one.Header.Get("Location"), "", first, "")
	eventually(t, "the first is gone", func() bool { return h.Live() == 0 })
	if a := h.ask("POST", "/webrtc/whip", typeSDP, second, offerText); a.StatusCode != 201 {
		t.Errorf("the second, again: %d", a.StatusCode)
	}
	h.Drain()
	if a := h.ask("POST", "/webrtc/whip", typeSDP, h.token(), offerText); a.StatusCode != 503 {
		t.Errorf("while draining: %d", a.StatusCode)
	}
}

// TestFallback: a build without Opus, and a browser without it, speak G.711.
func TestFallback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opus   bool
		kinds  string
		want   string
		events uint8
	}{
		{true, "111 0 8 110", "opus", 0}, // its events would have another clock
		{false, "111 0 8 110", "PCMU", 110},
		{false, "111 8 0 110", "PCMA", 110},
		{true, "8 0 110", "PCMA", 110},
	} {
		o, err := readOffer([]byte(strings.Replace(offerText, "111 0 8 110", c.kinds, 1)), c.opus)
		if err != nil {
			t.Fatal(err)
		}
		if o.codec.Name != c.want || o.events != c.events {
			t.Errorf("%v: %s with events %d, want %s with %d", c, o.codec.Name, o.events, c.want, c.events)
		}
	}
}

// TestOneWay: a page that only sends is only heard (RFC 9725, section 4.2).
func TestOneWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	p := newPage(t, h, asks{direction: webrtc.RTPTransceiverDirectionSendonly, silent: true})
	p.call()
	l := h.leg()
	if !strings.Contains(p.pc.RemoteDescription().SDP, "a=recvonly\r\n") {
		t.Errorf("the answer to sendonly is\n%s", p.pc.RemoteDescription().SDP)
	}
	if l.Tell([]byte("nobody")); l.Info().Owners[0] != p.token || l.Info().Params["agent_id"] != "a" {
		t.Errorf("the leg is %+v", l.Info())
	}
}

// FuzzOffer: no offer, and no fragment, does more than be refused.
func FuzzOffer(f *testing.F) {
	f.Add([]byte(offerText))
	f.Add([]byte(candidateText))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := readOffer(b, true); err == nil {
			text := (&answer{offer: &o}).sdp()
			if strings.Count(text, "\nm=") != len(o.bundle) {
				t.Errorf("the answer to %q has other sections: %q", b, text)
			}
		} else if s := faultOf(err).status; s != 400 && s != 422 {
			t.Errorf("%v is a %d", err, s)
		}
		if _, err := readFragment(b); err != nil && faultOf(err).status != 400 {
			t.Error(err)
		}
	})
}
