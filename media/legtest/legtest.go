// Package legtest is a telephone line for tests: an in-memory media.Leg with a modelled carrier at its far end, tones, and the
// conformance suite that every Leg passes.
//
//	test ──▶ Carrier.Say, Press, Tell ──▶ inbound ──▶ Leg.Receive ──▶ the code under test
//	test ◀── Carrier.Heard, Sounded ◀── playout buffer ◀── Leg.Send, Clear, Mark ◀──┘
//
// The carrier keeps no goroutine: what sounds when is computed from the times of the calls, so that it works alike in a
// synctest bubble and in real time, and nothing needs to be stopped.
package legtest
