package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

func TestACallIsWrittenDown(t *testing.T) {
	t.Parallel()
	d := newDatabase()
	o := options(t.TempDir(), d)
	o.Recording = func(call string, began time.Time) (store.Recording, bool) {
		return store.Recording{Call: call, Path: began.Format(time.DateOnly) + "/" + call + ".wav", Rate: 8000, Channels: 2}, call == "c1"
	}
	o.Found = func() map[string]store.Recording { return map[string]store.Recording{"c0": {Call: "c0", Rate: 8000}} }
	r := mustNew(t, o)
	stop := run(r)
	r.Begin(begun("c1"))
	r.Watch(pipeline.Event{Call: "c1", Kind: pipeline.CallStarted})
	r.Watch(turned("c1", 1))
	second := turned("c1", 2)
	second.Turn.Masked = 1300 * time.Millisecond
	second.Turn.Slots = map[string]string{"name": "Zoë\x00 \xff"}
	r.Watch(second)
	e := ended("c1", 2, media.CauseCaller)
	e.Ending.Err, e.Ending.Slots = errors.New("hung up \xff\x00"), map[string]string{"booking.day": "2026-11-24"}
	r.Watch(e)
	talk(r, "c2", 0)
	mustFlush(t, r)
	mustStop(t, stop)

	utc := answered.UTC().Truncate(time.Microsecond)
	want := begun("c1")
	want.Node, want.Boot, want.Status, want.Created, want.Answered = "node", "boot", store.InProgress, utc, utc
	if diff := cmp.Diff(&want, d.entry(t, "c1 began").Began); diff != "" {
		t.Errorf("began: want, got:\n%s", diff)
	}
	messages := []store.Message{
		{Call: "c1", Role: "caller", Text: "hello", Turn: 1, At: 300 * time.Millisecond, Length: 400 * time.Millisecond},
		{Call: "c1", Seq: 1, Role: "assistant", Text: "Good day", Cut: true, Turn: 1, At: time.Second, Length: 800 * time.Millisecond},
		{Call: "c1", Seq: 2, Role: "caller", Text: "hello", Turn: 2, At: 300 * time.Millisecond, Length: 400 * time.Millisecond},
		{Call: "c1", Seq: 3, Role: "assistant", Text: "Good day", Cut: true, Turn: 2, At: time.Second, Length: 800 * time.Millisecond},
	}
	wantTurned := &store.Turned{Turn: store.Turn{
		Call: "c1", N: 2, Why: "words", Said: "hello", Text: "Good day, and welcome.", Heard: "Good day", Cut: true, At: time.Second, Sounded: 800 * time.Millisecond,
		Latency: map[string]int64{"voice_to_voice": 200, "endpoint": 80},
		Counts:  map[string]int64{"input_tokens": 900, "held": 2, "dropped_frames": 1, "masked_ms": 1300},
		Lookup:  &store.Lookup{Took: 8 * time.Millisecond, Sources: []store.Source{{Document: "fees.pdf", Place: "page 2"}}, Error: "late"},
	}, Messages: messages[2:], Collected: map[string]string{"name": "Zoë \ufffd"}}
	if diff := cmp.Diff(wantTurned, d.entry(t, "c1 turn 2").Turned); diff != "" {
		t.Errorf("turned: want, got:\n%s", diff)
	}
	wantEnded := &store.Ended{
		Call: "c1", Status: store.Completed, Messages: messages, Collected: map[string]string{"booking.day": "2026-11-24"},
		End: store.End{
			Ended: utc.Add(12 * time.Second), Length: 12 * time.Second, Cause: "caller", Error: "hung up \ufffd", Turns: 2, Drops: 2,
			Latency: map[string]int64{"voice_to_voice_p50": 100, "voice_to_voice_p95": 200},
		},
		Recording: &store.Recording{Call: "c1", Path: "2026-11-21/c1.wav", Rate: 8000, Channels: 2},
	}
	if diff := cmp.Diff(wantEnded, d.entry(t, "c1 ended").Ended); diff != "" {
		t.Errorf("ended: want, got:\n%s", diff)
	}
	if e := d.entry(t, "c2 ended").Ended; e.Recording != nil || e.End.Latency != nil {
		t.Errorf("a call without recording and turns ended with %+v", e)
	}
	crashed := &store.Crashed{Node: "node", Boot: "boot", Recordings: map[string]store.Recording{"c0": {Call: "c0", Rate: 8000}}}
	if diff := cmp.Diff(crashed, d.entry(t, "boot crashed").Crashed); diff != "" {
		t.Errorf("crashed: want, got:\n%s", diff)
	}
}

