package phones

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many datagrams a system call carries.
const batch = 128

// largest is the longest datagram that is taken whole.
const largest = 2048

// A Socket is one UDP port on all addresses of the machine: it sends from any of 127.0.0.0/8, and knows to which of them a datagram came.
// One goroutine sends, and one receives.
type Socket struct {
	fd   int
	port uint16
	out  *messages
	in   *messages
}

// messages is what sendmmsg(2) and recvmmsg(2) work on. Its parts point to each other: it stays where it was made.
type messages struct {
	headers [batch]header
	vectors [batch]unix.Iovec
	names   [batch]unix.RawSockaddrInet4
	facts   [batch]facts
	bytes   [][largest]byte // of those that come
}

// header is the kernel's struct mmsghdr.
type header struct {
	unix.Msghdr
	length uint32
}

// facts are a datagram's ancillary data: its address on this side.
type facts struct {
	head unix.Cmsghdr
	info unix.Inet4Pktinfo
	_    [4]byte // as the kernel aligns
}

func newMessages(incoming bool) *messages {
	m := &messages{}
	if incoming {
		m.bytes = make([][largest]byte, batch)
	}
	for i := range m.headers {
		h := &m.headers[i].Msghdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&m.names[i])), uint32(unsafe.Sizeof(m.names[i]))
		h.Iov = &m.vectors[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&m.facts[i]))
		h.SetControllen(int(unsafe.Sizeof(m.facts[i])))
		m.names[i].Family = unix.AF_INET
		m.facts[i].head = unix.Cmsghdr{Level: unix.IPPROTO_IP, Type: unix.IP_PKTINFO}
		m.facts[i].head.SetLen(unix.CmsgLen(int(unsafe.Sizeof(m.facts[i].info))))
		if incoming {
			m.vectors[i].Base = &m.bytes[i][0]
			m.vectors[i].SetLen(largest)
		}
	}
	return m
}

// Listen opens a free port. Its buffer holds so many bytes of what comes, which takes a capability (CAP_NET_ADMIN) above the machine's limit.
func Listen(buffer int) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	s := &Socket{fd: fd, out: newMessages(false), in: newMessages(true)}
	err = errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1), unix.Bind(fd, &unix.SockaddrInet4{}))
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)) // the kernel gives what it may
	}
	at, nerr := unix.Getsockname(fd)
	if err = errors.Join(err, nerr); err != nil {
		return nil, errors.Join(fmt.Errorf("open socket: %w", err), unix.Close(fd))
	}
	s.port = uint16(at.(*unix.SockaddrInet4).Port) //nolint:gosec // a port
	return s, nil
}

// Port is the socket's, on every address.
func (s *Socket) Port() uint16 { return s.port }

// Close lets go of the port.
func (s *Socket) Close() error { return unix.Close(s.fd) }

// A Datagram is one to be sent, from an address of this machine.
type Datagram struct {
	From netip.Addr
	To   netip.AddrPort
	Data []byte // lent until it is sent
}

// Send sends datagrams and says how many the kernel took: those before the first that it had no room for.
func (s *Socket) Send(all []Datagram) (sent int, err error) {
	for sent < len(all) {
		some := all[sent:min(len(all), sent+batch)]
		m := s.out
		for i := range some {
			d := &some[i]
			m.vectors[i].Base = &d.Data[0]
			m.vectors[i].SetLen(len(d.Data))
			m.names[i].Addr = d.To.Addr().As4()
			setPort(&m.names[i].Port, d.To.Port())
			m.facts[i].info.Spec_dst = d.From.As4()
		}
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&m.headers[0])), uintptr(len(some)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case unix.EINTR, unix.ECONNREFUSED: // news of an earlier one
		case unix.EAGAIN, unix.ENOBUFS:
			return sent, nil
		default:
			return sent, fmt.Errorf("send: %w", errno)
		}
	}
	return sent, nil
}

// Receive hands over what has come, one datagram after the other, at most a batch, and says how many. Data is lent.
func (s *Socket) Receive(take func(to netip.Addr, from netip.AddrPort, data []byte)) (int, error) {
	m := s.in
	for i := range m.headers {
		m.headers[i].Namelen = uint32(unsafe.Sizeof(m.names[i]))
		m.headers[i].SetControllen(int(unsafe.Sizeof(m.facts[i])))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&m.headers[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED:
		return 0, nil
	default:
		return 0, fmt.Errorf("receive: %w", errno)
	}
	for i := range int(n) {
		take(netip.AddrFrom4(m.facts[i].info.Addr), netip.AddrPortFrom(netip.AddrFrom4(m.names[i].Addr), port(&m.names[i].Port)), m.bytes[i][:m.headers[i].length])
	}
	return int(n), nil
}

// setPort and port speak the network's order.
func setPort(p *uint16, v uint16) {
	b := (*[2]byte)(unsafe.Pointer(p))
	b[0], b[1] = byte(v>>8), byte(v)
}

func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}
