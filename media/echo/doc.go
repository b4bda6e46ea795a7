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
// A call tells echoes by their words, too (package pipeline), but only after a second or two of them, and callers who speak meanwhile
// have to wait as long. With the Canceller echoes are hardly heard at all, and a caller who talks over them is heard at once.
// bench/turns -only '^(echo|talk over)', held-out half, echoes of -10 to -30 dB and 60 to 200 ms, on a machine busy with other work:
//
//	                                            by words          and with the Canceller
//	the agent alone stopped itself              0 of 45           0 of 45
//	callers over an echo stopped it             11 of 15          15 of 15
//	their onset -> speech noticed, p50/p90 ms   3330/4330         100/140
//	their onset -> agent silent, p50/p90 ms     2784/3600         140/1652
//
// Word errors of callers over the agent, of 104 words: echo of -10 dB 28 % without, 16 % with it; -20 dB 13 and 11 %; -30 dB 10 and 12 %
// (TestCallerIsHeardOverTheAgent in providers/local). So it helps on speakerphones, and has nothing to give where there is no echo.
//
// # What it costs
//
// No delay. 28, 35 and 60 us of processor time a frame with a tail of 128, 200 and 500 ms at 8 kHz while the agent speaks, twice that at
// 16 kHz, and 0.03 us half a second after it (BenchmarkNear). While the agent speaks its first 0.6 s in a call, callers who are not
// nearly as loud as the agent are not heard; and with noise on the line, the noise comes and goes with the agent's speech, also in
// recordings. It is off by default.
package echo
