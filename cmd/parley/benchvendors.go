package main

import (
	"context"
	"time"

	mocks "parley/bench/vendors"
)

// benchVendorsCmd is how vendors behave that are run by hand; mocks.Start says it by itself.
type benchVendorsCmd struct {
	Key        string        `help:"Key that every request must have; empty: any." placeholder:"KEY"`
	Transcript []string      `help:"What callers say, over and over; may be given several times." sep:"none" placeholder:"TEXT"`
	Final      mocks.Delay   `help:"From the recogniser's Finalize, or a turn's end of Flux, to its answer: 90ms, 50ms..120ms, or 90ms/250ms for p50 and p99." default:"0s"`
	Hangover   time.Duration `help:"Silence after which Flux ends a turn; up to 1m." default:"300ms"`
	Answer     string        `help:"What the model says; empty: two sentences." placeholder:"TEXT"`
	Words      int           `help:"Words of the model's answer, which is repeated or cut to that; up to 2000. 0: as it is." default:"0"`
	FirstToken mocks.Delay   `help:"From a request to the model's first word." default:"0s"`
	TokenGap   mocks.Delay   `help:"Between the model's words." default:"0s"`
	FirstAudio mocks.Delay   `help:"From the voice's Flush to its first sound." default:"0s"`
	Pace       float64       `help:"Pace of the voice, as a multiple of real time. 0: at once." default:"0"`
	Piece      time.Duration `help:"Sound in one message of the voice, 20ms to 1s." default:"100ms"`
	Speech     bool          `help:"The voice is recorded speech (make setup-test) instead of tones."`
	Seed       uint64        `help:"Of the delays that vary: the same seed draws the same." default:"0"`
	Stamps     bool          `help:"The voice's sound begins with the time at which it is sent (parley bench run reads it)."`
}

// options are the flags as the vendors know them.
func (b benchVendorsCmd) options() mocks.Options {
	return mocks.Options{
		Key: b.Key, Transcripts: b.Transcript, Hangover: b.Hangover, Answer: b.Answer, Words: b.Words, Pace: b.Pace, Piece: b.Piece, Speech: b.Speech,
		Delays: mocks.Delays{Final: b.Final, FirstToken: b.FirstToken, TokenGap: b.TokenGap, FirstAudio: b.FirstAudio},
		Seed:   b.Seed, Stamps: b.Stamps,
	}
}

// Run serves until it is interrupted or, where mocks.Start began it, until its starter is gone.
func (b benchVendorsCmd) Run(ctx context.Context, con console) error {
	ctx, _, stop := interrupts(ctx)
	defer stop()
	switch options, asked, err := mocks.Asked(con.getenv); {
	case err != nil:
		return usageError{err}
	case asked:
		return mocks.Serve(ctx, options, con.in, con.out)
	}
	o := b.options()
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	return mocks.Run(ctx, o, con.out)
}
