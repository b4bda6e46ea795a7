package pace

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/media"
)

// Wheels is a media.Pacer that spreads its beats over wheels: one a processor is enough for any number of calls.
type Wheels []*Wheel

var _ media.Pacer = Wheels(nil)

// Join implements media.Pacer, on the wheel that has the fewest beats.
func (ws Wheels) Join(beat func(now time.Time) (next time.Time)) (leave func()) {
	least := ws[0]
	for _, w := range ws[1:] {
		if w.Len() < least.Len() {
			least = w
		}
	}
	return least.Join(beat)
}

// Run turns all the wheels until ctx ends, and returns nil then; an error means that one of them could not start.
func (ws Wheels) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range ws {
		group.Go(func() error { return w.Run(ctx) })
	}
	return group.Wait()
}
