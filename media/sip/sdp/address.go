package sdp

import (
	"fmt"
	"net/netip"
)

// Where calls cannot be, though netip has no word for it. 64:ff9b::/96 is IPv4 behind a translator (RFC 6052), and looked through.
var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	reserved    = netip.MustParsePrefix("240.0.0.0/4") // with the broadcast address
	translated  = netip.MustParsePrefix("64:ff9b::/96")
	compatible  = netip.MustParsePrefix("::/96") // IPv4 as IPv6 once wrote it (RFC 4291, section 2.5.5.1), and ::1
)

// lowestPort is where a user agent's ports begin: what is below are a system's services, and no telephone.
const lowestPort = 1024

// reachable checks that RTP may be sent to an address: not this machine (unless loopback says so), not many machines, not a link's own
// addresses (where clouds keep their secrets), and none of these in IPv6's clothes (coturn's CVE-2020-26262).
func reachable(to netip.AddrPort, loopback bool) error {
	a := to.Addr().Unmap()
	if translated.Contains(a) || compatible.Contains(a) && !a.IsLoopback() {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case !a.IsValid():
		return fmt.Errorf("c=: %w: it is not a numeric address", ErrAddress)
	case a.IsUnspecified(), thisNetwork.Contains(a), reserved.Contains(a), a.IsMulticast(), a.IsLinkLocalUnicast():
		return fmt.Errorf("c=: %w: %s", ErrAddress, to.Addr())
	case a.IsLoopback() && !loopback:
		return fmt.Errorf("c=: %w: %s is this machine", ErrAddress, to.Addr())
	case to.Port() < lowestPort:
		return fmt.Errorf("m= port: %w: %d is below %d", ErrAddress, to.Port(), lowestPort)
	}
	return nil
}
