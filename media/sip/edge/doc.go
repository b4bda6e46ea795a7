// Package edge stands between the network and sipgo: every SIP message is checked here before sipgo sees it, and what we send is checked too.
//
//	socket ──▶ source's bucket ──▶ Parse ──▶ Policy ──▶ all's bucket ──▶ canonical form ──▶ sipgo ──▶ handlers
//	                 │                │         │             │
//	               drop          400, 505   405, 415, 416,   drop                handlers ──▶ Sound ──▶ sipgo ──▶ socket
//	                            or drop    420, 481, yours
//
// Packets wraps a UDP socket, Streams a listener of TCP or TLS; both are given to sipgo's ServeUDP, ServeTCP and ServeTLS in place of
// what they wrap. What is refused is answered from here without any state, or dropped where an answer would be wrong (responses, ACK) or would
// serve an attacker; sipgo keeps a transaction of some kilobytes for half a minute for whatever reaches it.
//
// Why: sipgo is a transaction layer and no safe edge. Version 1.7.2 agrees with RFC 4475 on 41 of its 49 messages: it answers 200 to a
// request without To, From and Call-ID, to one with two Content-Lengths and to one of SIP/7.0, and it refuses a valid one for its folded
// lines. What passes here is valid and, where sipgo would misread it, rewritten into the plainest form that means the same.
//
// Sources: RFC 3261 (above all sections 7, 8.2, 18 and 25), RFC 4475 (torture), RFC 5118 (IPv6), RFC 3581 (rport), RFC 5626 (keep-alive).
package edge
