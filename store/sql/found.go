package sql

import (
	"context"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// Found implements store.Founder.
func (s *Store) Found(ctx context.Context, f store.Setup) error {
	return s.configure(ctx, "found organisation", func(ctx context.Context, u unit) error {
		n, err := u.CountOrganisations(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: there is an organisation already", store.ErrConflict)
		}
		o := f.Organisation
		if _, err := u.InsertOrganisation(ctx, db.InsertOrganisationParams{
			ID: o.ID, Name: o.Name, DefaultAgent: f.Agent.ID, Created: db.Time(o.Created)}); err != nil {
			return err
		}
		w := f.Owner
		w.Org = o.ID
		if err := u.insertUser(ctx, w); err != nil {
			return err
		}
		f.Key.Org, f.Agent.Org = o.ID, o.ID
		if _, err := u.insertKey(ctx, f.Key); err != nil {
			return err
		}
		_, err = u.createAgent(ctx, f.Agent)
		return err
	})
}

// CreateOrganisation adds an organisation to those that there are.
func (s *Store) CreateOrganisation(ctx context.Context, o store.Organisation) (made store.Organisation, err error) {
	err = s.configure(ctx, "create organisation", func(ctx context.Context, u unit) error {
		row, err := u.InsertOrganisation(ctx, db.InsertOrganisationParams{ID: o.ID, Name: o.Name, DefaultAgent: "", Created: db.Time(o.Created)})
		made = organisation(row)
		return err
	})
	return made, err
}

// Organisations implements store.Founder.
func (s *Store) Organisations(ctx context.Context) (orgs []store.Organisation, err error) {
	err = s.read(ctx, "list organisations", func(ctx context.Context, u unit) error {
		found, err := u.Organisations(ctx)
		orgs = each(found, organisation)
		return err
	})
	return orgs, err
}

// Revision implements store.Router.
func (s *Store) Revision(ctx context.Context) (n int64, err error) {
	err = s.read(ctx, "read revision", func(ctx context.Context, u unit) error {
		n, err = u.Revision(ctx)
		return err
	})
	return n, err
}

// Directory implements store.Router.
func (s *Store) Directory(ctx context.Context) (d store.Directory, err error) {
	err = s.view(ctx, "read directory", func(ctx context.Context, u unit) error {
		if d.Revision, err = u.Revision(ctx); err != nil {
			return err
		}
		orgs, err := u.Organisations(ctx)
		if err != nil {
			return err
		}
		agents, err := u.AllAgents(ctx)
		if err != nil {
			return err
		}
		if d.Knowing, err = u.KnowingAgents(ctx); err != nil {
			return err
		}
		numbers, err := u.AllNumbers(ctx)
		if err != nil {
			return err
		}
		credentials, err := u.AllCredentials(ctx)
		if err != nil {
			return err
		}
		trunks, err := u.AllTrunks(ctx)
		if err != nil {
			return err
		}
		extensions, err := u.AllExtensions(ctx)
		d.Organisations, d.Agents, d.Numbers = each(orgs, organisation), each(agents, agent), each(numbers, number)
		d.Credentials, d.Trunks = each(credentials, credential), each(trunks, trunk)
		d.Extensions = each(extensions, extension)
		return err
	})
	return d, err
}

func organisation(r db.Organisation) store.Organisation {
	return store.Organisation{ID: r.ID, Number: r.Number, Name: r.Name, DefaultAgent: r.DefaultAgent, Memory: r.Memory, PreAnswer: r.Preanswer, Created: time.Time(r.Created)}
}
