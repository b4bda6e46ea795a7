package sql

import (
	"context"
	"math"
	"strconv"
	"strings"

	"parley/store"
)

// A listing is a list, newest first, of the rows of a table that stand under some conditions, all of them equations. The page is chosen
// by an index alone, and only then are its rows read: what is skipped costs little.
type listing struct {
	table, columns string
	where          []string
	args           []any
}

func (l *listing) only(column string, value any) {
	l.args = append(l.args, value)
	l.where = append(l.where, column+" = $"+strconv.Itoa(len(l.args)))
}

func (l *listing) conditions() string { return strings.Join(l.where, " AND ") }

// page is the query for a part of the list.
func (l *listing) page(p store.Page) (query string, args []any) {
	n := len(l.args)
	limit, offset := bounds(p)
	query = "SELECT " + l.columns + " FROM (SELECT id FROM " + l.table + " WHERE " + l.conditions() +
		" ORDER BY id DESC LIMIT $" + strconv.Itoa(n+1) + " OFFSET $" + strconv.Itoa(n+2) + ") AS page JOIN " + l.table +
		" USING (id) ORDER BY id DESC"
	return query, append(l.args[:n:n], limit, offset)
}

// roomFor is how many rows a list has room for from the beginning: the most that the API asks for.
const roomFor = 100

// list reads a part of a list.
func list[T any](ctx context.Context, u unit, l listing, p store.Page, fields func(*T) []any) (found []T, err error) {
	query, args := l.page(p)
	if p.Limit > 0 {
		found = make([]T, 0, min(p.Limit, roomFor))
	}
	err = u.query(ctx, query, args, func(scan func(...any) error) error {
		var row T
		err := scan(fields(&row)...)
		found = append(found, row)
		return err
	})
	return found, err
}

// number runs a query over the conditions that gives one number.
func (l *listing) number(ctx context.Context, u unit, what, table string) (n int64, err error) {
	err = u.QueryRowContext(ctx, "SELECT CAST("+what+" AS BIGINT) FROM "+table+" WHERE "+l.conditions(), l.args...).Scan(&n)
	return n, err
}

// bounds are a page's limit and offset as databases take them.
func bounds(p store.Page) (limit, offset int32) {
	return int32(min(max(p.Limit, 0), math.MaxInt32)), int32(min(max(p.Offset, 0), math.MaxInt32))
}
