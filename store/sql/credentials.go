package sql

import (
	"context"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateCredential implements store.Credentials: ErrNotFound if there is no such organisation.
func (s *Store) CreateCredential(ctx context.Context, c store.Credential) (made store.Credential, err error) {
	err = s.configure(ctx, "create credential", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, c.Org); err != nil {
			return err
		}
		row, err := u.InsertCredential(ctx, db.InsertCredentialParams{
			ID: c.ID, Org: c.Org, Vendor: c.Vendor, Name: c.Name, Account: c.Account, Application: c.Application, PublicKey: c.PublicKey, BaseUrl: c.BaseURL, Sealed: c.Sealed.Text,
			KeyID: c.Sealed.Key, Hint: c.Hint, Preferred: c.Default, Created: db.Time(c.Created), Updated: db.Time(c.Created),
		})
		if err != nil {
			return err
		}
		made = credential(row)
		return u.prefer(ctx, made)
	})
	if err != nil {
		return store.Credential{}, err
	}
	return made, nil
}

// prefer makes a credential the only default of its vendor, if it is one.
func (u unit) prefer(ctx context.Context, c store.Credential) error {
	if !c.Default {
		return nil
	}
	return u.Unprefer(ctx, db.UnpreferParams{Org: c.Org, Vendor: c.Vendor, ID: c.ID, Updated: db.Time(c.Updated)})
}

// Credential implements store.Credentials.
func (s *Store) Credential(ctx context.Context, org, id string) (c store.Credential, err error) {
	err = s.read(ctx, "read credential", func(ctx context.Context, u unit) error {
		row, err := u.Credential(ctx, db.CredentialParams{Org: org, ID: id})
		c = credential(row)
		return err
	})
	return c, err
}

// Credentials implements store.Credentials.
func (s *Store) Credentials(ctx context.Context, org, vendor string, p store.Page) (all []store.Credential, total int64, err error) {
	err = s.read(ctx, "list credentials", func(ctx context.Context, u unit) (err error) {
		var found []db.Credential
		limit, offset := bounds(p)
		if vendor == "" {
			if found, err = u.Credentials(ctx, db.CredentialsParams{Org: org, HowMany: limit, After: offset}); err == nil {
				total, err = u.CountCredentials(ctx, org)
			}
		} else {
			found, err = u.CredentialsAt(ctx, db.CredentialsAtParams{Org: org, Vendor: vendor, HowMany: limit, After: offset})
			if err == nil {
				total, err = u.CountCredentialsAt(ctx, db.CountCredentialsAtParams{Org: org, Vendor: vendor})
			}
		}
		all = each(found, credential)
		return err
	})
	return all, total, err
}

