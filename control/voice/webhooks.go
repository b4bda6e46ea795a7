package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/webhook"
	"parley/store"
)

// A HookStore keeps webhooks' settings and their log.
type HookStore interface {
	store.Deliveries
	store.WebhookRules
}

// Webhooks handles /webhooks. All of it is an extension.
type Webhooks struct {
	Store   HookStore
	Secrets *webhook.Secrets
	Wake    func() // called when there is something to be sent at once; may be nil
}

// HookSettings are how an organisation's webhooks are sent.
type HookSettings struct {
	Redelivery        bool               `json:"redelivery" doc:"Whether what fails is tried again: ten tries over three days. Off: one try."`
	SecretCreatedAt   envelope.Time      `json:"secret_created_at" nullable:"true" doc:"When the secret that signs was made; null: none has been."`
	FormerSecretUntil envelope.Time      `json:"former_secret_until" nullable:"true" doc:"Until when the secret before signs too; null: it does not."`
	DisabledEndpoints []DisabledEndpoint `json:"disabled_endpoints" nullable:"false" doc:"URLs to which nothing is sent any more, in their order: limit of them, after the first offset."`
	DisabledTotal     int64              `json:"disabled_total" doc:"How many there are." example:"0"`
}

// A DisabledEndpoint is a URL to which nothing is sent any more.
type DisabledEndpoint struct {
	URL        string        `json:"url" example:"https://your-app.com/webhooks"`
	Reason     string        `json:"reason" example:"the endpoint answered 410 Gone"`
	DisabledAt envelope.Time `json:"disabled_at"`
}

// GetHookSettings is what GET /webhooks/settings asks.
type GetHookSettings struct {
	envelope.Strict
	envelope.Page
}

// Settings handles GET /webhooks/settings.
func (h *Webhooks) Settings(ctx context.Context, in *GetHookSettings) (*envelope.One[HookSettings], error) {
	w, err := h.Store.WebhookSettings(ctx, access.Org(ctx))
	if err != nil {
		return nil, fmt.Errorf("read webhook settings: %w", err)
	}
	disabled, total, err := h.Store.DisabledEndpoints(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list disabled endpoints: %w", err)
	}
	shown := HookSettings{Redelivery: w.Redelivery, SecretCreatedAt: envelope.Time(w.Rotated), FormerSecretUntil: formerUntil(w),
		DisabledEndpoints: []DisabledEndpoint{}, DisabledTotal: total}
	for _, d := range disabled {
		shown.DisabledEndpoints = append(shown.DisabledEndpoints, DisabledEndpoint{d.URL, d.Reason, envelope.Time(d.Created)})
	}
	return envelope.Give(ctx, shown), nil
}

// formerUntil is when the former secret ends, if that is still to come.
func formerUntil(w store.WebhookSettings) envelope.Time {
	if time.Now().Before(w.FormerUntil) {
		return envelope.Time(w.FormerUntil)
	}
	return envelope.Time{}
}

// PutHookSettings is what PUT /webhooks/settings asks.
type PutHookSettings struct {
	envelope.Strict

	Body struct {
		Redelivery      bool     `json:"redelivery" doc:"Try again what fails: ten tries over three days; an answer of 410 disables its URL."`
		EnableEndpoints []string `json:"enable_endpoints,omitempty" nullable:"true" maxItems:"100" doc:"Disabled URLs that are sent to again. What has failed meanwhile can be replayed."`
	}
}

// PutSettings handles PUT /webhooks/settings.
func (h *Webhooks) PutSettings(ctx context.Context, in *PutHookSettings) (*envelope.One[HookSettings], error) {
	_, err := h.Store.UpdateWebhookSettings(ctx, access.Org(ctx), func(w *store.WebhookSettings) error {
		w.Redelivery = in.Body.Redelivery
		return nil
	})
	if err == nil {
		err = h.Store.EnableEndpoints(ctx, access.Org(ctx), in.Body.EnableEndpoints)
	}
	if err != nil {
		return nil, fmt.Errorf("put webhook settings: %w", err)
	}
	return h.Settings(ctx, &GetHookSettings{Page: envelope.Page{Limit: 50}})
}

// RotateSecret is what POST /webhooks/secret asks.
type RotateSecret struct {
	envelope.Strict

	Body struct {
		FormerHours *int `json:"former_hours,omitempty" minimum:"0" maximum:"168" doc:"How long the secret before signs too, in hours: 24 if this is left out; 0: no more from now on."`
	}
}

