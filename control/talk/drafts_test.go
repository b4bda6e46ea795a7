package talk

import (
	"fmt"
	"testing"
	"time"

	"parley/store"
)

// TestDrafts: an agent that is not saved is there for its organisation, for a time, until its call is over.
func TestDrafts(t *testing.T) {
	t.Parallel()
	d, now := &Drafts{Boot: "here"}, time.Now()
	id := d.Keep(store.Agent{ID: "a", Org: "o", Version: 7, SystemPrompt: "Be brief."}, now)
	got, ok := d.Draft("o", id, now.Add(DraftLife))
	if !ok || got.ID != "a" || got.Version != 0 || got.SystemPrompt != "Be brief." {
		t.Fatalf("%+v, %v", got, ok)
	}
	for name, found := range map[string]func() (store.Agent, bool){
		"another organisation": func() (store.Agent, bool) { return d.Draft("p", id, now) },
		"another id":           func() (store.Agent, bool) { return d.Draft("o", "x", now) },
		"too late":             func() (store.Agent, bool) { return d.Draft("o", id, now.Add(DraftLife+time.Minute)) },
	} {
		if a, ok := found(); ok {
			t.Errorf("%s: %+v", name, a)
		}
	}
	d.Forget(id)
	d.Forget(id)
	if _, ok := d.Draft("o", id, now); ok {
		t.Error("it is there after its call")
	}
}

// TestDraftsAreFew: what nobody calls goes with the time, and with what comes after it of the same organisation; of others', only when there is no
// place for any.
func TestDraftsAreFew(t *testing.T) {
	t.Parallel()
	d, now := &Drafts{}, time.Now()
	var ids []string
	other := d.Keep(store.Agent{ID: "other", Org: "p"}, now)
	for i := range mostOfOrg + 3 {
		ids = append(ids, d.Keep(store.Agent{ID: fmt.Sprint(i), Org: "o"}, now))
	}
	if _, ok := d.Draft("o", ids[2], now); ok || len(d.all) != mostOfOrg+1 {
		t.Errorf("%d are kept, the third too: %v", len(d.all), ok)
	}
	if a, ok := d.Draft("o", ids[3], now); !ok || a.ID != "3" {
		t.Errorf("the fourth is %+v", a)
	}
	if _, ok := d.Draft("p", other, now); !ok {
		t.Error("one organisation has taken another's place")
	}
	for i := range mostDrafts {
		d.Keep(store.Agent{Org: fmt.Sprint("q", i)}, now)
	}
	if _, ok := d.Draft("p", other, now); ok || len(d.all) != mostDrafts {
		t.Errorf("%d are kept of all", len(d.all))
	}
	d.Keep(store.Agent{Org: "o"}, now.Add(time.Hour))
	if len(d.all) != 1 {
		t.Errorf("after an hour %d are kept", len(d.all))
	}
}
