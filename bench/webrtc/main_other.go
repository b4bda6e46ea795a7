//go:build !linux

// Command webrtc measures what calls from browsers cost on one core; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-webrtc: needs Linux: it keeps processes on cores and sends datagrams in batches")
	os.Exit(1)
}
