package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"parley/control/access"
	"parley/control/dialer"
	"parley/control/envelope"
	"parley/control/nodes"
	"parley/control/report"
	"parley/pipeline"
	"parley/store"
)

// Live is where calls can be reached that are not over, on whichever node they live. Its errors: nodes.ErrNotLive if the call is not live
// anywhere, nodes.ErrSilent if its node does not answer, dialer.ErrCarrier if its carrier does not.
type Live interface {
	// End hangs up, and returns without waiting for the call's last words.
	End(ctx context.Context, c store.Call) error
	// Cancel ends a call at once, as one that failed.
	Cancel(ctx context.Context, c store.Call) error
	// Do gives a call a command, and returns when it has been taken; a *nodes.Refusal if the call cannot carry it out.
	Do(ctx context.Context, c store.Call, cmd pipeline.Command) error
}

// Calls handles /calls.
type Calls struct {
	Store   store.Calls
	Live    Live   // nil: no call can be reached
	Judge   Judge  // of transfers; nil: all are allowed
	Gauge   Gauge  // nil: no call is here
	Sounds  Sounds // nil: there are no recordings here
	Desk    *report.Desk
	Tickets *Tickets // for recordings
	Passes  *Tickets // for sockets
	Public  string   // where clients reach this server, such as https://voice.example.com; empty: as the request says
	Log     *slog.Logger
}

// A Judge says why an organisation's callers must not be connected to somebody: a *dialer.Unfit names to.
type Judge interface {
	MayConnect(ctx context.Context, org, to string) error
}

// A Gauge knows how the sound travels of the calls that are live here; nil: not of this one.
type Gauge interface {
	Quality(call string) *store.Quality
}

// ListCalls is what GET /calls asks.
type ListCalls struct {
	envelope.Strict
	envelope.Page

	TaskID  string       `query:"task_id" format:"uuid" doc:"Filter by task ID."`
	AgentID string       `query:"agent_id" format:"uuid" doc:"Filter by agent ID."`
	Status  store.Status `query:"status" enum:"initiated,in_progress,completed,failed" doc:"Filter by status."`
}

