package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"parley/pipeline"
	"parley/store"
)

// maxExcerpt is how long an excerpt may be, in bytes.
const maxExcerpt = 2000

// A Payload is the body of a webhook, as the contract has it.
type Payload struct {
	EventType string       `json:"event_type"`
	TaskID    string       `json:"task_id"`
	CallID    string       `json:"call_id"`
	Status    store.Status `json:"status"` // of the call, when the event happened
	Data      Excerpts     `json:"data"`
}

// Excerpts are how the call's transcript and report begin; empty while there is nothing.
type Excerpts struct {
	Transcript string `json:"transcript_excerpt"`
	Report     string `json:"report_excerpt"`
}

// nobody is the id of a test's task and call.
const nobody = "00000000-0000-0000-0000-000000000000"

// TestPayload is what a test sends.
func TestPayload() string {
	text, _ := encode(Payload{EventType: store.WebhookTest, TaskID: nobody, CallID: nobody, Status: store.Completed,
		Data: Excerpts{Transcript: "agent: This is a test.", Report: "This is a test."}}) // strings always can be
	return text
}

// payload is what a delivery sends: what was sent before, or on the first try what the call is by now.
func (s *Sender) payload(ctx context.Context, d store.Delivery) (string, error) {
	if d.Payload != "" {
		return d.Payload, nil
	}
	p := Payload{EventType: d.Kind, TaskID: d.Task, CallID: d.Call}
	switch d.Kind {
	case store.CallStarted:
		p.Status = store.Initiated
	case store.CallCompleted:
		p.Status = store.Completed
	default:
		p.Status = store.Failed
	}
	if p.Status.Final() {
		var err error
		if p.Data, err = s.excerpts(ctx, d); err != nil {
			return "", err
		}
	}
	text, err := encode(p)
	if err != nil {
		return "", fmt.Errorf("encode payload: %w", err)
	}
	if err := s.o.Store.KeepPayload(ctx, d, text); err != nil {
		return "", fmt.Errorf("keep payload: %w", err)
	}
	return text, nil
}

// excerpts tell of a call that is over; nothing of one that left nothing behind.
func (s *Sender) excerpts(ctx context.Context, d store.Delivery) (e Excerpts, err error) {
	said, err := s.o.Store.Transcript(ctx, d.Org, d.Call)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return e, fmt.Errorf("read transcript: %w", err)
	}
	e.Transcript = excerpt(spoken(said))
	if s.o.Reports == nil {
		return e, nil
	}
	report, err := s.o.Reports.Excerpt(ctx, d.Org, d.Call, said)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return e, fmt.Errorf("read report: %w", err)
	}
	e.Report = excerpt(report)
	return e, nil
}

// encode writes JSON as it is in files: without HTML's escapes, and without a line's end.
func encode(p Payload) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(p)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// spoken is what was said in a call, a line for each who spoke.
func spoken(messages []store.Message) string {
	var b strings.Builder
	for _, m := range messages {
		who := "user"
		switch pipeline.Role(m.Role) {
		case pipeline.Assistant:
			who = "agent"
		case pipeline.Caller:
		default:
			continue // tools and narrators are heard by nobody
		}
		if b.Len() > maxExcerpt {
			break
		}
		fmt.Fprintf(&b, "%s: %s\n", who, strings.Join(strings.Fields(m.Text), " "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// excerpt is the beginning of a text, in whole characters, with … where something is left out.
func excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return text
	}
	end := maxExcerpt - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
