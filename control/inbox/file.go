package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/control/archive"
	"parley/control/bots"
	"parley/store"
)

// Files keep what is sent and received: archive.Files.
type Files interface {
	// Keep keeps what there is to read as a file of that organisation, kind and type. *archive.WrongFileError: it is not what it should be.
	Keep(ctx context.Context, f store.File, from io.Reader) (store.File, error)
	// Open opens a file: fs.ErrNotExist if its time was up, archive.ErrAway.
	Open(ctx context.Context, f store.File) (archive.Sound, error)
	// Remove removes a file that has no row.
	Remove(ctx context.Context, f store.File) error
	// Link is where a channel can fetch a file itself, for a while; empty: this server does not know its own address.
	Link(f store.File) string
}

// A File is one of ours, to be sent.
type File struct {
	store.File
	Link string // as of Files
	Open func(ctx context.Context) (archive.Sound, error)
}

// errNoFiles is of a server that keeps none.
var errNoFiles = errors.New("this server keeps no files")

// fileOf finds files of an organisation. Its errors are store.ErrNotFound, and what else the database says.
func (b *Inbox) fileOf(org string) func(ctx context.Context, id string) (File, error) {
	return func(ctx context.Context, id string) (File, error) {
		if b.o.Files == nil {
			return File{}, errNoFiles
		}
		f, err := b.o.Store.File(ctx, org, id)
		if err != nil {
			return File{}, fmt.Errorf("read file: %w", err)
		}
		return File{f, b.o.Files.Link(f), func(ctx context.Context) (archive.Sound, error) { return b.o.Files.Open(ctx, f) }}, nil
	}
}

// fetchTime is how long it may take to fetch a file: less than the lease.
const fetchTime = 9 * time.Minute

// fetch keeps the file of somebody's message, which the channel has for a while alone. One that cannot be had leaves word of it in the message.
func (b *Inbox) fetch(ctx context.Context, j store.Job) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	m, err := b.o.Store.ThreadMessage(ctx, j.Org, j.Thread, j.Key)
	var d bots.Details
	if err == nil {
		d, err = bots.ReadDetails(m.Data)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "the message is gone")
		return
	case err != nil:
		b.postpone(ctx, j, err)
		return
	case d.Media == nil || d.Media.File != "":
		b.end(ctx, j, "")
		return
	}
	f, err := b.fetched(ctx, j, m, *d.Media)
	if err != nil && passes(err) && j.Settled+1 < mostTries {
		b.postpone(ctx, j, err)
		return
	}
	done := store.Fetched{Job: j}
	if err == nil {
		done.File = &f
		d.Media.File, d.Media.Bytes, d.Media.Type = f.ID, f.Bytes, f.Type
		if m.Type == noteType && b.o.Voice != nil {
			done.Bot = j.Bot
		}
	} else {
		b.o.Log.Warn("the file of a message is not kept", "org", j.Org, "bot", j.Bot, "message", j.Key, "error", err)
		d.Media.Error = saidOf(err)
	}
	b.noteFile(ctx, m, done, *d.Media)
}

// noteFile writes down what came of a FetchJob.
func (b *Inbox) noteFile(ctx context.Context, m store.ThreadMessage, done store.Fetched, now bots.FileDetails) {
	ctx, cancel := settling(ctx)
	defer cancel()
	var err error
	if done.Data, err = bots.WithFile(m.Data, now); err == nil {
		err = b.o.Store.Fetched(ctx, done)
	}
	if err == nil {
		b.o.Observe.settled(done.Job, failedOr(now.Error))
		b.o.Feed.Changed(done.Job.Org, done.Job.Thread, done.Job.Key)
		return
	}
	if done.File != nil { // it is fetched again, or another node has
		if err := b.o.Files.Remove(ctx, *done.File); err != nil {
			b.o.Log.Warn("a file without a row is left", "path", done.File.Path, "error", err)
		}
	}
	if !errors.Is(err, store.ErrConflict) {
		b.postpone(ctx, done.Job, err)
	}
}

// fetched reads a file from its channel into ours.
func (b *Inbox) fetched(ctx context.Context, j store.Job, m store.ThreadMessage, d bots.FileDetails) (store.File, error) {
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if err != nil {
		return store.File{}, fmt.Errorf("read bot: %w", err)
	}
	line, err := b.o.Lines.Line(bot)
	if err != nil {
		return store.File{}, err
	}
	from, to := io.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = to.CloseWithError(line.Fetch(ctx, m.Type, m.Data, to)) // nil: the end
	}()
	f, err := b.o.Files.Keep(ctx, store.File{Org: j.Org, Kind: m.Type, Type: d.Type, Name: d.Filename}, from)
	_ = from.CloseWithError(io.ErrClosedPipe)
	<-over
	return f, err
}

// passes says whether a file that could not be had may be had later.
func passes(err error) bool {
	if _, wrong := errors.AsType[*archive.WrongFileError](err); wrong {
		return false
	}
	if no, ok := errors.AsType[*Refusal](err); ok {
		return no.Again
	}
	return !errors.Is(err, store.ErrNotFound)
}

// saidOf is what people are told of a file that could not be had.
func saidOf(err error) string {
	if wrong, ok := errors.AsType[*archive.WrongFileError](err); ok {
		return wrong.Error()
	}
	if no, ok := errors.AsType[*Refusal](err); ok {
		return no.Error()
	}
	return "the file could not be fetched"
}
