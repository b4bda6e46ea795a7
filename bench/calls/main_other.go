//go:build !linux

// Command calls measures what whole calls cost; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-calls: needs Linux: it keeps processes on cores and drives sockets by epoll")
	os.Exit(1)
}
