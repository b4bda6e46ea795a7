//go:build !linux

package load

import (
	"context"
	"errors"

	"parley/bench/report"
)

// Run needs Linux: epoll, and clocks to the microsecond.
func (p Plan) Run(context.Context, func(Progress)) ([]report.Step, error) {
	return nil, errors.New("a load test needs Linux")
}
