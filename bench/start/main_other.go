//go:build !linux

// Command start measures what a server costs before its first call and after its last. It needs Linux: bench/load, and /proc.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-start: needs Linux")
	os.Exit(1)
}
