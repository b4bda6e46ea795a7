package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/store"
)

// testTakeCall: a call goes on in another process, once for each that had it, and what its first node says of it afterwards counts no more.
func testTakeCall(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "dead")
	beat(t, s, "well")
	c := callOf(t, h, "dead")
	ok(t, s.Record(ctx, []store.Entry{{Turned: &store.Turned{Turn: newTurn(c.ID, 1), Messages: []store.Message{newMessage(c.ID, 0)}}}}))
	found, err := s.CallByCarrier(ctx, c.Leg, c.CarrierID)
	ok(t, err)
	same(t, "call by its carrier's id", found.ID, c.ID)
	for _, other := range [][2]string{{c.Leg, "CA none"}, {"telnyx", c.CarrierID}, {c.Leg, ""}} {
		if _, err := s.CallByCarrier(ctx, other[0], other[1]); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("call of %q by %q: %v", other[0], other[1], err)
		}
	}

	take := store.Takeover{Call: c.ID, From: "dead", Node: "dir of well", Boot: "well", Most: 2}
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			switch _, err := s.TakeCall(ctx, take); {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	same(t, "how many took it", taken.Load(), int64(1))
	if b := bury(t, s, "well"); len(b.Calls) != 0 {
		t.Errorf("the call was buried with its first node: %+v", b)
	}
	ok(t, s.Record(ctx, []store.Entry{{Crashed: &store.Crashed{Node: "dir of dead", Boot: "dead again"}}}))
	got := readCall(t, s, h.Org, c.ID)
	if got.Status != store.InProgress || got.Node != "dir of well" || got.Boot != "well" {
		t.Errorf("the call is %+v", got)
	}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &store.Turned{Turn: newTurn(c.ID, 2), Messages: []store.Message{newMessage(c.ID, 1)}}}}))

	take.From, take.Boot = "well", "well"
	if _, err := s.TakeCall(ctx, take); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, err := s.TakeCall(ctx, take); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a third time: %v", err)
	}
	ended := &store.Ended{Call: c.ID, Status: store.Completed, End: store.End{Ended: start.Add(time.Minute), Length: time.Minute, Cause: "caller", Turns: 2},
		Messages: []store.Message{newMessage(c.ID, 0), newMessage(c.ID, 1)}}
	ok(t, s.Record(ctx, []store.Entry{{Ended: ended}}))
	take.Most = 9
	if _, err := s.TakeCall(ctx, take); !errors.Is(err, store.ErrConflict) {
		t.Errorf("of a call that is over: %v", err)
	}
	if _, err := s.TakeCall(ctx, store.Takeover{Call: "none", From: "x", Most: 9}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no call: %v", err)
	}
}

// testTakeCrashed: a call that was thought to have crashed goes on, with the whole of what it had.
func testTakeCrashed(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "dead")
	beat(t, s, "well")
	buried := callOf(t, h, "dead")
	bury(t, s, "well")
	crashed := callOf(t, h, "gone")
	ok(t, s.Record(ctx, []store.Entry{{Crashed: &store.Crashed{Node: "dir of gone", Boot: "gone again", Recordings: map[string]store.Recording{
		crashed.ID: {Call: crashed.ID, Path: "recordings/x.wav", Rate: 8000, Channels: 2, Bytes: 44, Length: time.Second},
	}}}}))
	for _, c := range []store.Call{buried, crashed} {
		if got := readCall(t, s, h.Org, c.ID); got.Cause != store.CauseCrash {
			t.Fatalf("the call is %+v", got)
		}
		took, err := s.TakeCall(ctx, store.Takeover{Call: c.ID, From: c.Boot, Node: "dir of well", Boot: "well", Most: 1})
		ok(t, err)
		got := readCall(t, s, h.Org, c.ID)
		if got.Status != store.InProgress || got.Boot != "well" || got.Cause != "" || !got.Ended.IsZero() || took.Status != store.InProgress || took.Boot != "well" {
			t.Errorf("the call is %+v, and was told to be %+v", got, took)
		}
	}
	if _, err := s.Recording(ctx, h.Org, crashed.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("its first recording: %v", err)
	}
	same(t, "calls that a node reopens", beat(t, s, "dead"), 0)
	_, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.InProgress}, all)
	ok(t, err)
	same(t, "calls in progress", total, int64(2))
}
