package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/store"
)

// batch is how many secrets are sealed anew in one transaction.
const batch = 100

// again is how long a Rotator waits for a database that refuses.
const again = 10 * time.Second

// A Rotation is what came of sealing anew.
type Rotation struct {
	Resealed int64 // secrets that the first key has sealed now
	Closed   int64 // secrets that no key of ours opens: they were left as they are
}

// Rotate seals with the first key whatever another key has sealed. It goes by batches, and can be stopped between any two and begun anew:
// what is sealed by the first key is not touched again, and of two that rotate at once, one does. A secret that changes meanwhile stays as
// it was changed. closed is told of each that cannot be opened; it may be nil.
func Rotate(ctx context.Context, v *Vault, rows store.Secrets, closed func(store.Secret)) (r Rotation, err error) {
	for _, kind := range store.SecretKinds() {
		for after := ""; ; {
			stale, err := rows.StaleSecrets(ctx, kind, v.Key(), after, batch)
			if err != nil {
				return r, fmt.Errorf("list secrets: %w", err)
			}
			if len(stale) == 0 {
				break
			}
			after = stale[len(stale)-1].ID
			n, lost, err := reseal(ctx, v, rows, stale, closed)
			r.Resealed, r.Closed = r.Resealed+n, r.Closed+lost
			if err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// reseal is Rotate of one batch.
func reseal(ctx context.Context, v *Vault, rows store.Secrets, stale []store.Secret, closed func(store.Secret)) (n, lost int64, err error) {
	var all []store.Reseal
	for _, s := range stale {
		place := PlaceOf(s.Kind, s.Org, s.ID)
		secret, err := v.Open(s.Sealed, place)
		if err != nil {
			lost++
			if closed != nil {
				closed(s)
			}
			continue
		}
		next := s
		next.Sealed = v.Seal(secret, place)
		all = append(all, store.Reseal{Secret: next, Former: s.Sealed.Text})
	}
	if len(all) == 0 {
		return 0, lost, nil
	}
	if n, err = rows.Reseal(ctx, all); err != nil {
		return 0, lost, fmt.Errorf("reseal secrets: %w", err)
	}
	return n, lost, nil
}

// A Rotator seals anew, once, what former keys have sealed. All fields must be set.
type Rotator struct {
	Vault *Vault
	Rows  store.Secrets
	Log   *slog.Logger
}

// Run rotates, waiting for a database that refuses, and returns when it is done or ctx is. It does not fail: what goes wrong is logged, and
// former keys open what it left.
func (r *Rotator) Run(ctx context.Context) error {
	look := time.NewTicker(again)
	defer look.Stop()
	for !r.done(ctx) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// done rotates, and says whether there is no use in trying again.
func (r *Rotator) done(ctx context.Context) bool {
	sum, err := Rotate(ctx, r.Vault, r.Rows, func(s store.Secret) {
		r.Log.Error("a secret cannot be opened: its key is missing, enter it anew", "kind", s.Kind, "org", s.Org, "id", s.ID)
	})
	if sum.Resealed > 0 {
		r.Log.Info("secrets sealed with the first key", "count", sum.Resealed)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
		r.Log.Error("secrets are not sealed anew", "error", err)
	}
	return !errors.Is(err, store.ErrUnavailable)
}
