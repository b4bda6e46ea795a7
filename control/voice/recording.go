package voice

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/archive"
	"parley/control/envelope"
	"parley/media/opus"
	"parley/store"
)

// Recording tells where the sound of a call can be had.
type Recording struct {
	CallID          string        `json:"call_id" format:"uuid"`
	RecordingURL    string        `json:"recording_url" format:"uri" doc:"Plays in a bare audio tag, without a key, until expires_at."`
	OpusURL         *string       `json:"opus_url" format:"uri" doc:"The same as Ogg Opus, a twelfth of the size; null where this server has no Opus. Extension."`
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
	envelope.ID

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

// At is the address by which a client came, for those who ask Link.
func At(ctx huma.Context) string { return string(baseOf(ctx)) }

// Address is where clients reach this server who came to at.
func (h *Calls) Address(at string) string { return base(at).or(h.Public) }

// Link is where the recording of a call plays without a key, until it expires. at is where the client came to; the public address comes
// before it.
func (h *Calls) Link(at string, row store.Call) (address string, expires time.Time) {
	ticket, expires := h.Tickets.Issue(row.Org, row.ID, time.Now())
	return h.Address(at) + "/api/v1/calls/" + row.ID + "/recording/stream?token=" + url.QueryEscape(ticket), expires
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
	address, expires := h.Link(string(in.base), row)
	out := Recording{
		CallID: row.ID, RecordingURL: address,
		ExpiresAt: envelope.Time(expires), Format: formatWAV, DurationSeconds: seconds(rec.Length), SampleRate: rec.Rate, Channels: rec.Channels,
		SizeBytes: rec.Bytes,
	}
	if opus.Available() == nil {
		out.OpusURL = envelope.Optional(out.RecordingURL + "&format=" + formatOpus)
	}
	return envelope.Give(ctx, out), nil
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

// Sounds are the recordings' files: an archive.Archive. fs.ErrNotExist: it is gone; archive.ErrAway; of Opus also archive.ErrNoOpus.
type Sounds interface {
	Open(ctx context.Context, r store.Recording) (archive.Sound, error)
	Opus(ctx context.Context, r store.Recording) (archive.Sound, error)
}

// The formats in which a recording is served.
const (
	formatWAV  = "wav"
	formatOpus = "opus"
)

// StreamOf is what GET /calls/{id}/recording/stream asks.
type StreamOf struct {
	envelope.ID

	Token  string `query:"token" doc:"The token of a recording_url, in place of a key."`
	Format string `query:"format" enum:"wav,opus" doc:"wav, or opus (Ogg Opus: a twelfth of the size). Left out: as Accept says, else wav. Extension."`
	Accept string `header:"Accept" doc:"audio/ogg or audio/opus asks for Opus, unless audio/wav is there too." example:"audio/ogg"`
	Range  string `header:"Range" doc:"A range of bytes (RFC 9110 section 14.2)." example:"bytes=0-1023"`
	If     string `header:"If-Range" doc:"Only if the file is still this one: its ETag or Last-Modified."`
}

// wants is the format that is asked for, and whether nothing else will do.
func (in *StreamOf) wants() (format string, firm bool) {
	if in.Format != "" {
		return in.Format, true
	}
	opus := false
	for part := range strings.SplitSeq(in.Accept, ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch kind {
		case "audio/wav", "audio/x-wav", "audio/wave":
			return formatWAV, false
		case "audio/ogg", "audio/opus":
			opus = true
		}
	}
	if opus {
		return formatOpus, false
	}
	return formatWAV, false
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
	if h.Sounds == nil {
		return nil, silent("recordings are not kept on this node")
	}
	format, firm := in.wants()
	sound, err := h.sound(ctx, rec, format)
	if errors.Is(err, archive.ErrNoOpus) && !firm {
		format = formatWAV
		sound, err = h.sound(ctx, rec, format)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.Log.WarnContext(ctx, "recording is gone", "call", row.ID, "path", rec.Path)
		return nil, silent("the recording's file is gone, or another node still has it")
	case errors.Is(err, archive.ErrAway):
		return nil, envelope.Busy("the recording cannot be reached now, try again later", err)
	case errors.Is(err, archive.ErrNoOpus):
		f := envelope.Wrong("format", "opus is not to be had of this recording, or not from this server: ask for wav")
		f.Cause = err
		return nil, f
	case err != nil:
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer sound.Close() //nolint:errcheck // it was only read
		r, w := humago.Unwrap(ctx)
		kind, ending := "audio/wav", ".wav"
		if format == formatOpus {
			kind, ending = opus.MediaType, ".ogg"
		}
		head := w.Header()
		head.Set("Content-Type", kind)
		head.Set("Content-Disposition", `inline; filename="call-`+row.ID+ending+`"`)
		head.Set("Vary", "Accept")
		// A recording never changes, wherever it lies: its length tells one file from another, and no clock does.
		head.Set("ETag", `"`+format+"-"+strconv.FormatInt(sound.Size, 36)+"-"+row.ID+`"`)
		http.ServeContent(w, r, "", row.Ended, sound)
	}}, nil
}

// sound opens a recording in a format.
func (h *Calls) sound(ctx context.Context, rec store.Recording, format string) (archive.Sound, error) {
	if format == formatOpus {
		return h.Sounds.Opus(ctx, rec)
	}
	return h.Sounds.Open(ctx, rec)
}
