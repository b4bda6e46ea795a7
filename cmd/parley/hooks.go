package main

import (
	"time"

	"parley/control/webhook"
)

// newHooks makes what sends webhooks, and the secrets that sign them.
func (o *office) newHooks(boot string, observe func(event, outcome string, took time.Duration)) (*webhook.Secrets, error) {
	allow, err := webhook.ParseAllow(o.cfg.WebhookAllow)
	if err != nil {
		return nil, err
	}
	signing := &webhook.Secrets{Rules: o.store, Vault: o.vault}
	o.hooks = webhook.New(webhook.Options{
		Store: o.store, Reports: o.reports, Node: boot, Secrets: signing, Allow: allow, Observe: observe, Log: o.log,
		Timing: webhook.Timing{Keep: time.Duration(o.cfg.WebhookLog) * 24 * time.Hour},
	})
	return signing, nil
}
