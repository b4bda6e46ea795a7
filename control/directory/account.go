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
	inside map[string][]*store.Extension     // by username, of all organisations
}

// A holder is something of an organisation's, by its name there.
type holder struct{ org, name string }

func newAccounts(d store.Directory) accounts {
	a := accounts{byID: map[string]*store.Credential{}, chosen: map[holder]*store.Credential{}, named: map[[2]string][]*store.Credential{},
		called: map[holder]*store.Credential{}, phones: map[holder]*store.Number{}, inside: map[string][]*store.Extension{}}
	for i := range d.Extensions {
		e := &d.Extensions[i]
		a.inside[e.Username] = append(a.inside[e.Username], e)
	}
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

// Extensions are all that have a username, of whatever organisations. The list is not to be changed.
func (d *Directory) Extensions(username string) []*store.Extension {
	v := d.view.Load()
	if v == nil {
		return nil
	}
	return v.inside[username]
}

// Extension finds an organisation's extension by its username; false: it has none such, or nothing is known.
func (d *Directory) Extension(org, username string) (store.Extension, bool) {
	for _, e := range d.Extensions(username) {
		if e.Org == org {
			return *e, true
		}
	}
	return store.Extension{}, false
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

// Trunks are all that are known, of all organisations; none while nothing is known. Their secrets are sealed. The list is not to be changed:
// another revision of the directory has another list.
func (d *Directory) Trunks() []store.Trunk {
	v := d.view.Load()
	if v == nil {
		return nil
	}
	return v.Trunks
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
	return v.within(orgs[0], "", number)
}

// RouteFrom tells who answers a call of an organisation's extension, whatever it has dialled: the extension's agent, or if that is disabled
// or gone, or the extension is, the organisation's default agent.
func (d *Directory) RouteFrom(org, username, dialled string) (Route, error) {
	v := d.view.Load()
	if v == nil {
		return Route{}, errUnknown
	}
	e, _ := d.Extension(org, username)
	return v.within(org, e.Agent, dialled)
}

// within is an organisation's agent, or else its default agent.
func (p *plan) within(org, agent, number string) (Route, error) {
	r := Route{Org: org, Number: number}
	if a := p.enabled(org, agent); a != nil {
		r.Agent = *a
		return r, nil
	}
	for _, o := range p.Organisations {
		if a := p.enabled(o.ID, o.DefaultAgent); o.ID == org && a != nil {
			r.Agent = *a
			return r, nil
		}
	}
	return r, ErrNobody
}
