package store

import (
	"context"
	"time"
)

// DeliveryStatus is how far a delivery has come.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending   DeliveryStatus = "pending" // it will be tried at Due
	DeliveryDelivered DeliveryStatus = "delivered"
	DeliveryFailed    DeliveryStatus = "failed" // it is not tried again, unless somebody replays it
)

// WebhookTest is the Kind of a delivery that belongs to no call. The others are TaskEvent's.
const WebhookTest = "test"

// HoldTries is how many tries of a call's event hold back the later events of that call: then these go out before it.
const HoldTries = 3

// A Delivery is one event on its way to one URL. Those of calls are written in the transaction that wrote the TaskEvent.
type Delivery struct {
	ID       string // the same on each try
	Number   int64
	Org      string
	Task     string // empty: of a test
	Call     string
	Kind     string // TaskEvent.Kind, or WebhookTest
	URL      string
	Host     string // of URL, with its port, in lower case: hosts share what a node can send at once
	Status   DeliveryStatus
	Payload  string // what is sent on each try; empty: it has not been made yet
	Tries    int    // since it was made or replayed
	Attempts int    // in all: they number its DeliveryAttempts
	Due      time.Time
	Node     string // who tries it now, until Due
	Code     int    // HTTP status of the last attempt; 0: there was no answer
	Error    string // why the last attempt failed
	Created  time.Time
	Settled  time.Time // when it was delivered or failed
}

// A DeliveryAttempt is one try of a delivery.
type DeliveryAttempt struct {
	Delivery string
	N        int // from 1
	Created  time.Time
	Took     time.Duration
	Code     int
	Error    string // empty: it was delivered
	Answer   string // how the answer's body began
}

// DeliveryFilter narrows a list of deliveries; empty fields do not.
type DeliveryFilter struct {
	Status     DeliveryStatus
	Task, Call string
	Kind       string
}

// Deliveries are the log of an organisation's webhooks.
type Deliveries interface {
	// AddDelivery keeps a new delivery, pending, due when it was made.
	AddDelivery(ctx context.Context, d Delivery) (Delivery, error)
	Delivery(ctx context.Context, org, id string) (Delivery, error)
	Deliveries(ctx context.Context, org string, f DeliveryFilter, p Page) (deliveries []Delivery, total int64, err error) // newest first
	DeliveryAttempts(ctx context.Context, org, id string, p Page) (attempts []DeliveryAttempt, total int64, err error)    // newest first
	// ReplayDelivery makes a delivery that is over pending again, due at once, with its tries counted anew. ErrConflict if it is pending.
	ReplayDelivery(ctx context.Context, org, id string, at time.Time) (Delivery, error)
}

// WebhookSettings are how an organisation's webhooks are sent.
type WebhookSettings struct {
	Org         string
	Redelivery  bool      // what fails is tried again
	Secret      Sealed    // that signs; empty: none has been made
	Rotated     time.Time // when Secret was made
	Former      Sealed    // the one before
	FormerUntil time.Time // so long it signs too
}

// A DisabledEndpoint is a URL to which nothing is sent any more.
type DisabledEndpoint struct {
	Org, URL, Reason string
	Created          time.Time
}

// WebhookRules are the settings of organisations.
type WebhookRules interface {
	WebhookSettings(ctx context.Context, org string) (WebhookSettings, error) // zero, but for Org, if nothing was set
	// UpdateWebhookSettings lets change alter them as they stand, in one transaction. An error of change is returned as it is, and nothing is
	// kept. change may be called more than once.
	UpdateWebhookSettings(ctx context.Context, org string, change func(*WebhookSettings) error) (WebhookSettings, error)
	DisabledEndpoints(ctx context.Context, org string, p Page) (endpoints []DisabledEndpoint, total int64, err error) // by URL
	// EnableEndpoints lets URLs be sent to again; those that are not disabled are ignored.
	EnableEndpoints(ctx context.Context, org string, urls []string) error
}

// A DeliveryTaking is what a node takes of the deliveries that are due.
type DeliveryTaking struct {
	Node  string
	Now   time.Time
	Until time.Time // when others may take what the node has not settled: it has crashed
	Hosts []HostShare
}

// A HostShare is how many deliveries to a host are taken at most.
type HostShare struct {
	Host string
	Most int
}

// An Endpoint is what whoever sends to a URL must know.
type Endpoint struct {
	WebhookSettings
	Disabled *DisabledEndpoint // nil: it may be sent to
}

// An Outcome is what became of a delivery that was taken.
type Outcome struct {
	Delivery Delivery         // as it was taken
	Attempt  *DeliveryAttempt // without Delivery and N; nil: nothing was sent
	Status   DeliveryStatus
	Due      time.Time // of a pending one: when it is tried again
	Code     int
	Error    string
	At       time.Time
	Disable  string // why its URL is disabled from now on; empty: it is not
}

// An Outbox is what nodes send from. Rows are named by their id alone: these methods are the sender's, not a client's.
type Outbox interface {
	// DueHosts are the hosts to which deliveries are due, the longest waiting first.
	DueHosts(ctx context.Context, now time.Time) (hosts []string, err error)
	// TakeDeliveries claims deliveries that are due: of nodes that take at once, one gets each. An event of a call waits while an earlier
	// one of that call is pending and has had fewer than HoldTries tries.
	TakeDeliveries(ctx context.Context, t DeliveryTaking) ([]Delivery, error)
	Endpoint(ctx context.Context, org, url string) (Endpoint, error)
	// KeepPayload keeps what a delivery sends, on its first try. ErrConflict if the delivery is no more the node's that took it.
	KeepPayload(ctx context.Context, d Delivery, payload string) error
	// SettleDelivery writes down what became of a delivery. ErrConflict as of KeepPayload: then nothing changes.
	SettleDelivery(ctx context.Context, o Outcome) error
	// SweepDeliveries removes at most so many deliveries that were settled before a time, with their attempts.
	SweepDeliveries(ctx context.Context, before time.Time, most int) (removed int64, err error)
}
