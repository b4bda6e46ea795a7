// Package rtp carries one call's sound over UDP: ports that no other call's packets can reach, RTP, RTCP, SRTP and keys, both ways.
//
//	socket ─▶ is it whom we agreed on? ─▶ SRTP ─▶ jitter.Buffer ─▶ 20 ms a frame ─┐
//	                                        └──▶ events (RFC 4733) ─▶ keypad ─────┴─▶ Session.Receive ─▶ the leg
//	the leg ─▶ Session.Send, Press ─▶ coder ─▶ SRTP ─▶ socket
//	                     RTCP: what was lost, how long the way is ─▶ Quality
//
// A Session is given to a call by Ports, told by signalling whom it talks to with Configure, and given back by Close. One goroutine calls
// Receive: it sleeps until the next frame is due, takes all that has come to the socket meanwhile in one system call (the kernel notes when
// each packet came), and answers with a frame. Send writes to the socket at once and never waits. Neither allocates.
//
// Whom we hear is decided before anything else is looked at: packets from any other address are counted and dropped, and never answered. A
// Session that is Symmetric may take one other address for the agreed one, once. No goroutine is started but for DTLS, whose end Close sees to;
// a closed port is kept bound, and what still comes to it is thrown away, until the far end of the old call must have noticed.
//
// Keys of SRTP are signalling's, or made by DTLS on the same ports: then Secure makes them, on a goroutine of the caller's, and till it has,
// nothing comes or goes.
//
// Sources: RFC 3550 and 3551 (RTP, its profile), 3711 and 7714 (SRTP), 5763, 5764 and 7983 (its keys by DTLS), 4733 (keys), 5761 (RTCP on the same port), 6263 (keep-alive);
// ITU-T G.107 (quality).
package rtp
