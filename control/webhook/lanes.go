package webhook

import (
	"sync"
	"time"

	"parley/store"
)

// lanes share a Sender's slots among hosts.
type lanes struct {
	deafFor time.Duration

	mu    sync.Mutex
	hosts map[string]*lane
	inUse int
	deaf  int // of these, to hosts that did not answer
}

// A lane is what is being sent to one host.
type lane struct {
	busy int
	deaf time.Time // until when the host counts as one that does not answer
	held int       // slots of busy that lanes.deaf counts
}

func (l *lanes) busy() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inUse
}

func (l *lanes) full() bool { return l.busy() >= slots }

// shares says how many deliveries may be taken for each of some hosts, the first ones first.
func (l *lanes) shares(hosts []string, now time.Time) (shares []store.HostShare) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for host, at := range l.hosts {
		if at.busy == 0 && !now.Before(at.deaf) {
			delete(l.hosts, host)
		}
	}
	free, freeDeaf := slots-l.inUse, slots/2-l.deaf
	for _, host := range hosts {
		most := perHost
		if at := l.hosts[host]; at != nil && now.Before(at.deaf) {
			if most = 1 - at.busy; freeDeaf <= 0 {
				most = 0
			}
			freeDeaf -= max(0, most)
		} else if at != nil {
			most -= at.busy
		}
		if most = min(most, free); most > 0 {
			shares = append(shares, store.HostShare{Host: host, Most: most})
			free -= most
		}
	}
	return shares
}

// enter takes a slot for a host.
func (l *lanes) enter(host string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts == nil {
		l.hosts = map[string]*lane{}
	}
	at := l.hosts[host]
	if at == nil {
		at = &lane{}
		l.hosts[host] = at
	}
	at.busy++
	l.inUse++
	if now.Before(at.deaf) {
		at.held++
		l.deaf++
	}
}

// leave gives a slot back. heard says whether the host has answered.
func (l *lanes) leave(host string, heard bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.hosts[host]
	at.busy--
	l.inUse--
	if at.held > 0 {
		at.held--
		l.deaf--
	}
	if at.deaf = now.Add(l.deafFor); heard {
		at.deaf = time.Time{}
	}
	if at.busy == 0 && heard {
		delete(l.hosts, host)
	}
}
