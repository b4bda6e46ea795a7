package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/store"
)

func newCredential(org, vendor, name string) store.Credential {
	return store.Credential{ID: store.NewID(), Org: org, Vendor: vendor, Name: name, Account: "AC1", Application: "1684", PublicKey: "Zmlyc3Q=", BaseURL: "https://api.example.com",
		Sealed: store.Sealed{Text: "sealed " + name, Key: "key 1"}, Hint: "wxyz", Default: true, Created: start, Updated: start}
}

func newTrunk(org, name string) store.Trunk {
	return store.Trunk{ID: store.NewID(), Org: org, Name: name, Host: "sip.example.com", Port: 5061, Transport: store.TLS, Username: "u",
		Sealed: store.Sealed{Text: "sealed " + name, Key: "key 1"}, Realm: "example.com", Allowed: []string{"192.0.2.0/24", "2001:db8::/32"},
		Codecs: []string{"PCMU", "opus"}, CallerID: "+442071234567", Outbound: true, Registers: true, Created: start, Updated: start}
}

// everyAccount is Every of the methods of numbers, credentials and trunks.
func (h House) everyAccount(org string) map[string]func(context.Context) error {
	credential, trunk := h.Credential.ID, h.Trunk.ID
	return map[string]func(context.Context) error{
		"CreateNumber": func(ctx context.Context) error {
			_, err := h.CreateNumber(ctx, store.Number{ID: store.NewID(), Org: org, E164: h.Number.E164, Agent: h.Setup.Agent.ID, Created: start, Updated: start})
			return conflict(err)
		},
		"Number": func(ctx context.Context) error { _, err := h.Store.Number(ctx, org, h.Number.ID); return err },
		"UpdateNumber": func(ctx context.Context) error {
			_, err := h.UpdateNumber(ctx, org, h.Number.E164, start, func(n *store.Number) error { n.Label += "."; return nil })
			return err
		},
		"CreateCredential": func(ctx context.Context) error {
			_, err := h.CreateCredential(ctx, newCredential(h.Org, "twilio", "main"))
			return conflict(err)
		},
		"Credential": func(ctx context.Context) error { _, err := h.Store.Credential(ctx, org, credential); return err },
		"Credentials": func(ctx context.Context) error {
			l, n, err := h.Credentials(ctx, org, "twilio", all)
			return none(len(l), n, err)
		},
		"UpdateCredential": func(ctx context.Context) error {
			_, err := h.UpdateCredential(ctx, org, credential, start, func(c *store.Credential) error { c.Account += "1"; return nil })
			return err
		},
		"DeleteCredential": func(ctx context.Context) error { return h.DeleteCredential(ctx, org, credential) },
		"NoteVerdict": func(ctx context.Context) error {
			return h.NoteVerdict(ctx, org, credential, h.Credential.Sealed, store.Works, start)
		},
		"CreateTrunk": func(ctx context.Context) error {
			_, err := h.CreateTrunk(ctx, newTrunk(h.Org, "carrier"))
			return conflict(err)
		},
		"Trunk": func(ctx context.Context) error { _, err := h.Store.Trunk(ctx, org, trunk); return err },
		"Trunks": func(ctx context.Context) error {
			l, n, err := h.Trunks(ctx, org, all)
			return none(len(l), n, err)
		},
		"UpdateTrunk": func(ctx context.Context) error {
			_, err := h.UpdateTrunk(ctx, org, trunk, start, func(t *store.Trunk) error { t.Realm += "."; return nil })
			return err
		},
		"DeleteTrunk": func(ctx context.Context) error { return h.DeleteTrunk(ctx, org, trunk) },
		"StaleSecrets": func(ctx context.Context) error {
			_, err := h.StaleSecrets(ctx, store.TrunkSecret, "key 1", "", 1)
			return err
		},
		"Reseal": func(ctx context.Context) error {
			_, err := h.Reseal(ctx, []store.Reseal{{Secret: store.Secret{Kind: store.TrunkSecret, ID: "none"}}})
			return err
		},
	}
}

