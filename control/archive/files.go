package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"parley/store"
)

// A Kind is what channels take of a kind of file (developers.facebook.com/docs/whatsapp/cloud-api/reference/media).
type Kind struct {
	Most  int64    // bytes
	Types []string // media types
}

// Kinds are those of files, by the types of messages.
var Kinds = map[string]Kind{
	"audio": {16 << 20, []string{"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"}},
	"image": {5 << 20, []string{"image/jpeg", "image/png"}},
	"video": {16 << 20, []string{"video/mp4", "video/3gpp"}},
	"document": {100 << 20, []string{
		"text/plain", "application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	}},
	"sticker": {500 << 10, []string{"image/webp"}},
}

// KindOf is the kind of a media type; empty: channels take none.
func KindOf(mediaType string) string {
	plain, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	for name, k := range Kinds {
		if slices.Contains(k.Types, plain) {
			return name
		}
	}
	return ""
}

// A WrongFileError says why a file is not kept. Its text may be shown.
type WrongFileError struct {
	Large  bool // it is too large
	Reason string
}

func (w *WrongFileError) Error() string { return w.Reason }

func wrongFile(format string, args ...any) error {
	return &WrongFileError{Reason: fmt.Sprintf(format, args...)}
}

// Files are what is sent and received in conversations. They lie where recordings do: in the bucket at once, where there is one, since any node
// may have to send them.
//
//	upload, channel ──▶ Keep: size, type, SHA-256 ──▶ DATA/files/2026-11-22/ID, or the bucket ──▶ Open ──▶ channel, API
type Files struct {
	Root   *os.Root // the data directory
	Bucket *Bucket  // nil: they stay there
}

// head is how much of a file tells what it is.
const head = 512

// Keep keeps what there is to read as a file of an organisation, kind and type; the rest of it is given back. It makes no row. A *WrongFileError
// says why it is refused, and other errors are of reading, or of where files lie.
func (f *Files) Keep(ctx context.Context, file store.File, from io.Reader) (store.File, error) {
	kind, ok := Kinds[file.Kind]
	if !ok {
		return file, wrongFile("%q is no kind of file: want image, audio, video, document or sticker", file.Kind)
	}
	start := bufio.NewReaderSize(from, head)
	first, err := start.Peek(head)
	if err != nil && !errors.Is(err, io.EOF) {
		return file, fmt.Errorf("read file: %w", err)
	}
	if file.Type, err = typed(file, first); err != nil {
		return file, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	file.ID, file.Created, file.Name = store.NewID(), now, tidyName(file.Name)
	file.Path = "files/" + now.Format(time.DateOnly) + "/" + file.ID
	if err := f.Root.MkdirAll(path.Dir(file.Path), 0o700); err != nil {
		return file, fmt.Errorf("keep file: %w", err)
	}
	if err := f.write(&file, start, kind.Most); err != nil {
		return file, errors.Join(err, f.drop(file.Path+".part"))
	}
	return file, f.place(ctx, file)
}

// write puts a file into its half, and learns its length and its SHA-256.
func (f *Files) write(file *store.File, from io.Reader, most int64) error {
	to, err := f.Root.OpenFile(file.Path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	sum := sha256.New()
	file.Bytes, err = io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, most+1))
	if err == nil {
		err = to.Sync()
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	switch {
	case err != nil:
		return fmt.Errorf("keep file: %w", err)
	case file.Bytes == 0:
		return wrongFile("the file is empty")
	case file.Bytes > most:
		return &WrongFileError{Large: true, Reason: fmt.Sprintf("the file is larger than a file of kind %s may be: %d KiB", file.Kind, most>>10)}
	}
	file.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// place puts a file that was written where it belongs.
func (f *Files) place(ctx context.Context, file store.File) error {
	if f.Bucket == nil {
		if err := f.Root.Rename(file.Path+".part", file.Path); err != nil {
			return errors.Join(fmt.Errorf("keep file: %w", err), f.drop(file.Path+".part"))
		}
		return nil
	}
	s, err := openFile(f.Root, file.Path+".part")
	if err == nil {
		err = errors.Join(f.Bucket.put(ctx, file.Path, s, s.Size, plainType(file.Type)), s.Close())
	}
	if err = errors.Join(err, f.drop(file.Path+".part")); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	return nil // the day's folder stays: another file may be about to come into it
}

// Open opens a file. fs.ErrNotExist: it is gone, or lies on another node; ErrAway.
func (f *Files) Open(ctx context.Context, file store.File) (Sound, error) {
	if !ourFile(file.Path) {
		return Sound{}, fmt.Errorf("open file: its path %q is not a file's", file.Path)
	}
	s, err := openFile(f.Root, file.Path)
	if errors.Is(err, fs.ErrNotExist) && f.Bucket != nil {
		s, err = f.Bucket.Open(ctx, file.Path)
	}
	if err != nil {
		return Sound{}, fmt.Errorf("open file: %w", err)
	}
	return s, nil
}

// Remove removes a file wherever it lies; one that is not there is removed already.
func (f *Files) Remove(ctx context.Context, file store.File) error {
	if !ourFile(file.Path) {
		return nil // never opened, nor removed
	}
	if err := f.drop(file.Path); err != nil || f.Bucket == nil {
		return err
	}
	return f.Bucket.Remove(ctx, file.Path)
}

func (f *Files) drop(name string) error {
	if err := f.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// ourFile says whether a path is one of files: whatever stands in a row, nothing else is opened or removed by it.
func ourFile(p string) bool {
	return strings.HasPrefix(p, "files/") && path.Clean(p) == p && !strings.HasSuffix(p, ".part")
}

// tidyName is a file's name without a folder, and without what no name should have.
func tidyName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	if name == "." || name == "/" {
		return ""
	}
	for len(name) > 240 {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}

// typed is the type of a file, if what it begins with does not say otherwise. Documents may be of a type that nobody knows here.
func typed(file store.File, first []byte) (string, error) {
	plain, _, err := mime.ParseMediaType(file.Type)
	if err != nil {
		plain = http.DetectContentType(first)
		plain, _, _ = mime.ParseMediaType(plain)
		file.Type = plain
	}
	known := slices.Contains(Kinds[file.Kind].Types, plain)
	switch {
	case !known && file.Kind != "document":
		return "", wrongFile("the file is of type %.100q, which no file of kind %s is: want one of %s", plain, file.Kind, strings.Join(Kinds[file.Kind].Types, ", "))
	case known && !begins(plain, first):
		seems, _, _ := mime.ParseMediaType(http.DetectContentType(first))
		return "", wrongFile("the file is not of type %s as it is said to be: it looks like %s", plain, seems)
	}
	return file.Type, nil
}

// begins says whether a file of a type may begin so.
func begins(mediaType string, first []byte) bool {
	has := func(at int, magic string) bool {
		return len(first) >= at+len(magic) && string(first[at:at+len(magic)]) == magic
	}
	switch mediaType {
	case "image/jpeg":
		return has(0, "\xff\xd8\xff")
	case "image/png":
		return has(0, "\x89PNG\r\n\x1a\n")
	case "image/webp":
		return has(0, "RIFF") && has(8, "WEBP")
	case "audio/ogg", "audio/opus":
		return has(0, "OggS")
	case "audio/mp4", "video/mp4", "video/3gpp":
		return has(4, "ftyp")
	case "audio/amr":
		return has(0, "#!AMR")
	case "audio/aac":
		return has(0, "ADIF") || len(first) > 1 && first[0] == 0xff && first[1]&0xf6 == 0xf0
	case "audio/mpeg":
		return has(0, "ID3") || len(first) > 1 && first[0] == 0xff && first[1]&0xe0 == 0xe0
	case "application/pdf":
		return bytes.Contains(first, []byte("%PDF-"))
	case "text/plain":
		return !bytes.ContainsRune(first, 0)
	}
	if strings.HasPrefix(mediaType, "application/vnd.openxmlformats-") {
		return has(0, "PK\x03\x04")
	}
	return has(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") // what Office was before
}

// plainType is a media type without its parameters.
func plainType(mediaType string) string {
	if plain, _, err := mime.ParseMediaType(mediaType); err == nil {
		return plain
	}
	return "application/octet-stream"
}

// Shown is how a browser is to be given a file of a type: which type it is told, and whether it may show the file by itself. What could run as a
// page of ours is a download.
func Shown(mediaType string) (told string, inline bool) {
	plain := plainType(mediaType)
	switch kind := KindOf(plain); {
	case kind == "image", kind == "audio", kind == "video", kind == "sticker":
		return plain, true
	case kind == "document" && plain != "text/plain":
		return plain, false
	}
	return "application/octet-stream", false
}
