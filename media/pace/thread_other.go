//go:build !linux

package pace

// A Thread is, where there is no ppoll, a Timer.
type Thread struct{ Timer }