func testNumberAccounts(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	n := store.Number{ID: store.NewID(), Org: h.Org, E164: "+15005550006", Agent: h.Setup.Agent.ID, Label: "Front desk", Credential: h.Credential.ID,
		Created: start, Updated: start}
	made, err := s.CreateNumber(ctx, n)
	ok(t, err)
	n.Number = made.Number
	same(t, "made number", made, n)
	for _, id := range []string{n.ID, n.E164} {
		got, err := s.Number(ctx, h.Org, id)
		ok(t, err)
		same(t, "number by "+id, got, n)
	}
	again := n
	again.ID = store.NewID()
	_, err = s.CreateNumber(ctx, again)
	is(t, err, store.ErrConflict)
	for _, bad := range []store.Number{{Agent: store.NewID()}, {Credential: store.NewID()}, {Trunk: store.NewID()}} {
		bad.ID, bad.Org, bad.E164, bad.Created, bad.Updated = store.NewID(), h.Org, "+15005550007", start, start
		_, err = s.CreateNumber(ctx, bad)
		is(t, err, store.ErrNotFound)
		_, err = s.UpdateNumber(ctx, h.Org, n.ID, start, func(n *store.Number) error {
			n.Agent, n.Credential, n.Trunk = bad.Agent, bad.Credential, bad.Trunk
			return nil
		})
		is(t, err, store.ErrNotFound)
	}
	n.Credential, n.Trunk, n.Label, n.Updated = "", h.Trunk.ID, "", start.Add(time.Hour)
	got, err := s.UpdateNumber(ctx, h.Org, n.E164, n.Updated, func(row *store.Number) error {
		row.Credential, row.Trunk, row.Label, row.Org, row.ID, row.E164 = "", h.Trunk.ID, "", "other", "other", "+1"
		return nil
	})
	ok(t, err)
	same(t, "number by trunk", got, n)
	refused := errors.New("refused")
	_, err = s.UpdateNumber(ctx, h.Org, n.ID, start, func(n *store.Number) error { n.Label = "x"; return refused })
	is(t, err, refused)
	led, err := s.PutNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: n.E164, Updated: start})
	ok(t, err)
	n.Agent, n.Updated = "", start
	same(t, "number led elsewhere", led, n)
	is(t, s.DeleteTrunk(ctx, h.Org, h.Trunk.ID), store.ErrConflict)
	ok(t, s.DeleteNumber(ctx, h.Org, n.E164))
	ok(t, s.DeleteTrunk(ctx, h.Org, h.Trunk.ID))
	_, err = s.Number(ctx, h.Org, n.ID)
	is(t, err, store.ErrNotFound)
}

func testCredentials(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newCredential(h.Org, "twilio", "main")
	want.ID, want.Number = h.Credential.ID, h.Credential.Number
	same(t, "made credential", h.Credential, want)
	_, err := s.CreateCredential(ctx, newCredential(h.Org, "openai", "main"))
	is(t, err, store.ErrConflict)
	_, err = s.CreateCredential(ctx, newCredential(store.NewID(), "openai", "main"))
	is(t, err, store.ErrNotFound)
	second, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Second", Created: start})
	ok(t, err)
	_, err = s.CreateCredential(ctx, newCredential(second.ID, "twilio", "main"))
	ok(t, err)
	brain, err := s.CreateCredential(ctx, newCredential(h.Org, "openai", "brain"))
	ok(t, err)

	list, total, err := s.Credentials(ctx, h.Org, "", store.Page{Limit: 1})
	ok(t, err)
	same(t, "first credential", list, []store.Credential{brain})
	if total != 2 {
		t.Errorf("%d credentials, want 2", total)
	}
	list, total, err = s.Credentials(ctx, h.Org, "twilio", all)
	ok(t, err)
	same(t, "credentials at twilio", list, []store.Credential{want})
	if total != 1 {
		t.Errorf("%d credentials, want 1", total)
	}

	is(t, s.NoteVerdict(ctx, h.Org, want.ID, store.Sealed{Text: "another"}, store.Works, start), store.ErrNotFound)
	want.Verdict, want.Verified = store.Refused, start.Add(time.Minute)
	ok(t, s.NoteVerdict(ctx, h.Org, want.ID, want.Sealed, want.Verdict, want.Verified))
	got, err := s.Credential(ctx, h.Org, want.ID)
	ok(t, err)
	same(t, "credential after its verdict", got, want)

	_, err = s.UpdateCredential(ctx, h.Org, brain.ID, start, func(c *store.Credential) error { c.Name = "main"; return nil })
	is(t, err, store.ErrConflict)
	refused := errors.New("refused")
	_, err = s.UpdateCredential(ctx, h.Org, brain.ID, start, func(c *store.Credential) error { c.Name = "x"; return refused })
	is(t, err, refused)
	want.Name, want.Account, want.BaseURL, want.Hint, want.Sealed = "first", "AC9", "", "", store.Sealed{Text: "anew", Key: "key 2"}
	want.Application, want.PublicKey = "1685", "c2Vjb25k"
	want.Verdict, want.Verified, want.Updated = "", time.Time{}, start.Add(time.Hour)
	got, err = s.UpdateCredential(ctx, h.Org, want.ID, want.Updated, func(c *store.Credential) error {
		c.Name, c.Account, c.BaseURL, c.Hint, c.Sealed, c.Verdict, c.Verified = "first", "AC9", "", "", want.Sealed, "", time.Time{}
		c.Application, c.PublicKey = want.Application, want.PublicKey
		return nil
	})
	ok(t, err)
	same(t, "changed credential", got, want)
	got, err = s.UpdateCredential(ctx, h.Org, want.ID, start, func(*store.Credential) error { return nil })
	ok(t, err)
	same(t, "unchanged credential", got, want)
}

