package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"parley/store"
)

func testReplaceKey(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	before, err := s.Key(ctx, h.Org, h.Setup.Key.ID)
	ok(t, err)
	at := start.Add(time.Hour)
	revision, err := s.Revision(ctx)
	ok(t, err)
	got, err := s.ReplaceKey(ctx, h.Org, before.ID, "va_new", "new", at)
	ok(t, err)
	want := before
	want.Prefix, want.Hash = "va_new", "new"
	same(t, "replaced key", got, want)
	if after, err := s.Revision(ctx); err != nil || after <= revision {
		t.Errorf("revision %d after %d (%v): other nodes learn nothing", after, revision, err)
	}
	dead, err := s.KeyByHash(ctx, before.Hash)
	ok(t, err)
	if dead.ID == before.ID || !dead.Revoked.Equal(at) || dead.Prefix != before.Prefix || dead.Name != before.Name {
		t.Errorf("the old secret is %+v: want a revoked key of its own", dead)
	}
	_, err = s.ReplaceKey(ctx, h.Org, dead.ID, "va_", "third", at)
	is(t, err, store.ErrConflict)
	_, err = s.ReplaceKey(ctx, h.Org, before.ID, "va_", dead.Hash, at) // another key's
	is(t, err, store.ErrConflict)
	_, err = s.ReplaceKey(ctx, h.Org, store.NewID(), "va_", "third", at)
	is(t, err, store.ErrNotFound)
	_, total, err := s.Keys(ctx, h.Org, all)
	ok(t, err)
	if total != 2 {
		t.Errorf("%d keys, want 2", total)
	}
}

func testKeysBy(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	k, err := s.CreateKey(ctx, store.Key{ID: store.NewID(), Org: h.Org, User: "somebody", Hash: "h2", Created: start})
	ok(t, err)
	keys, total, err := s.KeysBy(ctx, h.Org, "somebody", all)
	ok(t, err)
	same(t, "their keys", keys, []store.Key{k})
	if total != 1 {
		t.Errorf("%d keys, want 1", total)
	}
	if keys, total, err = s.KeysBy(ctx, h.Org, h.Setup.Owner.ID, store.Page{Limit: 1, Offset: 1}); err != nil || len(keys) != 0 || total != 1 {
		t.Errorf("%d keys of %d (%v), want none of 1", len(keys), total, err)
	}
}

// join makes a person a member, by an invite.
func (h House) join(t tb, org, email string, r store.Role) store.User {
	t.Helper()
	hash := store.NewID()
	ok(t, h.CreateInvite(t.Context(), store.Invite{ID: store.NewID(), Org: org, Email: email, Role: r, User: h.Setup.Owner.ID, Hash: hash,
		Created: start, Expires: start.Add(time.Hour)}))
	u, err := h.AcceptInvite(t.Context(), hash, store.User{ID: store.NewID(), Name: "N " + email, Password: "p", Created: start.Add(time.Minute)})
	ok(t, err)
	return u
}

// login makes a session.
func (h House) login(t tb, u store.User, org string) store.Session {
	t.Helper()
	n := store.Session{ID: store.NewID(), Org: org, User: u.ID, Role: u.Role, Hash: store.NewID(), Address: "192.0.2.1", Client: "curl",
		Created: start, Seen: start, Expires: start.Add(time.Hour)}
	ok(t, h.CreateSession(t.Context(), n))
	return n
}

func testUsers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owner := h.Setup.Owner
	owner.Org = h.Org
	got, err := s.User(ctx, h.Org, owner.ID)
	ok(t, err)
	owner.Number = got.Number
	same(t, "owner", got, owner)
	bo := h.join(t, h.Org, "bo@example.com", store.Member)
	want := store.User{ID: bo.ID, Number: bo.Number, Org: h.Org, Email: "bo@example.com", Name: "N bo@example.com", Password: "p", Role: store.Member,
		Created: start.Add(time.Minute)}
	same(t, "who joined", bo, want)
	got, err = s.UserByEmail(ctx, "bo@example.com")
	ok(t, err)
	same(t, "by email", got, want)
	_, err = s.UserByEmail(ctx, "Bo@example.com")
	is(t, err, store.ErrNotFound)
	users, total, err := s.Users(ctx, h.Org, store.Page{Limit: 1})
	ok(t, err)
	same(t, "first of the list", users, []store.User{bo})
	users, _, err = s.Users(ctx, h.Org, store.Page{Limit: 5, Offset: 1})
	ok(t, err)
	same(t, "rest of the list", users, []store.User{owner})
	if total != 2 {
		t.Errorf("%d users, want 2", total)
	}
}

