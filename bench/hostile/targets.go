// Package hostile is the proof that no URL which a tenant can set leads into the operator's own network.
//
//	Targets ──▶ every way out: webhooks, tools, MCP, credentials' servers, vendors' sockets, recordings ──▶ guard ──✕ listener on every address
//	names ───▶ a DNS server of the test's own: loopback, several addresses, another one each time (rebinding)      ╰ sees no connection
//	bait ────▶ a server that may be asked, and redirects to a target
//
// The addresses are those of this machine, on all of which the test listens, and the well-known ones of clouds and private networks, where it
// cannot; each in every spelling that some program somewhere reads as that address.
package hostile

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// Hosts are the host parts of hostile URLs, as they would stand there: spellings of addresses, and names.
func Hosts() (all []string) {
	for _, text := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200", "168.63.129.16"} {
		all = append(all, spellings(netip.MustParseAddr(text))...)
	}
	all = append(all,
		"[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0.0.0.1]", "[::]", "[::1%25lo]", "[::FFFF:127.0.0.1]",
		"[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[100::1]", "[5f00::1]", "[2001:db8::1]", "[2001::1]", "[3fff::1]",
		"localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "x.localhost", "ip6-localhost", "loopback",
	)
	for i := range 12 {
		all = append(all, fmt.Sprintf("one-%d.hostile.test", i), fmt.Sprintf("rebind-%d.hostile.test", i), fmt.Sprintf("both-%d.hostile.test", i))
	}
	return all
}

// spellings are the ways to write an IPv4 address.
func spellings(a netip.Addr) []string {
	b := a.As4()
	n := binary.BigEndian.Uint32(b[:])
	hex := fmt.Sprintf("%02x%02x:%02x%02x", b[0], b[1], b[2], b[3])
	return []string{
		a.String(), a.String() + ".", fmt.Sprint(n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0X%08X", n), fmt.Sprintf("0%o", n),
		fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]), fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d", b[0], n&0xffffff), fmt.Sprintf("%d.%d.%d", b[0], b[1], n&0xffff), fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]),
		"[::ffff:" + a.String() + "]", "[::ffff:" + hex + "]", "[0:0:0:0:0:ffff:" + a.String() + "]", "[::" + a.String() + "]", "[::ffff:0:" + a.String() + "]",
		"[64:ff9b::" + a.String() + "]", "[64:ff9b:1::" + a.String() + "]", "[2002:" + hex + "::1]", "[2001:0:" + hex + "::1]",
		wide(a.String()), strings.ReplaceAll(a.String(), ".", "。"), "%" + fmt.Sprintf("%x", a.String()[0]) + a.String()[1:],
		"v4-" + strings.ReplaceAll(a.String(), ".", "-") + ".hostile.test",
	}
}

// wide is a text in fullwidth digits, which some resolvers read as plain ones (UTS #46).
func wide(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '\uff10'
		}
		return r
	}, text)
}
