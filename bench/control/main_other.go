//go:build !linux

// Command control measures the control plane beside a floor. It needs Linux: epoll, and processes pinned to cores.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-control: needs Linux")
	os.Exit(1)
}
