package access

import (
	"context"
	"log/slog"
	"time"

	"parley/store"
)

// sweepEvery is how often what has expired is removed. Until then it is there, and counts for nothing.
const sweepEvery = time.Hour

// A Sweeper removes what has expired: sessions, invites, first answers, failed attempts, counts of requests.
type Sweeper struct {
	Store store.Sweeper
	Log   *slog.Logger // nil: none
}

// Run sweeps once an hour until ctx is done. Every node does; what is gone is gone. It returns nil.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if rows, err := s.Store.Sweep(ctx, time.Now()); s.Log != nil && ctx.Err() == nil {
				s.Log.Debug("swept", "rows", rows, "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
