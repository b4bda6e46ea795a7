package directory

import (
	"slices"

	"parley/store"
)

// accounts are the credentials of a plan, made ready to be asked. Their secrets are sealed.
type accounts struct {
	byID   map[string]*store.Credential
	chosen map[holder]*store.Credential      // the defaults
	named  map[[2]string][]*store.Credential // by vendor and account
	called map[holder]*store.Credential      // by their names
	phones map[holder]*store.Number          // by organisation and number, in E.164
}

// A holder is something of an organisation's, by its name there.
type holder struct{ org, name string }

func newAccounts(d store.Directory) accounts {
	a := accounts{byID: map[string]*store.Credential{}, chosen: map[holder]*store.Credential{}, named: map[[2]string][]*store.Credential{},
		called: map[holder]*store.Credential{}, phones: map[holder]*store.Number{}}
	for i := range d.Credentials {
		c := &d.Credentials[i]
		a.byID[c.ID], a.called[holder{c.Org, c.Name}] = c, c
		if c.Default {
			a.chosen[holder{c.Org, c.Vendor}] = c
		}
		if c.Account != "" {
			key := [2]string{c.Vendor, c.Account}
			a.named[key] = append(a.named[key], c)
		}
	}
	for i := range d.Numbers {
		a.phones[holder{d.Numbers[i].Org, d.Numbers[i].E164}] = &d.Numbers[i]
	}
	return a
}

// Credential finds an organisation's credential. store.ErrNotFound if it has none of that id, store.ErrUnavailable while nothing is known.
func (d *Directory) Credential(org, id string) (store.Credential, error) {
	v := d.view.Load()
	if v == nil {
		return store.Credential{}, errUnknown
	}
	if c := v.byID[id]; c != nil && c.Org == org {
		return *c, nil
	}
	return store.Credential{}, store.ErrNotFound
}

// DefaultCredential is what an organisation uses at a vendor where nothing else is said; false: it has none, or nothing is known.
func (d *Directory) DefaultCredential(org, vendor string) (store.Credential, bool) {
	v := d.view.Load()
	if v == nil {
		return store.Credential{}, false
	}
	c := v.chosen[holder{org, vendor}]
	if c == nil {
		return store.Credential{}, false
	}
	return *c, true
}

// NamedCredential is an organisation's credential of a vendor, by its name; false: it has none such, or nothing is known.
func (d *Directory) NamedCredential(org, vendor, name string) (store.Credential, bool) {
	v := d.view.Load()
	if v == nil {
		return store.Credential{}, false
	}
	c := v.called[holder{org, name}]
	if c == nil || c.Vendor != vendor {
		return store.Credential{}, false
	}
	return *c, true
}

// Accounts are all credentials of a vendor's account, of whatever organisations. The list is not to be changed.
func (d *Directory) Accounts(vendor, account string) []*store.Credential {
	v := d.view.Load()
	if v == nil {
		return nil
	}
	return v.named[[2]string{vendor, account}]
}

// Number finds an organisation's number, as it is in E.164; false: it has none such, or nothing is known.
func (d *Directory) Number(org, e164 string) (store.Number, bool) {
	v := d.view.Load()
	if v == nil {
		return store.Number{}, false
	}
	n := v.phones[holder{org, e164}]
	if n == nil {
		return store.Number{}, false
	}
	return *n, true
}

// RouteAmong tells who answers a call that came by an account which is only these organisations': as Route, but what is not a number of one
// of them is answered by the default agent of the first, so that nobody's account reaches another's agents.
func (d *Directory) RouteAmong(orgs []string, number string) (Route, error) {
	r, err := d.Route(number)
	if slices.Contains(orgs, r.Org) || len(orgs) == 0 {
		return r, err
	}
	v := d.view.Load()
	if v == nil {
		return Route{}, errUnknown
	}
	r = Route{Org: orgs[0], Number: number}
	for _, o := range v.Organisations {
		if o.ID != r.Org {
			continue
		}
		if agent := v.enabled(o.ID, o.DefaultAgent); agent != nil {
			r.Agent = *agent
			return r, nil
		}
	}
	return r, ErrNobody
}
