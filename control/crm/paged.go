package crm

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/control/envelope"
	"parley/store"
)

// A reader reads the rows of a short list, field by field.
type reader[T any] map[string]func(T) string

// fieldColumns and optionColumns are what such lists are filtered and sorted by. Numbers are written so that they sort.
var (
	fieldColumns = reader[store.Field]{
		"id":          func(f store.Field) string { return padded(f.Number) },
		"entityType":  func(f store.Field) string { return f.Entity },
		"fieldKey":    func(f store.Field) string { return f.Key },
		"fieldLabel":  func(f store.Field) string { return f.Label },
		"fieldType":   func(f store.Field) string { return string(f.Kind) },
		"description": func(f store.Field) string { return f.Description },
		"createdAt":   func(f store.Field) string { return stamp(f.Created) },
		"updatedAt":   func(f store.Field) string { return stamp(f.Updated) },
	}
	optionColumns = reader[store.Option]{
		"id":          func(o store.Option) string { return padded(o.Number) },
		"value":       func(o store.Option) string { return o.Value },
		"label":       func(o store.Option) string { return o.Label },
		"description": func(o store.Option) string { return o.Description },
		"createdAt":   func(o store.Option) string { return stamp(o.Created) },
		"updatedAt":   func(o store.Option) string { return stamp(o.Updated) },
	}
)

func padded(n int64) string { return fmt.Sprintf("%019d", n) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// paged is a page of a short list, which is all there: oldest first, unless it is sorted.
func paged[T, S any](in *List, rows []T, columns reader[T], show func(T) S) (p Page[S], err error) {
	if rows, err = columns.filtered(rows, in); err != nil {
		return p, err
	}
	if rows, err = columns.sorted(rows, in.SortBy); err != nil {
		return p, err
	}
	from := in.offset()
	if in.PageToken != "" {
		if in.Page != 0 {
			return p, envelope.Wrong("page", "cannot be beside pageToken")
		}
		if from, err = place(in.PageToken); err != nil {
			return p, err
		}
	}
	total := int64(len(rows))
	rows = rows[min(from, len(rows)):]
	if size := in.size(); len(rows) > size {
		rows = rows[:size]
		token := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + size)))
		p.NextPageToken = &token
	}
	p.TotalCount, p.Items = &total, make([]S, len(rows))
	for i, row := range rows {
		p.Items[i] = show(row)
	}
	return p, nil
}

// place is where a token says that a page begins.
func place(token string) (int, error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		var from int
		if from, err = strconv.Atoi(string(text)); err == nil && from >= 0 {
			return from, nil
		}
	}
	return 0, envelope.Wrong("pageToken", "is no token of this list: give a nextPageToken")
}

func (r reader[T]) column(name, in string) (func(T) string, error) {
	if get, ok := r[name]; ok {
		return get, nil
	}
	return nil, envelope.Wrong(in, fmt.Sprintf("there is no field %s: there are %s", name, strings.Join(slices.Sorted(maps.Keys(r)), ", ")))
}

// filtered are the rows that filterBy and searchBy let through.
func (r reader[T]) filtered(rows []T, in *List) ([]T, error) {
	for name, value := range pairs(in.FilterBy, ":") {
		get, err := r.column(name, "filterBy")
		if err != nil {
			return nil, err
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && name == "id" {
			value = padded(n)
		}
		rows = slices.DeleteFunc(rows, func(row T) bool { return store.Fold(get(row)) != store.Fold(value) })
	}
	for _, word := range strings.Fields(in.SearchBy) {
		rows = slices.DeleteFunc(rows, func(row T) bool {
			for name, get := range r {
				if name != "id" && !strings.HasSuffix(name, "At") && strings.Contains(store.Fold(get(row)), store.Fold(word)) {
					return false
				}
			}
			return true
		})
	}
	return rows, nil
}

// sorted sorts rows by the fields that sortBy names, the first of them first.
func (r reader[T]) sorted(rows []T, sortBy string) ([]T, error) {
	type key struct {
		get  func(T) string
		down bool
	}
	var keys []key
	for name, way := range pairs(sortBy, "=") {
		get, err := r.column(name, "sortBy")
		if err != nil {
			return nil, err
		}
		if way != "" && way != "asc" && way != "desc" {
			return nil, envelope.Wrong("sortBy", "is sorted by asc or desc, such as createdAt=desc")
		}
		keys = append(keys, key{get, way == "desc"})
	}
	slices.SortStableFunc(rows, func(a, b T) int {
		for _, k := range keys {
			by := cmp.Compare(store.Fold(k.get(a)), store.Fold(k.get(b)))
			if k.down {
				by = -by
			}
			if by != 0 {
				return by
			}
		}
		return 0
	})
	return rows, nil
}
