package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"parley/control/webhook"
	"parley/store"
)

// newHooks makes what sends webhooks, and the secrets that sign them.
func (o *office) newHooks(boot string, observe func(event, outcome string, took time.Duration)) (*webhook.Secrets, error) {
	allow, err := webhook.ParseAllow(o.cfg.WebhookAllow)
	if err != nil {
		return nil, err
	}
	signing := &webhook.Secrets{Rules: o.store, Vault: o.vault}
	o.hooks = webhook.New(webhook.Options{
		Store: o.store, Reports: summaries{o.store}, Node: boot, Secrets: signing, Allow: allow, Observe: observe, Log: o.log,
		Timing: webhook.Timing{Keep: time.Duration(o.cfg.WebhookLog) * 24 * time.Hour},
	})
	return signing, nil
}

// summaries are the reports that have been made by now: none is made for a webhook, which would wait for a model.
type summaries struct{ store.Reports }

// Excerpt implements webhook.Reports.
func (s summaries) Excerpt(ctx context.Context, org, call string) (string, error) {
	r, err := s.Report(ctx, org, call)
	if err != nil {
		return "", err
	}
	var report struct {
		Summary string `json:"summary"`
	}
	if err := json.Unmarshal([]byte(r.JSON), &report); err != nil {
		return "", fmt.Errorf("read report of call %s: %w", call, err)
	}
	return report.Summary, nil
}
