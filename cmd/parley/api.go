package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"parley/store"
)

// api is where commands that work by the API find it.
type api struct {
	URL string `help:"The server. Empty: http://127.0.0.1:8080." default:"http://127.0.0.1:8080" placeholder:"URL" var:"PARLEY_URL"`
	Key string `name:"api-key" help:"Key of the API." required:"" var:"PARLEY_API_KEY"`

	within http.RoundTripper // the API, where it is served in this process; nil: it is asked over the network
}

// ask sends one request, and decodes the data of its answer.
func (a *api) ask(ctx context.Context, method, path string, body, into any) error {
	_, err := a.query(ctx, method, path, body, into)
	return err
}

// query is ask that also tells how many there are in all, of a list.
func (a *api) query(ctx context.Context, method, path string, body, into any) (total int, err error) {
	var content io.Reader
	kind := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		content, kind = bytes.NewReader(text), "application/json"
	}
	return a.exchange(ctx, method, path, kind, content, into)
}

// exchange sends one request with a body of some kind, and decodes the data of its answer.
func (a *api) exchange(ctx context.Context, method, path, kind string, body io.Reader, into any) (total int, err error) {
	answer, err := a.send(ctx, method, path, kind, body)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var told struct {
		Data json.RawMessage
		Meta struct{ Total int }
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return 0, fmt.Errorf("%s %s: %s: %w", method, path, answer.Status, err)
	}
	if into == nil {
		return told.Meta.Total, nil
	}
	if err := json.Unmarshal(told.Data, into); err != nil {
		return 0, fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	return told.Meta.Total, nil
}

// send sends one request with a body of some kind, if it has one. What is not well is an error, a *refusal if the server says so; else the
// answer's body is to be closed.
func (a *api) send(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	if u, err := url.Parse(a.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError{fmt.Errorf("--url is %q: want the URL of a server, such as https://voice.example.com", a.URL)}
	}
	target, err := url.JoinPath(a.URL, "/api/v1")
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	r, err := http.NewRequestWithContext(ctx, method, target+path, body)
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	r.Header.Set("Authorization", "Bearer "+a.Key)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := (&http.Client{Transport: a.within}).Do(r)
	if err != nil || answer.StatusCode/100 == 2 {
		return answer, err
	}
	defer answer.Body.Close()
	no := &refusal{method: method, path: path, status: answer.StatusCode}
	var told struct {
		Error   string
		Details map[string]string
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w", method, path, answer.Status, err)
	}
	no.message, no.details = told.Error, told.Details
	return nil, no
}

// A refusal is what the API answered in place of what was asked for.
type refusal struct {
	method, path string
	status       int
	message      string
	details      map[string]string // by field
}

// Error says all that the server said.
func (r *refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d %s", r.method, r.path, r.status, r.message)
	for _, field := range slices.Sorted(maps.Keys(r.details)) {
		fmt.Fprintf(&b, "\n  %s: %s", field, r.details[field])
	}
	return b.String()
}

// misused makes a mistake on the command line of a refusal that complains about fields: each by the name that the command has for it. Any
// other error stays as it is.
func misused(err error, name func(field string) string) error {
	no, ok := errors.AsType[*refusal](err)
	if !ok || len(no.details) == 0 || no.status != http.StatusBadRequest && no.status != http.StatusNotFound {
		return err // such as 403, whose details name a scope
	}
	var all []error
	for _, field := range slices.Sorted(maps.Keys(no.details)) {
		all = append(all, errors.New(name(field)+" "+no.details[field]))
	}
	return usageError{errors.Join(all...)}
}

// flagged names a field of the API as a flag.
func flagged(field string) string { return "--" + strings.ReplaceAll(field, "_", "-") }

// A seen object of the API is all of it for --json, and for tables what a row has of it.
type seen[T any] struct {
	row   T
	whole json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *seen[T]) UnmarshalJSON(text []byte) error {
	s.whole = bytes.Clone(text)
	return json.Unmarshal(text, &s.row)
}

// MarshalJSON implements json.Marshaler.
func (s seen[T]) MarshalJSON() ([]byte, error) { return s.whole, nil }

// perPage is how many rows the API is asked for at once: its most.
const perPage = 100

// list reads a list of the API to its end, page by page, or until it has most rows (0: all). A path may have a query.
func list[T any](ctx context.Context, a *api, path string, most int) ([]seen[T], error) {
	joint := "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	all := []seen[T]{}
	for {
		want := perPage
		if most > 0 {
			want = min(want, most-len(all))
		}
		var page []seen[T]
		total, err := a.query(ctx, http.MethodGet, fmt.Sprintf("%s%slimit=%d&offset=%d", path, joint, want, len(all)), nil, &page)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < want || len(all) >= total || len(all) == most {
			return all, nil
		}
	}
}

// A known row can be named on the command line.
type known interface{ known() (id, name string) }

// thing is what most objects of the API have.
type thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (t thing) known() (id, name string) { return t.ID, t.Name }

// find finds the object of a list that somebody means: by its id, by its name, or by its name in any case if only one has that. A
// usageError with store.ErrNotFound: there is none.
func find[T known](ctx context.Context, a *api, path, noun, means string) (T, error) {
	var none T
	all, err := list[T](ctx, a, path, 0)
	if err != nil {
		return none, err
	}
	var same []T
	for _, match := range []func(id, name string) bool{
		func(id, _ string) bool { return strings.EqualFold(id, means) },
		func(_, name string) bool { return name == means },
		func(_, name string) bool { return strings.EqualFold(name, means) },
	} {
		for _, one := range all {
			if match(one.row.known()) {
				same = append(same, one.row)
			}
		}
		if len(same) > 0 {
			break
		}
	}
	switch len(same) {
	case 0:
		return none, usageError{fmt.Errorf("%s %q: %w; `parley %ss` lists them", noun, means, store.ErrNotFound, noun)}
	case 1:
		return same[0], nil
	}
	return none, usageError{fmt.Errorf("%d %ss are called %q: name one by its id", len(same), noun, means)}
}

// namesake finds what a command sets: by its id or its very name, since another may be made whose name differs in case alone. The zero one: there
// is none yet.
func namesake[T known](ctx context.Context, a *api, path, noun, means string) (found T, err error) {
	var none T
	found, err = find[T](ctx, a, path, noun, means)
	if errors.Is(err, store.ErrNotFound) {
		return none, nil
	}
	if id, name := found.known(); name != means && !strings.EqualFold(id, means) {
		return none, err
	}
	return found, err
}

// named finds the id of an agent, or of a campaign, by its id or name.
func (a *api) named(ctx context.Context, noun, name string) (string, error) {
	one, err := find[thing](ctx, a, "/"+noun+"s", noun, name)
	return one.ID, err
}

// saveAs writes a file that is whole, or not there; - is out.
func saveAs(out io.Writer, path string, from io.Reader) error {
	if path == "-" {
		_, err := io.Copy(out, from)
		return err
	}
	file, err := os.Create(path + ".part")
	if err != nil {
		return usageError{err}
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}
