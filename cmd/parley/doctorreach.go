package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"parley/control/bus"
	"parley/control/directory"
	"parley/control/tracing"
	"parley/store"
	"parley/store/sql"
)

// How long the doctor waits for what is elsewhere.
const (
	natsPatience   = 10 * time.Second
	bucketPatience = 30 * time.Second // an object is put, read back and removed
	tracePatience  = 5 * time.Second
)

// nodes connects to NATS, if nodes are to reach one another by it. Without it they ask by the database: nothing fails.
func (c *doctorCmd) nodes(ctx context.Context) finding {
	f := finding{what: "NATS", says: "not set: fine for one node; several ask one another by the database"}
	if c.NATSURL == "" {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, natsPatience)
	defer cancel()
	p, err := bus.ProbeNATS(ctx, c.NATSURL)
	if err != nil {
		f.says, f.fix = err.Error(), "start NATS, or correct NATS_URL; until then nodes ask one another by the database, more slowly"
		return f
	}
	f.says = fmt.Sprintf("%s answers in %v, version %s", p.Server, p.Took.Round(10*time.Microsecond), p.Version)
	return f
}

// recordings puts something where recordings go, and takes it away again. While that fails, they stay in the data directory.
func (c *doctorCmd) recordings(ctx context.Context) finding {
	f := finding{what: "recordings", says: "they stay in the data directory"}
	b, err := c.bucket()
	if err != nil {
		f.says, f.fix, f.fatal = err.Error(), "correct PARLEY_RECORDINGS and AWS_...", true
		return f
	}
	if b == nil {
		return f
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(ctx, bucketPatience)
	defer cancel()
	if err := b.Check(ctx); err != nil {
		f.says = strings.ReplaceAll(err.Error(), "\n", "; ")
		f.fix = "the key of AWS_... needs s3:PutObject, s3:GetObject and s3:DeleteObject on the bucket of PARLEY_RECORDINGS; until then recordings stay in the data directory"
		return f
	}
	f.says = "the bucket takes them, and gives them back"
	return f
}

// collector sends a span to where traces go. While that fails, they are lost, and calls go on.
func (c *doctorCmd) collector(ctx context.Context) finding {
	f := finding{what: "traces", says: "none are made"}
	if c.OTLPEndpoint == "" {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, tracePatience)
	defer cancel()
	o, err := c.options()
	if err == nil {
		err = tracing.Probe(ctx, o)
	}
	if err != nil {
		f.says = strings.ReplaceAll(err.Error(), "\n", "; ")
		f.fix = "start the collector, or correct OTEL_EXPORTER_OTLP_...; it has to take OTLP over HTTP, mostly at port 4318. Until then traces are lost"
		return f
	}
	f.says = "the collector takes them"
	return f
}

// organisations says which of their secrets cannot be opened, and which settings of their agents cannot be used here with what they have of
// their own. A database that cannot be read has a line of its own.
func (c *doctorCmd) organisations(ctx context.Context, v *vendors) []finding {
	keys, agents := finding{what: "credentials"}, finding{what: "agents", says: "their settings can be used"}
	known, err := c.directory(ctx)
	if err != nil {
		keys.says = "not looked at: the database has none yet, or cannot be read"
		agents.says = keys.says
		return []finding{keys, agents}
	}
	quiet := slog.New(slog.DiscardHandler)
	dir := directory.New(directory.Options{Router: register{known}})
	if err := dir.Refresh(ctx); err != nil { // it is in memory
		keys.says, agents.says = err.Error(), "not looked at"
		return []finding{keys, agents}
	}
	var own *accounts
	vault, err := c.foundVault(c.DataDir)
	if err == nil {
		own, err = newAccounts(&c.config, dir, vault, quiet)
	}
	if err == nil {
		defer own.close()
	}
	keys = secretsFinding(known.Credentials, own, err)
	tools, err := newToolbox(&c.config, quiet)
	if err != nil {
		agents.says = "not looked at, as the tools are wrong"
		return []finding{keys, agents}
	}
	played := &company{cfg: &c.config, vendors: v, tools: tools, log: quiet}
	defer played.close()
	if own != nil {
		played.lender, played.players = own, own.players(v)
		defer func() { _ = played.players.close() }() // nothing was asked of them
	}
	var wrong []string
	for _, a := range known.Agents {
		for _, p := range played.Check(a) {
			wrong = append(wrong, fmt.Sprintf("%s (%s): %s", a.Name, a.ID, p))
		}
	}
	if len(wrong) > 0 {
		agents.says = fmt.Sprintf("of %d settings the server's own is used instead", len(wrong))
		agents.fix = strings.Join(wrong, "; ")
	}
	return []finding{keys, agents}
}

// secretsFinding says whether organisations' secrets can be opened; own is nil if there is no key, which err says.
func secretsFinding(all []store.Credential, own *accounts, err error) finding {
	f := finding{what: "credentials", says: "organisations have none of their own"}
	if len(all) == 0 {
		return f
	}
	if own == nil {
		f.says, f.fix = "organisations' secrets cannot be opened", err.Error()
		return f
	}
	var closed []string
	for _, c := range all {
		if _, err := own.open(c); err != nil {
			closed = append(closed, fmt.Sprintf("%s of %s (%s)", c.Name, c.Vendor, c.ID))
		}
	}
	f.says = fmt.Sprintf("%d of %d secrets of organisations can be opened", len(all)-len(closed), len(all))
	if len(closed) > 0 {
		f.fix = "give their key as PARLEY_FORMER_VAULT_KEY, or enter anew: " + strings.Join(closed, ", ")
	}
	return f
}

// A register is what was known of a database when it was read. It is a store.Router.
type register struct{ known store.Directory }

// Revision implements store.Router.
func (r register) Revision(context.Context) (int64, error) { return r.known.Revision, nil }

// Directory implements store.Router.
func (r register) Directory(context.Context) (store.Directory, error) { return r.known, nil }

// directory reads the organisations' agents and accounts of a database that is there.
func (c *doctorCmd) directory(ctx context.Context) (known store.Directory, err error) {
	if path, ok := strings.CutPrefix(c.url(), "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return known, fmt.Errorf("find database: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := sql.Open(ctx, sql.Options{URL: c.url()})
	if err != nil {
		return known, err
	}
	known, err = s.Directory(ctx)
	return known, errors.Join(err, s.Close())
}
