package store

import (
	"context"
	"time"
)

// ChatCalls are the calls on messaging channels, of which webhooks tell any node.
type ChatCalls interface {
	// HoldChatCall notes that a node has a call, by the channel's id of it; false: some node has it already, or had. What is older than two days is
	// forgotten.
	HoldChatCall(ctx context.Context, org, id, boot string, now time.Time) (bool, error)
	// ChatCallHolder is the node that has a call, by its boot: ErrNotFound if none has.
	ChatCallHolder(ctx context.Context, org, id string) (boot string, err error)
	// Introduce makes somebody a contact, by what they are called on the channel, unless there is one who has such an address.
	Introduce(ctx context.Context, org string, peers []string, name string, now time.Time) error
	// Permitted makes the tasks of a bot due now that wait until somebody has said whether they may be called (CausePermission).
	Permitted(ctx context.Context, org, bot, to string, now time.Time) (tasks int, err error)
}