func TestOnlyCallsThatBeganAreWrittenDown(t *testing.T) {
	t.Parallel()
	d := newDatabase()
	r := mustNew(t, options(t.TempDir(), d))
	stop := run(r)
	r.Watch(turned("stranger", 1))
	r.Watch(ended("stranger", 1, media.CauseRejected))
	talk(r, "c1", 1)
	r.Watch(turned("c1", 2))
	r.Watch(ended("c1", 2, media.CauseCaller))
	r.Watch(pipeline.Event{Call: "c1", Kind: pipeline.CallEnded})
	mustStop(t, stop)
	got := slices.DeleteFunc(d.keys(), func(k string) bool { return k == "boot crashed" })
	if diff := cmp.Diff(talked("c1", 1), got); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	if s := r.Stats(); s != (Stats{Well: true, Disk: true}) {
		t.Errorf("at the end: %+v", s)
	}
}

// What a tool said stands in the transcript behind what it was asked, also where two were asked at once and an id comes again.
func TestToolsInTheTranscript(t *testing.T) {
	t.Parallel()
	call := func(id, name, args string) pipeline.ToolCall {
		return pipeline.ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}
	}
	result := func(id, text string) pipeline.Message {
		return pipeline.Message{Role: pipeline.ToolRole, CallID: id, Text: text}
	}
	var got []string
	for _, m := range Messages("c1", 3, []pipeline.Message{
		{Role: pipeline.Assistant, Text: "One moment.", Calls: []pipeline.ToolCall{call("a", "find_order", `{"order":"4711"}`), call("b", "clock", "")}},
		result("a", "on its way"), result("b", "error: closed\x00"),
		{Role: pipeline.Assistant, Calls: []pipeline.ToolCall{call("a", "clock", `{}`)}}, result("a", "noon"), result("z", "nobody asked"),
	}) {
		got = append(got, fmt.Sprint(m.Seq, " ", m.Role, " ", m.Text))
	}
	want := []string{
		"3 assistant One moment.", `4 tool find_order {"order":"4711"}: on its way`, "5 tool clock: error: closed", "6 assistant ", "7 tool clock {}: noon", "8 tool nobody asked",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
}

// TestEndHasQuality: how a call's sound travelled is written with its end.
func TestEndHasQuality(t *testing.T) {
	t.Parallel()
	l := &live{call: store.Call{ID: "c"}}
	q := media.Quality{MOS: 4, Received: 10, Lost: 1, Late: 2, Loss: .3, Made: 2, Jitter: 4, Delay: 5, Trip: 6, Sent: 7, FarLost: 8, FarLoss: .9, FarJitter: 10}
	want := &store.Quality{MOS: 4, Received: 10, Lost: 1, Late: 2, Loss: .3, Concealed: 40 * time.Millisecond, Jitter: 4, Delay: 5, Trip: 6, Sent: 7, FarLost: 8, FarLoss: .9, FarJitter: 10}
	if diff := cmp.Diff(want, l.ended(&pipeline.Ending{Quality: &q}).End.Quality); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	if got := l.ended(&pipeline.Ending{}).End.Quality; got != nil {
		t.Errorf("of a leg that does not say: %+v", got)
	}
}

func TestStatusOfCauses(t *testing.T) {
	t.Parallel()
	for cause, want := range map[media.Cause]store.Status{
		media.CauseCaller: store.Completed, media.CauseAgent: store.Completed, media.CauseSilence: store.Completed, media.CauseMaxLength: store.Completed,
		media.CauseCarrier: store.Failed, media.CauseMedia: store.Failed, media.CauseProvider: store.Failed, media.CauseOverrun: store.Failed, media.CauseShutdown: store.Failed,
		media.CausePanic: store.Failed, media.CauseRejected: store.Failed, "": store.Failed, "new": store.Failed,
	} {
		if got := StatusOf(cause); got != want {
			t.Errorf("%s: %s, want %s", cause, got, want)
		}
	}
}

