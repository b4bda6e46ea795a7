package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/control/fetch"
	"parley/control/report"
	"parley/media/opus"
	"parley/media/wav"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows tell of each load that has ended.
type rows struct {
	*sql.Store
	ended chan store.Load
}

func (r rows) EndLoad(ctx context.Context, l store.Load, failure string, at time.Time) error {
	err := r.Store.EndLoad(ctx, l, failure, at)
	l.Error, l.Ended = failure, at
	r.ended <- l
	return err
}

// A world is a database, a data directory, and a server on which recordings lie.
type world struct {
	t      *testing.T
	rows   rows
	org    string
	dir    string
	server *httptest.Server

	mu      sync.Mutex
	asked   []string // ranges
	retold  []string // calls
	retells error
	kept    []store.Recording
}

func newWorld(t *testing.T, serve http.HandlerFunc) *world {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, "")})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{t: t, rows: rows{db, make(chan store.Load, 10)}, org: store.NewID(), dir: t.TempDir()}
	_, err = db.CreateOrganisation(t.Context(), store.Organisation{ID: w.org, Name: "Org", Created: now()})
	must(t, err)
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r.Header.Get("Range"))
		w.mu.Unlock()
		serve(rw, r)
	}))
	t.Cleanup(w.server.Close)
	return w
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// fetcher is one that is quick, and asks nobody but the world's server.
func (w *world) fetcher() *fetch.Fetcher {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	w.t.Cleanup(transport.CloseIdleConnections)
	return &fetch.Fetcher{
		Rows: w.rows, Node: "node", Dir: w.dir, Transport: transport, Most: 1 << 20, Backoff: time.Millisecond, Every: 5 * time.Millisecond, Tries: 4,
		Check: func(target string) error {
			if !strings.HasPrefix(target, w.server.URL+"/") {
				return errors.New("may not be asked")
			}
			return nil
		},
		Retell: func(_ context.Context, c store.Call) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.retold = append(w.retold, c.ID)
			return w.retells
		},
		Kept: func(r store.Recording) { w.mu.Lock(); w.kept = append(w.kept, r); w.mu.Unlock() },
	}
}

// run runs a Fetcher until stop.
func (w *world) run(f *fetch.Fetcher) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return func() { cancel(); must(w.t, <-done) }
}

// order asks for a recording.
func (w *world) order(path string) string {
	w.t.Helper()
	began := now()
	c := store.Call{ID: store.NewID(), Org: w.org, Direction: store.Outbound, Status: store.Completed, Leg: store.LegElsewhere, Created: began, Answered: began,
		End: store.End{Ended: began, Cause: store.CauseElsewhere}}
	_, err := w.rows.AddCall(w.t.Context(), c, store.Card{}, store.Load{URL: w.server.URL + path, Created: began})
	must(w.t, err)
	return c.ID
}

// fetched fetches one recording, to its end.
func (w *world) fetched(path string) (store.Load, store.Recording, error) {
	w.t.Helper()
	call := w.order(path)
	stop := w.run(w.fetcher())
	l := <-w.rows.ended
	stop()
	r, err := w.rows.Recording(w.t.Context(), w.org, call)
	if left, _ := filepath.Glob(filepath.Join(w.dir, "loads", "*")); len(left) > 0 {
		w.t.Errorf("%s: files are left: %v", path, left)
	}
	return l, r, err
}

// speech is a WAV file.
func speech(t *testing.T, rate, channels, samples int) []byte {
	t.Helper()
	pcm := make([]int16, samples*channels)
	for i := range pcm {
		pcm[i] = int16(i * 7)
	}
	var b bytes.Buffer
	must(t, wav.Encode(&b, wav.Sound{PCM: pcm, Rate: rate, Channels: channels}))
	return b.Bytes()
}

