package main

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestGreet: the line to try next works as it stands, whatever the settings.
func TestGreet(t *testing.T) {
	t.Parallel()
	data, err := filepath.Abs("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cfg  config
		addr net.TCPAddr
		want string
	}{
		{"defaults", config{place: place{DataDir: data}}, net.TCPAddr{IP: net.IPv6zero, Port: 8080}, "bin/parley call"},
		{"another port", config{place: place{DataDir: data}}, net.TCPAddr{IP: net.IPv4zero, Port: 9000}, "bin/parley call http://localhost:9000/twilio/voice"},
		{"another place for data", config{place: place{DataDir: "/srv/parley"}}, net.TCPAddr{IP: net.IPv6zero, Port: 8080}, "bin/parley call --data-dir /srv/parley"},
		{"a token of one's own", config{place: place{DataDir: "/srv/parley"}, TwilioAuthToken: "t"}, net.TCPAddr{IP: net.IPv6zero, Port: 8080}, "bin/parley call"},
		{"behind a proxy", config{place: place{DataDir: data}, TwilioAuthToken: "t", PublicURL: "https://a.example/"}, net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080},
			"bin/parley call --connect 127.0.0.1:8080 https://a.example/twilio/voice"},
	} {
		var out bytes.Buffer
		(&server{cfg: &c.cfg, vendors: &vendors{}, office: &office{}}).greet(&out, &c.addr)
		if _, line, _ := strings.Cut(out.String(), "second terminal:  "); strings.SplitN(line, "\n", 2)[0] != c.want {
			t.Errorf("%s: %q, want %q", c.name, line, c.want)
		}
	}
}
