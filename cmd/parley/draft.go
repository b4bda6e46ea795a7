package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/control/bots"
	"parley/media"
	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/pipeline/memory"
	"parley/store"
)

// Draft implements bots.Drafter: the agent's language model writes the answer, or its own flow where there is no model. Nobody hears it, and
// nothing is done: no tool is called.
func (c *company) Draft(ctx context.Context, row store.Agent, conversation store.Conversation, thread []pipeline.Message) (d bots.Drafted, err error) {
	c.with(row.Org, func(v *vendors) {
		r := c.of(v, row)
		agent := r.agent
		agent.Prompt, _ = pipeline.Fill(row.SystemPrompt, pipeline.Slots(media.Info{}))
		switch {
		case r.model != nil:
			talk := talkOf(thread, &agent)
			talk, d.Remembered = c.recalled(ctx, row, conversation, talk)
			d.Text, err = draft(ctx, r.model, talk)
		case r.plan.Flow != nil:
			d.Text, err = rehearsed(ctx, r.plan.Flow, thread, &agent)
		default:
			err = bots.ErrMute
		}
	})
	if err == nil && d.Text == "" {
		err = errors.New("the answer is empty")
	}
	return d, err
}

// recalled tells a talk of other conversations with the same person. An answer without them is better than none.
func (c *company) recalled(ctx context.Context, row store.Agent, conversation store.Conversation, talk pipeline.Talk) (pipeline.Talk, []string) {
	if c.recall == nil {
		return talk, nil
	}
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	note, ids, err := c.recall.Thread(ctx, row, conversation)
	if err != nil {
		c.log.Warn("earlier conversations are not recalled", "conversation", conversation.ID, "agent", row.ID, "error", err)
	}
	if note == "" {
		return talk, nil
	}
	agent := *talk.Agent
	agent.Prompt = memory.Instructed(agent.Prompt)
	talk.Agent = &agent
	return memory.Told(note, talk), ids
}

// recallTime is how long the writer of a text waits for what was said before.
const recallTime = 2 * time.Second

// talkOf asks for the answer to the end of a thread.
func talkOf(thread []pipeline.Message, agent *pipeline.Agent) pipeline.Talk {
	t := pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting, History: thread, Agent: agent}
	for _, m := range thread {
		if m.Role == pipeline.Caller {
			t.Turn, t.Why, t.Text = m.Turn, pipeline.ForWords, m.Text
		}
	}
	return t
}

// draft is the text of a response.
func draft(ctx context.Context, r pipeline.Responder, t pipeline.Talk) (string, error) {
	var b strings.Builder
	for d, err := range r.Respond(ctx, t) {
		if err != nil {
			return "", fmt.Errorf("draft reply: %w", err)
		}
		b.WriteString(d.Text)
	}
	return strings.TrimSpace(b.String()), nil
}

// rehearsed walks through a flow as the thread did, and is what it says at the end.
func rehearsed(ctx context.Context, f *flow.Flow, thread []pipeline.Message, agent *pipeline.Agent) (string, error) {
	r := f.Responder(flow.Options{})
	text, err := draft(ctx, r, talkOf(nil, agent))
	for i, m := range thread {
		if m.Role != pipeline.Caller || err != nil {
			continue
		}
		text, err = draft(ctx, r, talkOf(thread[:i+1], agent))
	}
	return text, err
}
