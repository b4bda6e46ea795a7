package rtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawBatch is what recvmmsg(2) works on. It points into its batch.
type rawBatch struct {
	ready    bool
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	names    [batchSize]unix.RawSockaddrInet6 // has room for both families
	controls [batchSize]control
}

// message is the kernel's struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
}

// control is a message's ancillary data: the time at which it came.
type control struct {
	header unix.Cmsghdr
	when   unix.Timespec
}

// prepare makes the messages point to where their parts go. The kernel shortens lengths: they are set anew each time.
func (r *rawBatch) prepare(b *batch) {
	for i := range r.messages {
		h := &r.messages[i].header
		if !r.ready {
			r.vectors[i].Base = &b.bytes[i][0]
			r.vectors[i].SetLen(maxPacket)
			h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
			h.Iov = &r.vectors[i]
			h.SetIovlen(1)
			h.Control = (*byte)(unsafe.Pointer(&r.controls[i]))
		}
		h.Namelen = uint32(unsafe.Sizeof(r.names[i]))
		h.SetControllen(int(unsafe.Sizeof(r.controls[i])))
	}
	r.ready = true
}

// udp is a socket of Linux, which Go's poller does not know: it would be woken by each packet of each call, only to find that nobody waits for one.
// That was half of what a call cost. Its system calls never wait, so they are raw: Go's scheduler, which would give this processor to another thread
// meanwhile and make the call queue for it behind all others, is not told.
type udp struct {
	at  netip.AddrPort
	six bool // an IPv6 socket, which knows IPv4 addresses by their mapped form

	using sync.RWMutex // held to close: a descriptor that is closed may be another call's in a moment
	fd    int          // -1: closed

	to     netip.AddrPort // whom was written to
	name   unix.RawSockaddrInet6
	length uintptr // of name, which is to as the kernel wants it: has room for both families
}

var _ socket = (*udp)(nil)

// listen binds a port.
func listen(ctx context.Context, at netip.AddrPort) (socket, error) {
	network := "udp4"
	if at.Addr().Is6() {
		network = "udp6"
		if at.Addr().IsUnspecified() {
			network = "udp" // and IPv4
		}
	}
	var options net.ListenConfig
	conn, err := options.ListenPacket(ctx, network, at.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // and with it goes the poller's interest in what it was
	u := &udp{six: at.Addr().Is6()}
	if u.fd, err = own(conn.(*net.UDPConn)); err != nil {
		return nil, err
	}
	u.at = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if !u.six {
		u.at = netip.AddrPortFrom(u.at.Addr().Unmap(), u.at.Port())
	}
	if err := unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("ask for the time of packets: %w", err), u.close())
	}
	// No packet of sound is so long that it would have to go in parts: the kernel need not number them to be put together (RFC 6864).
	if err := unix.SetsockoptInt(u.fd, unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE); err != nil {
		return nil, errors.Join(fmt.Errorf("ask for packets in one piece: %w", err), u.close())
	}
	return u, nil
}

// own is another descriptor of a socket, of which Go knows nothing.
func own(conn *net.UDPConn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("reach the descriptor: %w", err)
	}
	var failed error
	if err := raw.Control(func(theirs uintptr) {
		fd, failed = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return -1, fmt.Errorf("reach the descriptor: %w", err)
	}
	if failed != nil {
		return -1, fmt.Errorf("duplicate the descriptor: %w", failed)
	}
	return fd, nil
}

func (u *udp) local() netip.AddrPort { return u.at }

func (u *udp) close() error {
	u.using.Lock()
	defer u.using.Unlock()
	if u.fd < 0 {
		return net.ErrClosed
	}
	fd := u.fd
	u.fd = -1
	return unix.Close(fd)
}

func (u *udp) read(b *batch) error {
	b.raw.prepare(b)
	b.n = 0
	n, errno := u.receive(&b.raw.messages)
	switch {
	case errno == unix.EAGAIN, errno == unix.EINTR, errno == unix.ECONNREFUSED, errno == unix.EHOSTUNREACH, errno == unix.ENETUNREACH:
		return nil // nothing has come, or news of a packet that we sent has: the far end may be back in a moment
	case errno == unix.EBADF:
		return net.ErrClosed
	case errno != 0:
		return errno
	}
	for i := range n {
		b.sizes[i] = int(b.raw.messages[i].length)
		if b.raw.messages[i].header.Flags&unix.MSG_TRUNC != 0 {
			b.sizes[i] = maxPacket + 1
		}
		b.from[i] = source(&b.raw.names[i])
		b.when[i] = b.raw.controls[i].stamp(int(b.raw.messages[i].header.Controllen))
	}
	b.n = n
	return nil
}

// receive is read's system call.
func (u *udp) receive(to *[batchSize]message) (n int, errno syscall.Errno) {
	u.using.RLock()
	defer u.using.RUnlock()
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(u.fd), uintptr(unsafe.Pointer(to)), batchSize, unix.MSG_DONTWAIT, 0, 0)
	return int(got), errno
}

// source is the address of a packet's sender.
func source(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	at := uint16(port[0])<<8 | uint16(port[1])
	if name.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), at)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), at)
}

// stamp is the time that the kernel has noted, in nanoseconds since 1970; 0: it has not.
func (c *control) stamp(length int) int64 {
	if length < int(unsafe.Sizeof(*c)) || c.header.Level != unix.SOL_SOCKET || c.header.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	return c.when.Nano()
}

func (u *udp) write(packet []byte, to netip.AddrPort) error {
	if to != u.to {
		u.address(to)
	}
	switch errno := u.send(packet); errno {
	case 0:
		return nil
	case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		return errFull
	case unix.EBADF:
		return net.ErrClosed
	default:
		return errno
	}
}

// address makes name of to: the inverse of source.
func (u *udp) address(to netip.AddrPort) {
	u.to, u.name = to, unix.RawSockaddrInet6{}
	port := (*[2]byte)(unsafe.Pointer(&u.name.Port))
	port[0], port[1] = byte(to.Port()>>8), byte(to.Port()) // where both families have it
	if u.six {
		u.name.Family, u.name.Addr, u.length = unix.AF_INET6, to.Addr().As16(), unix.SizeofSockaddrInet6
		return
	}
	four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&u.name))
	four.Family, u.length = unix.AF_INET, unix.SizeofSockaddrInet4
	if to.Addr().Is4() {
		four.Addr = to.Addr().As4()
	}
}

// send is write's system call.
func (u *udp) send(packet []byte) (errno syscall.Errno) {
	u.using.RLock()
	defer u.using.RUnlock()
	_, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(u.fd), uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&u.name)), u.length)
	return errno
}
