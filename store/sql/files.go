package sql

import (
	"context"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateFile implements store.Files: ErrNotFound if there is no such organisation.
func (s *Store) CreateFile(ctx context.Context, f store.File) error {
	return s.write(ctx, "create file", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, f.Org); err != nil {
			return err
		}
		return u.insertFile(ctx, f)
	})
}

func (u unit) insertFile(ctx context.Context, f store.File) error {
	return u.InsertFile(ctx, db.InsertFileParams{
		ID: f.ID, Org: f.Org, Kind: f.Kind, Type: f.Type, Name: f.Name, Bytes: f.Bytes, Sha256: f.SHA256, Path: f.Path, Created: db.Time(f.Created),
	})
}

// File implements store.Files.
func (s *Store) File(ctx context.Context, org, id string) (f store.File, err error) {
	err = s.read(ctx, "read file", func(ctx context.Context, u unit) error {
		row, err := u.File(ctx, db.FileParams{Org: org, ID: id})
		f = file(row)
		return err
	})
	return f, err
}

// FilesBefore implements store.Files.
func (s *Store) FilesBefore(ctx context.Context, at time.Time, limit int) (found []store.File, err error) {
	err = s.read(ctx, "read old files", func(ctx context.Context, u unit) error {
		most, _ := bounds(store.Page{Limit: limit})
		rows, err := u.FilesBefore(ctx, db.FilesBeforeParams{Before: db.Time(at), HowMany: most})
		found = each(rows, file)
		return err
	})
	return found, err
}

// DropFiles implements store.Files.
func (s *Store) DropFiles(ctx context.Context, ids []string) error {
	return s.write(ctx, "drop files", func(ctx context.Context, u unit) error {
		return u.among(ctx, "DELETE FROM files WHERE id IN ($KEYS)", ids, nil)
	})
}

// Fetched implements store.Threads.
func (s *Store) Fetched(ctx context.Context, f store.Fetched) error {
	return s.write(ctx, "note fetched file", func(ctx context.Context, u unit) error {
		if err := u.endJob(ctx, f.Job, "", time.Now()); err != nil {
			return err
		}
		if f.File != nil {
			if err := u.insertFile(ctx, *f.File); err != nil {
				return err
			}
		}
		if f.Bot != "" {
			r := store.Received{Org: f.Job.Org, Bot: f.Bot}
			if err := u.addWork(ctx, r, store.WordsJob, db.ThreadMessage{ID: f.Job.Key, Conversation: f.Job.Thread}); err != nil {
				return err
			}
		}
		return u.PutDetails(ctx, db.PutDetailsParams{ID: f.Job.Key, Conversation: f.Job.Thread, Data: f.Data})
	})
}

func file(r db.File) store.File {
	return store.File{
		ID: r.ID, Org: r.Org, Kind: r.Kind, Type: r.Type, Name: r.Name, Bytes: r.Bytes, SHA256: r.Sha256, Path: r.Path, Created: time.Time(r.Created),
	}
}