// UpdateCredential implements store.Credentials.
func (s *Store) UpdateCredential(ctx context.Context, org, id string, at time.Time, change func(*store.Credential) error) (c store.Credential, err error) {
	var refusal error
	err = s.configure(ctx, "update credential", func(ctx context.Context, u unit) error {
		row, err := u.Credential(ctx, db.CredentialParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		c = credential(row)
		next := c
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		if next == c {
			return errUnchanged
		}
		row, err = u.UpdateCredential(ctx, db.UpdateCredentialParams{
			ID: c.ID, Name: next.Name, Account: next.Account, Application: next.Application, PublicKey: next.PublicKey, BaseUrl: next.BaseURL, Sealed: next.Sealed.Text, KeyID: next.Sealed.Key,
			Hint: next.Hint, Preferred: next.Default, Verdict: string(next.Verdict), Verified: db.Time(next.Verified), Updated: db.Time(at),
		})
		if err != nil {
			return err
		}
		c = credential(row)
		return u.prefer(ctx, c)
	})
	if refusal != nil || err != nil {
		return store.Credential{}, or(refusal, err)
	}
	return c, nil
}

// or is the first of two errors that is one.
func or(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// DeleteCredential implements store.Credentials.
func (s *Store) DeleteCredential(ctx context.Context, org, id string) error {
	return s.configure(ctx, "delete credential", func(ctx context.Context, u unit) error {
		row, err := u.Credential(ctx, db.CredentialParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		numbers, err := u.NumbersOfCredential(ctx, db.NumbersOfCredentialParams{Org: row.Org, Credential: row.ID})
		if err != nil {
			return err
		}
		if len(numbers) > 0 {
			return fmt.Errorf("%w: number %s is reached by it", store.ErrConflict, numbers[0])
		}
		if n, err := u.DialsOfAccount(ctx, db.DialsOfAccountParams{Org: row.Org, Account: row.ID}); err != nil {
			return err
		} else if n > 0 {
			return fmt.Errorf("%w: %d calls are being placed by it", store.ErrConflict, n)
		}
		if n, err := u.CountCredentialsAt(ctx, db.CountCredentialsAtParams{Org: row.Org, Vendor: row.Vendor}); err != nil {
			return err
		} else if n > 1 && row.Preferred {
			return fmt.Errorf("%w: it is the default of %s: make another one the default first", store.ErrConflict, row.Vendor)
		}
		return u.DeleteCredential(ctx, row.ID)
	})
}

// NoteVerdict implements store.Credentials. It makes no new revision: nothing is done differently for it.
func (s *Store) NoteVerdict(ctx context.Context, org, id string, sealed store.Sealed, v store.Verdict, at time.Time) error {
	return s.write(ctx, "note verdict", func(ctx context.Context, u unit) error {
		n, err := u.NoteVerdict(ctx, db.NoteVerdictParams{Org: org, ID: id, Sealed: sealed.Text, Verdict: string(v), Verified: db.Time(at)})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

// StaleSecrets implements store.Secrets.
func (s *Store) StaleSecrets(ctx context.Context, kind store.SecretKind, key, after string, limit int) (stale []store.Secret, err error) {
	err = s.read(ctx, "list stale secrets", func(ctx context.Context, u unit) error {
		most, _ := bounds(store.Page{Limit: limit})
		switch kind {
		case store.CredentialSecret:
			found, err := u.StaleCredentials(ctx, db.StaleCredentialsParams{KeyID: key, After: after, HowMany: most})
			stale = each(found, func(r db.StaleCredentialsRow) store.Secret {
				return store.Secret{Kind: kind, ID: r.ID, Org: r.Org, Sealed: store.Sealed{Text: r.Sealed}}
			})
			return err
		case store.TrunkSecret:
			found, err := u.StaleTrunks(ctx, db.StaleTrunksParams{KeyID: key, After: after, HowMany: most})
			stale = each(found, func(r db.StaleTrunksRow) store.Secret {
				return store.Secret{Kind: kind, ID: r.ID, Org: r.Org, Sealed: store.Sealed{Text: r.Sealed}}
			})
			return err
		case store.ExtensionSecret:
			found, err := u.StaleExtensions(ctx, db.StaleExtensionsParams{KeyID: key, After: after, HowMany: most})
			stale = each(found, func(r db.StaleExtensionsRow) store.Secret {
				return store.Secret{Kind: kind, ID: r.ID, Org: r.Org, Sealed: store.Sealed{Text: r.Sealed}}
			})
			return err
		case store.WebhookSecret:
			found, err := u.StaleWebhookSecrets(ctx, db.StaleWebhookSecretsParams{KeyID: key, After: after, HowMany: most})
			stale = each(found, func(r db.StaleWebhookSecretsRow) store.Secret {
				return store.Secret{Kind: kind, ID: r.Org, Org: r.Org, Sealed: store.Sealed{Text: r.Sealed}}
			})
			return err
		case store.FormerWebhookSecret:
			found, err := u.StaleFormerWebhookSecrets(ctx, db.StaleFormerWebhookSecretsParams{KeyID: key, After: after, HowMany: most})
			stale = each(found, func(r db.StaleFormerWebhookSecretsRow) store.Secret {
				return store.Secret{Kind: kind, ID: r.Org, Org: r.Org, Sealed: store.Sealed{Text: r.FormerSealed}}
			})
			return err
		}
		return fmt.Errorf("no rows of kind %q have secrets", kind)
	})
	return stale, err
}

// Reseal implements store.Secrets. It makes a new revision, so that no node is left with what former keys have sealed.
func (s *Store) Reseal(ctx context.Context, all []store.Reseal) (n int64, err error) {
	err = s.configure(ctx, "reseal secrets", func(ctx context.Context, u unit) error {
		n = 0
		for _, r := range all {
			done, err := u.reseal(ctx, r)
			if err != nil {
				return err
			}
			n += done
		}
		if n == 0 {
			return errUnchanged
		}
		return nil
	})
	return n, err
}

// reseal replaces one secret, and says how many that were.
func (u unit) reseal(ctx context.Context, r store.Reseal) (int64, error) {
	text, key := r.Sealed.Text, r.Sealed.Key
	switch r.Kind {
	case store.CredentialSecret:
		return u.ResealCredential(ctx, db.ResealCredentialParams{ID: r.ID, Sealed: text, KeyID: key, Former: r.Former})
	case store.TrunkSecret:
		return u.ResealTrunk(ctx, db.ResealTrunkParams{ID: r.ID, Sealed: text, KeyID: key, Former: r.Former})
	case store.ExtensionSecret:
		return u.ResealExtension(ctx, db.ResealExtensionParams{ID: r.ID, Sealed: text, KeyID: key, Former: r.Former})
	case store.WebhookSecret:
		return u.ResealWebhookSecret(ctx, db.ResealWebhookSecretParams{Org: r.ID, Sealed: text, KeyID: key, Former: r.Former})
	case store.FormerWebhookSecret:
		return u.ResealFormerWebhookSecret(ctx, db.ResealFormerWebhookSecretParams{Org: r.ID, Sealed: text, KeyID: key, Former: r.Former})
	}
	return 0, fmt.Errorf("no rows of kind %q have secrets", r.Kind)
}

func credential(r db.Credential) store.Credential {
	return store.Credential{
		ID: r.ID, Number: r.Number, Org: r.Org, Vendor: r.Vendor, Name: r.Name, Account: r.Account, Application: r.Application, PublicKey: r.PublicKey, BaseURL: r.BaseUrl,
		Sealed: store.Sealed{Text: r.Sealed, Key: r.KeyID}, Hint: r.Hint, Default: r.Preferred, Verdict: store.Verdict(r.Verdict),
		Verified: time.Time(r.Verified), Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}
