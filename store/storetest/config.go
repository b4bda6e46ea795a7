package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/store"
)

func testFound(t *testing.T, s Store) {
	ctx := t.Context()
	orgs, err := s.Organisations(ctx)
	ok(t, err)
	if len(orgs) != 0 {
		t.Fatalf("an empty database has organisations %v", orgs)
	}
	h := fill(t, s)
	orgs, err = s.Organisations(ctx)
	ok(t, err)
	want := h.Setup.Organisation
	want.DefaultAgent, want.Number = h.Setup.Agent.ID, orgs[0].Number
	same(t, "organisations", orgs, []store.Organisation{want})
	if want.Number <= 0 {
		t.Errorf("an organisation has number %d", want.Number)
	}
	again := h.Setup
	again.Organisation.ID, again.Owner.ID, again.Key.ID, again.Agent.ID = store.NewID(), store.NewID(), store.NewID(), store.NewID()
	again.Owner.Email, again.Key.Hash = "other@example.com", "other"
	is(t, s.Found(ctx, again), store.ErrConflict)
	_, err = s.KeyByHash(ctx, "other")
	is(t, err, store.ErrNotFound)

	second, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Second", Created: start})
	ok(t, err)
	orgs, err = s.Organisations(ctx)
	ok(t, err)
	same(t, "organisations", orgs, []store.Organisation{want, second})
	_, err = s.CreateOrganisation(ctx, second)
	is(t, err, store.ErrConflict)
}

func testKeys(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	first, err := s.KeyByHash(ctx, "hash")
	ok(t, err)
	want := h.Setup.Key
	want.Org, want.Number = h.Org, first.Number
	same(t, "key", first, want)

	k := store.Key{ID: store.NewID(), Org: h.Org, User: h.Setup.Owner.ID, Role: store.Member, Name: "reads", Prefix: "cm_12", Hash: "second",
		Scopes: []string{"agents:read", "calls:read"}, Created: start.Add(time.Microsecond), Expires: start.Add(time.Hour)}
	made, err := s.CreateKey(ctx, k)
	ok(t, err)
	k.Number = made.Number
	same(t, "made key", made, k)
	if k.Number <= first.Number {
		t.Errorf("numbers %d, then %d", first.Number, k.Number)
	}
	same2 := k
	same2.ID = store.NewID()
	_, err = s.CreateKey(ctx, same2)
	is(t, err, store.ErrConflict)
	same2.Hash, same2.Org = "third", store.NewID()
	_, err = s.CreateKey(ctx, same2)
	is(t, err, store.ErrNotFound)
	_, err = s.KeyByHash(ctx, "no such")
	is(t, err, store.ErrNotFound)

	keys, total, err := s.Keys(ctx, h.Org, store.Page{Limit: 1})
	ok(t, err)
	same(t, "first of the list", keys, []store.Key{k})
	if total != 2 {
		t.Errorf("%d keys, want 2", total)
	}
	keys, _, err = s.Keys(ctx, h.Org, store.Page{Limit: 5, Offset: 1})
	ok(t, err)
	same(t, "rest of the list", keys, []store.Key{first})

	k.Revoked = start.Add(2 * time.Hour)
	ok(t, s.RevokeKey(ctx, h.Org, k.ID, k.Revoked))
	ok(t, s.RevokeKey(ctx, h.Org, k.ID, k.Revoked.Add(time.Hour)))
	got, err := s.KeyByHash(ctx, "second")
	ok(t, err)
	same(t, "revoked key", got, k)
	is(t, s.RevokeKey(ctx, h.Org, store.NewID(), start), store.ErrNotFound)
}

func testTouchKeys(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	id, late := h.Setup.Key.ID, start.Add(time.Hour)
	ok(t, s.TouchKeys(ctx, nil))
	ok(t, s.TouchKeys(ctx, map[string]time.Time{id: late, store.NewID(): late}))
	ok(t, s.TouchKeys(ctx, map[string]time.Time{id: start.Add(time.Minute)}))
	k, err := s.KeyByHash(ctx, "hash")
	ok(t, err)
	if !k.LastUsed.Equal(late) {
		t.Errorf("last used %v, want %v", k.LastUsed, late)
	}
}

