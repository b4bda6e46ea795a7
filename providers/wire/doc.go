// Package wire is what recognisers' sockets have in common: a call's audio on its way out, and transcripts on their way to their reader.
//
//	Write ──▶ Reel ──▶ the vendor's socket ──▶ its messages ──▶ Outbox ──▶ Results
//	            └──▶ Clock: where in the call each position of the socket lies
//
// It knows no vendor.
package wire
