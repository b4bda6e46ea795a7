// Package digest proves who a SIP user agent is by a password that is never sent: as the server of our trunks and telephones, and as the client of others'.
//
//	request ──▶ Server.Check ──▶ who it is
//	   ▲            └─ ErrMissing, ErrStale, ErrRefused ──▶ Server.Challenge ──▶ 401
//	   └──────────────────────────────────────────────────────────────┘
//	401 ──▶ Attempt.Answer ──▶ Authorization ──▶ the request again
//
// The server keeps nothing for who has not proved himself: a nonce carries its time and our seal. What it keeps, of those who have, are counts, so that no
// proof is good twice. The client answers nobody but its own trunk, and gives up after two rounds: who can make a gateway answer any
// challenge has its password's hash to work on (FreeSWITCH, CVE-2021-41158).
//
// github.com/icholy/digest computes and reads the headers. Everything is safe for any goroutine, but an Attempt, which is its request's.
//
// Sources: RFC 3261, section 22, RFC 7616 (digest), RFC 8760 (SHA-256 in SIP).
package digest
