package voice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// TicketLife is how long a ticket opens its call's recording.
const TicketLife = 5 * time.Minute

// ErrTicket says that a ticket does not open this call, or not any more.
var ErrTicket = errors.New("the link to the recording is not valid or has expired")

// Tickets make links to recordings that open without a key, as a bare <audio> tag needs them: each for one call of one organisation,
// for TicketLife. A ticket is "<expiry>.<organisation>.<mac>"; the call is named by the path, and signed with them.
type Tickets struct {
	secret []byte
}

// NewTickets signs with a secret, which all nodes must share. It must have 16 bytes at least.
func NewTickets(secret []byte) (*Tickets, error) {
	if len(secret) < 16 {
		return nil, errors.New("the secret has fewer than 16 bytes")
	}
	return &Tickets{secret: secret}, nil
}

// Issue makes a ticket.
func (t *Tickets) Issue(org, call string, now time.Time) (ticket string, expires time.Time) {
	expires = now.Add(TicketLife).Truncate(time.Second)
	head := strconv.FormatInt(expires.Unix(), 36) + "." + org
	return head + "." + base64.RawURLEncoding.EncodeToString(t.mac(head, call)), expires
}

// Open tells whose call a ticket opens, or ErrTicket.
func (t *Tickets) Open(ticket, call string, now time.Time) (org string, err error) {
	i := strings.LastIndexByte(ticket, '.')
	if i < 0 {
		return "", ErrTicket
	}
	head := ticket[:i]
	mac, err := base64.RawURLEncoding.DecodeString(ticket[i+1:])
	if err != nil || !hmac.Equal(mac, t.mac(head, call)) {
		return "", ErrTicket
	}
	expiry, org, _ := strings.Cut(head, ".")
	unix, err := strconv.ParseInt(expiry, 36, 64)
	if err != nil || !now.Before(time.Unix(unix, 0)) {
		return "", ErrTicket
	}
	return org, nil
}

func (t *Tickets) mac(head, call string) []byte {
	h := hmac.New(sha256.New, t.secret)
	h.Write([]byte("parley recording\n" + head + "\n" + call))
	return h.Sum(nil)
}
