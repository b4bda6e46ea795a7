package bots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/access"
	"parley/control/archive"
	"parley/control/envelope"
	"parley/store"
)

// Files handles /media: the files of conversations.
type Files struct {
	Rows store.Files
	Kept Keeping                     // nil: none are kept here
	Link func(org, id string) string // where one opens without a key, for a while
	Log  *slog.Logger
}

// Keeping is where files lie: an archive.Files.
type Keeping interface {
	// Keep keeps what there is to read; the error is a *archive.WrongFileError where that is not what it is said to be.
	Keep(ctx context.Context, f store.File, from io.Reader) (store.File, error)
	// Open opens a file: fs.ErrNotExist if it is gone, archive.ErrAway.
	Open(ctx context.Context, f store.File) (archive.Sound, error)
	Remove(ctx context.Context, f store.File) error
}

// File is a file as the API shows it.
type File struct {
	ID          string        `json:"id" format:"uuid" doc:"For media.id of a message."`
	Kind        string        `json:"kind" enum:"image,audio,video,document,sticker" doc:"The type of the messages that it can be sent by."`
	ContentType string        `json:"content_type" example:"image/png"`
	Filename    *string       `json:"filename" doc:"null: it has none." example:"map.png"`
	SizeBytes   int64         `json:"size_bytes" example:"48213"`
	SHA256      string        `json:"sha256" doc:"In hex."`
	URL         string        `json:"url" doc:"Opens without a key for 5 minutes."`
	CreatedAt   envelope.Time `json:"created_at"`
}

// show makes a File of its row.
func (h *Files) show(f store.File) File {
	return File{
		ID: f.ID, Kind: f.Kind, ContentType: f.Type, Filename: envelope.Optional(f.Name), SizeBytes: f.Bytes, SHA256: f.SHA256, URL: h.Link(f.Org, f.ID),
		CreatedAt: envelope.Time(f.Created),
	}
}

// MostFile is how many bytes a file may have.
const MostFile = 100 << 20

// PostFile is what POST /media asks. The body is the file.
type PostFile struct {
	envelope.Strict

	Kind     string `query:"kind" enum:"image,audio,video,document,sticker" doc:"The type of the message that it will be sent by. Left out: what its Content-Type is of."`
	Filename string `query:"filename" maxLength:"240" doc:"What people see of a document." example:"invoice.pdf"`

	kind string // Content-Type
	body io.Reader
}

// Resolve implements huma.Resolver: it takes hold of the body, which is read as it comes.
func (in *PostFile) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.kind = r.Header.Get("Content-Type")
	in.body = envelope.Arriving(w, r, MostFile)
	return in.Strict.Resolve(ctx)
}

// Create handles POST /media.
func (h *Files) Create(ctx context.Context, in *PostFile) (*envelope.One[File], error) {
	kind := in.Kind
	if kind == "" {
		kind = archive.KindOf(in.kind)
	}
	if kind == "" || archive.KindOf(in.kind) != kind {
		return nil, &envelope.Fault{
			Status: http.StatusUnsupportedMediaType, Message: "send the file as it is, with its own Content-Type, such as image/jpeg, image/png, application/pdf",
			Details: map[string]string{"Content-Type": fmt.Sprintf("%.100q is no type that channels take of a file of kind %s", in.kind, orAny(kind))},
		}
	}
	if h.Kept == nil {
		return nil, envelope.Busy("this server keeps no files", nil)
	}
	f, err := h.Kept.Keep(ctx, store.File{Org: access.Org(ctx), Kind: kind, Type: in.kind, Name: in.Filename}, in.body)
	if err != nil {
		return nil, refused(err)
	}
	if err := h.Rows.CreateFile(ctx, f); err != nil { // nobody would ever find it
		if rerr := h.Kept.Remove(context.WithoutCancel(ctx), f); rerr != nil {
			h.Log.WarnContext(ctx, "a file without a row is left", "path", f.Path, "error", rerr)
		}
		return nil, fmt.Errorf("create file: %w", err)
	}
	h.Log.InfoContext(ctx, "file kept", "org", f.Org, "file", f.ID, "kind", f.Kind, "bytes", f.Bytes)
	return envelope.Give(ctx, h.show(f)), nil
}

