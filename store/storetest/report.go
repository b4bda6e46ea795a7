package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/store"
)

func newReport(call string, rules bool) store.Report {
	return store.Report{Call: call, JSON: `{"summary":"They \"talked\"."}`, Rules: rules, Made: start.Add(time.Minute)}
}

func newRetelling(call string) store.Retelling {
	return store.Retelling{Call: call, Source: "elevenlabs", Conversation: "conv_1", Made: start.Add(time.Minute),
		Messages: []store.Message{newMessage(call, 0), {Call: call, Seq: 1, Role: "caller", Text: "Zoë said \"\u2028\".", At: time.Second}}}
}

// everyReport is Every of the methods that keep what is made of calls.
func (h House) everyReport(org string) map[string]func(context.Context) error {
	call := h.Call.ID
	return map[string]func(context.Context) error{
		"Report":    func(ctx context.Context) error { _, err := h.Report(ctx, org, call); return err },
		"Retelling": func(ctx context.Context) error { _, err := h.Retelling(ctx, org, call); return err },
		"PutReport": func(ctx context.Context) error { _, err := h.PutReport(ctx, org, newReport(call, false)); return err },
		"Retell": func(ctx context.Context) error {
			return h.Retell(ctx, org, newRetelling(call), newReport(call, false))
		},
		"RecordingsBefore": func(ctx context.Context) error { _, err := h.RecordingsBefore(ctx, start, 1); return err },
		"DropRecordings":   func(ctx context.Context) error { return h.DropRecordings(ctx, []string{store.NewID()}) },
	}
}

func testReports(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	going := newCall(h.Org)
	over := newCall(h.Org)
	ok(t, s.Record(ctx, []store.Entry{{Began: &going}, {Began: &over}, {Ended: &store.Ended{Call: over.ID, Status: store.Failed, End: end(0)}}}))
	_, err := s.Report(ctx, h.Org, over.ID)
	is(t, err, store.ErrNotFound)
	_, err = s.PutReport(ctx, h.Org, newReport(going.ID, false))
	is(t, err, store.ErrConflict)
	_, err = s.PutReport(ctx, h.Org, newReport(store.NewID(), false))
	is(t, err, store.ErrNotFound)

	put := func(r store.Report, want store.Report) {
		t.Helper()
		stands, err := s.PutReport(ctx, h.Org, r)
		ok(t, err)
		same(t, "the report that stands", stands, want)
		read, err := s.Report(ctx, h.Org, r.Call)
		ok(t, err)
		same(t, "the report", read, want)
	}
	byRules, again, byModel, late := newReport(over.ID, true), newReport(over.ID, true), newReport(over.ID, false), newReport(over.ID, false)
	again.JSON, byModel.JSON, late.JSON = `{"summary":"again"}`, `{"summary":"model"}`, `{"summary":"late"}`
	put(byRules, byRules)
	put(again, again)
	put(byModel, byModel)
	put(byRules, byModel) // a model's is not replaced, neither by rules
	put(late, byModel)    // nor by another's that comes too late

	early := newCall(h.Org) // was taken for over when this was written, and was not
	ok(t, s.Record(ctx, []store.Entry{{Began: &early}, {Ended: &store.Ended{Call: early.ID, Status: store.Completed, End: end(time.Hour)}}}))
	premature, right := newReport(early.ID, false), newReport(early.ID, false)
	right.JSON, right.Made = `{"summary":"right"}`, start.Add(2*time.Hour)
	put(premature, premature)
	put(right, right)
	put(premature, right)
}

func testRetellings(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	call := newCall(h.Org)
	ok(t, s.Record(ctx, []store.Entry{{Began: &call}}))
	is(t, s.Retell(ctx, h.Org, newRetelling(call.ID), newReport(call.ID, false)), store.ErrConflict)
	is(t, s.Retell(ctx, h.Org, newRetelling(store.NewID()), newReport(call.ID, false)), store.ErrNotFound)
	first := []store.Message{newMessage(call.ID, 0)}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: call.ID, Status: store.Completed, End: end(time.Second), Messages: first}}}))
	_, err := s.Retelling(ctx, h.Org, call.ID)
	is(t, err, store.ErrNotFound)

	other := newRetelling(call.ID)
	other.Source, other.Conversation, other.Messages = "recording", "", nil
	for i, r := range []store.Retelling{newRetelling(call.ID), other} {
		rep := newReport(call.ID, i == 1)
		rep.JSON = `{"summary":"` + r.Source + `"}`
		ok(t, s.Retell(ctx, h.Org, r, rep))
		read, err := s.Retelling(ctx, h.Org, call.ID)
		ok(t, err)
		same(t, "the second transcript", read, r)
		stands, err := s.Report(ctx, h.Org, call.ID)
		ok(t, err)
		same(t, "the report on it", stands, rep)
	}
	messages, err := s.Transcript(ctx, h.Org, call.ID)
	ok(t, err)
	same(t, "the first transcript", messages, first)
}

func testOldRecordings(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.DropRecordings(ctx, []string{h.Call.ID})) // it came in now
	day := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var calls []string
	for i := range 5 {
		c := newCall(h.Org)
		c.ID = idAt(day.AddDate(0, 0, i))
		calls = append(calls, c.ID)
		ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Ended: &store.Ended{Call: c.ID, Status: store.Completed, End: end(0), Recording: newRecording(c.ID)}}}))
	}
	before := func(at time.Time, limit int) (ids []string) {
		t.Helper()
		found, err := s.RecordingsBefore(ctx, at, limit)
		ok(t, err)
		for _, r := range found {
			ids = append(ids, r.Call)
			same(t, "recording", r, *newRecording(r.Call))
		}
		return ids
	}
	same(t, "before all", before(day, 10), []string(nil))
	same(t, "a millisecond later", before(day.Add(time.Millisecond), 10), calls[:1])
	same(t, "the oldest", before(day.AddDate(1, 0, 0), 2), calls[:2])
	ok(t, s.DropRecordings(ctx, append(calls[1:3:3], store.NewID())))
	ok(t, s.DropRecordings(ctx, nil))
	same(t, "what is left", before(day.AddDate(1, 0, 0), 10), []string{calls[0], calls[3], calls[4]})
	_, err := s.Recording(ctx, h.Org, calls[1])
	is(t, err, store.ErrNotFound)
	if c := readCall(t, s, h.Org, calls[1]); c.Status != store.Completed {
		t.Errorf("a call whose recording was dropped is %s", c.Status)
	}
}

// idAt is an id as it would have been made at a time.
func idAt(at time.Time) string {
	u := uuid.Must(uuid.NewV7())
	for i := range 6 {
		u[i] = byte(at.UnixMilli() >> (40 - 8*i))
	}
	return u.String()
}