func TestSummaryIsNearestRank(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for n := range 100 {
		hundred = append(hundred, time.Duration(100-n)*time.Millisecond)
	}
	for _, c := range []struct {
		voice    []time.Duration
		p50, p95 int64
	}{{hundred, 50, 95}, {hundred[:1], 100, 100}, {hundred[:2], 99, 100}, {hundred[80:], 10, 19}} {
		want := map[string]int64{"voice_to_voice_p50": c.p50, "voice_to_voice_p95": c.p95}
		if diff := cmp.Diff(want, summary(c.voice)); diff != "" {
			t.Errorf("of %d turns: want, got:\n%s", len(c.voice), diff)
		}
	}
}

// Twenty calls go on for two minutes while the database is away for one of them.
func TestDatabaseIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, log := newDatabase(), &book{}
		o := options(t.TempDir(), d)
		o.Log = log.logger()
		r := mustNew(t, o)
		stop := run(r)
		const turns = 40
		var calls sync.WaitGroup
		for n := range 20 {
			calls.Go(func() {
				id := fmt.Sprint("c", n)
				r.Begin(begun(id))
				for turn := 1; turn <= turns; turn++ {
					time.Sleep(2*time.Second + rand.N(2*time.Second))
					r.Watch(turned(id, turn))
				}
				r.Watch(ended(id, turns, media.CauseAgent))
			})
		}
		time.Sleep(20 * time.Second)
		gone := time.Now()
		d.set(func() { d.fail, d.tries = errAway, nil })
		time.Sleep(time.Minute)
		if s := r.Stats(); s.Well || !s.Disk || s.Waiting < 200 || s.Live != 20 || s.Oldest < 50*time.Second || s.Oldest > time.Since(gone)+breath {
			t.Errorf("after a minute: %+v", s)
		}
		var tries []time.Time
		d.set(func() { tries, d.fail = d.tries, nil })
		if n := len(tries); n < 25 || n > 70 {
			t.Errorf("tried %d times in a minute", n)
		}
		for n, at := range tries[1:] {
			if wait := at.Sub(tries[n]); wait < firstRetry/2 || wait > lastRetry {
				t.Errorf("try %d after %v", n+1, wait)
			}
		}
		calls.Wait()
		mustFlush(t, r)
		if s := r.Stats(); s != (Stats{Well: true, Disk: true}) {
			t.Errorf("at the end: %+v", s)
		}
		mustStop(t, stop)
		if got := len(d.keys()); got != 20*(turns+2)+1 {
			t.Errorf("%d entries, want %d", got, 20*(turns+2)+1)
		}
		checkOrder(t, d.keys(), 20, turns)
		for _, line := range []string{"records wait: the database does not take them", "the database takes records again"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("logged %d times: %s", n, line)
			}
		}
		if strings.Contains(log.String(), "Good day") {
			t.Error("the log has words of the call")
		}
	})
}

// checkOrder looks for the entries of each of the calls c0, c1 ... in their order.
func checkOrder(t *testing.T, keys []string, calls, turns int) {
	t.Helper()
	for n := range calls {
		id := fmt.Sprint("c", n)
		got := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !strings.HasPrefix(k, id+" ") })
		if diff := cmp.Diff(talked(id, turns), got); diff != "" {
			t.Errorf("%s: want, got:\n%s", id, diff)
		}
	}
}

func TestReplyOfTheDatabaseIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.late = errOdd
		r := mustNew(t, options(t.TempDir(), d))
		stop := run(r)
		talk(r, "c0", 3)
		time.Sleep(5 * time.Second)
		if s := r.Stats(); s.Well || s.Waiting == 0 {
			t.Errorf("while replies are lost: %+v", s)
		}
		talk(r, "c1", 3)
		d.set(func() { d.late = nil })
		mustFlush(t, r)
		mustStop(t, stop)
		checkOrder(t, d.keys(), 2, 3)
	})
}

