package lines

import (
	"fmt"

	"parley/control/vault"
	"parley/store"
)

// A Registrar tells who may register a softphone. It answers from memory, and may be used by any goroutine.
type Registrar struct {
	Extensions func(username string) []*store.Extension // of all organisations: directory.Directory.Extensions
	Vault      *vault.Vault
}

// A Phone is a softphone's account, opened: by its password a digest is checked, in whatever realm (RFC 3261, section 22).
type Phone struct {
	ID, Org  string // of the extension
	Username string
	Password string
	Agent    string // who answers its calls; empty: the organisation's default agent
}

// Phones are all who have a username: one of each organisation at most. Whose it is shows in whose password fits: they are made by the
// server, so that no two are alike. The error is of one that cannot be opened; the others are there all the same.
func (r *Registrar) Phones(username string) (all []Phone, err error) {
	for _, e := range r.Extensions(username) {
		password, oerr := r.Vault.Open(e.Sealed, vault.PlaceOf(store.ExtensionSecret, e.Org, e.ID))
		if oerr != nil {
			err = fmt.Errorf("open extension %s: %w", e.ID, oerr)
			continue
		}
		all = append(all, Phone{ID: e.ID, Org: e.Org, Username: e.Username, Password: password, Agent: e.Agent})
	}
	return all, err
}
