package voice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/webhook"
	"parley/store"
)

// Task is a task as lists show it.
type Task struct {
	ID              string        `json:"id" format:"uuid"`
	Number          int64         `json:"number" doc:"Its second id, a number. Extension." example:"1"`
	AgentID         string        `json:"agent_id" format:"uuid"`
	Name            string        `json:"name" example:"Call customer"`
	ToNumber        string        `json:"to_number" example:"+1234567890"`
	Description     *string       `json:"description" example:"Follow up call"`
	StartingMessage *string       `json:"starting_message" doc:"What the agent says first; null: its own." example:"Hello, this is a call from our company"`
	ContextData     Context       `json:"context_data"`
	Priority        int           `json:"priority" doc:"Higher goes first." example:"0"`
	ScheduledAt     envelope.Time `json:"scheduled_at" nullable:"true" doc:"When it is executed by itself; null: it waits for POST /tasks/{id}/execute."`
	WebhookURL      *string       `json:"webhook_url" example:"https://your-app.com/webhooks"`
	WebhookEvents   []string      `json:"webhook_events" nullable:"false" enum:"call_started,call_completed,call_failed" doc:"What webhook_url is told; none: everything."`
	Status          store.Status  `json:"status" enum:"pending,in_progress,completed,failed"`
	CallID          *string       `json:"call_id" format:"uuid" doc:"The call that carries it out, or did; null: none since it was made or reset. Extension."`
	Attempts        int           `json:"attempts" doc:"How many calls were begun for it. Extension." example:"1"`
	Retries         int           `json:"retries" doc:"How many of them because the one before met a busy line or nobody. Extension." example:"0"`
	Error           *string       `json:"error" doc:"Why its last call failed; null: it has not. Extension."`
	Outcome         *string       `json:"outcome" doc:"What came of its last call, once that is over: who answered (human, machine, ..., or answered where that was not found out), or why it failed (busy, no_answer, carrier, cancelled, ...). Extension." example:"human"`
	Channel         string        `json:"channel" enum:"phone,whatsapp" doc:"How it calls. Extension."`
	BotID           *string       `json:"bot_id" format:"uuid" doc:"The bot from whose number it calls; null: of phone. Extension."`
	Permission      *Permission   `json:"permission" doc:"How somebody on whatsapp is asked who has not allowed to be called; null: they are not asked. Extension."`
	CampaignID      *string       `json:"campaign_id" format:"uuid" doc:"The campaign that it belongs to; null: none. Extension."`
	NextAttemptAt   envelope.Time `json:"next_attempt_at" nullable:"true" doc:"When it is executed by itself next: later than scheduled_at if the number may not be called at that time, or is tried again; of a campaign's task, not before that runs. Extension."`
	CreatedAt       envelope.Time `json:"created_at"`
	UpdatedAt       envelope.Time `json:"updated_at"`
}

// TaskDetail is a task with its agent.
type TaskDetail struct {
	Task

	Agent *Agent `json:"agent" doc:"Its agent; null if that has been deleted since."`
}

// TransformSchema implements huma.SchemaTransformer.
func (TaskDetail) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "agent")
	return Task{}.TransformSchema(r, s)
}

// TransformSchema implements huma.SchemaTransformer.
func (Task) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "permission")
	return s
}

