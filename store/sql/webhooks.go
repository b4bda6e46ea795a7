package sql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// AddDelivery implements store.Deliveries.
func (s *Store) AddDelivery(ctx context.Context, d store.Delivery) (made store.Delivery, err error) {
	err = s.write(ctx, "add delivery", func(ctx context.Context, u unit) error {
		row, err := u.InsertDelivery(ctx, db.InsertDeliveryParams{
			ID: d.ID, Org: d.Org, Task: d.Task, Call: d.Call, Kind: d.Kind, Url: d.URL, Host: hostOf(d.URL), Payload: d.Payload,
			Due: db.Time(d.Created), Created: db.Time(d.Created),
		})
		made = delivery(row)
		return err
	})
	if err != nil {
		return store.Delivery{}, err
	}
	return made, nil
}

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, org, id string) (d store.Delivery, err error) {
	err = s.read(ctx, "read delivery", func(ctx context.Context, u unit) error {
		row, err := u.Delivery(ctx, db.DeliveryParams{Org: org, ID: id})
		d = delivery(row)
		return err
	})
	return d, err
}

// Deliveries implements store.Deliveries. The total is counted in an index, of what the log still holds.
func (s *Store) Deliveries(ctx context.Context, org string, f store.DeliveryFilter, p store.Page) (deliveries []store.Delivery, total int64, err error) {
	l := listDeliveries(org, f)
	err = s.read(ctx, "list deliveries", func(ctx context.Context, u unit) error {
		found, err := list(ctx, u, l, p, (*db.WebhookDelivery).Fields)
		if err != nil {
			return err
		}
		deliveries = each(found, delivery)
		total, err = l.number(ctx, u, "COUNT(*)", "webhook_deliveries")
		return err
	})
	return deliveries, total, err
}

func listDeliveries(org string, f store.DeliveryFilter) listing {
	l := listing{table: "webhook_deliveries", columns: db.DeliveryColumns}
	l.only("org", org)
	for _, c := range []struct{ column, value string }{{"status", string(f.Status)}, {"task", f.Task}, {"call", f.Call}, {"kind", f.Kind}} {
		if c.value != "" {
			l.only(c.column, c.value)
		}
	}
	return l
}

