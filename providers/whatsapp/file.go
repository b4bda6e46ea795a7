package whatsapp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/providers/message"
)

// A sort is what Meta takes of a kind of file (developers.facebook.com/docs/whatsapp/cloud-api/reference/media).
type sort struct {
	most  int64 // bytes
	types []string
}

var sorts = map[message.Kind]sort{
	message.Audio: {16 << 20, []string{"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"}},
	message.Image: {5 << 20, []string{"image/jpeg", "image/png"}},
	message.Video: {16 << 20, []string{"video/mp4", "video/3gpp"}},
	message.Document: {100 << 20, []string{
		"text/plain", "application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	}},
	message.Sticker: {500 << 10, []string{"image/webp"}},
}

// A File is one to upload. All fields are needed.
type File struct {
	Kind    message.Kind // Image, Audio, Video, Document or Sticker
	Type    string       // media type; Meta wants "audio/ogg; codecs=opus" of voice notes
	Name    string
	Size    int64
	Content io.Reader // of Size bytes
}

// check says why Meta would not take a file.
func (f *File) check() error {
	s, known := sorts[f.Kind]
	if !known {
		return message.Wrong("file.kind", "%q: want image, audio, video, document or sticker", f.Kind)
	}
	plain, _, err := mime.ParseMediaType(f.Type)
	switch {
	case err != nil || !slices.Contains(s.types, plain):
		return message.Wrong("file.type", "%q: want one of %v", f.Type, s.types)
	case f.Size < 1 || f.Size > s.most:
		return message.Wrong("file.size", "%d bytes of %s: want 1 to %d", f.Size, f.Kind, s.most)
	case f.Name == "" || strings.ContainsAny(f.Name, "\r\n\x00") || len(f.Name) > 240:
		return message.Wrong("file.name", "want one of 240 bytes at most")
	case f.Content == nil:
		return message.Wrong("file.content", "is missing")
	}
	return nil
}

// Upload gives Meta a file, and returns its id, which is good for 30 days.
func (n *Number) Upload(ctx context.Context, f File) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", mime.FormatMediaType("form-data", map[string]string{"name": "file", "filename": f.Name}))
	head.Set("Content-Type", f.Type)
	err := errors.Join(w.WriteField("messaging_product", "whatsapp"), w.WriteField("type", f.Type))
	if err == nil {
		_, err = w.CreatePart(head)
	}
	before := bytes.Clone(frame.Bytes())
	if err = errors.Join(err, w.Close()); err != nil {
		return "", &message.Error{Reason: message.Invalid, Message: "write form", Err: err}
	}
	after := frame.Bytes()[len(before):]
	content := &exactly{f.Content, f.Size}
	body := io.MultiReader(bytes.NewReader(before), content, bytes.NewReader(after))
	var told struct {
		ID loose `json:"id"`
	}
	length := int64(len(before)) + f.Size + int64(len(after))
	if err := n.exchange(ctx, http.MethodPost, "/"+n.ID+"/media", w.FormDataContentType(), body, length, &told); err != nil {
		return "", err
	}
	if told.ID == "" {
		return "", &message.Error{Reason: message.Garbled, Status: http.StatusOK, Message: "the answer names no file"}
	}
	return string(told.ID), nil
}

// exactly reads what has as many bytes as it was said to have.
type exactly struct {
	from io.Reader
	left int64
}

var errSize = errors.New("the file has another size than was said")

func (e *exactly) Read(b []byte) (int, error) {
	if e.left == 0 {
		if n, _ := io.ReadFull(e.from, make([]byte, 1)); n > 0 {
			return 0, errSize
		}
		return 0, io.EOF
	}
	n, err := e.from.Read(b[:min(int64(len(b)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		return n, errSize
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// A Located is where a file is.
type Located struct {
	URL    string // for five minutes, and with the token alone
	Type   string
	SHA256 string
	Size   int64
}

// Locate asks where a file is. One that is there no more is MediaGone.
func (n *Number) Locate(ctx context.Context, id string) (Located, error) {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return Located{}, message.Wrong("id", "%q: want digits", id)
	}
	var told struct {
		URL    string `json:"url"`
		Type   string `json:"mime_type"`
		SHA256 string `json:"sha256"`
		Size   loose  `json:"file_size"`
	}
	err := n.patiently(ctx, func() error {
		return n.ask(ctx, http.MethodGet, "/"+id+"?phone_number_id="+url.QueryEscape(n.ID), nil, &told)
	})
	if e := message.As(err); e != nil && (e.Status == http.StatusNotFound || e.Code == 100) {
		e.Reason, e.Retry = message.MediaGone, false
	}
	if err != nil {
		return Located{}, err
	}
	return Located{told.URL, told.Type, told.SHA256, int64(told.Size.float())}, nil
}

// Delete has Meta forget a file.
func (n *Number) Delete(ctx context.Context, id string) error {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return message.Wrong("id", "%q: want digits", id)
	}
	return n.patiently(ctx, func() error {
		return n.did(ctx, http.MethodDelete, "/"+id+"?phone_number_id="+url.QueryEscape(n.ID), nil)
	})
}

// Fetch writes a file that came with a message. It is checked by kind for its size and type, and by its SHA-256: what was written is to be thrown
// away where there is an error. Errors are a *message.Error, and MediaGone where the file is there no more; those of w are as they are.
func (n *Number) Fetch(ctx context.Context, kind message.Kind, m message.Media, w io.Writer) error {
	at := Located{URL: m.URL, Type: m.Type, SHA256: m.SHA256}
	if at.URL != "" {
		err := n.download(ctx, kind, at, w)
		if e := message.As(err); err == nil || m.ID == "" || e == nil || e.Reason != message.MediaGone {
			return err
		}
	}
	for try := 0; ; try++ {
		found, err := n.Locate(ctx, m.ID)
		if err != nil {
			return err
		}
		found.SHA256, found.Type = cmp.Or(m.SHA256, found.SHA256), cmp.Or(m.Type, found.Type)
		err = n.download(ctx, kind, found, w)
		if e := message.As(err); e == nil || e.Reason != message.MediaGone || try == 1 { // the URL may have run out meanwhile
			return err
		}
	}
}

// meta are the hosts that files come from, with those below them.
var meta = []string{"fbsbx.com", "facebook.com", "fbcdn.net", "whatsapp.net"}

// trusted says whether the token may go to a URL: to Meta's own hosts over TLS, or where the API is.
func (n *Number) trusted(u *url.URL) bool {
	if base, err := url.Parse(cmp.Or(n.Base, DefaultBase)); err == nil && u.Scheme == base.Scheme && u.Host == base.Host {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && u.User == nil && (u.Port() == "" || u.Port() == "443") && slices.ContainsFunc(meta, func(m string) bool {
		return host == m || strings.HasSuffix(host, "."+m)
	})
}

// maxHops is how many redirects a file may take.
const maxHops = 3

// open asks for a file.
func (n *Number) open(ctx context.Context, target string) (*http.Response, error) {
	for range maxHops + 1 {
		u, err := url.Parse(target)
		if err != nil || !n.trusted(u) {
			return nil, &message.Error{Reason: message.MediaFailed, Message: "the file is at a place that is not Meta's, which gets no token"}
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return nil, &message.Error{Reason: message.MediaFailed, Message: "make request", Err: err}
		}
		r.Header.Set("Authorization", "Bearer "+n.Token)
		r.Header.Set("User-Agent", "parley")
		answer, err := cmp.Or(n.Client, plain).Do(r)
		if err != nil {
			return nil, lost(ctx, r, true, err)
		}
		next := answer.Header.Get("Location")
		if answer.StatusCode/100 != 3 || next == "" {
			return answer, nil
		}
		_ = answer.Body.Close() // nothing of it is wanted
		to, err := u.Parse(next)
		if err != nil {
			return nil, &message.Error{Reason: message.MediaFailed, Message: "the file is nowhere: its redirect makes no sense"}
		}
		target = to.String()
	}
	return nil, &message.Error{Reason: message.MediaFailed, Message: "the file is nowhere: too many redirects"}
}

// download writes a file that is somewhere. Nothing is written where it is MediaGone.
func (n *Number) download(ctx context.Context, kind message.Kind, at Located, w io.Writer) error {
	most := sorts[kind].most
	if most == 0 {
		return message.Wrong("kind", "%q: want image, audio, video, document or sticker", kind)
	}
	tooLarge := &message.Error{Reason: message.MediaFailed, Message: fmt.Sprintf("the file is larger than %d bytes, which is the most of %s", most, kind)}
	if at.Size > most {
		return tooLarge
	}
	if err := fits(kind, at.Type); err != nil {
		return err
	}
	answer, err := n.open(ctx, at.URL)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	switch s := answer.StatusCode; s {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden, http.StatusBadRequest:
		return &message.Error{Reason: message.MediaGone, Status: s, Message: "the file is there no more, or its URL has run out"}
	default:
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		return refusal(s, answer.Header, text, time.Now())
	}
	if answer.ContentLength > most {
		return tooLarge
	}
	if err := fits(kind, answer.Header.Get("Content-Type")); err != nil {
		return err
	}
	sum := sha256.New()
	got, err := io.Copy(io.MultiWriter(w, sum), &failing{io.LimitReader(answer.Body, most+1)})
	broken := (*brokenError)(nil)
	switch {
	case errors.As(err, &broken):
		return &message.Error{Reason: message.Unanswered, Message: "the file broke off", Retry: true, Err: broken.err}
	case err != nil:
		return fmt.Errorf("write file: %w", err)
	case got > most:
		return tooLarge
	case at.SHA256 != "" && !sameSum(at.SHA256, sum.Sum(nil)):
		return &message.Error{Reason: message.MediaFailed, Message: "the file is not the one that was sent: its SHA-256 differs"}
	}
	return nil
}

// fits says that a type is not of a kind; one that says nothing fits, and documents are of any.
func fits(kind message.Kind, told string) error {
	plain, _, err := mime.ParseMediaType(told)
	family, _, _ := strings.Cut(plain, "/")
	if kind == message.Document || told == "" || plain == "application/octet-stream" || err == nil && (family == string(kind) || kind == message.Sticker && family == "image") {
		return nil
	}
	return &message.Error{Reason: message.MediaFailed, Message: fmt.Sprintf("the file is %.100q, which is no %s", told, kind)}
}

// sameSum says whether a sum is the one that was told, in base64 as webhooks have it, or in hex as answers do.
func sameSum(told string, sum []byte) bool {
	return told == base64.StdEncoding.EncodeToString(sum) || strings.EqualFold(told, hex.EncodeToString(sum))
}

// failing tells errors of reading from those of writing.
type failing struct{ from io.Reader }

type brokenError struct{ err error }

func (b *brokenError) Error() string { return b.err.Error() }

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = &brokenError{err}
	}
	return n, err
}
