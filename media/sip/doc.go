// Package sip is a user agent of the Session Initiation Protocol: calls come in and are placed over trunks, and each is a media.Leg.
//
//	wire ─▶ sipgo: transport, transactions ─▶ Agent.handle ─┬─ INVITE ─▶ whose trunk? who answers? ─▶ Leg ─▶ Options.Answer
//	                                                        └─ in a dialog ─▶ Leg.inbox ─▶ Leg.loop: BYE, re-INVITE, INFO, REFER, ...
//	Agent.Dial ─▶ INVITE ─▶ 18x, PRACK, forks, digest ─▶ Leg                                 │
//	                                                          Leg.Receive, Send ◀── rtp.Session ◀── Configure
//
// An Agent owns its sockets, its dialogs and every goroutine: Close waits for them all. What a dialog is told, it is told one thing at a
// time: handlers post to its inbox, and its loop alone changes what both ends have agreed on. Media does not pass here: a Leg hands frames
// to its rtp.Session and takes them from it.
//
// sipgo carries messages and runs transactions. It is no safe edge, and keeps no dialogs that would bear forks, session timers or transfers:
// dialogs are this package's own.
//
// Sources: RFC 3261 (SIP), 3262 (100rel, PRACK), 3264 (offer and answer), 3311 (UPDATE), 3326 (Reason), 3515 (REFER), 3581 (rport), 3891
// (Replaces), 3892 (Referred-By), 4028 (session timers), 4488 (Refer-Sub), 5589 (transfers), 6026 (INVITE transactions), 7462 and
// draft-kaplan-dispatch-info-dtmf (INFO).
package sip
