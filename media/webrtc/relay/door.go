package relay

import (
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// A door lets so many connections in at once, and closes those on which nothing comes, and all when it is closed.
type door struct {
	net.Listener
	most int
	idle time.Duration

	mu     sync.Mutex
	inside map[*visitor]bool
	closed bool
}

func newDoor(l net.Listener, limits Limits) *door {
	return &door{Listener: l, most: limits.Connections, idle: limits.Idle, inside: make(map[*visitor]bool)}
}

// Accept implements [net.Listener]. Who comes when it is full is sent away at once.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v := &visitor{conn, d}
		if d.enter(v) {
			return v, nil
		}
		_ = conn.Close()
	}
}

func (d *door) enter(v *visitor) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.inside) >= d.most {
		return false
	}
	d.inside[v] = true
	return true
}

func (d *door) leave(v *visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.inside, v)
}

// Close implements [net.Listener].
func (d *door) Close() error {
	d.mu.Lock()
	d.closed = true
	all := slices.Collect(maps.Keys(d.inside))
	d.mu.Unlock()
	for _, v := range all {
		_ = v.Close() // it is gone, then
	}
	return d.Listener.Close()
}

// A visitor is a connection that has a place.
type visitor struct {
	net.Conn
	door *door
}

func (v *visitor) Read(b []byte) (int, error) {
	if err := v.SetReadDeadline(time.Now().Add(v.door.idle)); err != nil {
		return 0, err
	}
	return v.Conn.Read(b)
}

// Write gives up on a browser that takes nothing: it would hold up the call's other sound.
func (v *visitor) Write(b []byte) (int, error) {
	if err := v.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	return v.Conn.Write(b)
}

func (v *visitor) Close() error {
	defer v.door.leave(v)
	return v.Conn.Close()
}
