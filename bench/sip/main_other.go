//go:build !linux

// Command sip measures what calls over SIP and RTP cost on one core; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-sip: needs Linux: it keeps processes on cores and sends datagrams in batches")
	os.Exit(1)
}