// List handles GET /calls.
func (h *Calls) List(ctx context.Context, in *ListCalls) (*envelope.Many[Call], error) {
	f := store.CallFilter{Agent: envelope.Plain(in.AgentID), Task: envelope.Plain(in.TaskID), Status: in.Status}
	rows, total, err := h.Store.Calls(ctx, access.Org(ctx), f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	calls := make([]Call, len(rows))
	for i, row := range rows {
		calls[i] = showCall(row)
	}
	return envelope.List(ctx, calls, total, in.Limit, in.Offset), nil
}

// call reads the row that a path names.
func (h *Calls) call(ctx context.Context, id string) (store.Call, error) {
	id, err := envelope.Canonical(id, "call")
	if err != nil {
		return store.Call{}, err
	}
	row, err := h.Store.Call(ctx, access.Org(ctx), id)
	if errors.Is(err, store.ErrNotFound) {
		return row, envelope.Missing("no such call")
	}
	if err != nil {
		return row, fmt.Errorf("read call: %w", err)
	}
	return row, nil
}

// Get handles GET /calls/{id}.
func (h *Calls) Get(ctx context.Context, in *envelope.ID) (*envelope.One[CallDetail], error) {
	row, err := h.call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	messages, source, err := h.Desk.Transcript(ctx, row)
	if err != nil {
		return nil, err
	}
	turns, err := h.Store.Turns(ctx, row.Org, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read turns: %w", err)
	}
	_, err = h.recording(ctx, row)
	if err != nil && !errors.Is(err, errNoRecording) {
		return nil, err
	}
	out := CallDetail{
		Call: showCall(row), Collected: row.Collected, RecordingAvailable: err == nil, Transcript: showTranscript(row, messages), Source: source,
		Turns: showTurns(turns), Cost: report.ShowCost(row.Cost), PreAnswer: showPreAnswer(row.PreAnswer),
	}
	if q := row.Quality; q != nil {
		out.Quality = showQuality(q)
	} else if h.Gauge != nil && !row.Status.Final() {
		out.Quality = showQuality(h.Gauge.Quality(row.ID))
	}
	if row.Status.Final() {
		r, err := h.Desk.Stored(ctx, row, messages, turns, source)
		if err != nil {
			return nil, err
		}
		out.Report = &r
	}
	return envelope.Give(ctx, out), nil
}

// Transcript is what was said in a call.
type Transcript struct {
	CallID     string       `json:"call_id" format:"uuid"`
	Status     store.Status `json:"status" enum:"initiated,in_progress,completed,failed" doc:"Of the call: until it is completed or failed, the transcript grows."`
	Source     string       `json:"source" enum:"live,elevenlabs,recording" doc:"Who told it: taken down while the call went on, fetched from ElevenLabs, or heard anew in the recording. Extension."`
	Transcript []Entry      `json:"transcript" nullable:"false"`
}

// TranscriptOf is what GET /calls/{id}/transcript asks.
type TranscriptOf struct {
	envelope.ID

	Source string `query:"source" enum:"live,elevenlabs,recording" doc:"Which one: the live one is always kept. Left out: the one that was made last. Extension."`
}

// Transcript handles GET /calls/{id}/transcript.
func (h *Calls) Transcript(ctx context.Context, in *TranscriptOf) (*envelope.One[Transcript], error) {
	row, err := h.call(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	messages, source, err := h.Desk.Transcript(ctx, row)
	if err == nil && in.Source == report.Live && source != report.Live {
		source = report.Live
		messages, err = h.Store.Transcript(ctx, row.Org, row.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read transcript: %w", err)
	}
	if in.Source != "" && in.Source != source {
		return nil, envelope.Missing("the call has no transcript of this source: POST /calls/{id}/transcript makes one")
	}
	return envelope.Give(ctx, Transcript{CallID: row.ID, Status: row.Status, Source: source, Transcript: showTranscript(row, messages)}), nil
}

// Done says what was done with a call.
type Done struct {
	CallID  string `json:"call_id" format:"uuid"`
	Message string `json:"message" example:"Call ended"`
}

// End handles POST /calls/{id}/end.
func (h *Calls) End(ctx context.Context, in *envelope.ID) (*envelope.One[Done], error) {
	return h.finish(ctx, in.ID, "Call ended", Live.End)
}

// Cancel handles POST /calls/{id}/cancel.
func (h *Calls) Cancel(ctx context.Context, in *envelope.ID) (*envelope.One[Done], error) {
	return h.finish(ctx, in.ID, "Call cancelled", Live.Cancel)
}

// finish has something done with a call, wherever it lives.
func (h *Calls) finish(ctx context.Context, id, message string, how func(Live, context.Context, store.Call) error) (*envelope.One[Done], error) {
	row, err := h.call(ctx, id)
	if err != nil {
		return nil, err
	}
	if row.Status.Final() {
		return nil, over(row)
	}
	err = nodes.ErrNotLive
	if h.Live != nil {
		err = how(h.Live, ctx, row)
	}
	var no *envelope.Fault
	switch {
	case errors.As(err, &no):
		return nil, no
	case err == nil:
		return envelope.Give(ctx, Done{CallID: row.ID, Message: message}), nil
	case errors.Is(err, nodes.ErrSilent):
		return nil, envelope.Busy("the call's node does not answer: try again later", err)
	case errors.Is(err, dialer.ErrCarrier):
		return nil, envelope.Busy("the call's carrier does not answer: try again later", err)
	case !errors.Is(err, nodes.ErrNotLive):
		return nil, fmt.Errorf("reach call: %w", err)
	}
	// It may have ended between the two looks, so look again.
	if row, err := h.call(ctx, row.ID); err != nil {
		return nil, err
	} else if row.Status.Final() {
		return nil, over(row)
	}
	return nil, envelope.Busy("the call's end is being written: try again later", err)
}

func over(row store.Call) error {
	return envelope.Bad("the call is over already: its status is " + string(row.Status))
}