func testAgents(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	a := store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Description: "d", SystemPrompt: "p", StartingMessage: "hi",
		VoiceSettings: `{"rate":1}`, DTMFRules: `{"1":"yes"}`, Settings: `{"recording":{"on":false}}`, Created: start}
	made, err := s.CreateAgent(ctx, a)
	ok(t, err)
	a.Number, a.Version, a.Updated = made.Number, 1, start
	same(t, "made agent", made, a)
	got, err := s.Agent(ctx, h.Org, a.ID)
	ok(t, err)
	same(t, "agent", got, a)
	got, err = s.AgentVersion(ctx, h.Org, a.ID, 1)
	ok(t, err)
	same(t, "version 1", got, a)
	for _, version := range []int{0, 2, -1} {
		_, err = s.AgentVersion(ctx, h.Org, a.ID, version)
		is(t, err, store.ErrNotFound)
	}
	_, err = s.CreateAgent(ctx, a)
	is(t, err, store.ErrConflict)
	versions, total, err := s.AgentVersions(ctx, h.Org, a.ID, store.Page{Limit: 10})
	ok(t, err)
	same(t, "versions", versions, []store.Agent{a})
	if total != 1 {
		t.Errorf("%d versions, want 1", total)
	}
	for _, org := range []string{store.NewID(), ""} {
		_, _, err = s.AgentVersions(ctx, org, a.ID, store.Page{Limit: 10})
		is(t, err, store.ErrNotFound)
	}
	a.ID, a.Org = store.NewID(), store.NewID()
	_, err = s.CreateAgent(ctx, a)
	is(t, err, store.ErrNotFound)
	_, err = s.Agent(ctx, h.Org, a.ID)
	is(t, err, store.ErrNotFound)
}

func testAgentList(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	first, err := s.Agent(ctx, h.Org, h.Setup.Agent.ID)
	ok(t, err)
	want := []store.Agent{first}
	for i := range 9 {
		a, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: fmt.Sprint(i), Enabled: i%3 == 0,
			VoiceSettings: `{"v":1}`, DTMFRules: `{"d":1}`, Settings: `{"s":1}`, Created: start})
		ok(t, err)
		want = append(want, a)
	}
	slices.Reverse(want)
	yes, no := true, false
	for _, enabled := range []*bool{nil, &yes, &no} {
		kept := slices.DeleteFunc(slices.Clone(want), func(a store.Agent) bool { return enabled != nil && a.Enabled != *enabled })
		for _, p := range []store.Page{{}, {Limit: 1}, {Limit: 3, Offset: 2}, {Limit: 100}, {Limit: 5, Offset: 100}, {Limit: -1, Offset: -1}} {
			got, total, err := s.Agents(ctx, h.Org, store.AgentFilter{Enabled: enabled}, p)
			ok(t, err)
			same(t, fmt.Sprintf("page %v of enabled %v", p, enabled), got, part(kept, p))
			if total != int64(len(kept)) {
				t.Errorf("total %d, want %d", total, len(kept))
			}
		}
	}
}

// part is a page of a list.
func part[T any](list []T, p store.Page) []T {
	from := min(max(p.Offset, 0), len(list))
	to := min(from+max(p.Limit, 0), len(list))
	if from == to {
		return nil
	}
	return list[from:to]
}

func testUpdateAgent(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	id, at := h.Setup.Agent.ID, start.Add(time.Minute)
	before, err := s.Agent(ctx, h.Org, id)
	ok(t, err)
	revision, err := s.Revision(ctx)
	ok(t, err)

	refusal := errors.New("not so")
	_, err = s.UpdateAgent(ctx, h.Org, id, at, func(a *store.Agent) error { a.Name = "No"; return refusal })
	if err != refusal { //nolint:errorlint // as it is
		t.Errorf("error %v, want the callback's own", err)
	}
	got, err := s.UpdateAgent(ctx, h.Org, id, at, func(*store.Agent) error { return nil })
	ok(t, err)
	same(t, "agent that was not altered", got, before)
	got, err = s.UpdateAgent(ctx, h.Org, id, at, func(a *store.Agent) error {
		a.ID, a.Number, a.Org, a.Version, a.Created, a.Updated = "x", -1, "y", 99, time.Time{}, time.Time{}
		return nil
	})
	ok(t, err)
	same(t, "agent whose fixed fields were altered", got, before)
	if now, err := s.Revision(ctx); err != nil || now != revision {
		t.Errorf("revision %d after changes that were none (%v), want %d", now, err, revision)
	}

	got, err = s.UpdateAgent(ctx, h.Org, id, at, func(a *store.Agent) error {
		same(t, "agent as it stands", *a, before)
		a.Name, a.Description, a.SystemPrompt, a.StartingMessage, a.Enabled = "Eva", "d2", "p2", "s2", false
		a.VoiceSettings, a.DTMFRules, a.Settings = `{"v":2}`, `{"2":"no"}`, `{"report":[]}`
		a.Version = 50
		return nil
	})
	ok(t, err)
	want := store.Agent{ID: id, Number: before.Number, Org: h.Org, Version: 2, Name: "Eva", Description: "d2", SystemPrompt: "p2",
		StartingMessage: "s2", VoiceSettings: `{"v":2}`, DTMFRules: `{"2":"no"}`, Settings: `{"report":[]}`,
		Created: start, Updated: at}
	same(t, "updated agent", got, want)
	for version, want := range map[int]store.Agent{1: before, 2: want} {
		got, err := s.AgentVersion(ctx, h.Org, id, version)
		ok(t, err)
		same(t, fmt.Sprint("version ", version), got, want)
	}
	for _, p := range []store.Page{{Limit: 1}, {Limit: 1, Offset: 1}, {Limit: 5}, {}, {Limit: 5, Offset: 2}} {
		got, total, err := s.AgentVersions(ctx, h.Org, id, p)
		ok(t, err)
		same(t, fmt.Sprintf("page %v of versions", p), got, part([]store.Agent{want, before}, p))
		if total != 2 {
			t.Errorf("%d versions, want 2", total)
		}
	}
	_, err = s.UpdateAgent(ctx, h.Org, store.NewID(), at, func(*store.Agent) error { t.Error("called for no agent"); return nil })
	is(t, err, store.ErrNotFound)
}

func testUpdateAgentAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const writers, changes = 8, 5
	var w sync.WaitGroup
	for i := range writers {
		w.Go(func() {
			for j := range changes {
				if _, err := s.UpdateAgent(ctx, h.Org, h.Setup.Agent.ID, start.Add(time.Hour), func(a *store.Agent) error {
					a.Description += fmt.Sprintf("%d.%d ", i, j)
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	w.Wait()
	last, err := s.Agent(ctx, h.Org, h.Setup.Agent.ID)
	ok(t, err)
	if last.Version != 1+writers*changes || len(last.Description) != 4*writers*changes {
		t.Errorf("version %d, description %q: a change was lost", last.Version, last.Description)
	}
	for v := 1; v <= last.Version; v++ {
		a, err := s.AgentVersion(ctx, h.Org, last.ID, v)
		ok(t, err)
		if a.Version != v || a.Description != last.Description[:4*(v-1)] {
			t.Errorf("version %d is %d, %q", v, a.Version, a.Description)
		}
	}
}

func testDeleteAgent(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.DeleteTask(ctx, h.Org, h.Task.ID))
	ok(t, s.DeleteTask(ctx, h.Org, h.Contact.Task))
	is(t, s.DeleteAgent(ctx, h.Org, h.Setup.Agent.ID), store.ErrConflict)
	a, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	ok(t, err)
	n := h.Number
	n.Agent = a.ID
	_, err = s.PutNumber(ctx, n)
	ok(t, err)
	is(t, s.DeleteAgent(ctx, h.Org, a.ID), store.ErrConflict)
	ok(t, s.DeleteNumber(ctx, h.Org, n.E164))
	c := newCall(h.Org)
	c.Agent, c.AgentVersion = a.ID, 1
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}}))
	ok(t, s.DeleteAgent(ctx, h.Org, a.ID))
	is(t, s.DeleteAgent(ctx, h.Org, a.ID), store.ErrNotFound)
	_, err = s.Agent(ctx, h.Org, a.ID)
	is(t, err, store.ErrNotFound)
	got, err := s.AgentVersion(ctx, h.Org, a.ID, 1)
	ok(t, err)
	same(t, "version of a deleted agent", got, a)
	served, total, err := s.Calls(ctx, h.Org, store.CallFilter{Agent: a.ID}, all)
	ok(t, err)
	if len(served) != 1 || total != 1 || served[0].ID != c.ID {
		t.Errorf("calls %v, total %d: want the one that the agent served", served, total)
	}

	other, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Cy", Created: start})
	ok(t, err)
	ok(t, s.SetDefaultAgent(ctx, h.Org, other.ID))
	is(t, s.DeleteAgent(ctx, h.Org, other.ID), store.ErrConflict)
	is(t, s.DeleteAgent(ctx, h.Org, h.Setup.Agent.ID), store.ErrConflict)
	ok(t, s.DeleteBot(ctx, h.Org, h.Bot.ID, start)) // which needed it
	ok(t, s.DeleteAgent(ctx, h.Org, h.Setup.Agent.ID))
	is(t, s.SetDefaultAgent(ctx, h.Org, h.Setup.Agent.ID), store.ErrNotFound)
}

