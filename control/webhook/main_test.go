package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"parley/control/vault"
	"parley/control/webhook"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

// postgres is the server of these tests.
var postgres = pgtest.Shared{Fill: litetest.Migrate}

// planEnv makes this binary a node that sends: JSON of a nodePlan.
const planEnv = "PARLEY_TEST_WEBHOOK_PLAN"

func TestMain(m *testing.M) {
	if plan := os.Getenv(planEnv); plan != "" {
		if err := beNode(plan, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(postgres.Main(m))
}

// both runs a test on each kind of database.
func both(t *testing.T, run func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		run(t, postgres.URL(t))
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		run(t, litetest.New(t, ""))
	})
}

// nodeSecret is what the nodes share.
var nodeSecret = []byte("0123456789abcdef0123456789abcdef")

func newVault(t *testing.T, secrets ...[]byte) *vault.Vault {
	t.Helper()
	v, err := vault.New(secrets...)
	must(t, err)
	return v
}

// A house is an organisation that sends webhooks.
type house struct {
	t          *testing.T
	db         *sql.Store
	url        string
	org, agent string
	secrets    *webhook.Secrets
	secret     string
}

func newHouse(t *testing.T, url string) *house {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: url})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	h := &house{t: t, db: db, url: url, org: store.NewID(), agent: store.NewID()}
	now := time.Now().UTC()
	must(t, db.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: h.org, Name: "Example", Created: now},
		Owner:        store.User{ID: store.NewID(), Email: "o@example.com", Role: store.Owner, Created: now},
		Key:          store.Key{ID: store.NewID(), Hash: "h", Created: now},
		Agent:        store.Agent{ID: h.agent, Org: h.org, Name: "Ada", Enabled: true, Created: now},
	}))
	h.secrets = &webhook.Secrets{Rules: db, Vault: newVault(t, nodeSecret)}
	h.secret, _, err = h.secrets.Rotate(t.Context(), h.org, 0)
	must(t, err)
	return h
}

// run runs a Sender until the test ends, or until stop is called.
func (h *house) run(change func(*webhook.Options)) (s *webhook.Sender, stop func()) {
	h.t.Helper()
	allow, err := webhook.ParseAllow([]string{"127.0.0.1"})
	must(h.t, err)
	o := webhook.Options{Store: h.db, Node: store.NewID(), Secrets: h.secrets, Allow: allow, Roots: roots, Resolver: resolver(h.t, nil),
		Timing: webhook.Timing{Every: 20 * time.Millisecond}}
	if change != nil {
		change(&o)
	}
	s = webhook.New(o)
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); must(h.t, <-done) }) }
	h.t.Cleanup(stop)
	return s, stop
}

// test adds a delivery that belongs to no call.
func (h *house) test(url string) store.Delivery {
	h.t.Helper()
	d, err := h.db.AddDelivery(h.t.Context(), store.Delivery{ID: store.NewID(), Org: h.org, Kind: store.WebhookTest, URL: url, Payload: webhook.TestPayload(), Created: time.Now().UTC()})
	must(h.t, err)
	return d
}

// call makes a task whose call is begun; end ends it.
func (h *house) call(url string) (task, call string) {
	h.t.Helper()
	now := time.Now().UTC()
	made, err := h.db.CreateTask(h.t.Context(), store.Task{ID: store.NewID(), Org: h.org, Agent: h.agent, To: "+1555" + strconv.FormatInt(numbers.Add(1), 10), WebhookURL: url, Created: now})
	must(h.t, err)
	d, err := h.db.ExecuteTask(h.t.Context(), store.Execution{Org: h.org, Task: made.ID, Call: store.Call{ID: store.NewID(), To: made.To, Created: now}})
	must(h.t, err)
	taken, err := h.db.TakeDials(h.t.Context(), store.Taking{Org: h.org, Node: "dialer", Now: now, Look: time.Hour, Most: 1000})
	if err != nil || len(taken) != 1 {
		h.t.Fatalf("%d calls were begun: %v", len(taken), err)
	}
	return made.ID, d.Call
}

var numbers atomic.Int64

