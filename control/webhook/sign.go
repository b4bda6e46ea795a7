package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/control/vault"
	"parley/store"
)

// Secrets are the organisations' signing secrets, as Standard Webhooks has them: "whsec_" and the base64 of 32 random bytes.
type Secrets struct {
	Rules store.WebhookRules
	Vault *vault.Vault
}

const secretPrefix = "whsec_"

func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// place is where an organisation's secret belongs; that of before stays bound to it.
func place(org string) vault.Place { return vault.PlaceOf(store.WebhookSecret, org, org) }

// Rotate makes a new secret, which is shown this once. The one before signs too for a while (0: no more), if it can be opened.
func (s *Secrets) Rotate(ctx context.Context, org string, overlap time.Duration) (secret string, w store.WebhookSettings, err error) {
	secret = newSecret()
	sealed, now := s.Vault.Seal(secret, place(org)), time.Now().UTC().Truncate(time.Microsecond)
	w, err = s.Rules.UpdateWebhookSettings(ctx, org, func(w *store.WebhookSettings) error {
		w.Former, w.FormerUntil = store.Sealed{}, time.Time{}
		if _, err := s.Vault.Open(w.Secret, place(org)); err == nil && w.Secret.Text != "" && overlap > 0 {
			w.Former, w.FormerUntil = w.Secret, now.Add(overlap)
		}
		w.Secret, w.Rotated = sealed, now
		return nil
	})
	if err != nil {
		return "", w, fmt.Errorf("rotate secret: %w", err)
	}
	return secret, w, nil
}

// errSecret says that an organisation's secret cannot be used here.
var errSecret = errors.New("the webhooks' secret cannot be opened")

// signing are the secrets that sign now, the newest first. An organisation that has none gets one, which nobody has seen.
func (s *Secrets) signing(ctx context.Context, w store.WebhookSettings, now time.Time) (secrets []string, err error) {
	if w.Secret.Text == "" {
		fresh := s.Vault.Seal(newSecret(), place(w.Org))
		w, err = s.Rules.UpdateWebhookSettings(ctx, w.Org, func(w *store.WebhookSettings) error {
			if w.Secret.Text == "" { // else somebody was faster
				w.Secret, w.Rotated = fresh, now
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("make secret: %w", err)
		}
	}
	sealed := []store.Sealed{w.Secret}
	if w.Former.Text != "" && now.Before(w.FormerUntil) {
		sealed = append(sealed, w.Former)
	}
	for _, one := range sealed {
		secret, err := s.Vault.Open(one, place(w.Org))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSecret, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// Sign is the header webhook-signature: of each secret "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body", with a space between
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature scheme"). The time is a Unix
// timestamp in seconds. A secret that is not "whsec_" and base64 is an error.
func Sign(id string, at int64, body []byte, secrets ...string) (string, error) {
	var all []string
	for _, secret := range secrets {
		text, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) == 0 {
			return "", errSecret
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + strconv.FormatInt(at, 10) + "."))
		h.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(all, " "), nil
}