func testDefaultCredential(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	defaults := func(want ...string) {
		t.Helper()
		list, _, err := s.Credentials(ctx, h.Org, "", all)
		ok(t, err)
		var got []string
		for _, c := range list {
			if c.Default {
				got = append(got, c.Name)
			}
		}
		same(t, "defaults", got, want)
	}
	_, err := s.CreateCredential(ctx, newCredential(h.Org, "openai", "brain"))
	ok(t, err)
	defaults("brain", "main")
	_, err = s.CreateCredential(ctx, newCredential(h.Org, "twilio", "spare"))
	ok(t, err)
	defaults("spare", "brain")
	_, err = s.UpdateCredential(ctx, h.Org, h.Credential.ID, start, func(c *store.Credential) error { c.Default = true; return nil })
	ok(t, err)
	defaults("brain", "main")
	is(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID), store.ErrConflict)
	_, err = s.UpdateCredential(ctx, h.Org, h.Credential.ID, start, func(c *store.Credential) error { c.Default = false; return nil })
	ok(t, err)
	defaults("brain")
	ok(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID))
}

func testDeleteCredential(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	_, err := s.UpdateNumber(ctx, h.Org, h.Number.ID, start, func(n *store.Number) error { n.Credential = h.Credential.ID; return nil })
	ok(t, err)
	is(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID), store.ErrConflict)
	_, err = s.UpdateNumber(ctx, h.Org, h.Number.ID, start, func(n *store.Number) error { n.Credential = ""; return nil })
	ok(t, err)
	d, err := s.ExecuteTask(ctx, store.Execution{Org: h.Org, Task: h.Task.ID, Account: h.Credential.ID,
		Call: store.Call{ID: store.NewID(), To: h.Task.To, Created: start}})
	ok(t, err)
	if d.Account != h.Credential.ID {
		t.Errorf("the dial's account is %q", d.Account)
	}
	d, err = s.Dial(ctx, d.Call)
	ok(t, err)
	if d.Account != h.Credential.ID {
		t.Errorf("the dial's account is %q when it is read", d.Account)
	}
	is(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID), store.ErrConflict) // it may have to be asked what became of the call
	_, err = s.SettleDial(ctx, store.Ended{Call: d.Call, Status: store.Failed, End: store.End{Ended: start, Cause: store.CauseUnplaced}}, time.Time{})
	ok(t, err)
	ok(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID))
	is(t, s.DeleteCredential(ctx, h.Org, h.Credential.ID), store.ErrNotFound)
}