func testRoles(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owner := h.Setup.Owner
	bo := h.join(t, h.Org, "bo@example.com", store.Member)
	k, err := s.CreateKey(ctx, store.Key{ID: store.NewID(), Org: h.Org, User: bo.ID, Role: store.Member, Hash: "bo's", Created: start})
	ok(t, err)
	for _, r := range []store.Role{store.Admin, store.Member, store.Owner, store.Owner} {
		got, err := s.SetRole(ctx, h.Org, bo.ID, r)
		ok(t, err)
		k, err = s.Key(ctx, h.Org, k.ID)
		ok(t, err)
		if got.Role != r || k.Role != r {
			t.Errorf("role %s, their key's %s, want %s", got.Role, k.Role, r)
		}
	}
	if first, err := s.Key(ctx, h.Org, h.Setup.Key.ID); err != nil || first.Role != store.Owner {
		t.Errorf("another's key has the role %s (%v)", first.Role, err)
	}
	_, err = s.SetRole(ctx, h.Org, owner.ID, store.Member)
	ok(t, err)
	_, err = s.SetRole(ctx, h.Org, bo.ID, store.Admin) // the last owner
	is(t, err, store.ErrConflict)
	_, err = s.RemoveUser(ctx, h.Org, bo.ID, start)
	is(t, err, store.ErrConflict)
	if got, err := s.User(ctx, h.Org, bo.ID); err != nil || got.Role != store.Owner {
		t.Errorf("the last owner is %+v (%v)", got, err)
	}
	_, err = s.SetRole(ctx, h.Org, store.NewID(), store.Admin)
	is(t, err, store.ErrNotFound)
}

// testRolesAtOnce: of owners who demote and remove one another at once, one stays.
func testRolesAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owners := []string{h.Setup.Owner.ID}
	for i := range 5 {
		owners = append(owners, h.join(t, h.Org, fmt.Sprintf("o%d@example.com", i), store.Owner).ID)
	}
	var all sync.WaitGroup
	for i, id := range owners {
		all.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = s.SetRole(ctx, h.Org, id, store.Member)
			} else {
				_, err = s.RemoveUser(ctx, h.Org, id, start)
			}
			if err != nil && !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	users, _, err := s.Users(ctx, h.Org, store.Page{Limit: 100})
	ok(t, err)
	left := 0
	for _, u := range users {
		if u.Role == store.Owner {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d owners are left, want 1", left)
	}
}

func testRemoveUser(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	bo := h.join(t, h.Org, "bo@example.com", store.Admin)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	if again := h.join(t, other.ID, "bo@example.com", store.Member); again.ID != bo.ID || again.Name != bo.Name || again.Role != store.Member {
		t.Errorf("a person who joins another organisation is %+v, was %+v", again, bo)
	}
	_, err = s.CreateKey(ctx, store.Key{ID: store.NewID(), Org: h.Org, User: bo.ID, Hash: "bo's", Created: start})
	ok(t, err)
	ok(t, s.CreateInvite(ctx, store.Invite{ID: store.NewID(), Org: h.Org, Email: "cy@example.com", Role: store.Member, User: bo.ID, Hash: "cy",
		Created: start, Expires: start.Add(time.Hour)}))
	here, there := h.login(t, bo, h.Org), h.login(t, bo, other.ID)
	ok(t, s.MoveSession(ctx, here.ID, h.Org)) // was here last

	keys, err := s.RemoveUser(ctx, h.Org, bo.ID, start.Add(time.Hour))
	ok(t, err)
	if k, err := s.KeyByHash(ctx, "bo's"); err != nil || keys != 1 || !k.Revoked.Equal(start.Add(time.Hour)) {
		t.Errorf("%d keys were revoked, theirs is %+v (%v)", keys, k, err)
	}
	_, err = s.SessionByHash(ctx, here.Hash, start)
	is(t, err, store.ErrNotFound)
	_, err = s.SessionByHash(ctx, there.Hash, start)
	ok(t, err)
	_, err = s.Invite(ctx, "cy", start)
	is(t, err, store.ErrNotFound)
	_, err = s.RemoveUser(ctx, h.Org, bo.ID, start)
	is(t, err, store.ErrNotFound)
	if got, err := s.UserByEmail(ctx, "bo@example.com"); err != nil || got.Org != other.ID {
		t.Errorf("their next session begins in %s (%v), want the organisation that is left", got.Org, err)
	}

	h.join(t, other.ID, "di@example.com", store.Owner)
	_, err = s.RemoveUser(ctx, other.ID, bo.ID, start)
	ok(t, err)
	_, err = s.UserByEmail(ctx, "bo@example.com")
	is(t, err, store.ErrNotFound)
	if back := h.join(t, h.Org, "bo@example.com", store.Member); back.ID == bo.ID {
		t.Error("who was forgotten has the same id again")
	}
}

