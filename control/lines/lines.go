// Package lines serves what an organisation has of its own towards the outside: phone numbers, SIP trunks, extensions, and credentials of carriers and
// vendors. All of it is an extension of the voice-agents contract.
//
//	HTTP ──▶ control.routes ──▶ Credentials ──▶ vault.Seal ──▶ store ──▶ Changed (the directory reads anew) ──▶ dialer, vendors
//	                    │            └── Verify ──▶ vault.Open ──▶ Verifier ──GET──▶ the vendor
//	                    ├─────▶ Numbers ─────────────────────▶ store
//	                    ├─────▶ Trunks ──────▶ vault.Seal ───▶ store
//	                    └─────▶ Extensions ──▶ vault.Seal ───▶ store
//
// Secrets are written and never shown: an answer has the end of a credential's, and of a trunk only that there is one; an extension's password is told once. Handlers decode, call
// and encode; they own no goroutine.
package lines

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// Rows are what the handlers read and write.
type Rows interface {
	store.Numbers
	store.Credentials
	store.Trunks
	store.Extensions
}

// Gone says what is gone.
type Gone struct {
	ID      string `json:"id" format:"uuid"`
	Deleted bool   `json:"deleted" example:"true"`
}

// ReadOnly are the fields that all bodies here have and nobody can set.
type ReadOnly struct {
	ID        envelope.Given `json:"id,omitempty" hidden:"true"`
	Number    envelope.Given `json:"number,omitempty" hidden:"true"`
	CreatedAt envelope.Given `json:"created_at,omitempty" hidden:"true"`
	UpdatedAt envelope.Given `json:"updated_at,omitempty" hidden:"true"`
}

func (r ReadOnly) check(at *huma.PathBuffer) (bad []error) {
	for name, given := range map[string]envelope.Given{"id": r.ID, "number": r.Number, "created_at": r.CreatedAt, "updated_at": r.UpdatedAt} {
		if given {
			bad = append(bad, envelope.Complain(at, name, "is read-only"))
		}
	}
	return bad
}

// invalid refuses a request for fields, each with what is wrong with it; nil if there are none.
func invalid(bad map[string]string) error {
	if len(bad) == 0 {
		return nil
	}
	f := envelope.Bad("validation failed")
	f.Details = bad
	return f
}

// complaints are the same as huma wants them.
func complaints(at *huma.PathBuffer, bad map[string]string) (all []error) {
	for field, message := range bad {
		all = append(all, &huma.ErrorDetail{Location: at.String() + "." + field, Message: message}) // With would cut a name at its bracket
	}
	return all
}

// failed names what was not found, whose name is taken, and passes on what else went wrong.
func failed(err error, noun, taken string) error {
	var f *envelope.Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrNotFound):
		return envelope.Missing("no such " + noun)
	case errors.Is(err, store.ErrConflict):
		fault := envelope.Wrong(taken, "is taken")
		fault.Cause = err
		return fault
	}
	return fmt.Errorf("%s: %w", noun, err)
}

// needed says why something cannot be deleted.
func needed(err error, noun string) error {
	if !errors.Is(err, store.ErrConflict) {
		return failed(err, noun, "")
	}
	_, reason, _ := strings.Cut(err.Error(), store.ErrConflict.Error()+": ")
	fault := envelope.Bad("the " + noun + " is in use: " + reason)
	fault.Cause = err
	return fault
}

// call tells whoever wants to know that something has changed.
func call(ctx context.Context, changed func(context.Context)) {
	if changed != nil {
		changed(ctx)
	}
}
