package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"parley/store"
)

var (
	errAgain   = errors.New("lost against another transaction") // the transaction may be tried again as it is
	errSilence = errors.New("no answer in time")
)

// wrapped names the verb that failed and says which of package store's errors it was. caller is the context that came from outside, own
// the one that our patience ends.
func (s *Store) wrapped(caller, own context.Context, verb string, err error) error {
	kind := s.word(caller, own, err)
	switch {
	case errors.Is(kind, store.ErrUnavailable) && errors.Is(context.Cause(own), errSilence):
		return fmt.Errorf("%s: %w: %w", verb, kind, errSilence)
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", verb, kind)
	case kind == nil || errors.Is(err, kind):
		return fmt.Errorf("%s: %w", verb, err)
	}
	return fmt.Errorf("%s: %w: %w", verb, kind, err)
}

// word is the error of package store that an error comes to; nil if there is none, or it stands in err already.
func (s *Store) word(caller, own context.Context, err error) error {
	for _, known := range []error{store.ErrNotFound, store.ErrConflict, store.ErrUnavailable, store.ErrRefused} {
		if errors.Is(err, known) {
			return known
		}
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound
	case errors.Is(caller.Err(), context.Canceled):
		return context.Canceled
	case own.Err() != nil, s.closed.Load(),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, errAgain):
		return store.ErrUnavailable
	}
	if kind := s.kind(err); !errors.Is(kind, errAgain) {
		return kind
	}
	return store.ErrUnavailable
}
