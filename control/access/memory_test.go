package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/store"
)

// A memory is a Database in memory: what store/sql promises, without its transactions on disk.
type memory struct {
	mu      sync.Mutex
	setups  []store.Setup
	rows    []store.Key
	lookups int
	touched []map[string]time.Time

	// The script of a test.
	down     error                // what every method answers instead
	lookup   func(hash string)    // called at each KeyByHash, without the lock, after the row was read
	enter    func()               // called at each KeyByHash before the row is read
	creating func(k *store.Key)   // called at each CreateKey before the row is written
	founding func() []store.Setup // called at each Found: what another node has written by then
}

func (m *memory) Found(_ context.Context, s store.Setup) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.founding != nil {
		for _, other := range m.founding() {
			m.setups, m.rows = append(m.setups, other), append(m.rows, other.Key)
		}
	}
	if m.down != nil {
		return m.down
	}
	if len(m.setups) > 0 {
		return fmt.Errorf("an organisation is there: %w", store.ErrConflict)
	}
	m.setups, m.rows = append(m.setups, s), append(m.rows, s.Key)
	return nil
}

func (m *memory) Organisations(context.Context) (orgs []store.Organisation, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.setups {
		orgs = append(orgs, s.Organisation)
	}
	return orgs, m.down
}

func (m *memory) CreateKey(_ context.Context, k store.Key) (store.Key, error) {
	if m.creating != nil {
		m.creating(&k)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return store.Key{}, m.down
	}
	if slices.ContainsFunc(m.rows, func(r store.Key) bool { return r.Hash == k.Hash }) {
		return store.Key{}, fmt.Errorf("the hash is another key's: %w", store.ErrConflict)
	}
	k.Number = int64(len(m.rows) + 1)
	m.rows = append(m.rows, k)
	return k, nil
}

func (m *memory) KeyByHash(ctx context.Context, hash string) (store.Key, error) {
	m.mu.Lock()
	m.lookups++
	enter, lookup := m.enter, m.lookup
	m.mu.Unlock()
	if enter != nil {
		enter()
	}
	m.mu.Lock()
	i := slices.IndexFunc(m.rows, func(r store.Key) bool { return r.Hash == hash })
	row, err := store.Key{}, m.down
	if err == nil && i < 0 {
		err = store.ErrNotFound
	} else if err == nil {
		row = m.rows[i]
	}
	m.mu.Unlock()
	if lookup != nil {
		lookup(hash)
	}
	if ctx.Err() != nil {
		return store.Key{}, ctx.Err()
	}
	return row, err
}

func (m *memory) Keys(_ context.Context, org string, p store.Page) (keys []store.Key, total int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.Org == org {
			keys = append(keys, r)
		}
	}
	slices.SortFunc(keys, func(a, b store.Key) int { return cmp.Compare(b.ID, a.ID) })
	total = int64(len(keys))
	keys = keys[min(p.Offset, len(keys)):]
	return keys[:min(p.Limit, len(keys))], total, m.down
}

func (m *memory) RevokeKey(_ context.Context, org, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		if r := &m.rows[i]; r.Org == org && r.ID == id {
			if r.Revoked.IsZero() {
				r.Revoked = at
			}
			return m.down
		}
	}
	return store.ErrNotFound
}

func (m *memory) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.touched = append(m.touched, used)
	return nil
}

// add keeps a new key of an organisation, and answers its secret.
func (m *memory) add(org string, change func(*store.Key)) (secret string, row store.Key) {
	k, err := NewKey(VoicePrefix)
	if err != nil {
		panic(err)
	}
	row = store.Key{
		ID: store.NewID(), Org: org, Role: store.Member, Name: "a test's", Prefix: k.Prefix, Hash: k.Hash,
		Scopes: []string{AgentsRead}, Created: time.Now(),
	}
	if change != nil {
		change(&row)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, row)
	return string(k.Secret), row
}

// set changes the script while others read it.
func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lookups
}

func (m *memory) touches() []map[string]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.touched)
}
