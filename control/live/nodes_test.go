package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/bus"
	"parley/control/records"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// chat makes up the events of a call, and what it leaves behind.
func chat(r *rand.Rand, turns int) (events []pipeline.Event, history []pipeline.Message) {
	at := time.Duration(0)
	tell := func(e pipeline.Event) {
		at += time.Duration(r.IntN(300)) * time.Millisecond
		e.Call, e.At = "c1", at
		events = append(events, e)
	}
	tell(pipeline.Event{Kind: pipeline.CallStarted})
	for n := 1; n <= turns; n++ {
		first := len(history)
		var now []pipeline.Message
		spoken := func() {
			tell(pipeline.Event{Kind: pipeline.Spoken, Turn: &pipeline.Turn{N: n, First: first, Messages: slices.Clone(now)}})
		}
		if n > 1 {
			text := ""
			for w := range 1 + r.IntN(4) {
				text = strings.TrimSpace(fmt.Sprintf("%s word%d-%d", text, n, w))
				tell(pipeline.Event{Kind: pipeline.Transcribed, Text: text})
			}
			tell(pipeline.Event{Kind: pipeline.Transcribed, Text: text, Final: true})
			now = append(now, pipeline.Message{Role: pipeline.Caller, Text: text, Turn: n, At: at})
			spoken()
			if r.IntN(5) == 0 { // they go on, and the answer is taken back
				tell(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: n, First: first}})
				continue
			}
		}
		now = append(now, pipeline.Message{Role: pipeline.Assistant, Turn: n, At: at})
		for w := range 1 + r.IntN(12) {
			m := &now[len(now)-1]
			m.Text = strings.TrimSpace(fmt.Sprintf("%s answer%d-%d", m.Text, n, w))
			spoken()
		}
		if r.IntN(4) == 0 { // the ledger corrects itself
			m := &now[len(now)-1]
			m.Text, m.Cut = strings.Fields(m.Text)[0], true
		}
		history = append(history, now...)
		tell(pipeline.Event{Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: n, First: first, Messages: now}})
	}
	tell(pipeline.Event{Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Cause: media.CauseCaller, History: history}})
	return events, history
}

// Whoever joins at whatever moment, on the call's node or another, sees each final entry exactly once and in order, and nothing else is left.
func TestReadersJoinAtRandomMoments(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { joinAtRandom(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func joinAtRandom(t *testing.T, r *rand.Rand) {
	events, history := chat(r, 12)
	want := records.Messages("c1", 0, history)
	line, rows := &bus.Local{}, &shelf{}
	row := store.Call{ID: "c1", Org: "org", Status: store.InProgress, Boot: "here"}
	rows.put(row)
	var followed atomic.Int64
	here := runs(t, New(Options{Calls: rows, Bus: line, Boot: "here", Follow: func(string) func() {
		followed.Add(1)
		return func() { followed.Add(-1) }
	}}))
	there := runs(t, New(Options{Calls: rows, Bus: line, Boot: "there"}))
	here.Begin(row)

	var reading sync.WaitGroup
	pages := make([]*page, 24)
	length := events[len(events)-1].At
	for i := range pages {
		p, d, joins, lazy := &page{}, here, time.Duration(r.Int64N(int64(length))), r.IntN(3) == 0
		if i%2 == 1 {
			d = there
		}
		pages[i] = p
		idle := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // an index
		reading.Go(func() {
			time.Sleep(joins)
			reader, err := d.Open(t.Context(), "org", "c1")
			if err != nil {
				p.wrong = append(p.wrong, err.Error())
				return
			}
			p.follow(t.Context(), reader, func() time.Duration {
				if !lazy {
					return 0
				}
				return time.Duration(idle.IntN(4)) * time.Second
			})
		})
	}
	at := time.Duration(0)
	for _, e := range events {
		time.Sleep(e.At - at)
		at = e.At
		here.Watch(e)
	}
	row.Status = store.Completed
	rows.put(row, want...)
	reading.Wait()
	for i, p := range pages {
		if len(p.wrong) > 0 {
			t.Errorf("reader %d: %v", i, p.wrong)
		}
		if diff := cmp.Diff(want, p.finals); diff != "" {
			t.Errorf("reader %d (-want +got):\n%s", i, diff)
		}
		if last := p.statuses[len(p.statuses)-1]; len(p.interim) > 0 || last != store.Completed || len(p.statuses) > 2 {
			t.Errorf("reader %d has %v, and %v left", i, p.statuses, p.interim)
		}
	}
	time.Sleep(2 * linger)
	synctest.Wait()
	if n := followed.Load(); n != 0 || here.left()+there.left() != 0 {
		t.Errorf("when all have gone: followed %d, %d and %d are left", n, here.left(), there.left())
	}
}

// A call that rings yet is seen to be answered, on the node that placed it, on the one that has it, and on a third.
func TestItIsWatchedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line, rows := &bus.Local{}, &shelf{}
		row := store.Call{ID: "c1", Org: "org", Status: store.Initiated, Boot: "placed"}
		rows.put(row)
		var pages []*page
		var desks []*Desk
		var reading sync.WaitGroup
		for _, boot := range []string{"placed", "taken", "other"} {
			d, p := runs(t, New(Options{Calls: rows, Bus: line, Boot: boot})), &page{}
			desks, pages = append(desks, d), append(pages, p)
			r, err := d.Open(t.Context(), "org", "c1")
			if err != nil {
				t.Fatal(err)
			}
			reading.Go(func() { p.follow(t.Context(), r, always) })
		}
		time.Sleep(10 * time.Second)
		row.Boot, row.Status = "taken", store.InProgress
		desks[1].Begin(row)
		synctest.Wait()
		if got := pages[1].statuses; !slices.Equal(got, []store.Status{store.Initiated, store.InProgress}) {
			t.Errorf("where it was answered: %v", got)
		}
		rows.put(row)
		time.Sleep(1500 * time.Millisecond)
		desks[1].Watch(pipeline.Event{Call: "c1", Kind: pipeline.Transcribed, Text: "Hello"})
		time.Sleep(time.Second)
		synctest.Wait()
		for i, p := range pages {
			if len(p.interim) != 1 || p.interim[Key{"caller", 1}].Text != "Hello" {
				t.Errorf("desk %d sees %v", i, p.interim)
			}
		}
		desks[1].Watch(pipeline.Event{Call: "c1", Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Cause: media.CauseProvider}})
		reading.Wait()
		for i, p := range pages {
			if want := []store.Status{store.Initiated, store.InProgress, store.Failed}; !slices.Equal(p.statuses, want) || len(p.interim) > 0 || len(p.wrong) > 0 {
				t.Errorf("desk %d: %v, %v left, %v", i, p.statuses, p.interim, p.wrong)
			}
		}
	})
}

