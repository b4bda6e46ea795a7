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

// TicketLife is how long a ticket opens what it is for.
const TicketLife = 5 * time.Minute

// ErrTicket says that a ticket does not open this call, or not any more. Its text may be shown.
var ErrTicket = errors.New("the link or session token is not valid or has expired")

// Purpose is what tickets open of a call. One for another purpose is no ticket.
type Purpose string

// The purposes of tickets.
const (
	ForRecording Purpose = "recording" // its sound, in a bare <audio> tag
	ForLive      Purpose = "live"      // its socket
	ForFile      Purpose = "file"      // of a file of a conversation, in place of a call: its bytes
)

// Tickets open without a key what browsers can send no header for: each one call of one organisation, for TicketLife. A ticket is
// "<expiry>.<organisation>.<mac>"; the call is named by the path, and signed with them.
type Tickets struct {
	secret  []byte
	purpose Purpose
}

// NewTickets signs with a secret, which all nodes must share. It must have 16 bytes at least.
func NewTickets(secret []byte, p Purpose) (*Tickets, error) {
	if len(secret) < 16 {
		return nil, errors.New("the secret has fewer than 16 bytes")
	}
	return &Tickets{secret: secret, purpose: p}, nil
}

// Issue makes a ticket.
func (t *Tickets) Issue(org, call string, now time.Time) (ticket string, expires time.Time) {
	return t.IssueUntil(org, call, now.Add(TicketLife))
}

// IssueUntil makes a ticket that opens for another while.
func (t *Tickets) IssueUntil(org, call string, until time.Time) (ticket string, expires time.Time) {
	expires = until.Truncate(time.Second)
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
	h.Write([]byte("parley " + string(t.purpose) + "\n" + head + "\n" + call))
	return h.Sum(nil)
}
