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

// Run serves until it is interrupted or, where mocks.Start began it, until its starter is gone.
func (benchVendorsCmd) Run(ctx context.Context, con console) error {
	ctx, _, stop := interrupts(ctx)
	defer stop()
	switch options, asked, err := mocks.Asked(con.getenv); {
	case err != nil:
		return err
	case asked:
		return mocks.Serve(ctx, options, con.in, con.out)
	default:
		return mocks.Run(ctx, options, con.out)
	}
}
