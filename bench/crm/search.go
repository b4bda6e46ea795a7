package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/control"
	"parley/control/access"
	"parley/control/webhook"
	"parley/store"
)

// A search is one that is asked: by the API, and by SQL.
type search struct {
	name  string
	body  func(r *rand.Rand, copies int) map[string]any
	where func(body map[string]any) (where string, args []any) // of contacts c, from $2 on
	order string                                               // of c
	total bool
}

type object = map[string]any

// filter is a condition of a search.
func filter(field, operator string, value any) object {
	return object{"field": field, "operator": operator, "value": value}
}

// operand is what the i-th filter of a body compares with.
func operand(body object, i int) string { return body["filters"].([]any)[i].(object)["value"].(string) }

const (
	termIs  = "c.number IN (SELECT t.contact FROM contact_terms t WHERE t.org = $1 AND t.field = '%s' AND t.text = $%d)"
	termHas = "EXISTS (SELECT 1 FROM contact_terms t WHERE t.contact = c.number AND t.field = '%s' AND t.text LIKE $%d)"
	newest  = "c.number DESC"
)

// searches are what is asked. Words are found by the index that the database has for parts of them.
func searches(d *database) []search {
	few := func(n int) string { return fmt.Sprintf("c.words LIKE $%d", n) }
	if d.name == "sqlite" {
		few = func(n int) string {
			return fmt.Sprintf("c.number IN (SELECT rowid FROM contact_words WHERE contact_words MATCH $%d)", n)
		}
	}
	part := func(text string) string {
		if d.name == "sqlite" {
			return `"` + text + `"`
		}
		return "%" + text + "%"
	}
	person := func(r *rand.Rand, copies int) (seed, copied int) { return r.IntN(seeds), r.IntN(copies) }
	return []search{
		{
			name: "one address",
			body: func(r *rand.Rand, copies int) object {
				return object{"filters": []any{filter("addresses.address", "eq", phone(person(r, copies)))}}
			},
			where: func(b object) (string, []any) { return fmt.Sprintf(termIs, "address", 2), []any{operand(b, 0)} }, order: newest,
		},
		{
			name: "the page's example",
			body: func(r *rand.Rand, copies int) object {
				return object{"filters": []any{filter("addresses.address", "eq", phone(person(r, copies))), filter("addresses.address", "contains", "example.com")},
					"sort": []any{object{"field": "createdAt", "direction": "desc"}}, "size": 20, "includeTotalCount": "true"}
			},
			where: func(b object) (string, []any) {
				return fmt.Sprintf(termIs, "address", 2) + " AND " + fmt.Sprintf(termHas, "address", 3), []any{operand(b, 0), "%" + operand(b, 1) + "%"}
			},
			order: "(c.created || '') DESC, c.number DESC", total: true,
		},
		{
			name: "a rare word",
			body: func(r *rand.Rand, copies int) object {
				seed, copied := person(r, copies)
				return object{"search": fmt.Sprintf("%d-C%04d", 10000+seed, copied)}
			},
			where: func(b object) (string, []any) { return few(2), []any{part(strings.ToLower(b["search"].(string)))} }, order: newest,
		},
		{
			name: "a word that 5 % have",
			body: func(r *rand.Rand, _ int) object { return object{"search": firstNames[r.IntN(len(firstNames))]} },
			where: func(b object) (string, []any) {
				return "c.words LIKE $2", []any{"%" + store.Fold(b["search"].(string)) + "%"}
			}, order: newest,
		},
		{
			name: "first and last name",
			body: func(r *rand.Rand, _ int) object {
				n := r.IntN(seeds)
				return object{"search": firstNames[n%len(firstNames)] + " " + lastNames[n%len(lastNames)]}
			},
			where: func(b object) (string, []any) {
				a, z, _ := strings.Cut(store.Fold(b["search"].(string)), " ")
				return "c.words LIKE $2 AND c.words LIKE $3", []any{"%" + a + "%", "%" + z + "%"}
			},
			order: newest,
		},
		{
			name: "part of an address",
			body: func(r *rand.Rand, copies int) object {
				seed, copied := person(r, copies)
				return object{"filters": []any{filter("email", "contains", fmt.Sprintf("%d-c%04d@", 10000+seed, copied))}}
			},
			where: func(b object) (string, []any) {
				return few(2) + " AND " + fmt.Sprintf(termHas, "email", 3), []any{part(operand(b, 0)), "%" + operand(b, 0) + "%"}
			},
			order: newest,
		},
		{
			name: "an address begins with",
			body: func(r *rand.Rand, copies int) object {
				return object{"filters": []any{filter("phone", "startsWith", phone(person(r, copies))[:11])}}
			},
			where: func(b object) (string, []any) {
				return "c.number IN (SELECT t.contact FROM contact_terms t WHERE t.org = $1 AND t.field = 'phone' AND t.text >= $2 AND t.text < $3)",
					[]any{operand(b, 0), operand(b, 0) + "\U0010FFFF"}
			},
			order: newest,
		},
	}
}

// An api is the HTTP API over the database, on a socket.
type api struct {
	server *httptest.Server
	close  func()
	org    string
}

const key = "va_bench_bench_bench_bench_bench"

// Authenticate implements control.Authenticator.
func (a *api) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{Org: a.org, Key: "bench", Role: store.Owner, Scopes: []string{access.All}}, nil
}

