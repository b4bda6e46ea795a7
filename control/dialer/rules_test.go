package dialer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestWindows: when a number may be called, by its own clock.
func TestWindows(t *testing.T) {
	t.Parallel()
	workdays := Window{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "20:00"}
	for name, tc := range map[string]struct {
		number, zone string
		windows      []Window
		now, opens   string // empty: never
	}{
		"no windows":                   {"+442071234567", "", nil, "2026-01-03T03:00:00Z", "2026-01-03T03:00:00Z"},
		"open":                         {"+442071234567", "", []Window{workdays}, "2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z"},
		"too early":                    {"+442071234567", "", []Window{workdays}, "2026-01-05T08:59:59Z", "2026-01-05T09:00:00Z"},
		"just closed":                  {"+442071234567", "", []Window{workdays}, "2026-01-05T20:00:00Z", "2026-01-06T09:00:00Z"},
		"over the weekend":             {"+442071234567", "", []Window{workdays}, "2026-01-02T20:30:00Z", "2026-01-05T09:00:00Z"},
		"by the callee's clock":        {"+12125551234", "", []Window{workdays}, "2026-01-05T09:00:00Z", "2026-01-05T14:00:00Z"},
		"into summer time":             {"+442071234567", "", []Window{{From: "09:00", To: "20:00"}}, "2026-03-28T21:00:00Z", "2026-03-29T08:00:00Z"},
		"two windows a day":            {"+442071234567", "", []Window{{From: "09:00", To: "12:00"}, {From: "14:00", To: "24:00"}}, "2026-01-05T12:30:00Z", "2026-01-05T14:00:00Z"},
		"zone of a satellite":          {"+881612345678", "Asia/Tokyo", []Window{workdays}, "2026-01-04T23:59:00Z", "2026-01-05T00:00:00Z"},
		"no zone known":                {"+881612345678", "", []Window{workdays}, "2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z"},
		"all zones of a toll-free one": {"+18005551234", "", []Window{{From: "00:00", To: "23:59"}}, "2026-01-05T12:30:00Z", "2026-01-05T12:30:00Z"},
		"zones that never meet":        {"+18005551234", "", []Window{{From: "09:00", To: "10:00"}}, "2026-01-05T12:30:00Z", ""},
		"on one day":                   {"+442071234567", "", []Window{{Days: []string{"wed"}, From: "10:00", To: "10:01"}}, "2026-01-07T10:01:00Z", "2026-01-14T10:00:00Z"},
	} {
		r := Rules{Windows: tc.windows, Zone: tc.zone}
		if bad := r.Check(); len(bad) > 0 {
			t.Fatalf("%s: %v", name, bad)
		}
		got, want := r.opens(zones(tc.number, tc.zone), at(t, tc.now)), time.Time{}
		if tc.opens != "" {
			want = at(t, tc.opens)
		}
		if !got.Equal(want) {
			t.Errorf("%s: opens at %v, want %v", name, got, want)
		}
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	rules := Rules{Allow: []string{"+88165", "+19"}, Deny: []string{"+7", "+88166"}}
	for number, want := range map[string]string{
		"+1234567890": "", "+442071234567": "", "+12125551234": "", "+15005550006": "", "+491701234567": "",
		"+870773111111": "satellite", "+881712345678": "satellite", "+8821312345678": "international network", "+8835100123456": "international network",
		"+97912345678": "premium", "+449012345678": "premium", "+447012345678": "personal", "+499001123456": "premium",
		"+881651234567": "", "+19005551234": "", "+79161234567": "denies", "+881661234567": "denies",
	} {
		got := forbidden(number, rules)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
	if got := forbidden("+19005551234", Rules{}); !strings.Contains(got, "premium") {
		t.Errorf("+1900 without rules: %q", got)
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	task := store.Task{To: "+1234567890", Context: `{"name":"Zoë","n":12345678901234567,"ok":false,"none":null,"empty":"","list":["a",1,null,{}],"nothing":[],
		"customer":{"name":"John","address":{"city":"Bonn"},"x":null},"to":"me"}`}
	want := map[string]string{"name": "Zoë", "n": "12345678901234567", "ok": "false", "list": "a, 1", "customer.name": "John",
		"customer.address.city": "Bonn", "from": "+15550100002", "to": "+1234567890"}
	if d := cmp.Diff(want, Slots(task, "+15550100002")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	agent := store.Agent{SystemPrompt: "{{name}} {{customer.name}} {{none}} {{empty|x}} {{nowhere}}", StartingMessage: "{{own}} {{"}
	want = map[string]string{
		"context_data.none": "is missing: the agent's system_prompt needs it", "context_data.nowhere": "is missing: the agent's system_prompt needs it",
		"context_data.own": "is missing: the starting_message needs it", "the starting_message": "has a {{ that is not closed",
	}
	if d := cmp.Diff(want, missing(task, agent, "")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	task.StartingMessage = "Hello {{to}}"
	delete(want, "context_data.own")
	delete(want, "the starting_message")
	if d := cmp.Diff(want, missing(task, agent, "")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	base := Rules{Windows: []Window{{From: "09:00", To: "10:00"}}, Deny: []string{"+7"}, Retry: Retry{Busy: 1}}.orDefaults()
	got := Rules{MaxCalls: 3, Windows: []Window{}, Retry: Retry{NoAnswer: 2, WaitSeconds: 60}}.or(base)
	want := Rules{MaxCalls: 3, CallsPerSecond: 1, Windows: []Window{}, Deny: []string{"+7"}, Retry: Retry{NoAnswer: 2, WaitSeconds: 60}, RingSeconds: 45}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := (Rules{CallsPerSecond: 4}).every(); got != 250*time.Millisecond {
		t.Errorf("4 calls a second: one every %v", got)
	}
	now := time.Now()
	for _, tc := range []struct {
		cause   string
		retries int
		wait    time.Duration
	}{{store.CauseBusy, 0, 0}, {store.CauseNoAnswer, 0, time.Minute}, {store.CauseNoAnswer, 1, time.Minute}, {store.CauseNoAnswer, 2, 0}, {store.CauseCancelled, 0, 0}} {
		want := time.Time{}
		if tc.wait > 0 {
			want = now.Add(tc.wait)
		}
		if again := got.Retry.again(tc.cause, tc.retries, now); !again.Equal(want) {
			t.Errorf("%s after %d retries: again at %v, want %v", tc.cause, tc.retries, again, want)
		}
	}
	bad := Rules{Zone: "Local", Windows: []Window{{From: "9:00", To: "25:00", Days: []string{"Mon"}}, {From: "10:00", To: "10:00"}}, Allow: []string{"+1", "1"}, Deny: []string{"+"}}.Check()
	var names []string
	for name := range bad {
		names = append(names, name)
	}
	slices.Sort(names)
	if d := cmp.Diff([]string{"allow[1]", "deny[0]", "windows[0].days", "windows[0].from", "windows[0].to", "windows[1]", "zone"}, names); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
