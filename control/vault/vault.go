// Package vault seals what is secret of the organisations' rows, so that who has the database alone, or a copy of it, has none of it.
//
//	POST /credentials ──▶ Seal ──▶ store (text, key id) ──▶ directory, its file ──▶ Open ──▶ carrier, vendor
//	                                 │   ▲
//	                                 ▼   │ batches, each only where nothing has changed meanwhile
//	                                Rotate: opened by a former key, sealed by the first
//
// Secrets are sealed by AES-256-GCM with random nonces. The keys are derived (HKDF-SHA256) from secrets of the environment, and are used for
// nothing else. What is sealed is bound to its place, which is the organisation, the row and the field: put in another, it does not open. A
// Vault is not changed once made, and may be used by any goroutine.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"parley/control/seal"
	"parley/store"
)

// ErrClosed says that a secret cannot be opened: the server lacks the key that has sealed it, or it was altered or put elsewhere.
var ErrClosed = errors.New("the secret cannot be opened with the keys of this server")

// A Place is where a sealed secret belongs.
type Place struct{ Org, Row, Field string }

// PlaceOf is where the secret of a row belongs, by the row's kind. A webhooks' secret stays where it is when another comes in its place.
func PlaceOf(kind store.SecretKind, org, id string) Place {
	if kind == store.FormerWebhookSecret {
		kind = store.WebhookSecret
	}
	return Place{Org: org, Row: id, Field: string(kind)}
}

// label is the place as additional data: of two places, the labels differ.
func (p Place) label() []byte {
	return fmt.Appendf(nil, "parley vault 1 %q %q %q", p.Org, p.Row, p.Field)
}

// A Vault seals and opens secrets.
type Vault struct{ keys []key } // the first one seals, any opens

type key struct {
	id    string
	aead  cipher.AEAD
	hooks *seal.Seal // opens what it has sealed of webhooks before they came here
}

// New makes a vault. The first secret's key seals, all of them open; at least one is needed, and empty ones are left out.
func New(secrets ...[]byte) (*Vault, error) {
	v := &Vault{}
	for _, secret := range secrets {
		if len(secret) == 0 {
			continue
		}
		k, err := derive(secret)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		v.keys = append(v.keys, k)
	}
	if len(v.keys) == 0 {
		return nil, errors.New("a vault needs a secret")
	}
	return v, nil
}

// derive makes a key of a secret. Its id tells nothing of it.
func derive(secret []byte) (key, error) {
	text, err := hkdf.Key(sha256.New, secret, nil, "parley vault AES-256-GCM", 32)
	if err != nil {
		return key{}, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, "parley vault key id", 6)
	if err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(text)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	hooks, err := seal.New("webhook secrets", secret)
	return key{hex.EncodeToString(id), aead, hooks}, err
}

// Key is the id of the key that seals.
func (v *Vault) Key() string { return v.keys[0].id }

// Seal closes a secret for its place. There is nothing to seal of an empty one.
func (v *Vault) Seal(secret string, p Place) store.Sealed {
	if secret == "" {
		return store.Sealed{}
	}
	k := v.keys[0]
	return store.Sealed{Text: base64.RawStdEncoding.EncodeToString(k.aead.Seal(nil, nil, []byte(secret), p.label())), Key: k.id}
}

// Open is the secret that was sealed for a place: ErrClosed if it cannot be had.
func (v *Vault) Open(s store.Sealed, p Place) (string, error) {
	if s.Text == "" {
		return "", nil
	}
	if secret, ok := v.openHook(s, p); ok {
		return secret, nil
	}
	text, err := base64.RawStdEncoding.DecodeString(s.Text)
	if err != nil {
		return "", ErrClosed
	}
	for _, k := range v.keys {
		if s.Key != "" && s.Key != k.id {
			continue
		}
		if secret, err := k.aead.Open(nil, nil, text, p.label()); err == nil {
			return string(secret), nil
		}
	}
	return "", ErrClosed
}

// openHook opens a webhooks' secret of before: in hex, without a key's id, sealed by package seal with a key of the same secrets.
func (v *Vault) openHook(s store.Sealed, p Place) (string, bool) {
	if s.Key != "" || p.Field != string(store.WebhookSecret) {
		return "", false
	}
	text, err := hex.DecodeString(s.Text)
	if err != nil {
		return "", false
	}
	for _, k := range v.keys {
		if secret, err := k.hooks.Open(text, "webhook secret\n"+p.Org); err == nil {
			return string(secret), true
		}
	}
	return "", false
}