// HookSecret is a new secret.
type HookSecret struct {
	Secret            string        `json:"secret" doc:"What signs from now on, shown this once. It is kept sealed." example:"whsec_..."`
	CreatedAt         envelope.Time `json:"created_at"`
	FormerSecretUntil envelope.Time `json:"former_secret_until" nullable:"true" doc:"Until when the secret before signs too; null: there is none."`
}

// Secret handles POST /webhooks/secret.
func (h *Webhooks) Secret(ctx context.Context, in *RotateSecret) (*envelope.One[HookSecret], error) {
	overlap := 24 * time.Hour
	if hours := in.Body.FormerHours; hours != nil {
		overlap = time.Duration(*hours) * time.Hour
	}
	secret, w, err := h.Secrets.Rotate(ctx, access.Org(ctx), overlap)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, HookSecret{Secret: secret, CreatedAt: envelope.Time(w.Rotated), FormerSecretUntil: formerUntil(w)}), nil
}

// A Delivery is one event on its way to one URL.
type Delivery struct {
	ID             string               `json:"id" format:"uuid" doc:"The header webhook-id: the same on each try."`
	Number         int64                `json:"number" doc:"Its second id, a number." example:"1"`
	EventType      string               `json:"event_type" enum:"call_started,call_completed,call_failed,test"`
	TaskID         *string              `json:"task_id" format:"uuid" doc:"null: a test."`
	CallID         *string              `json:"call_id" format:"uuid" doc:"null: a test."`
	URL            string               `json:"url" example:"https://your-app.com/webhooks"`
	Status         store.DeliveryStatus `json:"status" enum:"pending,delivered,failed"`
	AttemptCount   int                  `json:"attempt_count" example:"1"`
	ResponseStatus *int                 `json:"response_status" doc:"HTTP status of the last attempt; null: there was no answer." example:"200"`
	Error          *string              `json:"error" doc:"Why the last attempt failed; null: it did not." example:"no answer within 10s"`
	NextAttemptAt  envelope.Time        `json:"next_attempt_at" nullable:"true" doc:"When it is tried next; while it is being tried, when another node may. null: no more."`
	CreatedAt      envelope.Time        `json:"created_at"`
	SettledAt      envelope.Time        `json:"settled_at" nullable:"true" doc:"When it was delivered or failed; null: it is pending."`
}

func showDelivery(d store.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Number: d.Number, EventType: d.Kind, TaskID: envelope.Optional(d.Task), CallID: envelope.Optional(d.Call), URL: d.URL, Status: d.Status, AttemptCount: d.Attempts,
		ResponseStatus: answered(d.Code), Error: envelope.Optional(d.Error), NextAttemptAt: envelope.Time(d.Due), CreatedAt: envelope.Time(d.Created),
		SettledAt: envelope.Time(d.Settled),
	}
}

// answered is an HTTP status for JSON, where none is null.
func answered(code int) *int {
	if code == 0 {
		return nil
	}
	return &code
}

// A DeliveryDetail is a delivery with what was sent, and what came of it.
type DeliveryDetail struct {
	Delivery

	Payload  Body              `json:"payload"`
	Attempts []DeliveryAttempt `json:"attempts" nullable:"false" doc:"Newest first: limit of them, after the first offset."`
}

// A Body is what a webhook sends, as JSON; nil is null.
type Body json.RawMessage

// MarshalJSON implements json.Marshaler.
func (b Body) MarshalJSON() ([]byte, error) { return json.RawMessage(b).MarshalJSON() }

// Schema implements huma.SchemaProvider: an object, or null.
func (Body) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Nullable: true, AdditionalProperties: true, Description: "The body, the same on each try; null: the first try is still to come."}
}

// A DeliveryAttempt is one try of a delivery.
type DeliveryAttempt struct {
	N              int           `json:"n" doc:"From 1." example:"1"`
	At             envelope.Time `json:"at"`
	LatencyMS      int64         `json:"latency_ms" doc:"From its begin to the end of the answer, or to when it was given up." example:"120"`
	ResponseStatus *int          `json:"response_status" doc:"HTTP status; null: there was no answer." example:"200"`
	Response       *string       `json:"response" doc:"How the answer's body began: 1 KiB at most." example:"ok"`
	Error          *string       `json:"error" doc:"Why it failed; null: it did not." example:"no answer within 10s"`
}

