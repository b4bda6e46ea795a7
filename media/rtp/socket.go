package rtp

import (
	"errors"
	"net/netip"
)

const (
	maxPacket = 1500 // bytes; what is longer is no telephone's packet
	batchSize = 16   // packets that are read at once
	mostReads = 64   // times that a socket is read before others have their turn
)

// A socket is a bound UDP port. Nothing that it does waits. Reading is one goroutine's at a time, and so is writing.
type socket interface {
	// read fills b with packets that have come; none: there are no more. A full batch means that there may be.
	read(b *batch) error
	// write sends a packet; errFull means that it is lost, as on any network.
	write(packet []byte, to netip.AddrPort) error
	local() netip.AddrPort
	close() error
}

// errFull says that the kernel has no room for a packet.
var errFull = errors.New("the socket is full")

// A batch is what was read at once. Its packets are good until the next read.
type batch struct {
	n     int // how many
	bytes [batchSize][maxPacket]byte
	sizes [batchSize]int
	from  [batchSize]netip.AddrPort
	when  [batchSize]int64 // nanoseconds since 1970 by the machine's clock when each came; 0: unknown
	raw   rawBatch         // the operating system's
}

// packet is the ith packet; nil if it was longer than any packet may be.
func (b *batch) packet(i int) []byte {
	if b.sizes[i] > maxPacket {
		return nil
	}
	return b.bytes[i][:b.sizes[i]]
}
