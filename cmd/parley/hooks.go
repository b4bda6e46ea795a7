package main

import (
	"fmt"
	"time"

	"parley/control/seal"
	"parley/control/webhook"
)

// newHooks makes what sends webhooks, and the secrets that sign them.
func (o *office) newHooks(boot string, observe func(event, outcome string, took time.Duration), secrets [][]byte) (*webhook.Secrets, error) {
	sealed, err := seal.New("webhook secrets", secrets...)
	if err != nil {
		return nil, fmt.Errorf("seal webhooks' secrets: %w", err)
	}
	allow, err := webhook.ParseAllow(o.cfg.WebhookAllow)
	if err != nil {
		return nil, err
	}
	signing := &webhook.Secrets{Rules: o.store, Seal: sealed}
	o.hooks = webhook.New(webhook.Options{
		Store: o.store, Node: boot, Secrets: signing, Allow: allow, Observe: observe, Log: o.log,
		Timing: webhook.Timing{Keep: time.Duration(o.cfg.WebhookLog) * 24 * time.Hour},
	})
	return signing, nil
}