// When the call's node dies, what is final comes from the store, and its end too.
func TestTheCallsNodeDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line, rows := &bus.Local{}, &shelf{}
		row := store.Call{ID: "c1", Org: "org", Status: store.InProgress, Boot: "here"}
		rows.put(row)
		ctx, dies := context.WithCancel(t.Context())
		here := New(Options{Calls: rows, Bus: line, Boot: "here"})
		died := make(chan error)
		go func() { died <- here.Run(ctx) }()
		there, p := runs(t, New(Options{Calls: rows, Bus: line, Boot: "there"})), &page{}
		here.Begin(row)
		r, err := there.Open(t.Context(), "org", "c1")
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		go func() { defer close(read); p.follow(t.Context(), r, always) }()
		time.Sleep(time.Second)
		here.Watch(pipeline.Event{Call: "c1", Kind: pipeline.Transcribed, Text: "Hello"})
		time.Sleep(time.Second)
		dies()
		if err := <-died; err != nil {
			t.Error(err)
		}
		rows.mu.Lock()
		rows.fails = store.ErrUnavailable // and the database with it, for a while
		rows.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(p.interim) != 1 {
			t.Errorf("it has lost what it had: %v", p.interim)
		}
		rows.mu.Lock()
		rows.fails = nil
		rows.mu.Unlock()
		row.Status = store.Failed
		rows.put(row, store.Message{Call: "c1", Role: "caller", Text: "Hello."})
		<-read
		if len(p.finals) != 1 || p.finals[0].Text != "Hello." || len(p.interim) != 0 || p.statuses[len(p.statuses)-1] != store.Failed {
			t.Errorf("%+v", p)
		}
	})
}

// A transcript that is longer than a message is told in several.
func TestALongTranscriptIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line, rows := &bus.Local{}, &shelf{}
		row := store.Call{ID: "c1", Org: "org", Status: store.InProgress, Boot: "here"}
		rows.put(row)
		here := runs(t, New(Options{Calls: rows, Bus: line, Boot: "here"}))
		there := runs(t, New(Options{Calls: rows, Bus: line, Boot: "there"}))
		here.Begin(row)
		var all []pipeline.Message
		for n := range 400 {
			m := pipeline.Message{Role: pipeline.Assistant, Text: strings.Repeat("long ", 80), Turn: n + 1}
			here.Watch(pipeline.Event{Call: "c1", Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: n + 1, First: n, Messages: []pipeline.Message{m}}})
			all = append(all, m)
		}
		r, err := there.Open(t.Context(), "org", "c1")
		if err != nil {
			t.Fatal(err)
		}
		p, read := &page{}, make(chan struct{})
		go func() { defer close(read); p.follow(t.Context(), r, always) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(p.finals) != len(all) {
			t.Errorf("%d entries of %d", len(p.finals), len(all))
		}
		here.Watch(pipeline.Event{Call: "c1", Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Cause: media.CauseAgent, History: all}})
		<-read
		if len(p.wrong) > 0 || len(p.finals) != len(all) {
			t.Error(p.wrong, len(p.finals))
		}
	})
}

func TestLimitsAndStrangers(t *testing.T) {
	t.Parallel()
	rows := &shelf{}
	d := New(Options{Calls: rows, PerCall: 2, PerOrg: 3})
	for _, id := range []string{"c1", "c2"} {
		d.Begin(store.Call{ID: id, Org: "org"})
	}
	rows.put(store.Call{ID: "c3", Org: "org", Status: store.Completed}, store.Message{Call: "c3", Role: "caller", Text: "Hello."})
	var open []*Reader
	for _, c := range []struct {
		call, org string
		want      error
	}{
		{"c1", "org", nil}, {"c1", "org", nil}, {"c1", "org", ErrFull}, {"c1", "another", store.ErrNotFound}, {"c3", "another", store.ErrNotFound},
		{"none", "org", store.ErrNotFound}, {"c2", "org", nil}, {"c3", "org", ErrFull},
	} {
		r, err := d.Open(t.Context(), c.org, c.call)
		if !errors.Is(err, c.want) || (r == nil) != (err != nil) {
			t.Errorf("%s of %s: %v, want %v", c.call, c.org, err, c.want)
		}
		if r != nil {
			open = append(open, r)
		}
	}
	for _, r := range open {
		r.Close()
		r.Close()
	}
	if d.Stats() != (Stats{}) {
		t.Errorf("%+v", d.Stats())
	}
	r, err := d.Open(t.Context(), "org", "c3")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if u, _, _ := r.Take(); !u.Over || len(u.Entries) != 1 || !u.Entries[0].Final || u.Statuses[0] != store.Completed {
		t.Errorf("a call that is over: %+v", u)
	}
}
