// Package echo takes the agent's own voice out of what comes back from its caller: a speakerphone's microphone hears its loudspeaker,
// and a recogniser cannot tell who speaks.
//
//	call ──Send, Clear──▶ Line ─────────────▶ leg ──▶ far end ──▶ loudspeaker
//	                       │ Far: what sounds, and when                │ echo
//	                       ▼                                           ▼
//	call ◀───Receive──── Near: adaptive filter, residual ◀── leg ◀── microphone
//
// A Line is a Leg before another, so that the call need not know of it: Wrap puts it there. Its Canceller holds what was sent against
// what comes back on one clock, by media time. The filter and the suppression of what it leaves are those of speexdsp (BSD), through
// cgo; without cgo Wrap and New say what is missing. speexdsp: https://www.speex.org/docs/manual/speex-manual/node7.html.
package echo