// ShowTask makes a Task of its row.
func ShowTask(t store.Task) (Task, error) {
	context, err := object(t.Context)
	if err != nil {
		return Task{}, fmt.Errorf("read context of task %s: %w", t.ID, err)
	}
	events := t.WebhookEvents
	if events == nil {
		events = []string{}
	}
	permission, err := readPermission(t.Permission)
	if err != nil {
		return Task{}, fmt.Errorf("read permission of task %s: %w", t.ID, err)
	}
	return Task{
		Channel: channelOf(t), BotID: envelope.Optional(t.Bot), Permission: permission,
		ID: t.ID, Number: t.Number, AgentID: t.Agent, Name: t.Name, ToNumber: t.To, Description: envelope.Optional(t.Description),
		StartingMessage: envelope.Optional(t.StartingMessage), ContextData: Context(context), Priority: t.Priority, ScheduledAt: envelope.Time(t.Scheduled),
		WebhookURL: envelope.Optional(t.WebhookURL), WebhookEvents: events, Status: t.Status, CallID: envelope.Optional(t.Call), Attempts: t.Attempts, Retries: t.Retries,
		Error: envelope.Optional(t.Error), Outcome: envelope.Optional(t.Outcome), CampaignID: envelope.Optional(t.Campaign), NextAttemptAt: envelope.Time(t.Due), CreatedAt: envelope.Time(t.Created), UpdatedAt: envelope.Time(t.Updated),
	}, nil
}

// maxContext is how large context_data may be, as compact JSON.
const maxContext = 64 << 10

// Context is what a task knows of whom it calls, as JSON, kept as it came; nil is null.
type Context json.RawMessage

// MarshalJSON implements json.Marshaler.
func (c Context) MarshalJSON() ([]byte, error) { return json.RawMessage(c).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (c *Context) UnmarshalJSON(data []byte) error {
	*c = nil
	if string(data) == "null" {
		return nil
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, data); err != nil {
		return err
	}
	*c = bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD"))
	return nil
}

// Schema implements huma.SchemaProvider: any object, or null.
func (Context) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Nullable: true, AdditionalProperties: true,
		Description: "What fills the places {{name}} of the agent's prompt and of the starting message: any JSON object of at most 64 KiB. " +
			"{{customer.name}} is a member of an object inside. A place that nothing fills is an error when the task is executed.",
	}
}

// TaskReadOnly are the fields of a task that a client sees and cannot set.
type TaskReadOnly struct {
	ID            envelope.Given `json:"id,omitempty" hidden:"true"`
	Number        envelope.Given `json:"number,omitempty" hidden:"true"`
	Status        envelope.Given `json:"status,omitempty" hidden:"true"`
	CallID        envelope.Given `json:"call_id,omitempty" hidden:"true"`
	Attempts      envelope.Given `json:"attempts,omitempty" hidden:"true"`
	Retries       envelope.Given `json:"retries,omitempty" hidden:"true"`
	Error         envelope.Given `json:"error,omitempty" hidden:"true"`
	Outcome       envelope.Given `json:"outcome,omitempty" hidden:"true"`
	CampaignID    envelope.Given `json:"campaign_id,omitempty" hidden:"true"`
	NextAttemptAt envelope.Given `json:"next_attempt_at,omitempty" hidden:"true"`
	Agent         envelope.Given `json:"agent,omitempty" hidden:"true"`
	CreatedAt     envelope.Given `json:"created_at,omitempty" hidden:"true"`
	UpdatedAt     envelope.Given `json:"updated_at,omitempty" hidden:"true"`
}

// check refuses them by name.
func (g TaskReadOnly) check(at *huma.PathBuffer) (bad []error) {
	for _, f := range []struct {
		name  string
		given envelope.Given
	}{
		{"id", g.ID},
		{"number", g.Number},
		{"status", g.Status},
		{"call_id", g.CallID},
		{"attempts", g.Attempts},
		{"retries", g.Retries},
		{"error", g.Error},
		{"outcome", g.Outcome},
		{"campaign_id", g.CampaignID},
		{"next_attempt_at", g.NextAttemptAt},
		{"agent", g.Agent},
		{"created_at", g.CreatedAt},
		{"updated_at", g.UpdatedAt},
	} {
		if f.given {
			bad = append(bad, envelope.Complain(at, f.name, "is read-only"))
		}
	}
	return bad
}

