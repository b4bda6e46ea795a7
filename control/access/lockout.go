package access

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Wrong passwords are counted by account and by address, over all nodes. The first few are free; each one after them makes the next wait
// twice as long. A right one forgets those of its account. An account is its address of email, whether anybody has it or not: so being
// locked out does not tell either.
const (
	freeOfAccount = 5
	freeOfAddress = 20
	firstWait     = time.Second
	longestWait   = 15 * time.Minute
	countedFor    = 24 * time.Hour // after the last one
)

// attempt counts a try before it is made: those who try many at once get no more of them.
func (s *Sessions) attempt(ctx context.Context, email string, from Visitor) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	address, account := triers(email, from)
	wait, err := s.store.Attempt(ctx, []string{address, account}, now, now.Add(-countedFor), func(who string, tries int) time.Time {
		return blocked(who, tries, now)
	})
	if err != nil {
		return fmt.Errorf("count attempt: %w", err)
	}
	if wait > 0 {
		s.log.Info("login locked", "address", from.Address, "wait", wait)
		return Locked{wait}
	}
	return nil
}

// blocked is when the next try is due after that many.
func blocked(who string, tries int, now time.Time) time.Time {
	free := freeOfAccount
	if strings.HasPrefix(who, "address ") {
		free = freeOfAddress
	}
	if tries < free {
		return time.Time{}
	}
	wait := longestWait
	if n := tries - free; n < 20 {
		wait = min(wait, firstWait<<n)
	}
	return now.Add(wait)
}

// triers are who a try is counted for. Addresses of email are hashed: those who try have no say in what we keep.
func triers(email string, from Visitor) (address, account string) {
	return "address " + household(from.Address), "account " + Hash(email)
}

// household is whose an address is: of IPv6, everyone has a /64 to themselves.
func household(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // it is long enough
		return p.String()
	}
	return a.String()
}
