package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/store"
)

// A Retold call has its second transcript, and the report on it.
type Retold struct {
	Source       string // ElevenLabs or Rerecorded
	Conversation string // the vendor's id; empty: none
	Messages     []store.Message
	Report       Report
}

// Retell makes the second transcript of a call that is over, and the report on it, and stores both in place of former ones. conversation
// is the vendor's id of it; empty: the one that was used before, or else the recording is heard anew. The first transcript, which the
// call itself wrote, stays as it is.
func (d *Desk) Retell(ctx context.Context, call store.Call, conversation string) (Retold, error) {
	if !call.Status.Final() {
		return Retold{}, ErrNotOver
	}
	d.init()
	if conversation == "" {
		former, err := d.Reports.Retelling(ctx, call.Org, call.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Retold{}, fmt.Errorf("read second transcript: %w", err)
		}
		conversation = former.Conversation
	}
	return share(ctx, d, "retell "+call.ID+" "+conversation, retellLimit, func(ctx context.Context) (Retold, error) {
		c := Call{Call: call, Source: Rerecorded}
		if err := d.introduce(ctx, &c); err != nil {
			return Retold{}, err
		}
		var err error
		if conversation != "" {
			err = d.fetch(ctx, &c, conversation)
		} else {
			c.Messages, err = d.hear(ctx, call)
		}
		if err != nil {
			return Retold{}, err
		}
		if c.Turned, err = d.Calls.Turns(ctx, call.Org, call.ID); err != nil {
			return Retold{}, fmt.Errorf("read turns: %w", err)
		}
		out := Retold{Source: c.Source, Conversation: conversation, Messages: c.Messages, Report: d.write(ctx, c)}
		row, err := out.Report.row(call.ID)
		if err != nil {
			return Retold{}, err
		}
		t := store.Retelling{Call: call.ID, Source: out.Source, Conversation: conversation, Messages: out.Messages, Made: time.Now().UTC()}
		if err := d.Reports.Retell(ctx, call.Org, t, row); err != nil {
			return Retold{}, fmt.Errorf("keep transcript: %w", err)
		}
		return out, nil
	})
}

// fetch takes the vendor's word for a call, if it is of that call. Without this check, whoever knows an id could read what another
// organisation's callers said, since one account of the vendor's may serve many.
func (d *Desk) fetch(ctx context.Context, c *Call, id string) error {
	if d.Conversations == nil {
		return fmt.Errorf("%w: no vendor's conversations are known", ErrAway)
	}
	v, err := d.Conversations.Conversation(ctx, c.Org, id)
	switch {
	case errors.Is(err, ErrNoConversation), errors.Is(err, ErrPending):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrAway, err)
	case v.CarrierID != "" && v.CarrierID != c.CarrierID:
		return ErrOtherCall
	case v.CarrierID == "" && (v.Began.Before(c.Created.Add(-drift)) || v.Began.After(c.Ended.Add(drift))):
		return ErrOtherCall
	}
	c.Source, c.Extra, c.Vendor = ElevenLabs, v.Extracted, &v.Assessment
	c.Messages = make([]store.Message, len(v.Messages))
	for i, m := range v.Messages {
		m.Call, m.Seq = c.ID, i
		c.Messages[i] = m
	}
	return nil
}

// hear puts the recording into words. One is heard at a time, and few may wait.
func (d *Desk) hear(ctx context.Context, call store.Call) ([]store.Message, error) {
	if d.Hear == nil || d.Open == nil {
		return nil, fmt.Errorf("%w: there is no recogniser", ErrAway)
	}
	rec, err := d.Calls.Recording(ctx, call.Org, call.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoRecording
	}
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	default:
		return nil, ErrBusy
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	sound, err := d.Open(ctx, rec)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	defer sound.Close() //nolint:errcheck // it was only read
	messages, err := d.Hear(ctx, sound, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	for i := range messages {
		messages[i].Call, messages[i].Seq = call.ID, i
	}
	return messages, nil
}