func testSetPassword(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owner := h.Setup.Owner
	keep, end := h.login(t, owner, h.Org), h.login(t, owner, h.Org)
	bo := h.join(t, h.Org, "bo@example.com", store.Member)
	others := h.login(t, bo, h.Org)
	ok(t, s.SetPassword(ctx, owner.ID, "new", keep.ID))
	if u, err := s.User(ctx, h.Org, owner.ID); err != nil || u.Password != "new" {
		t.Errorf("password %q (%v)", u.Password, err)
	}
	for _, n := range []store.Session{keep, others} {
		_, err := s.SessionByHash(ctx, n.Hash, start)
		ok(t, err)
	}
	_, err := s.SessionByHash(ctx, end.Hash, start)
	is(t, err, store.ErrNotFound)
	is(t, s.SetPassword(ctx, store.NewID(), "new", ""), store.ErrNotFound)
}

func testMemberships(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owner := h.Setup.Owner
	made, err := s.OpenOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Second", Created: start.Add(time.Hour)}, owner.ID)
	ok(t, err)
	if made.Role != store.Owner || made.Name != "Second" || made.Number == 0 {
		t.Errorf("opened %+v", made)
	}
	_, err = s.OpenOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Third", Created: start}, store.NewID())
	is(t, err, store.ErrNotFound)
	orgs, err := s.Organisations(ctx)
	ok(t, err)
	if len(orgs) != 2 {
		t.Errorf("%d organisations, want 2", len(orgs))
	}
	ok(t, s.RenameOrganisation(ctx, h.Org, "Renamed"))
	first, err := s.Membership(ctx, owner.ID, h.Org)
	ok(t, err)
	if first.Name != "Renamed" || first.DefaultAgent == "" || first.Role != store.Owner {
		t.Errorf("first organisation %+v", first)
	}
	for offset, want := range []store.Membership{first, made} {
		got, total, err := s.Memberships(ctx, owner.ID, store.Page{Limit: 1, Offset: offset})
		ok(t, err)
		if same(t, "page", got, []store.Membership{want}); total != 2 {
			t.Errorf("%d organisations, want 2", total)
		}
	}
	bo := h.join(t, made.ID, "bo@example.com", store.Member)
	_, err = s.Membership(ctx, bo.ID, h.Org)
	is(t, err, store.ErrNotFound)
	is(t, s.RenameOrganisation(ctx, store.NewID(), "none"), store.ErrNotFound)
}

