package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// dueHosts takes one seek in the index for each host, however many deliveries wait for it: a host that takes nothing costs others nothing.
const dueHosts = `WITH RECURSIVE hosts (host) AS (
  SELECT MIN(w.host) FROM webhook_deliveries w WHERE w.status = 'pending'
  UNION ALL
  SELECT (SELECT MIN(w.host) FROM webhook_deliveries w WHERE w.status = 'pending' AND w.host > hosts.host) FROM hosts WHERE hosts.host IS NOT NULL
), waiting (host, since) AS (
  SELECT hosts.host, (SELECT MIN(w.due) FROM webhook_deliveries w WHERE w.status = 'pending' AND w.host = hosts.host)
  FROM hosts WHERE hosts.host IS NOT NULL
)
SELECT host FROM waiting WHERE since <= $1 ORDER BY since, host`

// DueHosts implements store.Outbox.
func (s *Store) DueHosts(ctx context.Context, now time.Time) (hosts []string, err error) {
	err = s.read(ctx, "look for deliveries", func(ctx context.Context, u unit) error {
		return u.query(ctx, dueHosts, []any{db.Time(now)}, func(scan func(...any) error) error {
			var host string
			err := scan(&host)
			hosts = append(hosts, host)
			return err
		})
	})
	return hosts, err
}

// TakeDeliveries implements store.Outbox. Hosts are gone through in order, so that two nodes never wait for one another.
func (s *Store) TakeDeliveries(ctx context.Context, t store.DeliveryTaking) (taken []store.Delivery, err error) {
	hosts := slices.Clone(t.Hosts)
	slices.SortFunc(hosts, func(a, b store.HostShare) int { return strings.Compare(a.Host, b.Host) })
	err = s.write(ctx, "take deliveries", func(ctx context.Context, u unit) error {
		taken = nil
		for _, h := range hosts {
			limit, _ := bounds(store.Page{Limit: h.Most})
			rows, err := u.TakeDeliveries(ctx, db.TakeDeliveriesParams{Node: t.Node, Until: db.Time(t.Until), Host: h.Host, Now: db.Time(t.Now),
				Hold: store.HoldTries, HowMany: limit})
			if err != nil {
				return err
			}
			taken = append(taken, each(rows, delivery)...)
		}
		if len(taken) == 0 {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(taken, func(a, b store.Delivery) int { return int(a.Number - b.Number) })
	return taken, nil
}

// Endpoint implements store.Outbox.
func (s *Store) Endpoint(ctx context.Context, org, url string) (e store.Endpoint, err error) {
	err = s.read(ctx, "read endpoint", func(ctx context.Context, u unit) error {
		if e.WebhookSettings, err = u.webhookSettings(ctx, org); err != nil {
			return err
		}
		row, err := u.DisabledEndpoint(ctx, db.DisabledEndpointParams{Org: org, Endpoint: endpointKey(url)})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		d := disabledEndpoint(row)
		e.Disabled = &d
		return err
	})
	return e, err
}

// KeepPayload implements store.Outbox.
func (s *Store) KeepPayload(ctx context.Context, d store.Delivery, payload string) error {
	return s.write(ctx, "keep payload", func(ctx context.Context, u unit) error {
		return taken(u.KeepPayload(ctx, db.KeepPayloadParams{ID: d.ID, Node: d.Node, Until: db.Time(d.Due), Payload: payload}))
	})
}

// SettleDelivery implements store.Outbox.
func (s *Store) SettleDelivery(ctx context.Context, o store.Outcome) error {
	d := o.Delivery
	return s.write(ctx, "settle delivery", func(ctx context.Context, u unit) error {
		p := db.SettleDeliveryParams{ID: d.ID, Node: d.Node, Until: db.Time(d.Due), Status: string(o.Status), Code: int64(o.Code), Error: o.Error}
		if o.Attempt != nil {
			p.Step = 1
		}
		if o.Status == store.DeliveryPending {
			p.Due = db.Time(o.Due)
		} else {
			p.Settled = db.Time(o.At)
		}
		if err := taken(u.SettleDelivery(ctx, p)); err != nil {
			return err
		}
		if a := o.Attempt; a != nil {
			if err := u.InsertDeliveryAttempt(ctx, db.InsertDeliveryAttemptParams{Delivery: d.ID, N: int64(d.Attempts) + 1, Created: db.Time(a.Created),
				Took: int64(a.Took), Code: int64(a.Code), Error: a.Error, Answer: a.Answer}); err != nil {
				return err
			}
		}
		if o.Disable == "" {
			return nil
		}
		return u.DisableEndpoint(ctx, db.DisableEndpointParams{Org: d.Org, Endpoint: endpointKey(d.URL), Url: d.URL, Reason: o.Disable, Created: db.Time(o.At)})
	})
}

// taken is the error of a delivery that is no more the node's that took it.
func taken(n int64, err error) error {
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the delivery is somebody else's by now", store.ErrConflict)
	}
	return err
}

// SweepDeliveries implements store.Outbox.
func (s *Store) SweepDeliveries(ctx context.Context, before time.Time, most int) (removed int64, err error) {
	limit, _ := bounds(store.Page{Limit: most})
	err = s.write(ctx, "sweep deliveries", func(ctx context.Context, u unit) error {
		removed = 0
		old, err := u.OldDeliveries(ctx, db.OldDeliveriesParams{Before: db.Time(before), HowMany: limit})
		if err != nil || len(old) == 0 {
			return err
		}
		slices.Sort(old) // two nodes that sweep lock rows in one order
		if err := u.among(ctx, "DELETE FROM webhook_attempts WHERE delivery IN ($KEYS)", old, nil); err != nil {
			return err
		}
		removed = int64(len(old))
		return u.among(ctx, "DELETE FROM webhook_deliveries WHERE id IN ($KEYS) AND settled <> ''", old, nil)
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}
