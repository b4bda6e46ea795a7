package sql_test

import (
	"fmt"
	"testing"
	"time"

	"parley/store"
	"parley/store/storetest"
)

// TestTranscriptStands: the end of a call writes no message again that stands there already, and each one that does not.
func TestTranscriptStands(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), sqlite(t)
	h, err := storetest.Fill(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	written := func(entries ...store.Entry) int {
		t.Helper()
		count := func() (n int) {
			t.Helper()
			if err := s.Bare().QueryRowContext(ctx, "SELECT total_changes()").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := count()
		if err := s.Record(ctx, entries); err != nil {
			t.Fatal(err)
		}
		return count() - before
	}
	const spoken = 20
	var messages []store.Message
	for i := range spoken {
		messages = append(messages, store.Message{Seq: i, Role: "caller", Text: fmt.Sprintf("sentence %d, \xff", i), Cut: i%2 == 0, Turn: 1, At: time.Duration(i), Length: 1})
	}
	changed := append([]store.Message{{Seq: 0, Text: "what was heard"}}, messages[1:]...)
	const ends = 3 // the row of the call, and two counters
	for name, c := range map[string]struct {
		whole []store.Message
		want  int
	}{
		"as it stands": {messages, ends},
		"one differs":  {changed, ends + 1},
		"one more":     {append(changed[1:spoken:spoken], messages[0], store.Message{Seq: spoken}), ends + 1},
		"one less":     {messages[:spoken-1], ends + spoken + spoken - 1},
	} {
		call := store.Call{ID: store.NewID(), Org: h.Org, Agent: name, Status: store.InProgress, Created: time.Now()}
		written(store.Entry{Began: &call}, store.Entry{Turned: &store.Turned{Turn: store.Turn{Call: call.ID, N: 1}, Messages: messages}})
		if got := written(store.Entry{Ended: &store.Ended{Call: call.ID, Status: store.Completed, Messages: c.whole}}); got != c.want {
			t.Errorf("%s: %d rows written, want %d", name, got, c.want)
		}
		if kept, err := s.Transcript(ctx, h.Org, call.ID); err != nil || len(kept) != len(c.whole) {
			t.Errorf("%s: a transcript of %d messages (%v), want %d", name, len(kept), err, len(c.whole))
		}
	}
}