func orAny(kind string) string {
	if kind == "" {
		return "any"
	}
	return kind
}

// refused is why a file is not kept.
func refused(err error) error {
	wrong, isWrong := errors.AsType[*archive.WrongFileError](err)
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large, isWrong && wrong.Large:
		message := fmt.Sprintf("the file is too large: %d MiB at most", MostFile>>20)
		if isWrong {
			message = wrong.Reason
		}
		return &envelope.Fault{Status: http.StatusRequestEntityTooLarge, Message: message}
	case isWrong:
		return envelope.Wrong("body", wrong.Reason)
	case errors.Is(err, envelope.ErrArrival):
		return &envelope.Fault{Status: http.StatusRequestTimeout, Message: "the file did not arrive whole: send it again", Cause: err}
	case errors.Is(err, archive.ErrAway):
		return envelope.Busy("files cannot be kept now, try again later", err)
	}
	return fmt.Errorf("keep file: %w", err)
}

// Get handles GET /media/{id}.
func (h *Files) Get(ctx context.Context, in *envelope.ID) (*envelope.One[File], error) {
	f, err := h.file(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, h.show(f)), nil
}

// file reads the file that a path names.
func (h *Files) file(ctx context.Context, id string) (store.File, error) {
	id, err := envelope.Canonical(id, "file")
	if err != nil {
		return store.File{}, err
	}
	f, err := h.Rows.File(ctx, access.Org(ctx), id)
	return f, failed(err, "file")
}

// ContentOf is what GET /media/{id}/content asks.
type ContentOf struct {
	envelope.ID

	Token string `query:"token" doc:"The token of a file's url, in place of a key."`
	Range string `header:"Range" doc:"A range of bytes (RFC 9110 section 14.2)." example:"bytes=0-1023"`
	If    string `header:"If-Range" doc:"Only if the file is still this one: its ETag or Last-Modified."`
}

// Content handles GET /media/{id}/content. What is no picture, sound or film is a download, so that nothing that somebody has sent runs as a page of
// ours.
func (h *Files) Content(ctx context.Context, in *ContentOf) (*huma.StreamResponse, error) {
	f, err := h.file(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	if h.Kept == nil {
		return nil, envelope.Missing("files are not kept on this node")
	}
	content, err := h.Kept.Open(ctx, f)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, envelope.Missing("the file is gone, or another node has it")
	case errors.Is(err, archive.ErrAway):
		return nil, envelope.Busy("the file cannot be reached now, try again later", err)
	case err != nil:
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer content.Close() //nolint:errcheck // it was only read
		r, w := humago.Unwrap(ctx)
		told, inline := archive.Shown(f.Type)
		how := "attachment"
		if inline {
			how = "inline"
		}
		head := w.Header()
		head.Set("Content-Type", told)
		head.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": nameOf(f)}))
		head.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; img-src 'self'; sandbox")
		head.Set("ETag", strconv.Quote(f.ID))
		http.ServeContent(w, r, "", f.Created, content)
	}}, nil
}

// nameOf is what a file is called where it is saved.
func nameOf(f store.File) string {
	if f.Name != "" {
		return f.Name
	}
	if all, _ := mime.ExtensionsByType(f.Type); len(all) > 0 {
		return f.Kind + "-" + f.ID + all[0]
	}
	return f.Kind + "-" + f.ID
}

// linked is what a message's data shows: where its file opens without a key.
func linked(data string, org string, link func(org, id string) string) string {
	d, err := ReadDetails(data)
	if err != nil || d.Media == nil || d.Media.File == "" || link == nil {
		return data
	}
	d.Media.URL = link(org, d.Media.File)
	if shown, err := WithFile(data, *d.Media); err == nil {
		return shown
	}
	return data
}
