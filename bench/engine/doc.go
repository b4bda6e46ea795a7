// Package engine carries thousands of simulated streams on one thread: it sends for each of them every 20 ms, and reads what comes.
//
//	Dial (any goroutine) ──▶ Conn ──Join──▶ Stream
//	                                         │ every 20 ms: Talker.Speak ──▶ one write
//	one locked thread: a wheel of 40 beats ──┤
//	of 500 us, and epoll                     └ Talker.Hear ◀── wire.Dialect ◀── one read, at once
//
// A Talker is one stream's mind; all of it runs on the engine's thread, so it shares what it likes with the others without a lock. The engine
// answers pings, tells a server's close from a broken connection, and knows its own lateness. Nothing allocates for a frame.
//
// Plain connections are raw sockets. Those with TLS cannot be: each has two goroutines, which encrypt and decrypt beside the thread on whichever
// cores the process may use. That costs a third more (0.056 % of a core a stream whose server always speaks, 0.075 % with TLS, measured with 300
// of them on a Zen 4 core), and 2 ms of processor time more to connect; a frame counts as sent, for the engine's lateness, when it is handed
// over.
//
// It needs Linux: epoll, and clocks to the microsecond.
package engine
