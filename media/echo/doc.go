// Package echo takes the agent's own voice out of what comes back from its caller: a speakerphone's microphone hears its loudspeaker,
// and a recogniser cannot tell who speaks.
//
//	call ──Send, Clear──▶ Line ────────────────▶ leg ──▶ far end ──▶ loudspeaker
//	                       │ Far: what sounds, and when                   │ echo
//	                       ▼                                              ▼
//	call ◀───Receive──── Near: suppressor ◀── adaptive filter ◀── leg ◀── microphone
//
// A Line is a Leg before another, so that the call need not know of it: Wrap puts it there. Its Canceller holds what was sent against
// what comes back on one clock, by media time. The filter is speexdsp's (BSD), through cgo; without cgo Wrap and New say what is
// missing. speexdsp: https://www.speex.org/docs/manual/speex-manual/node7.html.
//
// # What it gives
//
// A call tells echoes by their words, too (package pipeline), but only after a second or two, and not those that are garbled. With the
// Canceller they are not heard at all, and a caller who talks over them is heard at once. bench/turns -only '^(echo|talk over)' plays
// both, half of it held out:
//
//	                                          by words   and with the Canceller
//	the agent stopped itself                  @W1        @C1
//	callers over an echo stopped the agent    @W2        @C2
//	after, p50/p90 ms                         @W3        @C3
//
// # What it costs
//
// No delay. 28, 35 and 60 us of processor time a frame with a tail of 128, 200 and 500 ms at 8 kHz while the agent speaks, twice that at
// 16 kHz, and 0.03 us half a second after it (BenchmarkNear). While the agent speaks its first 0.6 s in a call, callers who are not
// nearly as loud as the agent are not heard; and with noise on the line, the noise comes and goes with the agent's speech, also in
// recordings. It is off by default.
package echo
