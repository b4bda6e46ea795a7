// Package phones is many SIP phones in one process: calls made by hand, and the sound of all of them on one thread.
//
//	Desk.Call ── INVITE, 200, ACK ──▶ server              each phone has an address of its own in 127.0.0.0/8,
//	                                                      and all share one socket (IP_PKTINFO)
//	Air.Run ── 20 ms of PCMU a phone, sendmmsg ──▶ server
//	        ◀── recvmmsg: lateness, loss, of each phone ──
//
// It is the generator of bench/sip and bench/flood. It shares no code with media/sip or media/rtp, so that an error of theirs is not its own;
// and it costs less than any server that it loads: 330,000 packets a second, both ways together, fit on a core. It needs Linux.
package phones