// TaskCreate is the body of POST /tasks.
type TaskCreate struct {
	TaskReadOnly

	AgentID         string                    `json:"agent_id" format:"uuid" doc:"The agent that is to call."`
	Name            string                    `json:"name" minLength:"1" maxLength:"200" doc:"Task name: not blank."`
	ToNumber        string                    `json:"to_number" minLength:"1" maxLength:"20" doc:"Phone number (E.164 format)." example:"+1234567890"`
	Description     string                    `json:"description,omitempty" nullable:"true" maxLength:"2000" doc:"Task description."`
	StartingMessage string                    `json:"starting_message,omitempty" nullable:"true" maxLength:"5000" doc:"Initial message; null: the agent's."`
	ContextData     Context                   `json:"context_data,omitempty"`
	Priority        int                       `json:"priority,omitempty" nullable:"true" minimum:"-1000000" maximum:"1000000" default:"0" doc:"Higher goes first."`
	ScheduledAt     envelope.Field[time.Time] `json:"scheduled_at,omitempty" doc:"When it is executed by itself, with a time zone; null: it waits to be executed."`
	WebhookURL      string                    `json:"webhook_url,omitempty" nullable:"true" maxLength:"2000" doc:"Where events are sent: an https URL."`
	WebhookEvents   []string                  `json:"webhook_events,omitempty" nullable:"true" maxItems:"3" enum:"call_started,call_completed,call_failed" doc:"Events to send; none: all."`

	TaskChannel
}

// TransformSchema implements huma.SchemaTransformer.
func (TaskCreate) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "permission")
	return s
}

// Resolve implements huma.ResolverWithPath.
func (b *TaskCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	bad = append(bad, b.ScheduledAt.Check(at, "scheduled_at", true)...)
	bad = append(bad, checkTask(at, b.Name, b.Description, b.StartingMessage)...)
	bad = append(bad, checkNumber(at, b.ToNumber)...)
	bad = append(bad, checkContext(at, b.ContextData)...)
	bad = append(bad, b.wrong(at)...)
	return append(bad, checkHook(at, "webhook_url", b.WebhookURL)...)
}

// TaskPatch is the body of PATCH /tasks/{id}: what is left out stays, null clears.
type TaskPatch struct {
	TaskReadOnly

	AgentID         envelope.Given            `json:"agent_id,omitempty" hidden:"true"`
	Channel         envelope.Given            `json:"channel,omitempty" hidden:"true"`
	BotID           envelope.Given            `json:"bot_id,omitempty" hidden:"true"`
	Permission      envelope.Given            `json:"permission,omitempty" hidden:"true"`
	Name            envelope.Field[string]    `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"Task name: not blank."`
	Description     envelope.Field[string]    `json:"description,omitempty" maxLength:"2000" doc:"Task description."`
	ToNumber        envelope.Field[string]    `json:"to_number,omitempty" nullable:"false" minLength:"1" maxLength:"20" doc:"Phone number (E.164 format)."`
	StartingMessage envelope.Field[string]    `json:"starting_message,omitempty" maxLength:"5000" doc:"Initial message."`
	ContextData     envelope.Field[Context]   `json:"context_data,omitempty" doc:"Context data object, replaced as a whole."`
	Priority        envelope.Field[int]       `json:"priority,omitempty" nullable:"false" minimum:"-1000000" maximum:"1000000" doc:"Priority level."`
	ScheduledAt     envelope.Field[time.Time] `json:"scheduled_at,omitempty" doc:"Scheduled execution time; null: it waits to be executed."`
	WebhookURL      envelope.Field[string]    `json:"webhook_url,omitempty" maxLength:"2000" doc:"Webhook URL, https."`
	WebhookEvents   envelope.Field[[]string]  `json:"webhook_events,omitempty" maxItems:"3" enum:"call_started,call_completed,call_failed" doc:"Array of webhook events; none: all."`
}

