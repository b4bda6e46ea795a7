package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/store"
)

// redirects are how many are followed.
const redirects = 5

// client follows redirects to where the first address could have led, and to nowhere else.
func (f *Fetcher) client() *http.Client {
	return &http.Client{Transport: f.Transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > redirects {
			return faulty("the URL leads from one to another more than %d times", redirects)
		}
		if r.URL.User != nil {
			return faulty("the URL leads to one with a name and password")
		}
		if err := f.Check(r.URL.String()); err != nil || r.URL.Scheme != "https" && r.URL.Scheme != "http" {
			return faulty("the URL leads to one that may not be fetched from")
		}
		r.Header.Del("Referer")
		return nil
	}}
}

// download fetches a file, or what is missing of it.
func (f *Fetcher) download(ctx context.Context, l store.Load) error {
	if err := f.Check(l.URL); err != nil {
		return faulty("the url %s", err.Error())
	}
	ctx, stop := context.WithTimeout(ctx, longest)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(f.Idle, func() { cancel(errIdle) })
	defer idle.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL, nil)
	if err != nil {
		return faulty("the url is none")
	}
	request.Header.Set("Accept", "audio/wav, audio/x-wav, audio/ogg, audio/opus, */*;q=0.1")
	request.Header.Set("Accept-Encoding", "identity") // a range is of the file as it lies there
	request.Header.Set("User-Agent", "Parley")
	has := f.resume(request, l.Call)
	answer, err := f.client().Do(request)
	if err != nil {
		return fmt.Errorf("ask: %w", cause(ctx, err))
	}
	defer answer.Body.Close()
	from, err := f.accept(answer, has)
	if err != nil {
		return err
	}
	if from == complete {
		return nil
	}
	return f.save(answer, l.Call, from, func() { idle.Reset(f.Idle) }, func(err error) error { return cause(ctx, err) })
}

var errIdle = errors.New("nothing comes")

// cause is why a context has ended a request, if it has, or else what went wrong: without the URL, which may hold a signature.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// resume asks for the rest of a file of which there is a beginning, and says how long that is.
func (f *Fetcher) resume(r *http.Request, call string) (has int64) {
	tag, err := os.ReadFile(f.tag(call))
	if err != nil || len(tag) == 0 {
		return 0
	}
	info, err := os.Stat(f.part(call))
	if err != nil || info.Size() == 0 {
		return 0
	}
	r.Header.Set("Range", "bytes="+strconv.FormatInt(info.Size(), 10)+"-")
	r.Header.Set("If-Range", string(tag))
	return info.Size()
}

// complete says that there is nothing more to come.
const complete = -1

// accept judges an answer, and says from which byte on it is.
func (f *Fetcher) accept(a *http.Response, has int64) (from int64, err error) {
	switch code := a.StatusCode; {
	case code == http.StatusPartialContent && has > 0:
		var first, last, size int64
		if n, _ := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); n != 3 || first != has {
			return 0, errors.New("the server sends another range than was asked for")
		}
		if size > f.Most {
			return 0, f.tooLarge()
		}
		return has, nil
	case code == http.StatusRequestedRangeNotSatisfiable && has > 0 && a.Header.Get("Content-Range") == "bytes */"+strconv.FormatInt(has, 10):
		return complete, nil
	case code == http.StatusRequestedRangeNotSatisfiable && has > 0:
		return 0, errors.New("the server has less than it had")
	case code == http.StatusOK && a.ContentLength > f.Most:
		return 0, f.tooLarge()
	case code == http.StatusOK && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"):
		return 0, faulty("the url answers with a page, and no recording")
	case code == http.StatusOK:
		return 0, nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return 0, fmt.Errorf("the server answers %d", code)
	}
	return 0, faulty("the server answers %d", a.StatusCode)
}

func (f *Fetcher) tooLarge() error { return faulty("the file is larger than %d MiB", f.Most>>20) }

// save writes what comes behind what is there.
func (f *Fetcher) save(a *http.Response, call string, from int64, alive func(), why func(error) error) (err error) {
	if from == 0 {
		f.forget(call)
		if err := os.WriteFile(f.tag(call), []byte(validator(a.Header)), 0o600); err != nil {
			return fmt.Errorf("keep tag: %w", err)
		}
	}
	out, err := os.OpenFile(f.part(call), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf := make([]byte, 64<<10)
	for {
		n, rerr := a.Body.Read(buf)
		if n > 0 {
			alive()
			if from += int64(n); from > f.Most {
				return f.tooLarge()
			}
			if _, err := out.Write(buf[:n]); err != nil {
				return fmt.Errorf("keep file: %w", err)
			}
		}
		switch {
		case errors.Is(rerr, io.EOF):
			return nil
		case rerr != nil:
			return fmt.Errorf("receive: %w", why(rerr))
		}
	}
}

// validator is what If-Range may ask with: a strong ETag (RFC 9110, section 13.1.5); empty: the server has none, and a second try begins anew.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return ""
}
