package store

import (
	"context"
	"time"
)

// Rates count requests, for all nodes together.
type Rates interface {
	// Use adds n requests of somebody in a minute (counted from 1970), and tells how many there are in it by now. A minute is over once
	// requests of a later one have been added: then nothing is added, and used is n.
	Use(ctx context.Context, who string, minute, n int64) (used int64, err error)
}

// An Answer is the first answer to a request that may come again.
type Answer struct {
	Org         string
	Route       string
	Hash        string // of its Idempotency-Key: SHA-256
	Fingerprint string // of the rest of the request
	Holder      string // who works on it
	Status      int    // 0: it is being worked on
	Body        []byte // as the holder has sealed it
	Expires     time.Time
}

// Answers keep the first answers to requests that may come again.
type Answers interface {
	// ClaimAnswer makes a request its holder's until a.Expires. Unless it is somebody's already, or answered: then that is first, and claimed
	// is false. Status and Body are not looked at.
	ClaimAnswer(ctx context.Context, a Answer, now time.Time) (first Answer, claimed bool, err error)
	// HoldAnswer makes a claim last until a.Expires. ErrConflict if it is the holder's no more, as of KeepAnswer.
	HoldAnswer(ctx context.Context, a Answer) error
	// KeepAnswer keeps Status and Body until a.Expires.
	KeepAnswer(ctx context.Context, a Answer) error
	// DropAnswer gives a claim back, as if the request had never been.
	DropAnswer(ctx context.Context, a Answer) error
}

// A Sweeper removes what has expired: sessions, invites, answers, attempts of more than a day ago and rates of more than an hour ago.
type Sweeper interface {
	Sweep(ctx context.Context, now time.Time) (rows int64, err error)
}
