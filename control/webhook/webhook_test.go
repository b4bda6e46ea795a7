package webhook_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/webhook"
	"parley/store"
	"parley/store/storetest/litetest"
)

// TestWebhook: what a client is told of a call, and how it is signed.
func TestWebhook(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	e := newEndpoint(t, nil)
	h.run(func(o *webhook.Options) { o.Reports = reports{} })
	task, call := h.call(e.at("a"))
	h.end(call, store.Completed, store.Message{Role: "assistant", Text: "Hello <you>."}, store.Message{Role: "caller", Text: "Bye\x00 \xff"})
	failing, missed := h.call(e.at("a"))
	h.end(missed, store.Failed)
	h.until("all is told", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == 4 })
	var got []string
	for _, one := range e.all() {
		if !verifies(one, h.secret) || time.Since(time.Unix(one.at, 0)) > time.Minute || len(one.signatures) != 1 {
			t.Errorf("a bad signature: %+v", one)
		}
		got = append(got, one.body)
	}
	want := []string{
		`{"event_type":"call_started","task_id":"` + task + `","call_id":"` + call + `","status":"initiated","data":{"transcript_excerpt":"","report_excerpt":""}}`,
		`{"event_type":"call_completed","task_id":"` + task + `","call_id":"` + call + `","status":"completed","data":{"transcript_excerpt":"agent: Hello <you>.\nuser: Bye� �","report_excerpt":"2 messages."}}`,
		`{"event_type":"call_started","task_id":"` + failing + `","call_id":"` + missed + `","status":"initiated","data":{"transcript_excerpt":"","report_excerpt":""}}`,
		`{"event_type":"call_failed","task_id":"` + failing + `","call_id":"` + missed + `","status":"failed","data":{"transcript_excerpt":"","report_excerpt":"0 messages."}}`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

type reports struct{}

func (reports) Excerpt(ctx context.Context, _, call string, said []store.Message) (string, error) {
	if call == "" {
		return "", store.ErrNotFound
	}
	return fmt.Sprintf("%d messages.", len(said)), ctx.Err()
}

// TestRude: whatever an endpoint does, a try ends within its time, says what happened, and reads no more than it must.
func TestRude(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	stop := t.Context().Done()
	raw := func(serve func(c net.Conn)) string { return rawEndpoint(t, serve) }
	served := func(answer http.HandlerFunc) string { return newEndpoint(t, answer).URL }
	drip := func(w io.Writer, stop <-chan struct{}, text string) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i = (i + 1) % len(text) {
			if _, err := io.WriteString(w, text[i:i+1]); err != nil {
				return
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}
	for name, c := range map[string]struct {
		url     string
		timeout time.Duration // 0: the usual one
		code    int
		err     string // part of it; empty: delivered
		answer  string // how it begins
	}{
		"good":       {url: served(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks") }), code: 200, answer: "thanks"},
		"no content": {url: served(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }), code: 204},
		"500":        {url: served(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh no", 500) }), code: 500, err: "answered 500 Internal Server Error", answer: "oh no"},
		"410":        {url: served(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }), code: 410, err: "answered 410 Gone"},
		"redirect":   {url: served(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }), code: 302, err: "answered 302 Found"},
		"redirect back": {url: served(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}), code: 307, err: "answered 307"},
		"strange bytes": {url: served(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a\x00b\xff\xfec") }), code: 200, answer: "a\uFFFDbc"},
		"huge body": {url: served(func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write([]byte(strings.Repeat("a", 64<<10))); err != nil {
					return
				}
			}
		}), code: 200, answer: strings.Repeat("a", 1024)},
		"hangs": {url: served(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		}), timeout: 300 * time.Millisecond, err: "no answer within 300ms"},
		"drips a body":          {url: served(func(w http.ResponseWriter, r *http.Request) { drip(w, r.Context().Done(), "drip ") }), timeout: 3 * time.Second, code: 200, answer: "drip "},
		"drips headers":         {url: raw(func(c net.Conn) { request(c); drip(c, stop, "HTTP/1.1 200 OK\r\nX: y\r\n") }), timeout: 500 * time.Millisecond, err: "no answer within"},
		"endless headers":       {url: raw(func(c net.Conn) { request(c); flood(c, "HTTP/1.1 200 OK\r\n", "X: y\r\n") }), err: "exceeded"},
		"answers nothing":       {url: raw(request), err: "EOF"},
		"closes after a status": {url: raw(func(c net.Conn) { request(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX: y\r\n") }), err: "EOF"},
		"breaks off": {url: raw(func(c net.Conn) {
			request(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}), code: 200, answer: "half"},
		"no HTTP":        {url: raw(func(c net.Conn) { request(c); fmt.Fprint(c, "220 smtp\r\n") }), err: "malformed"},
		"no TLS":         {url: strings.Replace(other.URL, "http:", "https:", 1), err: "HTTP response to HTTPS client"},
		"silent TLS":     {url: silent(t), timeout: 300 * time.Millisecond, err: "no answer within"},
		"another's name": {url: strings.Replace(served(nil), "127.0.0.1", "other.example.test", 1), err: "certificate"},
		"nobody there":   {url: "https://127.0.0.1:1", err: "refused"},
		"not public":     {url: strings.Replace(served(nil), "127.0.0.1", "127.0.0.2", 1), err: "127.0.0.2 is not a public address"},
		"by another way": {url: strings.Replace(served(nil), "127.0.0.1", "[::ffff:127.0.0.2]", 1), err: "is not a public address"},
		"no https":       {url: other.URL, err: "is no https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, litetest.New(t, "")) // one of its own: the Sender has a timeout of its own
			var outcome atomic.Value
			h.run(func(o *webhook.Options) {
				o.Timing.Timeout = c.timeout
				o.Observe = func(_, what string, _ time.Duration) { outcome.Store(what) }
			})
			d := h.settled(h.test(c.url).ID)
			tries := h.attempts(d.ID)
			if d.Code != c.code || (d.Error == "") != (c.err == "") || !strings.Contains(d.Error, c.err) || len(tries) != 1 || d.Attempts != 1 {
				t.Fatalf("%+v, %+v", d, tries)
			}
			if d.Status == store.DeliveryDelivered != (c.err == "") || tries[0].Error != d.Error || tries[0].Code != d.Code || outcome.Load() == nil {
				t.Errorf("%+v, %+v, observed %v", d, tries, outcome.Load())
			}
			if !strings.HasPrefix(tries[0].Answer, c.answer) || len(tries[0].Answer) > 1024 || c.timeout > 0 && c.err != "" && tries[0].Took < c.timeout {
				t.Errorf("answer %q after %v", tries[0].Answer, tries[0].Took)
			}
			if strings.Contains(d.Error, "https://") {
				t.Errorf("the error has the URL: %s", d.Error)
			}
		})
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("redirects were followed %d times", n)
		}
	})
}

// request reads a request's head.
func request(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		if line, err := r.ReadString('\n'); err != nil || line == "\r\n" {
			return
		}
	}
}

func flood(c net.Conn, head, line string) {
	fmt.Fprint(c, head)
	for {
		if _, err := io.WriteString(c, strings.Repeat(line, 1000)); err != nil {
			return
		}
	}
}

// rawEndpoint speaks TLS, and above it whatever serve does before it closes.
func rawEndpoint(t *testing.T, serve func(c net.Conn)) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	must(t, err)
	return serveAll(t, ln, func(c net.Conn) {
		if c.(*tls.Conn).HandshakeContext(t.Context()) == nil {
			serve(c)
		}
	})
}

// silent takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return serveAll(t, ln, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

func serveAll(t *testing.T, ln net.Listener, serve func(c net.Conn)) string {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		must(t, ln.Close())
		all.Wait()
	})
	return "https://" + ln.Addr().String()
}

