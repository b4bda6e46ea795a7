package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// A Probe is what a NATS server says of itself.
type Probe struct {
	Server  string        // its address
	Version string        // such as 2.10.3
	Took    time.Duration // a message to it and back
}

// ProbeNATS connects to NATS once, with a URL as of NATSOptions, and hears whether it answers. The error does not tell the URL.
func ProbeNATS(ctx context.Context, url string) (p Probe, err error) {
	if _, err := Servers(url); err != nil {
		return p, err
	}
	c, err := nats.Connect(url, nats.Name("parley doctor"), nats.NoReconnect(), nats.Timeout(writeTime))
	if err != nil {
		return p, fmt.Errorf("connect to NATS: %w", err)
	}
	defer c.Close()
	began := time.Now()
	if err := c.FlushWithContext(ctx); err != nil {
		return p, fmt.Errorf("ask NATS: %w", err)
	}
	return Probe{Server: c.ConnectedAddr(), Version: c.ConnectedServerVersion(), Took: time.Since(began)}, nil
}
