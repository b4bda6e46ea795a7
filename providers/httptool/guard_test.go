package httptool

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700:4700::1111": true, "172.32.0.1": true, "100.128.0.1": true, "::ffff:8.8.8.8": true, "169.253.1.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "100.100.100.200": false, "168.63.129.16": false, "192.0.0.192": false, "0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false,
		"224.0.0.1": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false,
		"fc00::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false, "2001:0:7f00:1::": false, "2001:db8::1": false, "fec0::1": false, "100::1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v, want %v", address, got, want)
		}
	}
}

// The address that counts is the one that is dialled, not what a name meant when it was looked up before (DNS rebinding).
func TestControl(t *testing.T) {
	t.Parallel()
	g, err := newGuard([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.1.2.3:80": true, "[::ffff:10.1.2.3]:80": true, "[::1]:80": true, "8.8.8.8:443": true, "127.0.0.1:80": false, "[fe80::1%lo]:80": false, "example.com:80": false, "": false,
	} {
		if got := g.control("tcp", address, nil); (got == nil) != want || got != nil && !errors.Is(got, errPrivate) {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	resolver := &net.Resolver{}
	if _, err := resolver.LookupHost(t.Context(), "localhost"); err != nil {
		t.Fatalf("localhost is not known on this machine: %v", err)
	}
	if _, err := g.transport().DialContext(t.Context(), "tcp", "localhost:1"); err == nil {
		t.Error("localhost was dialled")
	}
}

// FuzzAnswer reads whatever a server may send: text that a model can be given, and no crash.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"items":[{"name":"a"},{"name":null}],"n":1e999}`), "application/json", "items[].name")
	f.Add([]byte("caf\xe9"), "text/plain", "a[0]")
	f.Add([]byte(`[[[[1]]]]`), "", "[0][][0]")
	f.Add([]byte("<html>"), "text/html; charset", "x")
	f.Fuzz(func(t *testing.T, body []byte, kind, path string) { fuzzAnswer(t, body, kind, path) })
}