func testNumbers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	if h.Number.Agent != "" || h.Number.Number <= 0 {
		t.Fatalf("number %+v", h.Number)
	}
	led := store.Number{ID: store.NewID(), Org: h.Org, E164: h.Number.E164, Agent: h.Setup.Agent.ID, Created: start.Add(time.Hour), Updated: start.Add(time.Hour)}
	got, err := s.PutNumber(ctx, led)
	ok(t, err)
	want := h.Number
	want.Agent, want.Updated = led.Agent, led.Updated
	same(t, "number led elsewhere", got, want)
	other, err := s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: "+15005550006", Created: start, Updated: start})
	ok(t, err)

	list, total, err := s.Numbers(ctx, h.Org, all)
	ok(t, err)
	same(t, "numbers", list, []store.Number{other, want})
	list, total2, err := s.Numbers(ctx, h.Org, store.Page{Limit: 1, Offset: 1})
	ok(t, err)
	same(t, "second number", list, []store.Number{want})
	if total != 2 || total2 != 2 {
		t.Errorf("totals %d and %d, want 2", total, total2)
	}
	led.Agent = store.NewID()
	_, err = s.PutNumber(ctx, led)
	is(t, err, store.ErrNotFound)
	_, err = s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: store.NewID(), E164: "+15005550007", Created: start, Updated: start})
	is(t, err, store.ErrNotFound)
	ok(t, s.DeleteNumber(ctx, h.Org, other.E164))
	is(t, s.DeleteNumber(ctx, h.Org, other.E164), store.ErrNotFound)
}

func testDirectory(t *testing.T, s Store) {
	ctx := t.Context()
	empty, err := s.Directory(ctx)
	ok(t, err)
	same(t, "directory of nobody", empty, store.Directory{Revision: empty.Revision})
	h := fill(t, s)
	ok(t, s.DeleteTask(ctx, h.Org, h.Task.ID))
	ok(t, s.DeleteTask(ctx, h.Org, h.Contact.Task))
	last := empty.Revision
	grown := func(what string, err error) {
		t.Helper()
		ok(t, err)
		now, err := s.Revision(ctx)
		ok(t, err)
		if now <= last {
			t.Errorf("revision %d after %s, and %d before", now, what, last)
		}
		last = now
	}
	grown("founding", nil)
	bo, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	grown("CreateAgent", err)
	bo, err = s.UpdateAgent(ctx, h.Org, bo.ID, start.Add(time.Hour), func(a *store.Agent) error { a.Enabled = true; return nil })
	grown("UpdateAgent", err)
	grown("SetDefaultAgent", s.SetDefaultAgent(ctx, h.Org, bo.ID))
	n, err := s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: "+15005550006", Agent: bo.ID, Created: start, Updated: start})
	grown("PutNumber", err)
	grown("DeleteNumber", s.DeleteNumber(ctx, h.Org, h.Number.E164))
	grown("DeleteBot", s.DeleteBot(ctx, h.Org, h.Bot.ID, start))
	grown("DeleteAgent", s.DeleteAgent(ctx, h.Org, h.Setup.Agent.ID))
	c, err := s.UpdateCredential(ctx, h.Org, h.Credential.ID, start, func(c *store.Credential) error { c.Account = "AC2"; return nil })
	grown("UpdateCredential", err)
	k, err := s.UpdateTrunk(ctx, h.Org, h.Trunk.ID, start, func(k *store.Trunk) error { k.Realm = "other"; return nil })
	grown("UpdateTrunk", err)
	n, err = s.UpdateNumber(ctx, h.Org, n.ID, start, func(n *store.Number) error { n.Label = "Front desk"; return nil })
	grown("UpdateNumber", err)
	h.Credential, h.Trunk = c, k
	second, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Second", Created: start})
	grown("CreateOrganisation", err)
	_, err = s.PutDocument(ctx, bo.ID, newDocument(h.Org, "prices.md"), []store.Chunk{newChunk("A visit is 40 euros.")}, 100)
	grown("PutDocument", err)

	is(t, s.DeleteNumber(ctx, h.Org, "+1"), store.ErrNotFound)
	_, err = s.CreateAgent(ctx, store.Agent{ID: bo.ID, Org: h.Org, Name: "Bo", Created: start})
	is(t, err, store.ErrConflict)

	got, err := s.Directory(ctx)
	ok(t, err)
	first := h.Setup.Organisation
	first.Number, first.DefaultAgent = got.Organisations[0].Number, bo.ID
	same(t, "directory", got, store.Directory{Revision: last, Organisations: []store.Organisation{first, second},
		Agents: []store.Agent{bo}, Numbers: []store.Number{n}, Knowing: []string{bo.ID},
		Credentials: []store.Credential{h.Credential}, Trunks: []store.Trunk{h.Trunk}, Extensions: []store.Extension{h.Extension}})
}