func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.hang = make(chan struct{})
		o := options(t.TempDir(), d)
		r := mustNew(t, o)
		stop := run(r)
		talk(r, "c0", 5)
		time.Sleep(recordTime + time.Second)
		if s := r.Stats(); s.Well || s.Waiting != 8 {
			t.Errorf("while the database hangs: %+v", s)
		}
		began := time.Now()
		mustStop(t, stop)
		if took := time.Since(began); took > lastTry {
			t.Errorf("stopped in %v, want %v at most", took, lastTry)
		}
		d.set(func() { d.hang = nil })
		o.Boot = "boot2"
		r = mustNew(t, o)
		if s := r.Stats(); s.Waiting != 8 {
			t.Errorf("after the restart: %+v", s)
		}
		stop = run(r)
		mustFlush(t, r)
		mustStop(t, stop)
		checkOrder(t, d.keys(), 1, 5)
		if keys := d.keys(); keys[len(keys)-1] != "boot2 crashed" {
			t.Errorf("the new boot is not behind what the old one left: %v", keys)
		}
	})
}

func TestRefusedEntriesAreSetAside(t *testing.T) {
	t.Parallel()
	d, log := newDatabase(), &book{}
	d.refused = func(e store.Entry) bool { return strings.HasPrefix(keyOf(e), "c1 ") }
	d.fail = errAway // so that all come in one batch
	o := options(t.TempDir(), d)
	o.Log = log.logger()
	r := mustNew(t, o)
	stop := run(r)
	for n := range 3 {
		talk(r, fmt.Sprint("c", n), 2)
	}
	r.queue.put(store.Entry{}, time.Time{})
	d.set(func() { d.fail = nil })
	mustFlush(t, r)
	mustStop(t, stop)
	if s := r.Stats(); s.Refused != 5 || s.Lost != 0 || s.Waiting != 0 || !s.Well {
		t.Errorf("at the end: %+v", s)
	}
	keys := slices.DeleteFunc(d.keys(), func(k string) bool { return k == "boot crashed" })
	if diff := cmp.Diff(append(talked("c0", 2), talked("c2", 2)...), keys); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, "refused.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for line := range strings.Lines(string(text)) {
		var l struct {
			At     time.Time
			Reason string
			Entry  store.Entry
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.At.IsZero() || !strings.HasPrefix(l.Reason, store.ErrRefused.Error()) {
			t.Errorf("line %s: %v", line, err)
		}
		refused = append(refused, keyOf(l.Entry))
	}
	if diff := cmp.Diff(append(talked("c1", 2), ""), refused); diff != "" {
		t.Errorf("refused: want, got:\n%s", diff)
	}
	if n := strings.Count(log.String(), "record refused"); n != 5 || strings.Contains(log.String(), "Good day") {
		t.Errorf("%d refusals logged, or words of the call:\n%s", n, log)
	}
}

func TestLiveCallsEndWithTheirRecords(t *testing.T) {
	t.Parallel()
	d := newDatabase()
	r := mustNew(t, options(t.TempDir(), d))
	stop := run(r)
	r.Begin(begun("c0"))
	r.Watch(turned("c0", 1))
	mustStop(t, stop)
	e := d.entry(t, "c0 ended").Ended
	if e.Status != store.Failed || e.End.Cause != "shutdown" || e.End.Turns != 1 || e.End.Ended.IsZero() || len(e.Messages) != 2 || e.End.Latency["voice_to_voice_p95"] != 100 {
		t.Errorf("ended %+v", e)
	}
	r.Watch(ended("c0", 1, media.CauseCaller))
	if s := r.Stats(); s.Lost != 0 || s.Live != 0 {
		t.Errorf("at the end: %+v", s)
	}
	r.Begin(begun("late"))
	if s := r.Stats(); s.Lost != 1 {
		t.Errorf("after the end: %+v", s)
	}
}

func TestFlushTellsWhatWaits(t *testing.T) {
	t.Parallel()
	d := newDatabase()
	d.fail = errAway
	r := mustNew(t, options(t.TempDir(), d))
	stop := run(r)
	talk(r, "c0", 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), " wait: ") {
		t.Errorf("flush: %v", err)
	}
	mustStop(t, stop)
	if err := r.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("flush after the end: %v", err)
	}
}

func TestOneProcessHasTheRecords(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), newDatabase())
	r := mustNew(t, o)
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("opened twice: %v", err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	mustStop(t, run(mustNew(t, o)))
}
