// Package webrtc is a browser's end of a call: one HTTP request opens it (WHIP, RFC 9725), and sound and messages go over one UDP port.
//
//	POST   /webrtc/whip      ─▶ token, offer ─▶ 201, answer, Location, ETag ─▶ the call: ICE, DTLS, then Options.Answer(ctx, Leg)
//	PATCH  /webrtc/whip/{id} ─▶ candidates, or another way for the same call (ICE restart)
//	DELETE /webrtc/whip/{id} ─▶ the caller hangs up
//
//	one UDP port ─▶ by ufrag: ICE ─▶ wire ─┬─ SRTP ─▶ rtp.Session.Deliver ─▶ Leg.Receive
//	(or TCP)                               └─ DTLS ─▶ SCTP ─▶ data channel ─▶ Options.Message
//	one UDP port ◀────── ICE ◀──── wire ◀──┬─ SRTP ◀─ rtp.Session.Send ◀── Leg.Send
//	                                       └─ DTLS ◀─ SCTP ◀─ data channel ◀─ Leg.Tell
//
// What makes sound of packets is package rtp's, as on any other line; here are the ways that lead to a browser, made of pion's parts: ICE in
// its lite form, as we are where everybody can reach us, DTLS with a certificate of the process's own, SCTP. Each call is run by one goroutine
// of its Server, and owns all that it has started; Server.Close waits for them.
//
// Calls with other servers, such as Meta's of WhatsApp, are made by Peers: offers and answers go by signalling of the caller's, a call has a port
// of its own, and we are ICE's full side.
//
// The offer's direction decides: sendrecv is a conversation, sendonly (all that WHIP itself knows) is one that only we hear.
//
// Sources: RFC 9725 (WHIP), 8840 (sdpfrag), 8445 (ICE), 7675 (consent), 5764 (DTLS-SRTP), 7983 (what is what on one port), 8831 and 8832 (data
// channels), 8829 (SDP of browsers), 7874 (their codecs), 7587 (Opus).
package webrtc
