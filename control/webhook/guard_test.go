package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// hidden are addresses that are not of the internet, or of something else than they seem.
var hidden = []string{
	"0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.1.2.3",
	"127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
	"192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
	"240.0.0.1", "255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:0", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
	"64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1",
	"fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "ff05::2", "::2", "1::1", "4000::1",
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := &guard{}
	for _, a := range hidden {
		if err := g.check("example.com", net.JoinHostPort(a, "443")); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "::ffff:8.8.8.8", "2606:2800:220:1::1", "2a00::1"} {
		if err := g.check("example.com", net.JoinHostPort(a, "443")); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	for port, ok := range map[string]bool{"443": true, "8443": true, "1024": true, "65535": true, "22": false, "25": false, "80": false, "1023": false, "0": false} {
		if err := g.check("example.com", "8.8.8.8:"+port); (err == nil) != ok {
			t.Errorf("port %s: %v", port, err)
		}
	}
	for _, a := range []string{"", "x", "8.8.8.8", "8.8.8.8:https", "[fe80::1%eth0]:443"} {
		if err := g.check("example.com", a); !errors.Is(err, ErrForbidden) {
			t.Errorf("%q: %v", a, err)
		}
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	allow, err := ParseAllow([]string{"10.1.0.0/16", " 192.168.7.9", "fd00:1::/32", "Hooks.Intranet.", "[::1]"})
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{allow: allow}
	for to, ok := range map[string]bool{
		"x 10.1.2.3:80": true, "x [::ffff:10.1.2.3]:443": true, "x 10.2.0.1:443": false, "x 192.168.7.9:25": true, "x 192.168.7.8:443": false, "x [fd00:1::9]:443": true,
		"x [fd00:2::9]:443": false, "hooks.intranet 127.0.0.1:9000": true, "HOOKS.intranet. 10.9.9.9:443": true, "a.hooks.intranet 10.9.9.9:443": false, "x [::1]:443": true,
	} {
		host, address, _ := strings.Cut(to, " ")
		if err := g.check(host, address); (err == nil) != ok {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/33", "https://x", "a b", "*.example.com", "host:80", "u@h"} {
		if _, err := ParseAllow([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestNowhereElse: however a private address is written into a URL, no connection is made: 0 of those that listen there hear anything.
func TestNowhereElse(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "[::]:0") // 127.0.0.1 too
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				close(heard)
				return
			}
			select {
			case heard <- c.RemoteAddr().String():
			default:
			}
			_ = c.Close()
		}
	}()
	port := netip.MustParseAddrPort(ln.Addr().String()).Port()
	client := (&guard{timeout: 20 * time.Second}).client(nil)
	hosts := []string{"127.1", "0", "0x7f000001", "2130706433", "017700000001", "0x7f.1", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "[::]", "[::1]", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "127.0.0.1%00.example.com", "①②⑦.0.0.1", "127。0。0。1", "[fe80::1%25lo]"}
	for _, h := range hidden {
		if a, err := netip.ParseAddr(h); err == nil && a.Zone() == "" {
			hosts = append(hosts, strings.TrimSuffix(net.JoinHostPort(h, ""), ":"))
		}
	}
	for _, h := range hosts {
		for _, p := range []string{fmt.Sprint(":", port), ""} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+h+p+"/", strings.NewReader("{}"))
			if err != nil {
				continue // it is no URL at all
			}
			resp, err := client.Do(req)
			if err == nil {
				resp.Body.Close()
				t.Errorf("%s answers", req.URL)
			}
		}
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if from, ok := <-heard; ok {
		t.Errorf("a connection was made, from %s", from)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://example.com", "HTTPS://example.com:8443/a?b=c", "https://[2606:2800::1]/", "https://bücher.example/"} {
		if err := CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "http://example.com", "https:///x", "https://u@example.com", "https://u:p@example.com", "https://a\x00b", "https://a\r\nb", "https://example.com/\x7f", "https://[::1", "mailto:a@b"} {
		if CheckURL(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
