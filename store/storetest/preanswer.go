package storetest

import (
	"testing"
	"time"

	"parley/store"
)

func newPreAnswer() *store.PreAnswer {
	return &store.PreAnswer{Outcome: "timeout", Fallback: "agent", Status: 503, Tries: 2, Took: 2 * time.Second, Error: "no answer within 2s",
		Agent: "anna", Greeting: "Hello {{name}}", Variables: map[string]string{"name": "Ana"}, Reject: "busy"}
}

// testPreAnswers: an answer is found by any node until it expires, the last one of a call; rules are of organisations and numbers.
func testPreAnswers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	_, err := s.PreAnswer(ctx, "twilio", "CA1", start)
	is(t, err, store.ErrNotFound)
	kept := store.KeptPreAnswer{Leg: "twilio", CarrierID: "CA1", Call: store.NewID(), Org: h.Org, Answer: *newPreAnswer(), Expires: start.Add(time.Minute)}
	ok(t, s.KeepPreAnswer(ctx, store.KeptPreAnswer{Leg: "twilio", CarrierID: "CA1", Call: store.NewID(), Org: h.Org, Expires: start.Add(time.Second)}, start))
	ok(t, s.KeepPreAnswer(ctx, kept, start))
	got, err := s.PreAnswer(ctx, "twilio", "CA1", start.Add(59*time.Second))
	ok(t, err)
	same(t, "answer", got, kept)
	for leg, id := range map[string]string{"telnyx": "CA1", "twilio": "CA2"} {
		_, err = s.PreAnswer(ctx, leg, id, start)
		is(t, err, store.ErrNotFound)
	}
	_, err = s.PreAnswer(ctx, "twilio", "CA1", kept.Expires)
	is(t, err, store.ErrNotFound)
	ok(t, s.KeepPreAnswer(ctx, store.KeptPreAnswer{Leg: "sip", CarrierID: "a", Expires: start.Add(time.Hour)}, kept.Expires))
	_, err = s.PreAnswer(ctx, "twilio", "CA1", start)
	is(t, err, store.ErrNotFound)

	const rule = `{"url":"https://example.com/ask"}`
	ok(t, s.SetPreAnswer(ctx, h.Org, rule))
	n, err := s.CreateNumber(ctx, store.Number{ID: store.NewID(), Org: h.Org, E164: "+15550107777", PreAnswer: rule, Created: start, Updated: start})
	ok(t, err)
	same(t, "rule of a number", n.PreAnswer, rule)
	_, err = s.UpdateNumber(ctx, h.Org, n.ID, start, func(n *store.Number) error { n.PreAnswer = ""; return nil })
	ok(t, err)
	d, err := s.Directory(ctx)
	ok(t, err)
	if d.Organisations[0].PreAnswer != rule || d.Numbers[len(d.Numbers)-1].PreAnswer != "" {
		t.Errorf("organisations %+v, numbers %+v", d.Organisations, d.Numbers)
	}
}
