package sql

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// AddJob implements store.Jobs.
func (s *Store) AddJob(ctx context.Context, j store.Job) (added bool, err error) {
	err = s.write(ctx, "add job", func(ctx context.Context, u unit) error {
		if _, err := u.bot(ctx, j.Org, j.Bot); err != nil {
			return fmt.Errorf("find bot: %w", err)
		}
		n, err := u.AddJob(ctx, db.AddJobParams{
			ID: j.ID, Org: j.Org, Bot: j.Bot, Kind: string(j.Kind), Key: j.Key, Thread: j.Thread, Body: j.Body, Due: db.Time(j.Due), Latest: db.Time(j.Latest),
			Created: db.Time(j.Created),
		})
		if added = n > 0; err == nil && !added {
			return errUnchanged
		}
		return err
	})
	return added, err
}

// TakeJobs implements store.Jobs.
func (s *Store) TakeJobs(ctx context.Context, t store.JobTaking) (taken []store.Job, err error) {
	err = s.write(ctx, "take jobs", func(ctx context.Context, u unit) error {
		limit, _ := bounds(store.Page{Limit: t.Most})
		rows, err := u.TakeJobs(ctx, db.TakeJobsParams{Kind: string(t.Kind), Node: t.Node, Now: db.Time(t.Now), Until: db.Time(t.Until), HowMany: limit})
		if taken = each(rows, job); err == nil && len(taken) == 0 {
			return errUnchanged
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(taken, func(a, b store.Job) int { return int(a.Number - b.Number) })
	return taken, nil
}

// PutOffJob implements store.Jobs.
func (s *Store) PutOffJob(ctx context.Context, j store.Job, due time.Time) error {
	return s.write(ctx, "put off job", func(ctx context.Context, u unit) error {
		return unsettled(u.PutOffJob(ctx, db.PutOffJobParams{ID: j.ID, Node: j.Node, Until: db.Time(j.Due), Due: db.Time(due)}))
	})
}

// GiveBackJob implements store.Jobs.
func (s *Store) GiveBackJob(ctx context.Context, j store.Job, due time.Time) error {
	return s.write(ctx, "give back job", func(ctx context.Context, u unit) error {
		return unsettled(u.GiveBackJob(ctx, db.GiveBackJobParams{ID: j.ID, Node: j.Node, Until: db.Time(j.Due), Due: db.Time(due)}))
	})
}

// EndJob implements store.Jobs.
func (s *Store) EndJob(ctx context.Context, j store.Job, failure string, at time.Time) error {
	return s.write(ctx, "end job", func(ctx context.Context, u unit) error { return u.endJob(ctx, j, failure, at) })
}

func (u unit) endJob(ctx context.Context, j store.Job, failure string, at time.Time) error {
	if j.Kind != store.EventJob {
		return unsettled(u.DropJob(ctx, db.DropJobParams{ID: j.ID, Node: j.Node, Until: db.Time(j.Due)}))
	}
	return unsettled(u.KeepEndedJob(ctx, db.KeepEndedJobParams{ID: j.ID, Node: j.Node, Until: db.Time(j.Due), Error: failure, Ended: db.Time(at)}))
}

// unsettled is the error of a job that is no more the node's that took it.
func unsettled(n int64, err error) error {
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the job is somebody else's by now", store.ErrConflict)
	}
	return err
}

// WaitingJobs implements store.Jobs.
func (s *Store) WaitingJobs(ctx context.Context, now time.Time) (all map[store.JobKind]store.Waiting, err error) {
	err = s.read(ctx, "count jobs", func(ctx context.Context, u unit) error {
		all = map[store.JobKind]store.Waiting{}
		rows, err := u.WaitingJobs(ctx, db.Time(now))
		for _, r := range rows {
			var oldest db.Time
			if err := oldest.Scan(r.Oldest); err != nil {
				return err
			}
			all[store.JobKind(r.Kind)] = store.Waiting{Jobs: int(r.Waiting), Oldest: time.Time(oldest)}
		}
		return err
	})
	return all, err
}

// SweepJobs implements store.Jobs.
func (s *Store) SweepJobs(ctx context.Context, before time.Time, most int) (removed int64, err error) {
	limit, _ := bounds(store.Page{Limit: most})
	err = s.write(ctx, "sweep jobs", func(ctx context.Context, u unit) error {
		removed = 0
		old, err := u.OldJobs(ctx, db.OldJobsParams{Before: db.Time(before), HowMany: limit})
		if err != nil || len(old) == 0 {
			return err
		}
		slices.Sort(old) // two nodes that sweep lock rows in one order
		removed = int64(len(old))
		return u.among(ctx, "DELETE FROM inbox_jobs WHERE id IN ($KEYS) AND ended <> ''", old, nil)
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func job(r db.InboxJob) store.Job {
	return store.Job{
		ID: r.ID, Number: r.Number, Org: r.Org, Bot: r.Bot, Kind: store.JobKind(r.Kind), Key: r.Key, Thread: r.Thread, Body: r.Body, Tries: int(r.Tries),
		Settled: int(r.PutOff), Due: time.Time(r.Due), Latest: time.Time(r.Latest), Node: r.Node, Created: time.Time(r.Created),
	}
}