func testSessions(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	owner := h.Setup.Owner
	first := h.login(t, owner, h.Org)
	got, err := s.SessionByHash(ctx, first.Hash, first.Expires.Add(-time.Microsecond))
	ok(t, err)
	same(t, "session", got, first)
	_, err = s.SessionByHash(ctx, first.Hash, first.Expires)
	is(t, err, store.ErrNotFound)
	_, err = s.Session(ctx, first.ID, first.Expires)
	is(t, err, store.ErrNotFound)

	ok(t, s.TouchSession(ctx, first.ID, start.Add(time.Minute), start.Add(2*time.Hour)))
	ok(t, s.TouchSession(ctx, first.ID, start, start.Add(3*time.Hour)))
	ok(t, s.TouchSession(ctx, first.ID, start.Add(2*time.Minute), start.Add(time.Hour)))
	ok(t, s.TouchSession(ctx, "none", start, start))
	first.Seen, first.Expires = start.Add(time.Minute), start.Add(2*time.Hour)

	other, err := s.OpenOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Second", Created: start}, owner.ID)
	ok(t, err)
	second := h.login(t, owner, other.ID)
	if u, err := s.UserByEmail(ctx, owner.Email); err != nil || u.Org != other.ID {
		t.Errorf("worked last in %s (%v), want where the last session began", u.Org, err)
	}
	ok(t, s.MoveSession(ctx, second.ID, h.Org))
	second.Org = h.Org
	if u, err := s.UserByEmail(ctx, owner.Email); err != nil || u.Org != h.Org {
		t.Errorf("worked last in %s (%v), want where the session moved", u.Org, err)
	}
	is(t, s.MoveSession(ctx, second.ID, store.NewID()), store.ErrNotFound)
	is(t, s.MoveSession(ctx, "none", h.Org), store.ErrNotFound)
	list, total, err := s.Sessions(ctx, owner.ID, start, all)
	ok(t, err)
	same(t, "sessions", list, []store.Session{second, first})
	if total != 2 {
		t.Errorf("%d sessions, want 2", total)
	}
	if list, total, err = s.Sessions(ctx, owner.ID, start.Add(2*time.Hour), all); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("%d sessions of %d (%v) after all have expired", len(list), total, err)
	}

	bo := h.join(t, other.ID, "bo@example.com", store.Member)
	is(t, s.CreateSession(ctx, store.Session{ID: store.NewID(), Org: h.Org, User: bo.ID, Created: start}), store.ErrNotFound)
	is(t, s.EndSession(ctx, bo.ID, first.ID), store.ErrNotFound)
	ok(t, s.EndSession(ctx, owner.ID, first.ID))
	is(t, s.EndSession(ctx, owner.ID, first.ID), store.ErrNotFound)
	_, err = s.Session(ctx, first.ID, start)
	is(t, err, store.ErrNotFound)
}

func testInvites(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	i := store.Invite{ID: store.NewID(), Org: h.Org, Email: "bo@example.com", Role: store.Admin, User: h.Setup.Owner.ID, Hash: "first",
		Created: start, Expires: start.Add(time.Hour)}
	ok(t, s.CreateInvite(ctx, i))
	got, err := s.Invite(ctx, "first", start)
	ok(t, err)
	same(t, "invite", got, i)
	_, err = s.Invite(ctx, "first", i.Expires)
	is(t, err, store.ErrNotFound)
	i.ID, i.Hash = store.NewID(), "second"
	ok(t, s.CreateInvite(ctx, i))
	for hash, at := range map[string]time.Time{"first": start, "second": i.Expires, "none": start} {
		_, err = s.AcceptInvite(ctx, hash, store.User{ID: store.NewID(), Created: at})
		is(t, err, store.ErrNotFound)
	}
	_, err = s.AcceptInvite(ctx, "second", store.User{ID: store.NewID(), Created: start})
	ok(t, err)
	i.ID, i.Hash = store.NewID(), "third"
	is(t, s.CreateInvite(ctx, i), store.ErrConflict) // a member by now
	i.Email, i.Org = "cy@example.com", store.NewID()
	is(t, s.CreateInvite(ctx, i), store.ErrNotFound)
}

// testInviteOnce: of those who use one invite at once, one joins.
func testInviteOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.CreateInvite(ctx, store.Invite{ID: store.NewID(), Org: h.Org, Email: "bo@example.com", Role: store.Member, User: h.Setup.Owner.ID,
		Hash: "once", Created: start, Expires: start.Add(time.Hour)}))
	var all sync.WaitGroup
	var mu sync.Mutex
	joined := 0
	for range 6 {
		all.Go(func() {
			_, err := s.AcceptInvite(ctx, "once", store.User{ID: store.NewID(), Created: start})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				joined++
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, total, err := s.Users(ctx, h.Org, store.Page{}); joined != 1 || total != 2 || err != nil {
		t.Errorf("%d have joined, there are %d users (%v)", joined, total, err)
	}
}
