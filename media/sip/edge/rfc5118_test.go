package edge

import (
	"bytes"
	"strings"
	"testing"
)

// rfc5118 are the messages of RFC 5118, section 4, written after its text: IPv6 in SIP.
func rfc5118() []torture {
	register := func(requestURI, via, contact string) []byte {
		return []byte("REGISTER " + requestURI + " SIP/2.0\r\nTo: sip:user@example.com\r\nFrom: sip:user@example.com;tag=81x2\r\nVia: " + via +
			"\r\nCall-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\nContact: " + contact + "\r\nCSeq: 98176 REGISTER\r\nContent-Length: 0\r\n\r\n")
	}
	const via, contact = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111", "\"Caller\" <sip:caller@[2001:db8::1]>"
	sdp := func(lines string) []byte {
		return []byte("INVITE sip:user@[2001:db8::10] SIP/2.0\r\nTo: sip:user@[2001:db8::10]\r\nFrom: sip:user@example.com;tag=81x2\r\nVia: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111\r\nCall-ID: SSG9559905523997077@hlau_4100\r\n" +
			"Contact: \"Caller\" <sip:caller@[2001:db8::20]>\r\nCSeq: 8612 INVITE\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: " + string(appendInt(nil, len(lines))) + "\r\n\r\n" + lines)
	}
	return []torture{
		{"4.1 a reference in brackets", register("sip:[2001:db8::10]", via, contact), true},
		{"4.2 a reference without brackets", register("sip:2001:db8::10", via, contact), false},
		{"4.3 a port that could be the address's end", register("sip:[2001:db8::10:5070]", via, contact), true},
		{"4.4 a port", register("sip:[2001:db8::10]:5070", via, contact), true},
		{"4.5 received in brackets", register("sip:[2001:db8::10]", "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111", contact), true},
		{"4.5 received without", register("sip:[2001:db8::10]", "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3", contact), true},
		{"4.6 addresses in a description", sdp("v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed for today's meeting\r\nc=IN IP6 2001:db8::20\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\n"), true},
		{"4.7 several addresses in headers", []byte("BYE sip:user@host.example.net SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\r\nVia: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200\r\n" +
			"Call-ID: 997077@lau_4100\r\nMax-Forwards: 70\r\nCSeq: 89187 BYE\r\nTo: sip:user@example.net;tag=9817--94\r\nFrom: sip:user@example.com;tag=81x2\r\nContent-Length: 0\r\n\r\n"), true},
		{"4.8 several addresses in a description", sdp("v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\nm=audio 22334 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n"), true},
		{"4.9 an IPv4-mapped address", []byte("INVITE sip:user@example.com SIP/2.0\r\nTo: sip:user@example.com\r\nFrom: sip:user@east.example.com;tag=81x2\r\nVia: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19\r\nVia: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111\r\n" +
			"Call-ID: SSG9559905523997077@hlau_4100\r\nContact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>\r\nCSeq: 612 INVITE\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n"), true},
		{"4.10 three colons, which the grammar once allowed", []byte("OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0\r\nTo: sip:user@[2001:db8:::192.0.2.1]\r\nFrom: sip:user@example.com;tag=810x2\r\nVia: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111\r\n" +
			"Call-ID: G9559905523997077@hlau_4100\r\nCSeq: 689 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"), false},
	}
}

// TestRFC5118 holds the verdict on each, and plays it over UDP and TCP to a user agent that must answer a probe after it.
func TestRFC5118(t *testing.T) {
	t.Parallel()
	for _, m := range rfc5118() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			var parsed Message
			if _, err := parsed.Parse(bytes.Clone(m.data)); (err == nil) != m.accept {
				t.Errorf("%v, want accepted %v", err, m.accept)
			}
			want := 400
			if m.accept {
				want = map[string]int{"REGISTER": 200, "INVITE": 486, "BYE": 481}[strings.Fields(string(m.data))[0]]
			}
			c := newCaller(t, start(t, Policy{}))
			if answer := c.packet(t, m.data, true); statusOf(answer) != want {
				t.Errorf("answered by UDP %q, want %d", answer, want)
			}
			c = newCaller(t, start(t, Policy{})) // or it would be a retransmission to sipgo
			if answer := c.stream(t, m.data, false); statusOf(answer) != want {
				t.Errorf("answered by TCP %q, want %d", answer, want)
			}
		})
	}
}
