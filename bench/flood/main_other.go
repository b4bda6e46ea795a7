//go:build !linux

// Command flood attacks a server's SIP ports; it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "flood: needs Linux: it sends datagrams in batches")
	os.Exit(1)
}