// TestFetch: what is fetched lies where recordings lie, is put into words once, and the call has its length.
func TestFetch(t *testing.T) {
	t.Parallel()
	stereo := speech(t, 8000, 2, 12_000)
	files := map[string][]byte{"/stereo.wav": stereo, "/music.wav": speech(t, 44_100, 2, 44_100)}
	if opus.Available() == nil {
		var b bytes.Buffer
		o, err := opus.NewWriter(&b, 16000, 1)
		must(t, err)
		must(t, o.Write(make([]int16, 16000)))
		must(t, o.Close())
		files["/note.ogg"] = b.Bytes()
	}
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(files[r.URL.Path]))
	})
	for path, want := range map[string]store.Recording{
		"/stereo.wav": {Rate: 8000, Channels: 2, Length: 1500 * time.Millisecond}, "/music.wav": {Rate: 16000, Channels: 2, Length: time.Second},
		"/note.ogg": {Rate: 16000, Channels: 1, Length: time.Second},
	} {
		if files[path] == nil {
			t.Logf("%s is not tried: this build has no Opus", path)
			continue
		}
		l, r, err := w.fetched(path)
		must(t, err)
		if off := r.Length - want.Length; l.Error != "" || r.Rate != want.Rate || r.Channels != want.Channels || off < -30*time.Millisecond || off > 30*time.Millisecond {
			t.Errorf("%s: %q, %+v, want %+v", path, l.Error, r, want)
		}
		text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(r.Path)))
		must(t, err)
		if int64(len(text)) != r.Bytes || path == "/stereo.wav" && !bytes.Equal(text, stereo) {
			t.Errorf("%s: the file of %d bytes is not what was fetched", path, len(text))
		}
		c, err := w.rows.Call(t.Context(), w.org, l.Call)
		must(t, err)
		if c.Length != r.Length || w.retold[len(w.retold)-1] != l.Call || w.kept[len(w.kept)-1] != r {
			t.Errorf("%s: the call is of %s, retold are %v, kept %v", path, c.Length, w.retold, w.kept)
		}
	}
	w.retells = fmt.Errorf("%w: none", report.ErrAway)
	if l, _, err := w.fetched("/stereo.wav"); err != nil || !strings.Contains(l.Error, "could not be put into words") {
		t.Errorf("without a recogniser: %v, %+v", err, l)
	}
}

// TestResume: a server that breaks off is asked for the rest, as long as the file is the same; else for all of it.
func TestResume(t *testing.T) {
	t.Parallel()
	file := speech(t, 8000, 1, 30_000)
	n, tag := 0, `"one"`
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if n++; n == 3 { // it has become another one
			tag = `"two"`
		}
		rw.Header().Set("ETag", tag)
		cut := &short{ResponseWriter: rw, left: 20_000}
		http.ServeContent(cut, r, "x.wav", time.Time{}, bytes.NewReader(file))
	})
	f := w.fetcher()
	f.Tries = 10
	call := w.order("/x.wav")
	stop := w.run(f)
	l := <-w.rows.ended
	stop()
	r, err := w.rows.Recording(t.Context(), w.org, call)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(r.Path)))
	must(t, err)
	if l.Error != "" || !bytes.Equal(text, file) {
		t.Errorf("after %v: %q, %d bytes of %d", w.asked, l.Error, len(text), len(file))
	}
	if got := fmt.Sprint(w.asked); !strings.HasPrefix(got, "[ bytes=") || len(w.asked) < 5 {
		t.Errorf("asked for %s", got)
	}
}

// short is an answer that breaks off.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.left {
		_, _ = s.ResponseWriter.Write(b[:s.left])
		panic(http.ErrAbortHandler)
	}
	s.left -= len(b)
	return s.ResponseWriter.Write(b)
}

