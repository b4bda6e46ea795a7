package pipeline

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parrot answers with why it was asked.
type parrot struct{ asked []Reason }

func (p *parrot) Respond(_ context.Context, talk Talk) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		p.asked = append(p.asked, talk.Why)
		yield(Delta{Text: "why: " + string(talk.Why)}, nil)
	}
}

// usher is a parrot that has opening lines of its own.
type usher struct{ parrot }

func (u *usher) Greet(_ context.Context, talk Talk, text string) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		u.asked = append(u.asked, "greet for "+talk.Why)
		_ = yield(Delta{Expect: &Expect{Digits: 1}}, nil) && yield(Delta{Text: text}, nil)
	}
}

// answers collects what r says for each of the reasons.
func answers(t *testing.T, r Responder, reasons ...Reason) (all []Delta) {
	t.Helper()
	for i, why := range reasons {
		for d, err := range r.Respond(t.Context(), Talk{Turn: i + 1, Why: why}) {
			if err != nil {
				t.Fatalf("%s: %v", why, err)
			}
			all = append(all, d)
		}
	}
	return all
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	plain, scripted := &parrot{}, &usher{}
	for name, tt := range map[string]struct {
		responder Responder
		asked     *[]Reason
		wantAsked []Reason
		want      []Delta
	}{
		"a model is not asked for it": {
			Greeting(" Hello from Acme. \n", plain), &plain.asked,
			[]Reason{ForWords, ForKeys, ForSilence, ForToolResult},
			[]Delta{{Text: "Hello from Acme."}, {Text: "why: words"}, {Text: "why: keys"}, {Text: "why: silence"}, {Text: "why: tool_result"}},
		},
		"a script says it, and what it expects": {
			Greeting("Hello from Acme.", scripted), &scripted.asked,
			[]Reason{"greet for greeting", ForWords, ForKeys, ForSilence, ForToolResult},
			[]Delta{{Expect: &Expect{Digits: 1}}, {Text: "Hello from Acme."}, {Text: "why: words"}, {Text: "why: keys"}, {Text: "why: silence"}, {Text: "why: tool_result"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := answers(t, tt.responder, ForGreeting, ForWords, ForKeys, ForSilence, ForToolResult)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantAsked, *tt.asked); diff != "" {
				t.Errorf("the responder was asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGreetingWithoutWords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n\t", "...", "—"} {
		p := &parrot{}
		if got := Greeting(text, p); got != Responder(p) {
			t.Errorf("%q: the responder became a %T", text, got)
		}
	}
}

func TestGreetingCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrBargeIn)
	var got []error
	for d, err := range Greeting("Hello.", &parrot{}).Respond(ctx, Talk{Why: ForGreeting}) {
		if err == nil {
			t.Errorf("a cancelled greeting yields %+v", d)
		}
		got = append(got, err)
	}
	if len(got) != 1 || !errors.Is(got[0], ErrBargeIn) {
		t.Errorf("errors %v, want that the caller interrupted", got)
	}
}
