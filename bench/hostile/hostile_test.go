package hostile_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"

	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/bench/hostile"
	"parley/control/fetch"
	"parley/control/lines"
	"parley/control/vault"
	"parley/control/webhook"
	"parley/providers/httptool"
	"parley/providers/mcptool"
	"parley/providers/relay"
	"parley/providers/socket"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An ambush listens on all addresses of this machine, and counts who comes.
type ambush struct {
	port string
	mu   sync.Mutex
	came []string
}

func lie(t *testing.T) *ambush {
	t.Helper()
	ln, err := net.Listen("tcp", ":0")
	must(t, err)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	must(t, err)
	a := &ambush{port: port}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			a.mu.Lock()
			a.came = append(a.came, conn.LocalAddr().String())
			a.mu.Unlock()
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { must(t, ln.Close()); <-done })
	return a
}

// seen is who came since it was asked last.
func (a *ambush) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.came
	a.came = nil
	return all
}

// A way is how a tenant's URL is used: it is asked for each URL, and returns when all have been.
type way struct {
	name   string
	scheme string
	// use tries URLs; allow is what the operator lets in although it is private.
	use func(t *testing.T, urls []string, allow []string)
}

// patience is how long one URL may take: a guard refuses at once.
const patience = 10 * time.Second

// each tries URLs one after the other, none of which may take until its time is over.
func each(t *testing.T, urls []string, try func(ctx context.Context, target string) error) {
	t.Helper()
	for _, target := range urls {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := try(ctx, target); err == nil {
			t.Errorf("%s is answered", target)
		} else if ctx.Err() != nil {
			t.Errorf("%s is not refused: %v", target, err)
		}
		cancel()
	}
}

// gated is what credentials' servers are asked by.
func gated(t *testing.T, allow []string) (*httptool.Gate, *http.Transport) {
	t.Helper()
	g, err := httptool.NewGate(allow)
	must(t, err)
	transport := g.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return g, transport
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// answered is the error of what had an answer: redirects are answers that were not followed.
func answered(r *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode/100 == 3 {
		return errors.New("redirected")
	}
	return nil
}

// ways are all of them. The places that use each are in TestEveryPlaceIsKnown.
func ways() []way {
	return []way{
		{"tools", "https", func(t *testing.T, urls, allow []string) {
			c, err := httptool.New(httptool.Options{Allow: allow})
			must(t, err)
			defer c.Close()
			each(t, urls, func(ctx context.Context, target string) error {
				tool, err := c.Compile(httptool.Definition{Name: "t", Description: "T.", Method: http.MethodGet, URL: target}, nil)
				if err != nil {
					return err
				}
				_, _, err = tool.For(nil).Run(ctx, json.RawMessage(`{}`))
				return err
			})
		}},
		{"MCP servers", "https", func(t *testing.T, urls, allow []string) {
			c, err := httptool.New(httptool.Options{Allow: allow})
			must(t, err)
			defer c.Close()
			each(t, urls, func(ctx context.Context, target string) error {
				door, err := c.Door(httptool.Definition{URL: target}, nil)
				if err != nil {
					return err
				}
				s := mcptool.Open(mcptool.Options{Name: "m", URL: door.URL, Tools: []string{mcptool.All}, HTTP: door.HTTP})
				defer s.Close()
				s.Ready(ctx)
				if len(s.Tools()) == 0 {
					return errors.New("no tools")
				}
				return nil
			})
		}},
		{"credentials verified", "https", func(t *testing.T, urls, allow []string) {
			_, transport := gated(t, allow)
			v := &lines.Verifier{Guarded: &http.Client{Transport: transport}}
			each(t, urls, func(ctx context.Context, target string) error {
				_, err := v.Verify(ctx, store.Credential{Vendor: "openai", BaseURL: target}, "sk-hostile")
				return err
			})
		}},
		{"vendors' requests", "https", func(t *testing.T, urls, allow []string) {
			_, transport := gated(t, allow)
			c := &http.Client{Transport: transport, CheckRedirect: stay}
			each(t, urls, func(ctx context.Context, target string) error {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
				if err != nil {
					return err
				}
				return answered(c.Do(r))
			})
		}},
		{"vendors' sockets", "wss", func(t *testing.T, urls, allow []string) {
			_, transport := gated(t, allow)
			d := &websocket.Dialer{NetDialContext: transport.DialContext, HandshakeTimeout: patience}
			each(t, urls, func(ctx context.Context, target string) error {
				conn, answer, err := d.DialContext(ctx, target, nil) //nolint:bodyclose // gorilla: it need not be closed
				if err == nil {
					return conn.Close()
				}
				_ = answer
				return err
			})
		}},
		{"apps' sockets", "wss", func(t *testing.T, urls, allow []string) {
			_, transport := gated(t, allow)
			each(t, urls, func(ctx context.Context, target string) error {
				s, err := socket.Dial(ctx, socket.Target{URL: target, NetDial: transport.DialContext})
				if err == nil {
					return s.Close()
				}
				return err
			})
		}},
		{"apps' sounds", "https", func(t *testing.T, urls, allow []string) {
			gate, transport := gated(t, allow)
			each(t, urls, func(ctx context.Context, target string) error {
				_, err := relay.Sounds{Transport: transport, Check: gate.Check}.Fetch(ctx, target, 8000)
				return err
			})
		}},
		{"recordings", "https", fetchAll},
		{"webhooks", "https", sendAll},
		{"pre-answers", "https", askAll},
	}
}

// ended tells of each load that has ended.
type ended struct {
	*sql.Store
	over chan store.Load
}

func (e ended) EndLoad(ctx context.Context, l store.Load, failure string, at time.Time) error {
	l.Error = failure
	err := e.Store.EndLoad(ctx, l, failure, at)
	e.over <- l
	return err
}

// database is one with an organisation.
func database(t *testing.T) (*sql.Store, string) {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, "")})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	org := store.NewID()
	_, err = db.CreateOrganisation(t.Context(), store.Organisation{ID: org, Name: "Org", Created: time.Now().UTC()})
	must(t, err)
	return db, org
}

