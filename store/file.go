package store

import (
	"context"
	"time"
)

// A File is one of an organisation's that was sent or received in a conversation, or is kept to be sent. Its bytes lie where recordings do.
type File struct {
	ID      string
	Org     string
	Kind    string // image, audio, video, document or sticker
	Type    string // media type, with its parameters
	Name    string // as whoever sent it calls it; empty: nothing is known
	Bytes   int64
	SHA256  string // in hex
	Path    string // below the data directory, or the bucket's prefix
	Created time.Time
}

// Files are the files of conversations.
type Files interface {
	CreateFile(ctx context.Context, f File) error
	File(ctx context.Context, org, id string) (File, error)
	// FilesBefore are those that were made before a time, oldest first, of all organisations.
	FilesBefore(ctx context.Context, at time.Time, limit int) ([]File, error)
	// DropFiles forgets files, of whichever organisation; those that are not there are ignored.
	DropFiles(ctx context.Context, ids []string) error
}
