package main

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/lines"
	"parley/control/records"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// TestHeldEnds: the end of a call whose line was lost is told late, once, or not at all if the call goes on; other ends are not held.
func TestHeldEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []string
		r := &resuming{deliver: func(e pipeline.Event) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, e.Call)
		}}
		told := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(calls)
		}
		end := func(call string, cause media.Cause, kind string) bool {
			return r.keep(pipeline.Event{Call: call, Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Call: call, Cause: cause, Info: media.Info{ID: "CA" + call, Kind: kind}}})
		}
		var held []string
		for _, c := range []struct {
			call  string
			cause media.Cause
			kind  string
		}{
			{"lost", media.CauseCarrier, lines.Twilio}, {"goes on", media.CauseCarrier, lines.Twilio}, {"hung up", media.CauseCarrier, lines.Twilio},
			{"caller", media.CauseCaller, lines.Twilio}, {"agent", media.CauseAgent, lines.Twilio}, {"by SIP", media.CauseCarrier, overSIP},
		} {
			if end(c.call, c.cause, c.kind) {
				held = append(held, c.call)
			}
		}
		if diff := cmp.Diff([]string{"lost", "goes on", "hung up"}, held); diff != "" {
			t.Errorf("held (-want +got):\n%s", diff)
		}
		if r.keep(pipeline.Event{Call: "lost", Kind: pipeline.TurnEnded}) {
			t.Error("a turn is held")
		}
		if r.give("caller", r.deliver) || !r.give("goes on", r.deliver) {
			t.Error("what is not held is given, or what is held is not")
		}
		r.over("CAhung up")
		if h := r.find("goes on", ""); h == nil || !r.drop(h) || r.drop(h) {
			t.Error("a call that goes on is not let go of once")
		}
		if diff := cmp.Diff([]string{"hung up"}, told()); diff != "" {
			t.Errorf("told at once (-want +got):\n%s", diff)
		}
		time.Sleep(heldFor + time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"hung up", "lost"}, told()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		end("last", media.CauseCarrier, lines.Twilio)
		r.giveUp()
		if end("later", media.CauseCarrier, lines.Twilio) || !slices.Contains(told(), "last") {
			t.Errorf("at the end told: %v", told())
		}
	})
}

// TestHistoryOf: what the record has of a call comes back as it was written, so that the end of the call changes nothing of it.
func TestHistoryOf(t *testing.T) {
	t.Parallel()
	messages := records.Messages("c", 0, []pipeline.Message{
		{Role: pipeline.Caller, Text: "Where is it? Where?", Turn: 1, At: time.Second, Length: 2 * time.Second, Words: []pipeline.Word{
			{Text: "Where", Start: time.Second, End: 1200 * time.Millisecond}, {Text: "Where", Start: 2 * time.Second, End: 2100 * time.Millisecond},
		}},
		{Role: pipeline.Assistant, Text: "On its", Turn: 1, Cut: true, At: 4 * time.Second, Calls: []pipeline.ToolCall{{ID: "1", Name: "find_order", Args: []byte(`{"order":"4711"}`)}}},
		{Role: pipeline.ToolRole, CallID: "1", Text: "on its way", Turn: 1}, {Role: pipeline.Narrator, Text: "The keys were not pressed.", Turn: 2},
	})
	if diff := cmp.Diff(messages, records.Messages("c", 0, historyOf(messages))); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if got := historyOf([]store.Message{}); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
