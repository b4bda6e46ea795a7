//go:build !linux

// Command leg measures how many Twilio-shaped streams one core carries. It needs Linux: epoll, and processes pinned to cores.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-leg: needs Linux")
	os.Exit(1)
}
