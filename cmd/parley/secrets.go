package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"parley/control/vault"
)

// secrets are what all others are derived from.
type secrets struct {
	Secret       string `help:"Secret that signs links to recordings and the tokens of sessions, 32 characters or more; the same on all nodes. Empty: one is made in the data directory." var:"PARLEY_SECRET"`
	FormerSecret string `help:"The secret of before, when it is changed: tokens of its time stay valid until they expire, and what it has sealed can be opened." var:"PARLEY_FORMER_SECRET"`

	VaultKey       string   `help:"Key that seals organisations' credentials, and what signs their webhooks, in the database, 32 characters or more; the same on all nodes. Empty: one derived from --secret." var:"PARLEY_VAULT_KEY"`
	FormerVaultKey []string `help:"Other keys that open them: those of before, until all are sealed anew, and the next one, while not all nodes have it yet; separated by commas." placeholder:"KEY" var:"PARLEY_FORMER_VAULT_KEY"`
}

// check says what is wrong with them.
func (s *secrets) check() (bad []error) {
	named := map[string]string{"secret (PARLEY_SECRET)": s.Secret, "former-secret (PARLEY_FORMER_SECRET)": s.FormerSecret, "vault-key (PARLEY_VAULT_KEY)": s.VaultKey}
	for i, key := range s.FormerVaultKey {
		named[fmt.Sprintf("former-vault-key (PARLEY_FORMER_VAULT_KEY), number %d,", i+1)] = key
	}
	for name, secret := range named {
		if n := len(secret); n > 0 && n < 32 {
			bad = append(bad, fmt.Errorf("--%s has %d characters: want 32 or more", name, n))
		}
	}
	return bad
}

// master is the secret of the settings, or the one of the data directory.
func (s *secrets) master(dir string) (string, error) {
	if s.Secret != "" {
		return s.Secret, nil
	}
	return keep(dir, secretFile, func() string { return randomHex(32) })
}

// foundVault is the vault of a server with these settings and data directory. A key is not made here: the server would not have it.
func (s *secrets) foundVault(dir string) (*vault.Vault, error) {
	if bad := s.check(); len(bad) > 0 {
		return nil, usageError{errors.Join(bad...)}
	}
	secret, err := s.found(dir)
	if err != nil && s.VaultKey == "" {
		return nil, usageError{fmt.Errorf("PARLEY_SECRET or PARLEY_VAULT_KEY must be set as for the server, or --data-dir be the server's: %w", err)}
	} else if err != nil {
		return s.newVault("")
	}
	return s.newVault(secret)
}

// found is master of a server that has run here; none is made.
func (s *secrets) found(dir string) (string, error) {
	if s.Secret == "" {
		if _, err := os.Stat(filepath.Join(dir, secretFile)); err != nil {
			return "", err
		}
	}
	return s.master(dir)
}

// newVault seals with the first key that there is, and opens with all: so a vault key may be introduced, changed and taken away again.
func (s *secrets) newVault(secret string) (*vault.Vault, error) {
	keys := [][]byte{[]byte(s.VaultKey), []byte(secret)}
	for _, key := range append(s.FormerVaultKey, s.FormerSecret) {
		keys = append(keys, []byte(key))
	}
	v, err := vault.New(keys...)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}
