package whatsapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// loose is a text that may come as a number, or a truth.
type loose string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *loose) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null" || b[0] == '{' || b[0] == '[':
		return nil
	case b[0] != '"':
		*l = loose(b)
		return nil
	}
	return json.Unmarshal(b, (*string)(l))
}

// float is its number; 0: it is none.
func (l loose) float() float64 {
	f, _ := strconv.ParseFloat(string(l), 64)
	return f
}

// seconds is the time that it is, in seconds since 1970; zero: it is none.
func (l loose) seconds() time.Time {
	n, err := strconv.ParseInt(string(l), 10, 64)
	if err != nil || n <= 0 || n > 1e11 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// read decodes as much as fits: what has another type than it should is left out (encoding/json goes on after it). The error is of what is no JSON.
func read(b []byte, into any) error {
	err := json.Unmarshal(b, into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return nil
	}
	return err
}
