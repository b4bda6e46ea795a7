// Package requests asks an HTTP server one thing, over and over, at a rate: what bench/control measures the control plane with, and bench/calls
// disturbs calls with.
//
//	Load ── due every 1/Rate s ──▶ a free connection ──▶ server
//	Outcome ◀── from when it was due until its last byte ◀── the answer, whole
//
// One locked thread does all of it, on a core of its caller's choice. Arrivals are open loop: a request that finds no free connection waits, and
// its wait counts (coordinated omission). It needs Linux (epoll).
package requests