func (h *house) end(call string, status store.Status, said ...store.Message) {
	h.t.Helper()
	for i := range said {
		said[i].Call, said[i].Seq = call, i
	}
	must(h.t, h.db.Record(h.t.Context(), []store.Entry{{Ended: &store.Ended{Call: call, Status: status, Messages: said, End: store.End{Ended: time.Now().UTC(), Cause: "caller"}}}}))
}

// settled waits until a delivery is not pending any more.
func (h *house) settled(id string) store.Delivery {
	h.t.Helper()
	var d store.Delivery
	h.until("delivery "+id+" is settled", func() bool {
		var err error
		d, err = h.db.Delivery(h.t.Context(), h.org, id)
		must(h.t, err)
		return d.Status != store.DeliveryPending
	})
	return d
}

// count is how many deliveries there are.
func (h *house) count(f store.DeliveryFilter) int {
	h.t.Helper()
	_, n, err := h.db.Deliveries(h.t.Context(), h.org, f, store.Page{})
	must(h.t, err)
	return int(n)
}

// noneFailed ends the test if a delivery has failed.
func (h *house) noneFailed() {
	h.t.Helper()
	failed, n, err := h.db.Deliveries(h.t.Context(), h.org, store.DeliveryFilter{Status: store.DeliveryFailed}, store.Page{Limit: 1})
	must(h.t, err)
	if n > 0 {
		h.t.Fatalf("%d deliveries have failed, one of them: %+v", n, failed[0])
	}
}

// until waits for something to become true.
func (h *house) until(what string, is func() bool) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(4 * time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-limit:
			h.t.Fatalf("not within 4 minutes: %s", what)
		}
	}
}

func (h *house) attempts(id string) []store.DeliveryAttempt {
	h.t.Helper()
	all, _, err := h.db.DeliveryAttempts(h.t.Context(), h.org, id, store.Page{Limit: 100})
	must(h.t, err)
	return all
}

// A heard is a request that a receiver got.
type heard struct {
	id, event, body string
	at              int64
	signatures      []string
}

// An endpoint is a receiver with TLS. It checks what everybody may rely on.
type endpoint struct {
	*httptest.Server
	mu  sync.Mutex
	got []heard
}

// newEndpoint starts a receiver. It answers 200, unless answer does something else.
func newEndpoint(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		at, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		one := heard{id: r.Header.Get("webhook-id"), body: string(body), at: at, signatures: strings.Fields(r.Header.Get("webhook-signature"))}
		_, one.event, _ = strings.Cut(one.body, `"event_type":"`)
		one.event, _, _ = strings.Cut(one.event, `"`)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || one.id == "" || at == 0 || len(one.signatures) == 0 {
			t.Errorf("%s %v: %+v, %v", r.Method, r.Header, one, err)
		}
		e.mu.Lock()
		e.got = append(e.got, one)
		e.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	e.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) all() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]heard(nil), e.got...)
}

// at is the endpoint's URL under a name of its own.
func (e *endpoint) at(name string) string { return under(e.URL, name) }

func under(url, name string) string {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "https://"))
	return "https://" + name + ".hooks.test:" + port + "/hook"
}

// verifies says whether a request was signed with a secret, as docs/webhooks.md tells receivers to find out.
func verifies(h heard, secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.id, h.at, h.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, s := range h.signatures {
		if hmac.Equal([]byte(s), []byte(want)) {
			return true
		}
	}
	return false
}

// certificate is for 127.0.0.1 and *.hooks.test; roots trust it.
var certificate, roots = makeCertificate()

func makeCertificate() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"*.hooks.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// resolver finds all names at 127.0.0.1, or where find says.
func resolver(t testing.TB, find func(name string) []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	if find == nil {
		find = func(string) []string { return []string{"127.0.0.1"} }
	}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return // closed
			}
			if reply, err := resolve(buf[:n], find); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// resolve answers a question of DNS.
func resolve(question []byte, find func(name string) []string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("%d questions: %w", len(m.Questions), err)
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	m.Additionals = nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 0}
	if q.Type == dnsmessage.TypeA {
		for _, a := range find(strings.TrimSuffix(q.Name.String(), ".")) {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()}})
		}
	}
	return m.Pack()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
