// Package wire is what recognisers' sockets have in common: one call's audio on its way out, and transcripts on their way to their reader.
//
//	Write ──▶ Reel ──▶ send ──▶ socket ──▶ read ──▶ Dialect.Understand ──▶ hearing ──▶ Outbox ──▶ Results
//	Mark  ──▶ Dialect.Ask ──┘
//	            └ Clock: where in the call each position of the socket lies
//
// It knows no vendor: how one is spoken to is its Dialect. A Transcription owns its socket and two goroutines, one that sends and one
// that reads; both are gone when Close returns. Whatever a server does, each Ended is answered within FinalLimit, or Results fails.
package wire
