package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/control/archive"
	"parley/media/wav"
)

const (
	accessKey = "parley-test"
	secretKey = "a secret of the test's"
)

// versity is a real S3 server (Versity's gateway, a process of its own) on a socket below dir. Whatever it has, the tests share.
type versity struct {
	dir     string
	process *exec.Cmd
	out     bytes.Buffer
}

var shared versity

func TestMain(m *testing.M) {
	code := 1
	if err := shared.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	shared.stop()
	if code == 0 {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func (v *versity) start() (err error) {
	binary, err := filepath.Abs("../../bin/versitygw")
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w: run make setup-test", err)
	}
	if v.dir, err = os.MkdirTemp("", "parley-s3-"); err != nil {
		return err
	}
	for _, d := range []string{"objects/calls", "meta"} {
		if err := os.MkdirAll(filepath.Join(v.dir, d), 0o700); err != nil {
			return err
		}
	}
	v.process = exec.Command(binary, "--port", v.socket(), "--access", accessKey, "--secret", secretKey, "--quiet",
		"posix", "--sidecar", filepath.Join(v.dir, "meta"), filepath.Join(v.dir, "objects"))
	v.process.Stdout, v.process.Stderr = &v.out, &v.out
	if err := v.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", binary, err)
	}
	for end := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("unix", v.socket())
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			return fmt.Errorf("the S3 server does not come up: %w\n%s", err, v.out.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (v *versity) socket() string { return filepath.Join(v.dir, "s3.sock") }

func (v *versity) stop() {
	if v.process != nil && v.process.Process != nil {
		_ = v.process.Process.Kill()
		_ = v.process.Wait()
	}
	_ = os.RemoveAll(v.dir)
}

// A road leads to the S3 server, over TCP. It can be cut, and what comes back over it be spoilt. Requests keep their signatures.
type road struct {
	url      string
	cut      atomic.Bool
	spoilt   atomic.Bool
	requests atomic.Int64
	ranges   atomic.Int64 // requests for a part of an object
	odd      string       // what has this in its path is refused; it is set before anybody asks
}

func newRoad(t *testing.T) *road {
	t.Helper()
	r := &road{}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", shared.socket())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Rewrite: func(p *httputil.ProxyRequest) { // the Host is signed
			p.SetURL(&url.URL{Scheme: "http", Host: "s3"})
			p.Out.Host = p.In.Host
		},
		ModifyResponse: func(res *http.Response) error {
			if r.spoilt.Load() && res.Request.Method == http.MethodGet {
				b, err := io.ReadAll(res.Body)
				if err == nil && len(b) > 0 {
					b[len(b)/2] ^= 1
				}
				res.Body = io.NopCloser(bytes.NewReader(b))
				return err
			}
			return nil
		},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		if req.Header.Get("Range") != "" {
			r.ranges.Add(1)
		}
		if r.cut.Load() {
			panic(http.ErrAbortHandler)
		}
		if r.odd != "" && strings.Contains(req.URL.Path, r.odd) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

// bucket is a place of the test's own, at the end of a road.
func (r *road) bucket(t *testing.T) *archive.Bucket {
	t.Helper()
	b, err := archive.ParseBucket(fmt.Sprintf("s3://calls/%x?endpoint=%s&region=us-east-1", t.Name(), url.QueryEscape(r.url)), archive.Keys{Access: accessKey, Secret: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// directory is a data directory.
func directory(t *testing.T) (string, *os.Root) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, root
}

// put writes a file that was written to age ago.
func put(t *testing.T, dir, name string, b []byte, age time.Duration) {
	t.Helper()
	file := filepath.Join(dir, name)
	at := time.Now().Add(-age)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, b, 0o600), os.Chtimes(file, at, at)); err != nil {
		t.Fatal(err)
	}
}

func exists(t *testing.T, dir, name string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// recording is a WAV file of so many seconds.
func recording(t *testing.T, seconds int) []byte {
	t.Helper()
	s := wav.Sound{Rate: 8000, Channels: 2}
	for i := range 2 * 8000 * seconds {
		s.PCM = append(s.PCM, int16(i*7919))
	}
	var b bytes.Buffer
	if err := wav.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var silent = slog.New(slog.DiscardHandler)
