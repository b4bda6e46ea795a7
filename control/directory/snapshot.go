package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"parley/store"
)

// version is the form of the file. It goes up whenever store's Directory, Organisation, Agent, Number, Credential, Trunk or Extension is changed, so that no file is
// taken for what it does not say.
const version = 7

// A snapshot is the file's contents.
type snapshot struct {
	Version   int             `json:"version"`
	Confirmed time.Time       `json:"confirmed"` // when the database last agreed
	SHA256    string          `json:"sha256"`    // of the directory as it stands in the file, in hex
	Directory json.RawMessage `json:"directory"`
}

func encode(d store.Directory, confirmed time.Time) ([]byte, error) {
	dir, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(dir)
	return json.Marshal(snapshot{version, confirmed.UTC(), hex.EncodeToString(sum[:]), dir})
}

func decode(data []byte) (*store.Directory, time.Time, error) {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, time.Time{}, err
	}
	if s.Version != version {
		return nil, time.Time{}, fmt.Errorf("version %d, not %d", s.Version, version)
	}
	if sum := sha256.Sum256(s.Directory); s.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, time.Time{}, errors.New("the checksum does not fit")
	}
	var d store.Directory
	dec := json.NewDecoder(bytes.NewReader(s.Directory))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, time.Time{}, err
	}
	return &d, s.Confirmed, nil
}

// file keeps the snapshot. It is one goroutine's.
type file struct {
	path    string // empty: nothing is kept
	log     *slog.Logger
	saved   *plan // what it holds
	failing bool
}

// load reads the file; nil if there is none, or none of use.
func (f *file) load() (*store.Directory, time.Time, error) {
	if f.path == "" {
		return nil, time.Time{}, nil
	}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read directory snapshot: %w", err)
	}
	d, confirmed, err := decode(data)
	if err == nil {
		return d, confirmed, nil
	}
	aside := f.path + ".damaged"
	if err := os.Rename(f.path, aside); err != nil {
		return nil, time.Time{}, fmt.Errorf("set damaged directory snapshot aside: %w", err)
	}
	f.log.Warn("damaged directory snapshot set aside", "file", aside, "error", err)
	return nil, time.Time{}, nil
}

// save writes the view's plan, unless the file has it. It logs when that begins to fail, and when it is over.
func (f *file) save(v *view) {
	if f.path == "" || v == nil || v.plan == f.saved {
		return
	}
	data, err := encode(v.Directory, v.confirmed)
	if err == nil {
		err = replace(f.path, data)
	}
	if err != nil {
		if !f.failing {
			f.log.Warn("directory snapshot not saved", "file", f.path, "error", err)
		}
		f.failing = true
		return
	}
	if f.failing {
		f.log.Info("directory snapshot saved again", "file", f.path)
	}
	f.saved, f.failing = v.plan, false
}

// replace puts data in the place of the file at path, all of it or nothing, and on the disk when it returns. Only its owner may read it.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	next := path + ".next" // of a fixed name: what a crash leaves behind is written over
	if err := write(next, data); err != nil {
		os.Remove(next)
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("put file in its place: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("flush directory: %w", err)
	}
	return nil
}

func write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}
