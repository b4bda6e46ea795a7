package sql

import (
	"context"
	"strings"
)

// most is how many rows one statement takes. Tables are cut into powers of two, so that few different statements are prepared.
const most = 128

// rows are values on their way into one table, each row as wide as casts.
type rows struct {
	before, after string   // what stands around VALUES (...), (...)
	casts         []string // by column, the type that it is cast to; empty: the database sees it from where it goes
	args          []any
}

func (r *rows) add(values ...any) { r.args = append(r.args, values...) }

// write sends the rows by as few statements as may be. got, if there is one, is called for each row that they return.
func (r *rows) write(ctx context.Context, u unit, got func(scan func(...any) error) error) error {
	width := len(r.casts)
	for args := r.args; len(args) > 0; {
		n := most
		for n*width > len(args) {
			n /= 2
		}
		query := r.before + u.values(n, r.casts) + r.after
		if err := u.query(ctx, query, args[:n*width], got); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

// query runs a statement that may return rows.
func (u unit) query(ctx context.Context, query string, args []any, got func(scan func(...any) error) error) error {
	if got == nil {
		_, err := u.ExecContext(ctx, query, args...)
		return err
	}
	found, err := u.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }() // its error is Err's
	for found.Next() {
		if err := got(found.Scan); err != nil {
			return err
		}
	}
	return found.Err()
}

// among runs a query for each of some keys, which it names by $KEYS: select ... where id in ($KEYS).
func (u unit) among(ctx context.Context, query string, keys []string, got func(scan func(...any) error) error) error {
	return among(ctx, u, query, keys, got)
}

// among is unit.among with keys of any type.
func among[K any](ctx context.Context, u unit, query string, keys []K, got func(scan func(...any) error) error) error {
	r := rows{casts: []string{""}}
	for _, k := range keys {
		r.add(k)
	}
	for args := r.args; len(args) > 0; {
		n := most
		for n > len(args) {
			n /= 2
		}
		in := strings.NewReplacer("(", "", ")", "").Replace(u.values(n, r.casts))
		if err := u.query(ctx, strings.Replace(query, "$KEYS", in, 1), args[:n], got); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

// values is "($1, CAST($2 AS BIGINT)), ($3, ..." for n rows.
func (d dialect) values(n int, casts []string) string {
	var b strings.Builder
	for i := range n * len(casts) {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(casts) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		p := d.param(i + 1)
		if cast := casts[i%len(casts)]; cast != "" {
			p = "CAST(" + p + " AS " + cast + ")"
		}
		b.WriteString(p)
	}
	b.WriteByte(')')
	return b.String()
}
