package memory

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"parley/pipeline"
)

// An attendant is a speech-to-speech model and its session: it keeps what it is told, and answers at once.
type attendant struct {
	told     []pipeline.Message
	outcomes chan pipeline.Outcome
}

func (a *attendant) Converse(context.Context, pipeline.Briefing) (pipeline.Session, error) {
	a.outcomes = make(chan pipeline.Outcome, 8)
	return a, nil
}

func (a *attendant) Write([]int16) error { return nil }
func (a *attendant) Clear() error        { return nil }
func (a *attendant) Cancel() error       { return nil }

func (a *attendant) Close() error {
	close(a.outcomes)
	return nil
}

func (a *attendant) Ask(key int, edits []pipeline.Edit) error {
	for _, e := range edits {
		a.told = append(a.told, e.Message)
	}
	a.outcomes <- pipeline.Outcome{Key: key, Delta: pipeline.Delta{Aloud: &pipeline.Aloud{Text: "Well."}}}
	a.outcomes <- pipeline.Outcome{Key: key, Done: true}
	return nil
}

func (a *attendant) Outcomes() iter.Seq2[pipeline.Outcome, error] {
	return func(yield func(pipeline.Outcome, error) bool) {
		for o := range a.outcomes {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// TestConversant: a speech-to-speech model is told of before as any other is, once, before what is to be answered.
func TestConversant(t *testing.T) {
	t.Parallel()
	a := &attendant{}
	v := pipeline.NewConversation(a, pipeline.Briefing{Agent: &pipeline.Agent{}, Rate: 8000})
	r := Begin(t.Context(), Options{Recall: after(0, chat), Budget: time.Minute}).Responder(v)
	first := words(1, "Hello.")
	ids, _ := respond(t, r, first)
	if len(a.told) != 2 || a.told[0].Role != pipeline.Narrator || !a.told[0].Quoted || a.told[1].Text != "Hello." || !slices.Equal(ids, []string{"one"}) {
		t.Fatalf("the model is told %+v, of %v", a.told, ids)
	}
	second := words(2, "And now?")
	second.History = append(append(first.History, pipeline.Message{Role: pipeline.Assistant, Turn: 1, Text: "Well."}), second.History...)
	respond(t, r, second)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if len(a.told) != 3 || a.told[2].Text != "And now?" {
		t.Errorf("the model is told again: %+v", a.told)
	}
}
