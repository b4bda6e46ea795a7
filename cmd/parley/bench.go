package main

import (
	"context"

	mocks "parley/bench/vendors"
)

// benchCmd holds the load test's programs.
type benchCmd struct {
	Vendors benchVendorsCmd `cmd:"" help:"Run mock vendors (an OpenAI-compatible model, Deepgram) on loopback, and print their addresses as one line of JSON."`
}

type benchVendorsCmd struct{}

// Run serves until ctx is done.
func (benchVendorsCmd) Run(ctx context.Context, con console) error {
	ctx, _, stop := interrupts(ctx)
	defer stop()
	return mocks.Run(ctx, mocks.Options{}, con.out)
}