// DeliveryAttempts implements store.Deliveries.
func (s *Store) DeliveryAttempts(ctx context.Context, org, id string, p store.Page) (attempts []store.DeliveryAttempt, total int64, err error) {
	limit, offset := bounds(p)
	err = s.view(ctx, "list attempts", func(ctx context.Context, u unit) error {
		if _, err := u.Delivery(ctx, db.DeliveryParams{Org: org, ID: id}); err != nil {
			return err
		}
		rows, err := u.DeliveryAttempts(ctx, db.DeliveryAttemptsParams{Delivery: id, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		attempts = each(rows, func(r db.WebhookAttempt) store.DeliveryAttempt {
			return store.DeliveryAttempt{Delivery: r.Delivery, N: int(r.N), Created: time.Time(r.Created), Took: time.Duration(r.Took),
				Code: int(r.Code), Error: r.Error, Answer: r.Answer}
		})
		total, err = u.CountDeliveryAttempts(ctx, id)
		return err
	})
	return attempts, total, err
}

// ReplayDelivery implements store.Deliveries.
func (s *Store) ReplayDelivery(ctx context.Context, org, id string, at time.Time) (d store.Delivery, err error) {
	err = s.write(ctx, "replay delivery", func(ctx context.Context, u unit) error {
		if _, err := u.Delivery(ctx, db.DeliveryParams{Org: org, ID: id}); err != nil {
			return err
		}
		row, err := u.ReplayDelivery(ctx, db.ReplayDeliveryParams{Org: org, ID: id, Due: db.Time(at)})
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: it is pending", store.ErrConflict)
		}
		d = delivery(row)
		return err
	})
	if err != nil {
		return store.Delivery{}, err
	}
	return d, nil
}

// WebhookSettings implements store.WebhookRules.
func (s *Store) WebhookSettings(ctx context.Context, org string) (w store.WebhookSettings, err error) {
	err = s.read(ctx, "read webhook settings", func(ctx context.Context, u unit) error {
		w, err = u.webhookSettings(ctx, org)
		return err
	})
	return w, err
}

// webhookSettings are an organisation's; it need not have any.
func (u unit) webhookSettings(ctx context.Context, org string) (store.WebhookSettings, error) {
	row, err := u.WebhookSettings(ctx, org)
	if errors.Is(err, sql.ErrNoRows) {
		return store.WebhookSettings{Org: org}, nil
	}
	return webhookSettings(row), err
}

// UpdateWebhookSettings implements store.WebhookRules.
func (s *Store) UpdateWebhookSettings(ctx context.Context, org string, change func(*store.WebhookSettings) error) (w store.WebhookSettings, err error) {
	var refusal error
	err = s.write(ctx, "update webhook settings", func(ctx context.Context, u unit) error {
		refusal = nil
		if _, err := u.Organisation(ctx, org); err != nil {
			return err
		}
		if err := u.MakeWebhookSettings(ctx, org); err != nil {
			return err
		}
		row, err := u.HoldWebhookSettings(ctx, org)
		if err != nil {
			return err
		}
		w = webhookSettings(row)
		if refusal = change(&w); refusal != nil {
			return errUnchanged
		}
		w.Org = org
		return u.SetWebhookSettings(ctx, db.SetWebhookSettingsParams{
			Org: org, Redelivery: w.Redelivery, Sealed: w.Secret.Text, KeyID: w.Secret.Key, Rotated: db.Time(w.Rotated),
			FormerSealed: w.Former.Text, FormerKeyID: w.Former.Key, FormerUntil: db.Time(w.FormerUntil),
		})
	})
	if refusal != nil {
		return store.WebhookSettings{}, refusal
	}
	if err != nil {
		return store.WebhookSettings{}, err
	}
	return w, nil
}

// DisabledEndpoints implements store.WebhookRules.
func (s *Store) DisabledEndpoints(ctx context.Context, org string, p store.Page) (endpoints []store.DisabledEndpoint, total int64, err error) {
	limit, offset := bounds(p)
	err = s.view(ctx, "list disabled endpoints", func(ctx context.Context, u unit) error {
		rows, err := u.DisabledEndpoints(ctx, db.DisabledEndpointsParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		endpoints = each(rows, disabledEndpoint)
		total, err = u.CountDisabledEndpoints(ctx, org)
		return err
	})
	return endpoints, total, err
}

// EnableEndpoints implements store.WebhookRules.
func (s *Store) EnableEndpoints(ctx context.Context, org string, urls []string) error {
	return s.write(ctx, "enable endpoints", func(ctx context.Context, u unit) error {
		for _, url := range urls {
			if err := u.EnableEndpoint(ctx, db.EnableEndpointParams{Org: org, Endpoint: endpointKey(url)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// endpointKey stands for a URL in a key: some are too long for one.
func endpointKey(url string) string {
	sum := sha256.Sum256([]byte(clean(url)))
	return hex.EncodeToString(sum[:])
}

func webhookSettings(r db.WebhookSetting) store.WebhookSettings {
	return store.WebhookSettings{
		Org: r.Org, Redelivery: r.Redelivery, Secret: store.Sealed{Text: r.Sealed, Key: r.KeyID}, Rotated: time.Time(r.Rotated),
		Former: store.Sealed{Text: r.FormerSealed, Key: r.FormerKeyID}, FormerUntil: time.Time(r.FormerUntil),
	}
}

func disabledEndpoint(r db.WebhookDisabled) store.DisabledEndpoint {
	return store.DisabledEndpoint{Org: r.Org, URL: r.Url, Reason: r.Reason, Created: time.Time(r.Created)}
}

func delivery(r db.WebhookDelivery) store.Delivery {
	return store.Delivery{
		ID: r.ID, Number: r.Number, Org: r.Org, Task: r.Task, Call: r.Call, Kind: r.Kind, URL: r.Url, Host: r.Host,
		Status: store.DeliveryStatus(r.Status), Payload: r.Payload, Tries: int(r.Tries), Attempts: int(r.Attempts), Due: time.Time(r.Due),
		Node: r.Node, Code: int(r.Code), Error: r.Error, Created: time.Time(r.Created), Settled: time.Time(r.Settled),
	}
}
