package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"parley/control/recall"
	"parley/control/traits"
	"parley/providers/httptool"
	"parley/store"
)

// company knows the role of each agent, and makes it once a version: ahead of calls where it can (rehearse), and by the call that is
// first otherwise. It is the API's House.
type company struct {
	cfg     *config
	vendors *vendors     // the server's own
	players *players     // organisations' own; nil: there are none
	lender  lender       // of organisations' own secrets; nil: there are none
	tools   *toolbox     // the server's own
	recall  *recall.Desk // of what was said before; nil: nothing is remembered
	log     *slog.Logger

	mu    sync.Mutex
	known map[string]*role // by agent
}

// of is an agent's role, played by some vendors: the server's, or its organisation's own.
func (c *company) of(v *vendors, row store.Agent) *role {
	if row.Version == 0 {
		return c.newRole(v, row) // a draft, of one call
	}
	c.mu.Lock()
	r := c.known[row.ID]
	c.mu.Unlock()
	if c.current(r, v, row) {
		return r
	}
	fresh := c.newRole(v, row)
	if r != nil {
		fresh.tools.adopt(r.tools)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r = c.known[row.ID]; c.current(r, v, row) { // somebody was faster
		c.dismiss(fresh)
		return r
	}
	c.dismiss(r)
	if c.known == nil {
		c.known = map[string]*role{}
	}
	c.known[row.ID] = fresh
	for _, p := range fresh.problems {
		c.log.Warn("an agent's setting cannot be used: the server's own is", "agent", row.ID, "version", row.Version, "setting", p.Path, "reason", p.Reason)
	}
	if fresh.tools != c.tools {
		for _, m := range fresh.tools.missing() {
			c.log.Warn("a tool is missing", "agent", row.ID, "version", row.Version, "why", m)
		}
	}
	return fresh
}

// current says whether a role is that of an agent's version, played by these vendors, with secrets that still are what they were; nil is none.
func (c *company) current(r *role, v *vendors, row store.Agent) bool {
	return r != nil && r.version == row.Version && r.vendors == v && c.lends(row.Org, r.lent)
}

// now shows an agent's role as its next call would have it.
func (c *company) now(row store.Agent, show func(*role)) {
	c.with(row.Org, func(v *vendors) { show(c.of(v, row)) })
}

// with lets f use the vendors of an organisation.
func (c *company) with(org string, f func(*vendors)) {
	v, done := c.hold(org)
	defer done()
	f(v)
}

// hold finds the vendors of an organisation, and keeps them until done.
func (c *company) hold(org string) (v *vendors, done func()) {
	if c.players == nil {
		return c.vendors, func() {}
	}
	holder := store.NewID() // as a call would
	return c.players.hold(holder, org), func() { c.players.release(holder) }
}

// dismiss lets go of what a role keeps open. Calls that play it go on.
func (c *company) dismiss(r *role) {
	if r != nil && r.tools != c.tools {
		r.tools.close()
	}
}

// keep forgets all agents but these.
func (c *company) keep(rows []store.Agent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.known {
		if !slices.ContainsFunc(rows, func(a store.Agent) bool { return a.ID == id }) {
			c.dismiss(r)
			delete(c.known, id)
		}
	}
}

// close lets go of what all roles keep open.
func (c *company) close() {
	c.keep(nil)
	c.tools.close()
}

// Check implements voice.House.
func (c *company) Check(a store.Agent) (found []traits.Finding) {
	c.with(a.Org, func(v *vendors) {
		r := c.newRole(v, a)
		c.dismiss(r)
		found = r.problems
	})
	return found
}

// Problems implements voice.House.
func (c *company) Problems(a store.Agent) (found []traits.Finding) {
	c.now(a, func(r *role) { found = r.problems })
	return found
}

// Effective implements voice.House.
func (c *company) Effective(a store.Agent) (set traits.AgentSettings) {
	c.now(a, func(r *role) { set = r.effective(c.cfg) })
	return set
}

// Schema implements voice.House.
func (c *company) Schema() json.RawMessage {
	tools, err := toolsSchema()
	if err == nil {
		var all json.RawMessage
		if all, err = traits.Schema(tools); err == nil {
			return all
		}
	}
	panic("the schema of settings is no JSON: " + err.Error()) // it is made of types
}

// toolsOf makes the tools of an agent. The private hosts that it may ask are those that the server's settings give to agents; nil if
// anything is wrong.
func (c *company) toolsOf(sheet *traits.Sheet, secrets httptool.Secrets) (*toolbox, []traits.Finding) {
	b, err := readTools(sheet.Text, func(allow []string) (*httptool.Client, error) {
		var bad []error
		for _, host := range allow {
			if !slices.Contains(c.cfg.AgentHosts, host) {
				bad = append(bad, fmt.Errorf("%s is not for agents: PARLEY_AGENT_HOSTS does not name it", host))
			}
		}
		if len(bad) > 0 {
			return nil, errors.Join(bad...)
		}
		return httptool.New(httptool.Options{Allow: allow, Log: c.log})
	}, secrets)
	var found []traits.Finding
	if err != nil {
		found = placed(sheet, err)
	}
	if file, doc, err := parseTools(sheet.Text); err == nil {
		refuse := func(kind string, i int, paths [][]string) {
			for _, path := range paths {
				at := append([]string{kind, strconv.Itoa(i)}, path...)
				found = append(found, traits.Finding{Path: sheet.At(lineOf(doc, at...)), Reason: "name a secret, such as ${secret:NAME}: settings keep none"})
			}
		}
		for i := range file.HTTP {
			refuse("http", i, bare(file.HTTP[i].Auth, file.HTTP[i].Headers))
		}
		for i := range file.MCP {
			refuse("mcp", i, bare(file.MCP[i].Auth, file.MCP[i].Headers))
		}
	}
	if len(found) > 0 {
		b.close()
		return nil, found
	}
	return b, nil
}

// toolFinding is how readTools begins what it has found: with a line, and where in the file that is.
var toolFinding = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?:(?:http|mcp|built_in|allow|time_zone)[.a-z0-9_]*: )?(.*)`)

// notGiven is how readTools says that a secret is missing, and what an operator does about it.
var notGiven = regexp.MustCompile(`secret (\S+) is not configured: set .*`)

// anotherKind is how parseTools says that a value is of the wrong type, with YAML's names of types.
var anotherKind = regexp.MustCompile(`cannot unmarshal !!.* where another kind of value belongs`)

// placed gives what is wrong with tools its path. Of one path there may be several.
func placed(sheet *traits.Sheet, err error) (all []traits.Finding) {
	for l := range strings.SplitSeq(err.Error(), "\n") {
		line, reason := 1, l
		if m := toolFinding.FindStringSubmatch(l); m != nil {
			line, _ = strconv.Atoi(m[1])
			reason = m[2]
		}
		reason = notGiven.ReplaceAllString(reason, "secret $1 is not given to agents here: it has to be a custom credential of the organisation, "+
			"or one that PARLEY_AGENT_SECRETS names and that is there")
		reason = anotherKind.ReplaceAllString(reason, "another kind of value belongs here")
		at := sheet.At(line)
		if i := slices.IndexFunc(all, func(f traits.Finding) bool { return f.Path == at }); i >= 0 {
			all[i].Reason += "; " + reason
			continue
		}
		all = append(all, traits.Finding{Path: at, Reason: reason})
	}
	return all
}

// reference is the place of a secret.
var reference = regexp.MustCompile(`\$\{secret:[^}]*\}`)

// bare are the paths of what looks like a secret that stands there itself.
func bare(auth authEntry, headers map[string]string) (all [][]string) {
	say := func(value string, path ...string) {
		if value != "" && !reference.MatchString(value) {
			all = append(all, path)
		}
	}
	say(auth.Bearer, "auth", "bearer")
	say(auth.Basic.Password, "auth", "basic", "password")
	say(auth.Header.Value, "auth", "header", "value")
	for name, value := range headers {
		switch strings.ToLower(name) {
		case "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token":
			say(value, "headers", name)
		}
	}
	return all
}
