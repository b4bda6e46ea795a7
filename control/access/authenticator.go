package access

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"parley/store"
)

const (
	knownFor   = 10 * time.Second // how long a key is believed to be as it was: the longest that a revoked one works on
	unknownFor = 2 * time.Second  // how long a secret is believed to be no key's
	queries    = 8                // asked of the database at a time, so that guessing takes no more of it than that
	patience   = 5 * time.Second  // with the database, for one request
	touchEvery = time.Minute
)

// Why a request is refused: for the log, never for the client.
const (
	malformed = "malformed"
	unknown   = "unknown"
	revoked   = "revoked"
	expired   = "expired"
)

// An Authenticator tells whose a secret is. Its methods may be called by any goroutine. Run notes when keys were last used.
//
// Keys are looked up by the SHA-256 of what was brought. How long the lookup takes may tell how much of a hash is right; nobody can
// choose a secret by its hash, so that leads no one nearer to a key, and there is nothing to be compared in constant time.
type Authenticator struct {
	Keys store.Keys
	Log  *slog.Logger // nil: none

	mu      sync.Mutex
	known   shelf // by hash: keys, also revoked ones
	unknown shelf
	flights map[string]*flight   // by hash: queries under way
	slots   chan struct{}        // one for each query under way
	used    map[string]time.Time // by id: since TouchKeys was last called
}

// A flight is a query under way, for all who need its answer. Its fields are set before done is closed.
type flight struct {
	done      chan struct{}
	key       *store.Key // nil: there is none
	err       error
	abandoned bool // whoever asked went away first: ask again
}

// Authenticate tells whose a secret is. Its errors are ErrUnauthenticated; store.ErrUnavailable, also when the database does not answer for
// 5 s; the context's; and faults of the database. None of them shows anything of the secret.
func (a *Authenticator) Authenticate(ctx context.Context, secret string) (Identity, error) {
	if checkShape(secret) != nil {
		return a.refuse(ctx, malformed, nil)
	}
	key, err := a.find(ctx, Hash(secret))
	if err != nil {
		return Identity{}, err // the store says what failed
	}
	now := time.Now()
	if key == nil {
		return a.refuse(ctx, unknown, nil)
	}
	if reason := ended(*key, now); reason != "" {
		return a.refuse(ctx, reason, key)
	}
	a.touch(key.ID, now)
	return Identity{Org: key.Org, Key: key.ID, User: key.User, Role: key.Role, Scopes: key.Scopes}, nil
}

// ended says why a key works no more, if so.
func ended(key store.Key, now time.Time) string {
	switch {
	case !key.Revoked.IsZero():
		return revoked
	case !key.Expires.IsZero() && !now.Before(key.Expires):
		return expired
	}
	return ""
}

// refuse tells the log why. Of a secret that is no key's it tells nothing: it may be a key with a slip of the pen.
func (a *Authenticator) refuse(ctx context.Context, reason string, key *store.Key) (Identity, error) {
	if a.Log != nil {
		attrs := []slog.Attr{slog.String("reason", reason)}
		if key != nil {
			attrs = append(attrs, slog.String("org", key.Org), slog.String("key", key.ID))
		}
		a.Log.LogAttrs(ctx, slog.LevelDebug, "key refused", attrs...)
	}
	return Identity{}, ErrUnauthenticated
}

// Forget makes the next request ask the database about a key, by the hash of its secret: call it when a key was made or revoked.
func (a *Authenticator) Forget(hash string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known.drop(hash)
	a.unknown.drop(hash)
	delete(a.flights, hash) // its answer may be older than the change: nobody else gets it, and it is not kept
}

// ForgetAll makes the next requests ask the database about every key: call it when some may have changed, on whatever node.
func (a *Authenticator) ForgetAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.unknown = shelf{}, shelf{}
	clear(a.flights)
}

// find is the key with a hash, or nil: out of the cache, or by one query for all who ask meanwhile.
func (a *Authenticator) find(ctx context.Context, hash string) (*store.Key, error) {
	for {
		a.mu.Lock()
		if key, ok := a.cached(hash, time.Now()); ok {
			a.mu.Unlock()
			return key, nil
		}
		f, underWay := a.flights[hash]
		if !underWay {
			f = a.depart(hash)
		}
		a.mu.Unlock()

		if !underWay {
			a.fly(ctx, hash, f)
			return f.key, f.err
		}
		select {
		case <-f.done:
			if !f.abandoned {
				return f.key, f.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// cached is what is known of a hash: a key, or that there is none. The caller holds mu, as for depart.
func (a *Authenticator) cached(hash string, now time.Time) (*store.Key, bool) {
	if key, ok := a.known.get(hash, now); ok {
		return key, true
	}
	return a.unknown.get(hash, now)
}

// depart announces a query, which the caller has to make.
func (a *Authenticator) depart(hash string) *flight {
	if a.flights == nil {
		a.flights, a.slots = make(map[string]*flight), make(chan struct{}, queries)
	}
	f := &flight{done: make(chan struct{}), abandoned: true} // and stays so if the store panics
	a.flights[hash] = f
	return f
}

// fly makes the query of a flight, and keeps its answer unless Forget came in between.
func (a *Authenticator) fly(ctx context.Context, hash string, f *flight) {
	var asked time.Time
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.flights[hash] == f {
			delete(a.flights, hash)
			switch {
			case f.abandoned || f.err != nil:
			case f.key != nil:
				a.known.put(hash, f.key, asked.Add(knownFor))
			default:
				a.unknown.put(hash, nil, asked.Add(unknownFor))
			}
		}
		close(f.done)
	}()
	f.key, asked, f.err = a.ask(ctx, hash)
	f.abandoned = f.err != nil && ctx.Err() != nil
}

// ask asks the database, when fewer than queries do. asked is from before the answer, so that no answer is kept too long.
func (a *Authenticator) ask(ctx context.Context, hash string) (key *store.Key, asked time.Time, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, store.ErrUnavailable)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, asked, context.Cause(ctx)
	}
	asked = time.Now()
	row, err := a.Keys.KeyByHash(ctx, hash)
	switch {
	case err == nil:
		return &row, asked, nil
	case errors.Is(err, store.ErrNotFound):
		return nil, asked, nil
	case ctx.Err() != nil:
		return nil, asked, context.Cause(ctx)
	}
	return nil, asked, err
}

// touch notes that a key was used.
func (a *Authenticator) touch(id string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.used == nil {
		a.used = make(map[string]time.Time)
	}
	if a.used[id].Before(at) {
		a.used[id] = at
	}
}

// Run writes down once a minute, and when ctx is done, when keys were last used. What the database does not take is tried again a minute
// later. End it after the server whose requests it notes. It returns nil.
func (a *Authenticator) Run(ctx context.Context) error {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.writeUsed(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			a.writeUsed(last)
			return nil
		}
	}
}

// writeUsed writes down what was noted since the last time.
func (a *Authenticator) writeUsed(ctx context.Context) {
	a.mu.Lock()
	used := a.used
	a.used = nil
	a.mu.Unlock()
	if len(used) == 0 {
		return
	}
	rows := make(map[string]time.Time, len(used))
	for id, at := range used {
		rows[id] = at.UTC().Truncate(time.Microsecond)
	}
	if err := a.Keys.TouchKeys(ctx, rows); err != nil {
		if a.Log != nil {
			a.Log.Warn("last use of keys not written", "keys", len(used), "error", err)
		}
		for id, at := range used {
			a.touch(id, at)
		}
	}
}