// TestRebinding: a name that led to a good address a moment ago, and leads to a private one now, is not followed there.
func TestRebinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	good := newEndpoint(t, nil)
	port := netip.MustParseAddrPort(strings.TrimPrefix(good.URL, "https://")).Port()
	var hits atomic.Int64
	ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.2:", port))
	must(t, err)
	serveAll(t, ln, func(net.Conn) { hits.Add(1) })
	var flips, private atomic.Int64
	h.run(func(o *webhook.Options) {
		o.Resolver = resolver(t, func(name string) []string {
			switch {
			case strings.HasPrefix(name, "mixed"):
				return []string{"127.0.0.2", "127.0.0.1", "127.0.0.3"}
			case flips.Add(1)%2 == 1:
				return []string{"127.0.0.1"}
			}
			private.Add(1)
			return []string{"127.0.0.2"}
		})
	})
	delivered := 0
	for range 20 {
		switch d := h.settled(h.test(good.at("flips")).ID); {
		case d.Status == store.DeliveryDelivered:
			delivered++
		case !strings.Contains(d.Error, "127.0.0.2 is not a public address"):
			t.Errorf("%+v", d)
		}
	}
	if delivered == 0 || delivered == 20 || private.Load() == 0 {
		t.Errorf("%d of 20 were delivered, %d times the name led elsewhere", delivered, private.Load())
	}
	if d := h.settled(h.test(good.at("mixed")).ID); d.Status != store.DeliveryDelivered {
		t.Errorf("a name with one good address: %+v", d)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections to the private address", n)
	}
}
