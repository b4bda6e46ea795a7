package voice

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/envelope"
	"parley/store"
)

// Recording tells where the sound of a call can be had.
type Recording struct {
	CallID          string        `json:"call_id" format:"uuid"`
	RecordingURL    string        `json:"recording_url" format:"uri" doc:"Plays in a bare audio tag, without a key, until expires_at."`
	ExpiresAt       envelope.Time `json:"expires_at"`
	Format          string        `json:"format" enum:"wav"`
	DurationSeconds float64       `json:"duration_seconds" example:"63.24"`
	SampleRate      int           `json:"sample_rate" example:"8000"`
	Channels        int           `json:"channels" doc:"Of two, the caller is left and the agent right." example:"2"`
	SizeBytes       int64         `json:"size_bytes"`
}

// errNoRecording is within every fault by which a recording is not there.
var errNoRecording = errors.New("no recording")

// RecordingOf is what GET /calls/{id}/recording asks.
type RecordingOf struct {
	ID

	base base
}

// base is the address by which a client came, such as https://voice.example.com.
type base string

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *RecordingOf) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	return in.Strict.Resolve(ctx)
}

func baseOf(ctx huma.Context) base {
	if ctx.TLS() != nil {
		return base("https://" + ctx.Host())
	}
	return base("http://" + ctx.Host())
}

// or is the address that clients are to use: the public one, if that is known.
func (b base) or(public string) string {
	if public != "" {
		return public
	}
	return string(b)
}

// Recording handles GET /calls/{id}/recording.
func (h *Calls) Recording(ctx context.Context, in *RecordingOf) (*envelope.One[Recording], error) {
	row, err := h.call(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	rec, err := h.recording(ctx, row)
	if err != nil {
		return nil, err
	}
	ticket, expires := h.Tickets.Issue(row.Org, row.ID, time.Now())
	return envelope.Give(ctx, Recording{
		CallID: row.ID, RecordingURL: in.base.or(h.Public) + "/api/v1/calls/" + row.ID + "/recording/stream?token=" + url.QueryEscape(ticket),
		ExpiresAt: envelope.Time(expires), Format: "wav", DurationSeconds: seconds(rec.Length), SampleRate: rec.Rate, Channels: rec.Channels,
		SizeBytes: rec.Bytes,
	}), nil
}

// recording finds a call's recording, or says why there is none.
func (h *Calls) recording(ctx context.Context, row store.Call) (store.Recording, error) {
	if !row.Status.Final() {
		return store.Recording{}, silent("the call is not over: its recording is there when its status is completed or failed")
	}
	rec, err := h.Store.Recording(ctx, row.Org, row.ID)
	if errors.Is(err, store.ErrNotFound) {
		return rec, silent("the call was not recorded")
	}
	if err != nil {
		return rec, fmt.Errorf("read recording: %w", err)
	}
	return rec, nil
}

// silent is why there is no sound.
func silent(reason string) error {
	f := envelope.Missing(reason)
	f.Cause = errNoRecording
	return f
}

// StreamOf is what GET /calls/{id}/recording/stream asks.
type StreamOf struct {
	ID

	Token string `query:"token" doc:"The token of a recording_url, in place of a key."`
	Range string `header:"Range" doc:"A range of bytes (RFC 9110 section 14.2)." example:"bytes=0-1023"`
	If    string `header:"If-Range" doc:"Only if the file is still this one: its ETag or Last-Modified."`
}

// Stream handles GET /calls/{id}/recording/stream.
func (h *Calls) Stream(ctx context.Context, in *StreamOf) (*huma.StreamResponse, error) {
	row, err := h.call(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	rec, err := h.recording(ctx, row)
	if err != nil {
		return nil, err
	}
	if h.Files == nil {
		return nil, silent("recordings are not kept on this node")
	}
	file, err := h.Files.Open(rec.Path)
	if errors.Is(err, fs.ErrNotExist) {
		h.Log.WarnContext(ctx, "recording is gone", "call", row.ID, "path", rec.Path)
		return nil, silent("the recording's file is gone")
	}
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", errors.Join(err, file.Close()))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer file.Close() //nolint:errcheck // it was only read
		r, w := humago.Unwrap(ctx)
		head := w.Header()
		head.Set("Content-Type", "audio/wav")
		head.Set("Content-Disposition", `inline; filename="call-`+row.ID+`.wav"`)
		head.Set("ETag", `"`+strconv.FormatInt(info.Size(), 36)+"-"+strconv.FormatInt(info.ModTime().UnixNano(), 36)+`"`)
		http.ServeContent(w, r, "", info.ModTime(), file)
	}}, nil
}
