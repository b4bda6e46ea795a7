package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/voice"
	"parley/store"
)

// List is what GET /campaigns asks.
type List struct {
	envelope.Strict
	envelope.Page
}

// List handles GET /campaigns.
func (h *Campaigns) List(ctx context.Context, in *List) (*envelope.Many[Campaign], error) {
	rows, total, err := h.Store.Campaigns(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list campaigns: %w", err)
	}
	all := make([]Campaign, len(rows))
	for i, row := range rows {
		all[i] = show(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// Create is what POST /campaigns asks.
type Create struct {
	envelope.Strict

	Body Body
}

// Create handles POST /campaigns.
func (h *Campaigns) Create(ctx context.Context, in *Create) (*envelope.One[Campaign], error) {
	row, err := h.Store.CreateCampaign(ctx, in.Body.row(access.Org(ctx), time.Now().UTC()))
	if errors.Is(err, store.ErrNotFound) {
		fault := envelope.Missing("no such agent")
		fault.Details = map[string]string{"agent_id": "no such agent"}
		return nil, fault
	}
	return answer(ctx, row, err)
}

// Get handles GET /campaigns/{id}.
func (h *Campaigns) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Campaign], error) {
	row, err := h.find(ctx, in.ID)
	return answer(ctx, row, err)
}

// find reads the campaign that a path names.
func (h *Campaigns) find(ctx context.Context, id string) (store.Campaign, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return store.Campaign{}, store.ErrNotFound
	}
	return h.Store.Campaign(ctx, access.Org(ctx), u.String())
}

// Update is what PATCH /campaigns/{id} asks.
type Update struct {
	envelope.ID

	Body Patch
}

// Update handles PATCH /campaigns/{id}.
func (h *Campaigns) Update(ctx context.Context, in *Update) (*envelope.One[Campaign], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of name, description, scheduled_at, max_calls, calls_per_second, breaker")
	}
	c, err := h.find(ctx, in.ID.ID)
	if err != nil {
		return nil, none(err)
	}
	row, err := h.Store.UpdateCampaign(ctx, c.Org, c.ID, time.Now().UTC(), func(c *store.Campaign) error {
		in.Body.apply(c)
		return nil
	})
	return answer(ctx, row, err)
}

// Start handles POST /campaigns/{id}/start.
func (h *Campaigns) Start(ctx context.Context, in *envelope.ID) (*envelope.One[Campaign], error) {
	row, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	counts, err := h.Store.CampaignCounts(ctx, row.Org, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	if tallied(counts).Pending == 0 {
		return nil, envelope.Bad("the campaign has nobody to call: upload contacts first")
	}
	if err := h.ready(ctx, row); err != nil {
		return nil, err
	}
	return h.move(ctx, row, store.CampaignRunning, "", "only a draft, or one that is completed and has new contacts, can be started", store.CampaignDraft, store.CampaignCompleted)
}

// ready refuses to let a campaign run whose agent would call nobody.
func (h *Campaigns) ready(ctx context.Context, c store.Campaign) error {
	v, err := h.Vetter.Vet(ctx, c.Org, c.Agent)
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Bad("the campaign's agent is gone")
	}
	if err != nil {
		return err
	}
	if why := v.Ready(); why != "" {
		return envelope.Bad(why)
	}
	return nil
}

// Pause handles POST /campaigns/{id}/pause.
func (h *Campaigns) Pause(ctx context.Context, in *envelope.ID) (*envelope.One[Campaign], error) {
	row, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	return h.move(ctx, row, store.CampaignPaused, "by request", "only a running campaign can be paused", store.CampaignRunning)
}

// Resume handles POST /campaigns/{id}/resume.
func (h *Campaigns) Resume(ctx context.Context, in *envelope.ID) (*envelope.One[Campaign], error) {
	row, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	if err := h.ready(ctx, row); err != nil {
		return nil, err
	}
	return h.move(ctx, row, store.CampaignRunning, "", "only a paused campaign can be resumed", store.CampaignPaused)
}

// Cancel handles POST /campaigns/{id}/cancel.
func (h *Campaigns) Cancel(ctx context.Context, in *envelope.ID) (*envelope.One[Campaign], error) {
	row, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	return h.move(ctx, row, store.CampaignCancelled, "by request", "what is over cannot be cancelled", store.CampaignDraft, store.CampaignRunning, store.CampaignPaused)
}

// move changes a campaign's status, from one of those that it may have.
func (h *Campaigns) move(ctx context.Context, c store.Campaign, to store.CampaignStatus, reason, rule string, from ...store.CampaignStatus) (*envelope.One[Campaign], error) {
	row, err := h.Store.MoveCampaign(ctx, c.Org, c.ID, store.Move{From: from, To: to, Reason: reason, At: time.Now().UTC()})
	if errors.Is(err, store.ErrConflict) {
		fault := envelope.Bad(rule)
		if now, e := h.Store.Campaign(ctx, c.Org, c.ID); e == nil {
			fault.Message = "the campaign is " + string(now.Status) + ": " + rule
		}
		fault.Cause = err
		return nil, fault
	}
	if err == nil {
		h.Log.InfoContext(ctx, "campaign changed", "campaign", c.ID, "from", c.Status, "to", to, "reason", reason)
	}
	return answer(ctx, row, err)
}

// ListTasks is what GET /campaigns/{id}/tasks asks.
type ListTasks struct {
	envelope.ID
	envelope.Page

	Status store.Status `query:"status" enum:"pending,in_progress,completed,failed" doc:"Filter by status."`
}

// ListTasks handles GET /campaigns/{id}/tasks.
func (h *Campaigns) ListTasks(ctx context.Context, in *ListTasks) (*envelope.Many[voice.Task], error) {
	c, err := h.find(ctx, in.ID.ID)
	if err != nil {
		return nil, none(err)
	}
	f := store.TaskFilter{Campaign: c.ID, Status: in.Status}
	rows, total, err := h.Tasks.Tasks(ctx, c.Org, f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	tasks := make([]voice.Task, len(rows))
	for i, row := range rows {
		if tasks[i], err = voice.ShowTask(row); err != nil {
			return nil, err
		}
	}
	return envelope.List(ctx, tasks, total, in.Limit, in.Offset), nil
}

// answer shows one campaign.
func answer(ctx context.Context, row store.Campaign, err error) (*envelope.One[Campaign], error) {
	if err != nil {
		return nil, none(err)
	}
	return envelope.Give(ctx, show(row)), nil
}

// none names what was not found.
func none(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Missing("no such campaign")
	}
	return fmt.Errorf("campaign: %w", err)
}