func testTrunks(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newTrunk(h.Org, "carrier")
	want.ID, want.Number = h.Trunk.ID, h.Trunk.Number
	same(t, "made trunk", h.Trunk, want)
	_, err := s.CreateTrunk(ctx, newTrunk(h.Org, "carrier"))
	is(t, err, store.ErrConflict)
	_, err = s.CreateTrunk(ctx, newTrunk(store.NewID(), "carrier"))
	is(t, err, store.ErrNotFound)
	bare, err := s.CreateTrunk(ctx, store.Trunk{ID: store.NewID(), Org: h.Org, Name: "bare", Host: "192.0.2.1", Transport: store.UDP, Created: start})
	ok(t, err)
	same(t, "bare trunk", bare, store.Trunk{ID: bare.ID, Number: bare.Number, Org: h.Org, Name: "bare", Host: "192.0.2.1", Transport: store.UDP,
		Created: start, Updated: start})
	list, total, err := s.Trunks(ctx, h.Org, store.Page{Limit: 1})
	ok(t, err)
	same(t, "first trunk", list, []store.Trunk{bare})
	if total != 2 {
		t.Errorf("%d trunks, want 2", total)
	}
	_, err = s.UpdateTrunk(ctx, h.Org, bare.ID, start, func(t *store.Trunk) error { t.Name = "carrier"; return nil })
	is(t, err, store.ErrConflict)
	refused := errors.New("refused")
	_, err = s.UpdateTrunk(ctx, h.Org, bare.ID, start, func(*store.Trunk) error { return refused })
	is(t, err, refused)
	want.Host, want.Port, want.Transport, want.Allowed, want.Codecs, want.Outbound, want.Registers = "198.51.100.7", 0, store.TCP, nil, []string{"PCMA"}, false, false
	want.Username, want.Sealed, want.Realm, want.CallerID, want.Updated = "", store.Sealed{}, "", "", start.Add(time.Hour)
	got, err := s.UpdateTrunk(ctx, h.Org, want.ID, want.Updated, func(t *store.Trunk) error { *t = want; return nil })
	ok(t, err)
	same(t, "changed trunk", got, want)
	got, err = s.Trunk(ctx, h.Org, want.ID)
	ok(t, err)
	same(t, "changed trunk, read", got, want)
	ok(t, s.DeleteTrunk(ctx, h.Org, want.ID))
	is(t, s.DeleteTrunk(ctx, h.Org, want.ID), store.ErrNotFound)
}

func testReseal(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	for i := range 4 {
		_, err := s.CreateCredential(ctx, newCredential(h.Org, "custom", fmt.Sprint(i)))
		ok(t, err)
	}
	_, err := s.CreateTrunk(ctx, store.Trunk{ID: store.NewID(), Org: h.Org, Name: "open", Created: start}) // has no secret
	ok(t, err)
	_, err = s.UpdateWebhookSettings(ctx, h.Org, func(w *store.WebhookSettings) error { w.Former = store.Sealed{Text: "former"}; return nil })
	ok(t, err)
	for kind, want := range map[store.SecretKind]int{store.CredentialSecret: 5, store.TrunkSecret: 1, store.ExtensionSecret: 1, store.WebhookSecret: 1, store.FormerWebhookSecret: 1} {
		after, n := "", 0
		for {
			stale, err := s.StaleSecrets(ctx, kind, "key 2", after, 2)
			ok(t, err)
			if len(stale) == 0 {
				break
			}
			for _, r := range stale {
				if r.ID <= after || r.Org != h.Org || r.Kind != kind {
					t.Errorf("secret %+v after %s", r, after)
				}
				after = r.ID
			}
			n += len(stale)
			changed := stale[0]
			changed.Sealed = store.Sealed{Text: "anew " + stale[0].ID, Key: "key 2"}
			revision, err := s.Revision(ctx)
			ok(t, err)
			done, err := s.Reseal(ctx, []store.Reseal{{Secret: changed, Former: "what it never was"}})
			ok(t, err)
			if now, err := s.Revision(ctx); err != nil || done != 0 || now != revision {
				t.Errorf("resealed %d of a secret that had changed, revision %d of %d (%v)", done, now, revision, err)
			}
			done, err = s.Reseal(ctx, []store.Reseal{{Secret: changed, Former: stale[0].Sealed.Text}, {Secret: changed, Former: stale[0].Sealed.Text}})
			ok(t, err)
			if now, err := s.Revision(ctx); err != nil || done != 1 || now <= revision {
				t.Errorf("resealed %d, revision %d of %d (%v)", done, now, revision, err)
			}
		}
		if n != want {
			t.Errorf("%d secrets of kind %s, want %d", n, kind, want)
		}
	}
	left, err := s.StaleSecrets(ctx, store.CredentialSecret, "key 2", "", 10)
	ok(t, err)
	if len(left) != 2 {
		t.Errorf("%d are left, want 2: %+v", len(left), left)
	}
	got, err := s.Trunk(ctx, h.Org, h.Trunk.ID)
	ok(t, err)
	want := h.Trunk
	want.Sealed = store.Sealed{Text: "anew " + want.ID, Key: "key 2"}
	same(t, "resealed trunk", got, want)
	hooks, err := s.WebhookSettings(ctx, h.Org)
	ok(t, err)
	anew := store.Sealed{Text: "anew " + h.Org, Key: "key 2"}
	same(t, "resealed webhooks' secrets", hooks, store.WebhookSettings{Org: h.Org, Secret: anew, Former: anew})
	_, err = s.StaleSecrets(ctx, "none", "key 2", "", 10)
	if err == nil {
		t.Error("secrets of a kind that has none are listed")
	}
}
