package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/control/archive"
	"parley/control/fetch"
	"parley/store"
)

// storage says where recordings go after their calls, and for how long.
type storage struct {
	Recordings     string `help:"Where recordings go after their calls: s3://bucket/prefix?endpoint=https://host:port&region=name. Empty: they stay in the data directory." placeholder:"URL" var:"PARLEY_RECORDINGS"`
	KeepRecordings int    `help:"Days that recordings, and files of conversations, are kept; then they are removed, and the calls and messages stay. 0: for ever." default:"0" var:"PARLEY_KEEP_RECORDINGS"`
	OpusCache      int    `help:"MiB of the data directory for recordings that were asked for as Opus; those not asked for in a day go by themselves." default:"1024" var:"PARLEY_OPUS_CACHE"`

	AWSAccessKeyID     string `name:"aws-access-key-id" help:"Key for --recordings. Empty: the machine's role is asked (EC2, ECS, EKS)." var:"AWS_ACCESS_KEY_ID"`
	AWSSecretAccessKey string `name:"aws-secret-access-key" help:"Its secret." var:"AWS_SECRET_ACCESS_KEY"`
	AWSSessionToken    string `name:"aws-session-token" help:"Its session, where it is a temporary one." var:"AWS_SESSION_TOKEN"`
}

// check says all that is wrong with it.
func (s storage) check() (bad []error) {
	if _, err := s.bucket(); err != nil {
		bad = append(bad, fmt.Errorf("--recordings (PARLEY_RECORDINGS): %w", err))
	}
	for name, n := range map[string]int{"keep-recordings": s.KeepRecordings, "opus-cache": s.OpusCache} {
		if n < 0 || n > 1_000_000 {
			bad = append(bad, fmt.Errorf("--%s is %d: want 0 to 1000000", name, n))
		}
	}
	return bad
}

// bucket is where recordings go; nil: nowhere.
func (s storage) bucket() (*archive.Bucket, error) {
	if s.Recordings == "" {
		return nil, nil //nolint:nilnil // that is what it says
	}
	return archive.ParseBucket(s.Recordings, archive.Keys{Access: s.AWSAccessKeyID, Secret: s.AWSSecretAccessKey, Token: s.AWSSessionToken})
}

// openSounds opens the archive of recordings. Files from before began are a former process's.
func (o *office) openSounds(began time.Time) error {
	bucket, err := o.cfg.bucket()
	if err != nil {
		return err
	}
	encodings, err := archive.NewEncodings(filepath.Join(o.cfg.DataDir, "cache", "opus"), int64(o.cfg.OpusCache)<<20, o.log)
	if err != nil {
		return err
	}
	o.sounds = &archive.Archive{Root: o.files, Bucket: bucket, Encodings: encodings}
	if bucket != nil {
		o.courier = &archive.Courier{Root: o.files, Bucket: bucket, Began: began, Log: o.log}
	}
	return nil
}

// runSounds uploads, cleans up and removes what is old, until ctx is done.
func (o *office) runSounds(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return o.sounds.Encodings.Run(ctx) })
	keeper := &archive.Keeper{
		Root: o.files, Bucket: o.sounds.Bucket, Encodings: o.sounds.Encodings, Rows: o.store, Files: o.keptFiles(), FileRows: o.store,
		Keep: time.Duration(o.cfg.KeepRecordings) * 24 * time.Hour, Log: o.log,
	}
	g.Go(func() error { return keeper.Run(ctx) })
	if o.courier != nil {
		g.Go(func() error { return o.courier.Run(ctx) })
	}
}

// closeSounds lets go of the archive.
func (o *office) closeSounds() error {
	if o.sounds == nil {
		return nil
	}
	if o.sounds.Bucket != nil {
		o.sounds.Bucket.Close()
	}
	return o.sounds.Encodings.Close()
}

// finished describes the recording of a call that has ended, and lets it go to the bucket: from here on the record has it.
func (o *office) finished(call string, began time.Time) (store.Recording, bool) {
	r, ok := o.tapes.recording(call, began)
	if ok && o.courier != nil {
		o.courier.Tell(r.Path)
	}
	return r, ok
}

// found are the recordings that a killed server left, repaired; they go to the bucket too.
func (o *office) found(began time.Time) map[string]store.Recording {
	all := o.tapes.repair(began)
	if o.courier != nil {
		for _, r := range all {
			o.courier.Tell(r.Path)
		}
	}
	return all
}

// newFetcher makes what fetches recordings from elsewhere: by the way that leads to no private address, and to no other server than its URL
// says. What it fetches goes the way of all recordings.
func (o *office) newFetcher(node string) *fetch.Fetcher {
	f := &fetch.Fetcher{
		Rows: o.store, Node: node, Dir: o.cfg.DataDir, Transport: o.accounts.guarded, Check: o.accounts.gate.Check, Log: o.log,
		Retell: func(ctx context.Context, c store.Call) error { _, err := o.reports.Retell(ctx, c, ""); return err },
	}
	if o.courier != nil {
		f.Kept = func(r store.Recording) { o.courier.Tell(r.Path) }
	}
	return f
}
