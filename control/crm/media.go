package crm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"parley/control/archive"
	"parley/control/envelope"
	"parley/store"
)

// MostMedia is how many bytes the body of POST /messages/whatsapp/media may have: a video of 16 MiB in base64, and more.
const MostMedia = 32 << 20

// UploadMedia is what POST /messages/whatsapp/media asks.
type UploadMedia struct {
	envelope.Strict
	Tenant

	Body MediaUpload
}

// MediaUpload is the body of POST /messages/whatsapp/media.
type MediaUpload struct {
	From        string            `json:"fromPhoneNumber" maxLength:"40" doc:"In E.164: the config.whatsapp.number of a bot of the organisation." example:"+15550100001"`
	FileID      string            `json:"fileId,omitempty" maxLength:"100" doc:"A file that there is. Instead of content."`
	FileName    string            `json:"fileName,omitempty" maxLength:"240" example:"map.png"`
	ContentType string            `json:"contentType,omitempty" maxLength:"200" doc:"Required with content." example:"image/png"`
	Content     string            `json:"content,omitempty" doc:"The file, in base64: it is kept, and has a fileId from then on. Larger files are uploaded by POST /api/v1/media."`
	Tags        map[string]string `json:"tags,omitempty" doc:"Answered as they are; they are not kept."`
}

// Media is a file that can be sent.
type Media struct {
	URL         string            `json:"url" doc:"Opens without a key for 5 minutes."`
	Size        int64             `json:"size" example:"48213"`
	FileName    string            `json:"fileName" example:"map.png"`
	ContentType string            `json:"contentType" example:"image/png"`
	FileID      string            `json:"fileId" format:"uuid"`
	MediaID     string            `json:"mediaId" doc:"The same: the channel gets the file with the message that has it."`
	Tags        map[string]string `json:"tags" nullable:"false"`
}

// Upload handles POST /messages/whatsapp/media.
func (h *Messages) Upload(ctx context.Context, in *UploadMedia) (*One[Media], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := h.botAt(ctx, org, in.Body.From); err != nil {
		return nil, err
	}
	if h.Files == nil || h.Kept == nil {
		return nil, envelope.Busy("this server keeps no files", nil)
	}
	f, err := h.fileOf(ctx, org, in.Body)
	if err != nil {
		return nil, err
	}
	out := Media{URL: h.Link(org, f.ID), Size: f.Bytes, FileName: f.Name, ContentType: f.Type, FileID: f.ID, MediaID: f.ID, Tags: map[string]string{}}
	if in.Body.Tags != nil {
		out.Tags = in.Body.Tags
	}
	return give(out), nil
}

// fileOf is the file that a request names, or keeps the one that it has.
func (h *Messages) fileOf(ctx context.Context, org string, b MediaUpload) (store.File, error) {
	switch {
	case b.FileID != "" && b.Content != "":
		return store.File{}, envelope.Wrong("content", "is instead of fileId: give one of them")
	case b.FileID != "":
		f, err := h.Files.File(ctx, org, envelope.Plain(b.FileID))
		if errors.Is(err, store.ErrNotFound) {
			return f, envelope.Wrong("fileId", "there is no such file")
		}
		if err != nil {
			return f, fmt.Errorf("read file: %w", err)
		}
		return f, nil
	case b.Content == "":
		return store.File{}, envelope.Wrong("content", "is required, or fileId is")
	}
	kind := archive.KindOf(b.ContentType)
	if kind == "" {
		return store.File{}, envelope.Wrong("contentType", "is no type that the channel takes, such as image/jpeg, image/png, audio/ogg, video/mp4, application/pdf")
	}
	bytes := base64.NewDecoder(base64.StdEncoding, strings.NewReader(b.Content))
	f, err := h.Kept.Keep(ctx, store.File{Org: org, Kind: kind, Type: b.ContentType, Name: b.FileName}, bytes)
	if err != nil {
		return f, unkept(err)
	}
	if err := h.Files.CreateFile(ctx, f); err != nil {
		return f, fmt.Errorf("create file: %w", err)
	}
	return f, nil
}

// unkept is why a file is not kept.
func unkept(err error) error {
	wrong, isWrong := errors.AsType[*archive.WrongFileError](err)
	_, corrupt := errors.AsType[base64.CorruptInputError](err)
	switch {
	case isWrong && wrong.Large:
		return &envelope.Fault{Status: http.StatusRequestEntityTooLarge, Message: wrong.Reason}
	case isWrong:
		return envelope.Wrong("content", wrong.Reason)
	case corrupt, errors.Is(err, io.ErrUnexpectedEOF):
		return envelope.Wrong("content", "is no base64")
	case errors.Is(err, archive.ErrAway):
		return envelope.Busy("files cannot be kept now, try again later", err)
	}
	return fmt.Errorf("keep file: %w", err)
}
