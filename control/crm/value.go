package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/store"
)

const (
	mostValues = 100  // custom fields of one thing
	longest    = 4000 // characters of a value
	longestKey = 64
)

// A book is the custom fields that a type of entities has in an organisation, by key.
type book map[string]store.Field

func bookOf(ctx context.Context, s store.Fields, org, entity string) (book, error) {
	all, err := s.Fields(ctx, org)
	if err != nil {
		return nil, fmt.Errorf("list custom fields: %w", err)
	}
	b := book{}
	for _, f := range all {
		if f.Entity == entity {
			b[f.Key] = f
		}
	}
	return b, nil
}

// values are custom fields as entities of a type keep them; what is wrong with them is told by the name of each.
func values(ctx context.Context, s store.Fields, org, entity string, given map[string]json.RawMessage) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	b, err := bookOf(ctx, s, org, entity)
	if err != nil {
		return nil, err
	}
	bad, kept := map[string]string{}, make(map[string]string, len(given))
	if len(given) > mostValues {
		bad["customFields"] = fmt.Sprintf("are more than %d", mostValues)
	}
	for key, text := range given {
		value, wrong := compact(text), badKey(key)
		if f, ok := b[key]; ok && wrong == "" && value != "" {
			if value, wrong = typed(f.Kind, value); wrong == "" && f.Kind == store.FieldList {
				wrong, err = noOption(ctx, s, f, value)
			}
		}
		if err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(value) > longest {
			wrong = fmt.Sprintf("is longer than %d characters", longest)
		}
		if kept[key] = value; wrong != "" {
			bad["customFields."+key] = wrong
		}
	}
	return kept, invalid(bad)
}

// badKey is what is wrong with a custom field's key; "" if nothing is. Filters could not name one that has their signs.
func badKey(key string) string {
	switch {
	case strings.TrimSpace(key) != key || key == "" || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "must not be blank, nor have spaces around it or control characters"
	case strings.ContainsAny(key, ";:="):
		return "must not have ; : or ="
	case utf8.RuneCountInString(key) > longestKey:
		return fmt.Sprintf("must not be longer than %d characters", longestKey)
	}
	return ""
}

// noOption says that a value is none of a list's; "" if it is.
func noOption(ctx context.Context, s store.Fields, f store.Field, value string) (string, error) {
	options, err := s.Options(ctx, f.Org, f.Number)
	if err != nil {
		return "", fmt.Errorf("list options: %w", err)
	}
	for _, o := range options {
		if text, _ := json.Marshal(o.Value); compact(text) == value { //nolint:errchkjson // a text can always be written
			return "", nil
		}
	}
	return "is none of the field's options", nil
}

// typed is a value of a type as it is kept, or what is wrong with it.
func typed(kind store.FieldKind, value string) (kept, wrong string) {
	var any any
	_ = json.Unmarshal([]byte(value), &any) // it is compact JSON
	text, isText := any.(string)
	switch kind {
	case store.FieldNumber:
		if _, ok := any.(float64); !ok {
			return "", "must be a number"
		}
	case store.FieldBoolean:
		if _, ok := any.(bool); !ok {
			return "", "must be true or false"
		}
	case store.FieldDate:
		day, ok := date(text)
		if !isText || !ok {
			return "", "must be a date, such as 2024-02-15, or a moment, such as 2024-02-15T10:00:00Z"
		}
		return strconv.Quote(day), ""
	default:
		if !isText {
			return "", "must be a text"
		}
	}
	return value, ""
}

// date is a day, or a moment in UTC, as custom fields keep them.
func date(text string) (string, bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Format(time.DateOnly), true
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.UTC().Year() < 0 || at.UTC().Year() > 9999 {
		return "", false
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z"), true
}

// merged are an entity's custom fields with those that are given; null takes one away.
func merged(had, given map[string]string) map[string]string {
	next := maps.Clone(had)
	if next == nil {
		next = map[string]string{}
	}
	maps.Copy(next, given)
	return next
}