// TestRestart: what a process has not finished, the next goes on with.
func TestRestart(t *testing.T) {
	t.Parallel()
	file := speech(t, 8000, 1, 30_000)
	sent, first := make(chan struct{}), true
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"one"`)
		if !first {
			http.ServeContent(rw, r, "x.wav", time.Time{}, bytes.NewReader(file))
			return
		}
		first = false
		rw.Header().Set("Content-Length", strconv.Itoa(len(file)))
		_, _ = rw.Write(file[:30_000])
		rw.(http.Flusher).Flush()
		close(sent)
		<-r.Context().Done()
	})
	call := w.order("/x.wav")
	stop := w.run(w.fetcher())
	<-sent
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for part := filepath.Join(w.dir, "loads", call+".part"); ; <-tick.C { // what was sent has also come
		if info, err := os.Stat(part); err == nil && info.Size() == 30_000 {
			break
		}
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	stop = w.run(w.fetcher())
	l := <-w.rows.ended
	stop()
	if l.Error != "" || len(w.asked) != 2 || w.asked[1] != "bytes=30000-" {
		t.Errorf("%q, asked for %q", l.Error, w.asked)
	}
	if _, err := w.rows.Recording(t.Context(), w.org, call); err != nil {
		t.Error(err)
	}
}

// TestRefused: what is no recording, too much of one, or lies where nobody may ask, ends with a reason; a server that is away is asked again.
func TestRefused(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect led to somewhere else") }))
	defer elsewhere.Close()
	n := 0
	three := speech(t, 8000, 2, 100)
	three[22], three[32] = 3, 6
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		case "/mp3":
			_, _ = rw.Write([]byte("ID3\x04 and more"))
		case "/empty":
		case "/silent":
			_, _ = rw.Write(speech(t, 8000, 1, 0))
		case "/three":
			_, _ = rw.Write(three)
		case "/strange":
			_, _ = rw.Write(speech(t, 8001, 1, 100))
		case "/broken":
			_, _ = rw.Write([]byte("RIFF\x00\x00\x00\x00WAVEnonsense"))
		case "/large":
			rw.Header().Set("Content-Length", strconv.Itoa(2<<20))
		case "/endless":
			for range 40 {
				_, _ = rw.Write(make([]byte, 64<<10))
			}
		case "/away":
			http.Redirect(rw, r, elsewhere.URL+"/x.wav", http.StatusFound)
		case "/secret":
			http.Redirect(rw, r, "http://a:b@"+r.Host+"/x.wav", http.StatusFound)
		case "/file":
			rw.Header().Set("Location", "file:///etc/passwd")
			rw.WriteHeader(http.StatusFound)
		case "/round":
			http.Redirect(rw, r, "/round", http.StatusFound)
		case "/down":
			n++
			rw.WriteHeader(http.StatusServiceUnavailable)
		default:
			http.NotFound(rw, r)
		}
	})
	for path, want := range map[string]string{
		"/none": "answers 404", "/page": "a page", "/mp3": "neither WAV nor Ogg Opus", "/empty": "empty", "/silent": "no sound", "/three": "3 channels", "/strange": "8001",
		"/broken": "cannot be read", "/large": "larger than 1 MiB", "/endless": "larger than 1 MiB", "/away": "may not be fetched from", "/secret": "name and password",
		"/file": "may not be fetched from", "/round": "more than 5 times", "/down": "could not be reached",
	} {
		l, _, err := w.fetched(path)
		if !strings.Contains(l.Error, want) || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %q, %v, want %q", path, l.Error, err, want)
		}
	}
	if n != 4 {
		t.Errorf("a server that is down was asked %d times, want 4", n)
	}
	if len(w.retold) > 0 {
		t.Errorf("put into words: %v", w.retold)
	}
}

// TestSecrets: URLs of recordings are often signed, so that whoever reads one may fetch it: no log has them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(rw, r, "ftp://elsewhere.example.com/x.wav?signature=verysecret", http.StatusFound)
			return
		}
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"/gone", "/away"} {
		var log bytes.Buffer
		f := w.fetcher()
		f.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		w.order(path + "?signature=verysecret")
		stop := w.run(f)
		l := <-w.rows.ended
		stop()
		if text := log.String(); l.Error == "" || !strings.Contains(text, "a recording is not fetched") || strings.Contains(text+l.Error, "verysecret") {
			t.Errorf("%s: %q, logged %s", path, l.Error, text)
		}
	}
}