// Resolve implements huma.ResolverWithPath.
func (b *TaskPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	for name, given := range map[string]envelope.Given{"agent_id": b.AgentID, "channel": b.Channel, "bot_id": b.BotID, "permission": b.Permission} {
		if given {
			bad = append(bad, envelope.Complain(at, name, "cannot be changed: make another task"))
		}
	}
	for _, wrong := range [][]error{
		b.Name.Check(at, "name", false),
		b.Description.Check(at, "description", true),
		b.ToNumber.Check(at, "to_number", false),
		b.StartingMessage.Check(at, "starting_message", true),
		b.ContextData.Check(at, "context_data", true),
		b.Priority.Check(at, "priority", false),
		b.ScheduledAt.Check(at, "scheduled_at", true),
		b.WebhookURL.Check(at, "webhook_url", true),
		b.WebhookEvents.Check(at, "webhook_events", true),
		checkTask(at, b.Name.Value, b.Description.Value, b.StartingMessage.Value),
		checkContext(at, b.ContextData.Value),
		checkHook(at, "webhook_url", b.WebhookURL.Value),
		checkNumber(at, b.ToNumber.Value),
	} {
		bad = append(bad, wrong...)
	}
	return bad
}

// empty says that there is nothing to change.
func (b *TaskPatch) empty() bool {
	return !b.Name.Set && !b.Description.Set && !b.ToNumber.Set && !b.StartingMessage.Set && !b.ContextData.Set && !b.Priority.Set &&
		!b.ScheduledAt.Set && !b.WebhookURL.Set && !b.WebhookEvents.Set
}

// apply makes the changes on a row.
func (b *TaskPatch) apply(t *store.Task) {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{
		{b.Name, &t.Name},
		{b.Description, &t.Description},
		{b.ToNumber, &t.To},
		{b.StartingMessage, &t.StartingMessage},
		{b.WebhookURL, &t.WebhookURL},
	} {
		if f.from.Set {
			*f.to = f.from.Value
		}
	}
	if b.ContextData.Set {
		t.Context = string(b.ContextData.Value)
	}
	if b.Priority.Set {
		t.Priority = b.Priority.Value
	}
	if b.ScheduledAt.Set {
		t.Scheduled = b.ScheduledAt.Value.UTC()
	}
	if b.WebhookEvents.Set {
		t.WebhookEvents = tidy(b.WebhookEvents.Value)
	}
}

// tidy has each word once, in order.
func tidy(words []string) []string {
	out := slices.Clone(words)
	slices.Sort(out)
	out = slices.Compact(out)
	slices.SortFunc(out, func(a, b string) int { return slices.Index(words, a) - slices.Index(words, b) })
	return out
}

func checkNumber(at *huma.PathBuffer, number string) []error {
	if number != "" && !envelope.E164(number) {
		return []error{envelope.Complain(at, "to_number", envelope.NoE164)}
	}
	return nil
}

// checkTask refuses a blank name, and NUL, which databases cannot keep.
func checkTask(at *huma.PathBuffer, name, description, start string) (bad []error) {
	for _, f := range []struct{ name, text string }{{"name", name}, {"description", description}, {"starting_message", start}} {
		if strings.ContainsRune(f.text, 0) {
			bad = append(bad, envelope.Complain(at, f.name, "must not contain NUL characters"))
		}
	}
	if name != "" && strings.TrimSpace(name) == "" {
		bad = append(bad, envelope.Complain(at, "name", "must not be blank"))
	}
	return bad
}

func checkContext(at *huma.PathBuffer, c Context) []error {
	if len(c) > maxContext {
		return []error{envelope.Complain(at, "context_data", "is larger than 64 KiB")}
	}
	return nil
}

// checkHook refuses URLs to which no webhook is ever sent. Where an address leads is looked at when it is dialled.
func checkHook(at *huma.PathBuffer, field, hook string) []error {
	if hook == "" {
		return nil
	}
	if err := webhook.CheckURL(hook); err != nil {
		return []error{envelope.Complain(at, field, err.Error())}
	}
	return nil
}