// ListDeliveries is what GET /webhooks/deliveries asks.
type ListDeliveries struct {
	envelope.Strict
	envelope.Page

	Status store.DeliveryStatus `query:"status" enum:"pending,delivered,failed" doc:"Filter by status."`
	TaskID string               `query:"task_id" format:"uuid" doc:"Filter by task ID."`
	CallID string               `query:"call_id" format:"uuid" doc:"Filter by call ID."`
	Event  string               `query:"event" enum:"call_started,call_completed,call_failed,test" doc:"Filter by event type."`
}

// List handles GET /webhooks/deliveries.
func (h *Webhooks) List(ctx context.Context, in *ListDeliveries) (*envelope.Many[Delivery], error) {
	f := store.DeliveryFilter{Status: in.Status, Task: envelope.Plain(in.TaskID), Call: envelope.Plain(in.CallID), Kind: in.Event}
	rows, total, err := h.Store.Deliveries(ctx, access.Org(ctx), f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	all := make([]Delivery, len(rows))
	for i, row := range rows {
		all[i] = showDelivery(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// GetDelivery is what GET /webhooks/deliveries/{id} asks.
type GetDelivery struct {
	envelope.ID
	envelope.Page
}

// Get handles GET /webhooks/deliveries/{id}.
func (h *Webhooks) Get(ctx context.Context, in *GetDelivery) (*envelope.One[DeliveryDetail], error) {
	id, err := envelope.Canonical(in.ID.ID, "delivery")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.Delivery(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, noDelivery(err)
	}
	tries, _, err := h.Store.DeliveryAttempts(ctx, access.Org(ctx), id, in.Rows())
	if err != nil {
		return nil, noDelivery(err)
	}
	shown := DeliveryDetail{Delivery: showDelivery(row), Attempts: []DeliveryAttempt{}}
	if row.Payload != "" {
		shown.Payload = Body(row.Payload)
	}
	for _, t := range tries {
		shown.Attempts = append(shown.Attempts, DeliveryAttempt{
			N: t.N, At: envelope.Time(t.Created), LatencyMS: t.Took.Milliseconds(), ResponseStatus: answered(t.Code), Response: envelope.Optional(t.Answer), Error: envelope.Optional(t.Error),
		})
	}
	return envelope.Give(ctx, shown), nil
}

// Replay handles POST /webhooks/deliveries/{id}/replay.
func (h *Webhooks) Replay(ctx context.Context, in *envelope.ID) (*envelope.One[Delivery], error) {
	id, err := envelope.Canonical(in.ID, "delivery")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.ReplayDelivery(ctx, access.Org(ctx), id, time.Now().UTC())
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Bad("the delivery is pending: it will be tried anyway")
	}
	return h.answer(ctx, row, err)
}

// TestHook is what POST /webhooks/test asks.
type TestHook struct {
	envelope.Strict

	Body TestBody
}

// A TestBody is the body of POST /webhooks/test.
type TestBody struct {
	URL string `json:"url" minLength:"1" maxLength:"2000" doc:"Webhook URL, https."`
}

// Resolve implements huma.ResolverWithPath.
func (b *TestBody) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return checkHook(at, "url", b.URL)
}

// Test handles POST /webhooks/test.
func (h *Webhooks) Test(ctx context.Context, in *TestHook) (*envelope.One[Delivery], error) {
	row, err := h.Store.AddDelivery(ctx, store.Delivery{
		ID: store.NewID(), Org: access.Org(ctx), Kind: store.WebhookTest, URL: in.Body.URL, Payload: webhook.TestPayload(), Created: time.Now().UTC(),
	})
	return h.answer(ctx, row, err)
}

// answer shows a delivery that is to be sent at once.
func (h *Webhooks) answer(ctx context.Context, row store.Delivery, err error) (*envelope.One[Delivery], error) {
	if err != nil {
		return nil, noDelivery(err)
	}
	if h.Wake != nil {
		h.Wake()
	}
	return envelope.Give(ctx, showDelivery(row)), nil
}

// noDelivery names what was not found.
func noDelivery(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Missing("no such delivery")
	}
	return fmt.Errorf("delivery: %w", err)
}
