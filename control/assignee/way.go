package assignee

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"parley/control/bots"
	"parley/control/envelope"
	"parley/pipeline"
	"parley/store"
)

// A reach is how somebody can be reached.
type reach struct {
	number  string              // by a call; empty: not at all
	thread  *store.Conversation // by a message; nil: not at all
	contact *store.Contact      // nil: not known
}

// What an objective says of the way, in the languages of the contract's countries. The first word of either kind decides.
var wayWords = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:(call|phone|ring|telephone|ll[aá]m\pL*|telef[oó]n\pL*|ligar|ligue)|(whats\s?app|message|text|write|mensaje|mensagem|escr[ií]b\pL*|escrev\pL*))(?:[^\pL]|$)`)

// wantsMessage says whether an objective asks for a message, or else for a call; if it says neither, somebody with whom there is a thread is
// written to.
func wantsMessage(objective string, r reach) bool {
	if m := wayWords.FindStringSubmatch(objective); m != nil {
		return m[2] != ""
	}
	return r.thread != nil
}

// numbers are phone numbers within a text.
var numbers = regexp.MustCompile(`\+[1-9]\d{6,14}\b`)

// find tells how whom a task is about can be reached: its conversation's other end, or else a number that the objective names.
func (w *Assignee) find(ctx context.Context, a store.Assignment) (r reach, err error) {
	r.number = numbers.FindString(a.Objective)
	if a.Conversation == "" {
		return r, nil
	}
	c, err := w.o.Store.Correspondence(ctx, a.Org, a.Conversation)
	if errors.Is(err, store.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read conversation: %w", err)
	}
	r.thread, r.contact = c.Thread, c.Contact
	if envelope.E164(c.Conversation.External) {
		r.number = c.Conversation.External
	}
	if c.Contact != nil {
		if p := c.Contact.Phone(); p != nil && envelope.E164(p.Address) {
			r.number = p.Address
		}
	}
	return r, nil
}

// begin carries a task out: by the way that it asks for, or else by the other.
func (w *Assignee) begin(ctx context.Context, a store.Assignment) error {
	agent, err := w.o.Store.Agent(ctx, a.Org, a.Agent)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return w.fail(ctx, a, "", "its agent was deleted")
	case err != nil:
		return fmt.Errorf("read agent: %w", err)
	case !agent.Enabled:
		return w.fail(ctx, a, "", "its agent is disabled")
	}
	r, err := w.find(ctx, a)
	if err != nil {
		return err
	}
	if r.number == "" && r.thread == nil {
		return w.fail(ctx, a, "", "nobody knows whom to call or to write to: context.conversationId names no conversation with a number or a thread, and the objective no number")
	}
	ways := []func(context.Context, store.Assignment, store.Agent, reach) (string, error){w.call, w.write}
	if wantsMessage(a.Objective, r) {
		ways[0], ways[1] = ways[1], ways[0]
	}
	var reasons []string
	for _, try := range ways {
		no, err := try(ctx, a, agent, r)
		if err != nil || no == "" {
			return err
		}
		reasons = append(reasons, no)
	}
	return w.fail(ctx, a, "", strings.Join(reasons, "; "))
}

// The names of what a planned call knows of its task, which fill places of the agent's words.
const (
	taskSlot      = "crm_task"
	objectiveSlot = "objective"
)

// call plans a call that is due now, or says why there can be none.
func (w *Assignee) call(ctx context.Context, a store.Assignment, agent store.Agent, r reach) (no string, err error) {
	if r.number == "" {
		return "there is no number to call", nil
	}
	known := map[string]any{taskSlot: a.ID, objectiveSlot: a.Objective}
	if c := r.contact; c != nil {
		for name, value := range map[string]string{"first_name": c.FirstName, "last_name": c.LastName} {
			if value != "" {
				known[name] = value
			}
		}
	}
	text, err := json.Marshal(known)
	if err != nil {
		return "", fmt.Errorf("write context: %w", err)
	}
	name := a.Title
	if name == "" {
		name = a.Objective
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return "", w.o.Store.CallFor(ctx, a, store.Task{
		ID: store.NewID(), Org: a.Org, Agent: agent.ID, Name: clip(name, 200), To: r.number, Description: clip(a.Objective, 2000), Context: string(text),
		Scheduled: now, Created: now, Updated: now,
	}, now.Add(w.t.Again))
}

// clip is a text of so many characters at most.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// Prompt is what an agent is told on a planned call: also its task of the CRM, if the call carries one out.
func Prompt(prompt string, t store.Task) string {
	var known map[string]any
	if json.Unmarshal([]byte(t.Context), &known) != nil || known[taskSlot] == nil {
		return prompt
	}
	return prompt + "\n\nThis call carries out one task. Reach its objective, and end the call when you have: {{" + objectiveSlot + "}}"
}

// mostTold is how many messages of a thread whoever writes is told.
const mostTold = 60

// write has the agent write a message, or says why there can be none.
func (w *Assignee) write(ctx context.Context, a store.Assignment, agent store.Agent, r reach) (no string, err error) {
	switch {
	case r.thread == nil:
		return "there is no thread to write in", nil
	case w.o.Inbox == nil || w.o.Drafter == nil:
		return "this server writes no messages", nil
	}
	bot, err := w.o.Inbox.Open(ctx, *r.thread)
	if fault, ok := errors.AsType[*envelope.Fault](err); ok {
		return fault.Message, nil
	}
	if err != nil {
		return "", err
	}
	text, err := w.draft(ctx, a, agent, *r.thread)
	if errors.Is(err, bots.ErrMute) {
		return "the agent has neither a language model nor a flow to write with", nil
	}
	if err != nil && ctx.Err() == nil && time.Since(latest(a.Ready(), a.Updated)) > w.t.Tries {
		return "no message could be written: " + err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("write message: %w", err)
	}
	m, err := w.o.Store.PostFor(ctx, a, w.o.Inbox.Letter(bot, *r.thread, text), time.Now().Add(w.t.Again))
	if err != nil {
		return "", err
	}
	w.o.Inbox.Posted(*r.thread, m)
	return "", nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// draft is what the agent writes to reach the objective, after what was written before.
func (w *Assignee) draft(ctx context.Context, a store.Assignment, agent store.Agent, thread store.Conversation) (string, error) {
	before, err := w.o.Store.LastMessages(ctx, a.Org, thread.ID, mostTold)
	if err != nil {
		return "", fmt.Errorf("read thread: %w", err)
	}
	agent.SystemPrompt += "\n\nYou write the next message of this thread of your own accord, not as an answer, to carry out one task. Write that message alone. " +
		"The task's objective: " + strings.ReplaceAll(a.Objective, "{{", `\{{`)
	ctx, cancel := context.WithTimeout(ctx, w.t.Draft)
	defer cancel()
	written, err := w.o.Drafter.Draft(ctx, agent, thread, append(bots.Told(before), pipeline.Message{Role: pipeline.Narrator, Text: "Carry out the task: " + a.Objective}))
	return written.Text, err
}
