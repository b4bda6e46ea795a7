// Command bulk measures what POST /conversations/bulk of the CRM takes on SQLite and on Postgres: items a second, and how much memory one request
// needs at its peak, for requests of several sizes (make bench-bulk).
//
//	items, made as they are sent ──▶ HTTP ──▶ control/crm ──▶ store/sql ──▶ SQLite file, or a Postgres that is started for it
//
// Each request is sent twice: what the first one makes, the second one finds.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/crm"
	"parley/control/webhook"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/pgtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-bulk:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bulk", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dbs := flags.String("db", "sqlite,postgres", "which databases")
	quick := flags.Bool("quick", false, "small requests: checks that all works, not how fast")
	if err := flags.Parse(args); err != nil {
		return err
	}
	sizes := []int{1000, 10_000}
	if *quick {
		sizes = []int{50, 500}
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "database\titems\tmade\titems/s\theap at the peak\tagain: found\titems/s\theap at the peak\t")
	for _, name := range strings.Split(*dbs, ",") {
		if err := measure(ctx, name, sizes, w); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return w.Flush()
}

// measure tells of one database.
func measure(ctx context.Context, name string, sizes []int, to io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "parley-bench-bulk-")
	if err != nil {
		return fmt.Errorf("make a place for the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	url := "sqlite:" + filepath.Join(dir, "parley.db")
	if name == "postgres" {
		if err := os.Chmod(dir, 0o755); err != nil { // Postgres is another user
			return fmt.Errorf("make a place for the database: %w", err)
		}
		server, err := pgtest.Start(ctx, pgtest.Options{Dir: dir})
		if err != nil {
			return fmt.Errorf("start postgres: %w", err)
		}
		defer server.Close() //nolint:errcheck // it was only measured
		url = server.URL()
	}
	db, err := sql.Open(ctx, sql.Options{URL: url})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer db.Close() //nolint:errcheck // the same
	if _, _, err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	target, shut, err := serve(ctx, db)
	if err != nil {
		return err
	}
	defer shut()
	for i, n := range sizes {
		made, err := send(ctx, target, i, n)
		if err != nil {
			return err
		}
		found, err := send(ctx, target, i, n)
		if err != nil {
			return err
		}
		if made.Successful != n || found.Duplicates != n {
			return fmt.Errorf("of %d items %d were made, and then %d found", n, made.Successful, found.Duplicates)
		}
		fmt.Fprintf(to, "%s\t%d\t%d\t%.0f\t%d MiB\t%d\t%.0f\t%d MiB\t\n", name, n, made.Successful, made.rate, made.peak>>20, found.Duplicates, found.rate, found.peak>>20)
	}
	return nil
}

// An only is an Authenticator that knows one organisation.
type only string

// Authenticate implements control.Authenticator.
func (o only) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{Key: "bench", Org: string(o), Scopes: []string{access.All}, Role: store.Owner}, nil
}

// serve serves the API of a new organisation.
func serve(ctx context.Context, db *sql.Store) (url string, shut func(), err error) {
	org := store.NewID()
	if _, err := db.CreateOrganisation(ctx, store.Organisation{ID: org, Name: "Bench", Created: time.Now().UTC()}); err != nil {
		return "", nil, fmt.Errorf("make an organisation: %w", err)
	}
	c, err := control.New(control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, People: db, Webhooks: db, Hooks: &webhook.Secrets{},
		Dialer: struct{ control.Dialer }{}, Auth: only(org), Secret: []byte("0123456789abcdef0123456789abcdef"), Undocumented: true,
	})
	if err != nil {
		return "", nil, fmt.Errorf("make the API: %w", err)
	}
	mux := http.NewServeMux()
	c.Mount(mux)
	server := httptest.NewServer(mux)
	return server.URL + "/crm/api/v1/conversations/bulk", func() { server.Close(); c.Close() }, nil
}

// A sent request is how it went.
type sent struct {
	crm.BulkCounts

	rate float64 // items a second
	peak uint64  // bytes of the heap
}

// send sends a request with so many items. Those of a round are always the same.
func send(ctx context.Context, url string, round, n int) (s sent, err error) {
	body, from := io.Pipe()
	go func() { _ = from.CloseWithError(write(from, round, n)) }() // it says nothing
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return s, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer va_0123456789012345678901234567890123456789")
	r.Header.Set("Content-Type", "application/json")
	runtime.GC()
	watched := make(chan struct{})
	peak := make(chan uint64)
	go func() { peak <- watch(watched) }()
	began := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		defer answer.Body.Close() //nolint:errcheck // it is read to its end
		var out crm.BulkResult
		if err = json.NewDecoder(answer.Body).Decode(&out); answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("the answer is %s", answer.Status)
		}
		s.BulkCounts = out.Report.Counts
	}
	s.rate = float64(n) / time.Since(began).Seconds()
	close(watched)
	s.peak = <-peak
	if err != nil {
		return s, fmt.Errorf("send items: %w", err)
	}
	return s, nil
}

// watch reads how large the heap gets until done is closed: what lives and what is not swept yet.
func watch(done <-chan struct{}) (peak uint64) {
	every := time.NewTicker(2 * time.Millisecond)
	defer every.Stop()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		metrics.Read(sample)
		peak = max(peak, sample[0].Value.Uint64())
		select {
		case <-every.C:
		case <-done:
			return peak
		}
	}
}

// write writes the items.
func write(to io.Writer, round, n int) error {
	w := bufio.NewWriter(to)
	fmt.Fprint(w, `{"conversations":[`)
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		at := strconv.Itoa(round*1_000_000 + i)
		fmt.Fprintf(w, `{"funnelId":1,"funnelStatusId":2,"userId":3,"customFields":{"source":"import","size":%d},"contact":{"firstName":"Ana %s","lastName":"Diaz",`+
			`"phones":["+569%08s"],"emails":["ana%s@example.com"],"nationalId":"%s","companyPosition":"Buyer","customFields":{"tier":"gold"}}}`, i, at, at, at, at)
	}
	fmt.Fprint(w, `]}`)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write items: %w", err)
	}
	return nil
}