func serve(d *database) (*api, error) {
	a, db := &api{org: d.org}, d.store
	c, err := control.New(control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, People: db, Webhooks: db, Hooks: &webhook.Secrets{},
		Dialer: struct{ control.Dialer }{}, Auth: a, Secret: []byte("0123456789abcdef0123456789abcdef"), Undocumented: true, Limiter: &access.Limiter{Rates: db, Limit: 1 << 30},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	c.Mount(mux)
	a.server, a.close = httptest.NewServer(mux), c.Close
	return a, nil
}

// A page is what a search answers, as far as it is compared.
type page struct {
	Items []struct{ ID string }
	Total *int64 `json:"totalCount"`
}

// ask asks the API, and reads all of the answer.
func (a *api) ask(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.server.URL+"/crm/api/v1/contacts/search", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.300s", answer.Status, text)
	}
	return text, err
}

// query asks the database, and reads all rows of the page's contacts; it gives their numbers, and how many there are in all if that was asked for.
func (d *database) query(ctx context.Context, s search, body object) (numbers []int64, total int64, err error) {
	where, args := s.where(body)
	args = append([]any{d.org}, args...)
	if d.name == "postgres" {
		args = append([]any{pgx.QueryExecModeExec}, args...)
	}
	const size = 20
	query := "SELECT c.* FROM contacts c WHERE c.org = $1 AND " + where + " ORDER BY " + s.order + " LIMIT " + strconv.Itoa(size+1)
	if numbers, err = d.read(ctx, query, args...); err != nil {
		return nil, 0, err
	}
	if s.total {
		if err := d.bare.QueryRowContext(ctx, "SELECT COUNT(*) FROM contacts c WHERE c.org = $1 AND "+where, args...).Scan(&total); err != nil {
			return nil, 0, err
		}
	}
	numbers = numbers[:min(len(numbers), size)]
	in := strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
	if in == "" {
		return numbers, total, nil
	}
	for _, table := range []string{"contact_addresses", "contact_fields"} {
		if _, err := d.read(ctx, "SELECT contact, * FROM "+table+" WHERE contact IN ("+in+")"); err != nil {
			return nil, 0, err
		}
	}
	return numbers, total, nil
}

// read reads all columns of all rows, and gives the first of them.
func (d *database) read(ctx context.Context, query string, args ...any) (first []int64, err error) {
	rows, err := d.bare.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, query)
	}
	defer rows.Close() //nolint:errcheck // its error is Err's
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var n int64
	into := []any{&n}
	for range columns[1:] {
		into = append(into, new(sql.RawBytes))
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		first = append(first, n)
	}
	return first, rows.Err()
}

// measure fills a database, checks the searches, and asks them.
func measure(ctx context.Context, name string, o options, say func(string, ...any)) (out outcome, err error) {
	dir, remove, err := place(o.dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	began := time.Now()
	d, err := open(ctx, name, dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.fill(ctx, o.contacts, say); err != nil {
		return out, fmt.Errorf("fill: %w", err)
	}
	out = outcome{Name: name, Contacts: o.contacts, FilledS: time.Since(began).Seconds()}
	say("filled in %.0f s", out.FilledS)
	a, err := serve(d)
	if err != nil {
		return out, err
	}
	defer a.close()
	defer a.server.Close()
	rng, copies := rand.New(rand.NewPCG(1, 2)), max(1, o.contacts/seeds)
	all := searches(d)
	cases := make([]measured, len(all))
	for i, s := range all {
		if cases[i].Name = s.name; err == nil {
			cases[i].Found, err = check(ctx, a, d, s, s.body(rng, copies))
		}
	}
	if err != nil {
		return out, err
	}
	var times, bare = make([][]time.Duration, len(all)), make([][]time.Duration, len(all))
	for turn := range o.asks {
		if turn == o.asks/10 {
			out.RSS[0] = rss()
		}
		for _, i := range rng.Perm(len(all)) {
			body := all[i].body(rng, copies)
			text, err := json.Marshal(body)
			if err != nil {
				return out, err
			}
			for side := range 2 {
				from := time.Now()
				if (turn+side)%2 == 0 {
					_, err = a.ask(ctx, text)
					times[i] = append(times[i], time.Since(from))
				} else {
					_, _, err = d.query(ctx, all[i], body)
					bare[i] = append(bare[i], time.Since(from))
				}
				if err != nil {
					return out, fmt.Errorf("%s: %w", all[i].name, err)
				}
			}
		}
	}
	out.RSS[1] = rss()
	out.All = measured{Name: "all", Asks: len(all) * o.asks}
	for i := range all {
		cases[i].Asks = o.asks
		cases[i].sum(times[i], bare[i])
	}
	out.All.sum(slices.Concat(times...), slices.Concat(bare...))
	out.Cases = cases
	return out, nil
}

func (m *measured) sum(times, bare []time.Duration) {
	m.P50, m.P99 = quantile(times, 0.5), quantile(times, 0.99)
	m.BareP50, m.BareP99 = quantile(bare, 0.5), quantile(bare, 0.99)
}

// quantile is in ms.
func quantile(times []time.Duration, q float64) float64 {
	slices.Sort(times)
	return float64(times[min(len(times)-1, int(q*float64(len(times))))].Microseconds()) / 1000
}

// check holds the API's answer against the bare query's.
func check(ctx context.Context, a *api, d *database, s search, body object) (found int, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	answer, err := a.ask(ctx, text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	var p page
	if err := json.Unmarshal(answer, &p); err != nil {
		return 0, err
	}
	var got []string
	for _, item := range p.Items {
		got = append(got, item.ID)
	}
	numbers, total, err := d.query(ctx, s, body)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	var want []string
	for _, n := range numbers {
		want = append(want, strconv.FormatInt(n, 10))
	}
	if !slices.Equal(got, want) || len(want) == 0 || s.total && (p.Total == nil || *p.Total != total) {
		return 0, fmt.Errorf("%s: by %s the API finds %v of %v, the bare query %v of %d", s.name, text, got, p.Total, want, total)
	}
	return len(got), nil
}

// rss is how much memory this process has resident; 0 where that cannot be told.
func rss() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
