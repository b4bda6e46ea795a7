package voice

import (
	"context"
	"time"

	"parley/control/envelope"
	"parley/control/health"
)

// Providers handles /providers: how the vendors of this node do.
type Providers struct{ Board *health.Board }

// Provider is a vendor that hears, thinks or speaks, as the API shows it.
type Provider struct {
	Name       string        `json:"name" example:"deepgram"`
	Kind       string        `json:"kind" enum:"stt,llm,tts" doc:"It hears (stt), thinks (llm) or speaks (tts)."`
	State      string        `json:"state" enum:"idle,works,troubled,fails" doc:"idle: nobody has used it of late. works: at most a tenth of the uses failed. troubled: more. fails: more than half."`
	Failed     float64       `json:"failed_percent" doc:"Of its uses." example:"2.5"`
	P50        *float64      `json:"first_p50_ms" doc:"Until the first of what it was asked for: words of a model, sound of a voice, words after the end of speech; null: nothing came." example:"180"`
	P95        *float64      `json:"first_p95_ms" example:"420"`
	Failure    *string       `json:"last_failure" doc:"Its class, such as overloaded or auth; null: none." example:"overloaded"`
	FailedLast envelope.Time `json:"last_failure_at" nullable:"true"`
}

// List handles GET /providers.
func (h *Providers) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[Provider], error) {
	vendors := h.Board.Vendors(time.Now())
	page := vendors[min(in.Offset, len(vendors)):min(in.Offset+in.Limit, len(vendors))]
	all := make([]Provider, len(page))
	for i, v := range page {
		all[i] = Provider{
			Name: v.Provider, Kind: v.Kind, State: v.State, Failed: v.Failed * 100, P50: inMilliseconds(v.P50), P95: inMilliseconds(v.P95),
			Failure: envelope.Optional(v.Failure), FailedLast: envelope.Time(v.FailedAt),
		}
	}
	return envelope.List(ctx, all, int64(len(vendors)), in.Limit, in.Offset), nil
}

// inMilliseconds is nil for none.
func inMilliseconds(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	ms := float64(d.Round(time.Millisecond).Milliseconds())
	return &ms
}