// fetchAll asks for a recording at each URL.
func fetchAll(t *testing.T, urls, allow []string) {
	db, org := database(t)
	gate, transport := gated(t, allow)
	rows := ended{db, make(chan store.Load, len(urls))}
	f := &fetch.Fetcher{Rows: rows, Node: "n", Dir: t.TempDir(), Transport: transport, Check: gate.Check, Tries: 1, Every: 20 * time.Millisecond}
	for _, target := range urls {
		now := time.Now().UTC()
		c := store.Call{ID: store.NewID(), Org: org, Direction: store.Outbound, Status: store.Completed, Leg: store.LegElsewhere, Created: now, Answered: now,
			End: store.End{Ended: now, Cause: store.CauseElsewhere}}
		_, err := db.AddCall(t.Context(), c, store.Card{}, store.Load{URL: target, Created: now})
		must(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for range urls {
		if l := <-rows.over; l.Error == "" {
			t.Errorf("%s is fetched", l.URL)
		}
	}
	cancel()
	must(t, <-done)
}

// sendAll sends a webhook to each URL.
func sendAll(t *testing.T, urls, allow []string) {
	db, org := database(t)
	v, err := vault.New([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	secrets := &webhook.Secrets{Rules: db, Vault: v}
	_, _, err = secrets.Rotate(t.Context(), org, 0)
	must(t, err)
	let, err := webhook.ParseAllow(allow)
	must(t, err)
	for _, target := range urls {
		_, err := db.AddDelivery(t.Context(), store.Delivery{ID: store.NewID(), Org: org, Kind: store.WebhookTest, URL: target, Payload: "{}", Created: time.Now().UTC()})
		must(t, err)
	}
	over := make(chan string, len(urls))
	s := webhook.New(webhook.Options{
		Store: db, Node: "n", Secrets: secrets, Allow: let, Roots: roots, Timing: webhook.Timing{Every: 20 * time.Millisecond, Timeout: patience, Retries: []time.Duration{}},
		Observe: func(_, outcome string, _ time.Duration) { over <- outcome },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for range urls {
		if outcome := <-over; outcome == "delivered" || outcome == "timeout" {
			t.Errorf("a webhook is %s", outcome)
		}
	}
	cancel()
	must(t, <-done)
}

// askAll asks each URL about a call.
func askAll(t *testing.T, urls, allow []string) {
	db, org := database(t)
	v, err := vault.New([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	let, err := webhook.ParseAllow(allow)
	must(t, err)
	a := webhook.NewAsker(webhook.AskOptions{Secrets: &webhook.Secrets{Rules: db, Vault: v}, Allow: let, Roots: roots, Timeout: patience})
	each(t, urls, func(ctx context.Context, target string) error {
		r, err := a.Ask(ctx, org, target, "q", []byte("{}"), 1024)
		if err == nil && r.Status/100 == 3 {
			err = errors.New("redirected")
		}
		return err
	})
}

// roots are who has signed the bait's certificate.
var roots = x509.NewCertPool()

// baits are servers that may be asked, as example.com, and lead wherever their query says: with TLS, and without.
func baits(t *testing.T) (sealed, plain string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	lead := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(code)
	})
	one, two := httptest.NewUnstartedServer(lead), httptest.NewServer(lead)
	one.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	one.StartTLS()
	t.Cleanup(one.Close)
	t.Cleanup(two.Close)
	roots.AddCert(one.Certificate())
	port := func(s *httptest.Server) string { u, _ := url.Parse(s.URL); return u.Port() }
	return "https://example.com:" + port(one) + "/", "http://example.com:" + port(two) + "/", asked
}

// TestNothingGetsIn: of hundreds of hostile URLs, in every place where a tenant can put one, none makes a connection to a listener here. It
// changes the process's resolver, so it runs alone.
func TestNothingGetsIn(t *testing.T) { //nolint:paralleltest // see above
	(&zone{}).serve(t)
	trap := lie(t)
	sealed, plain, asked := baits(t)
	hosts := append(hostile.Hosts(), own(t)...)
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) { //nolint:paralleltest // the trap is shared
			var urls []string
			for _, host := range hosts {
				urls = append(urls, w.scheme+"://"+host+":"+trap.port+"/x.wav")
			}
			direct := len(urls)
			bait := plain
			if w.name == "webhooks" || w.name == "pre-answers" {
				bait = sealed
			}
			if w.scheme == "https" { // sockets follow no redirects
				for i, host := range []string{"127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost", "one-1.hostile.test", "rebind-1.hostile.test", "0.0.0.0"} {
					for _, code := range []int{301, 302, 303, 307, 308} {
						to := []string{"http", "https"}[i%2] + "://" + host + ":" + trap.port + "/x.wav"
						urls = append(urls, bait+"?code="+strconv.Itoa(code)+"&to="+url.QueryEscape(to))
					}
				}
			}
			if len(urls) < 300 {
				t.Errorf("%d URLs are fewer than 300", len(urls))
			}
			asked.Store(0)
			w.use(t, urls, []string{"example.com"})
			if n := asked.Load(); n < int64(len(urls)-direct) {
				t.Errorf("of %d redirects %d were seen", len(urls)-direct, n)
			}
			if came := trap.seen(); len(came) > 0 {
				t.Errorf("%d connections were made, to %v", len(came), slices.Compact(slices.Sorted(slices.Values(came))))
			}
			t.Logf("%d addresses and names, %d redirects: no connection", direct, len(urls)-direct)

			// Let in by the operator, the same way leads to the listener: what kept it out was the guard.
			w.use(t, []string{w.scheme + "://127.0.0.1:" + trap.port + "/x.wav"}, []string{"127.0.0.0/8"})
			if came := trap.seen(); len(came) == 0 {
				t.Error("the listener does not see what is let in")
			}
		})
	}
}

// own are this machine's own addresses that are not on the internet.
func own(t *testing.T) (hosts []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && (n.IP.IsPrivate() || n.IP.IsLinkLocalUnicast() && n.IP.To4() != nil) {
			host := n.IP.String()
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			hosts = append(hosts, host)
		}
	}
	return hosts
}
