package keypad

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

const (
	mostRules   = 100
	mostDepth   = 8  // of gathers that follow on each other
	mostEntry   = 64 // keys of an entry that is gathered
	defaultGap  = 2 * time.Second
	shortestGap = 200 * time.Millisecond
	longestGap  = 30 * time.Second
	// Page tells how rules are written.
	Page = "docs/dtmf.md"
)

// The fields that there are.
var (
	topFields    = []string{"rules", "key_gap", "otherwise"}
	actionFields = []string{"say", "ask", "gather", "goto", "transfer", "bridge", "attended", "press", "hang_up", "barge_in"}
	ruleFields   = append([]string{"keys", "always"}, actionFields...)
	gatherFields = []string{"prompt", "slot", "length", "min", "max", "terminator", "key_gap", "patience", "masked", "invalid", "tries", "then", "give_up"}
)

var (
	aNumber     = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|sips?:[^\s@]+@[^\s@]+|ext:[a-z0-9][a-z0-9._-]{0,62})$`)
	aName       = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,63}$`) // as flows have it
	aTerminator = regexp.MustCompile(`^[*#]$`)
)

// kinds are the fields that say what an action does; it has one of them, or nothing but say.
var kinds = []struct {
	field string
	kind  kind
}{{"ask", asks}, {"gather", gathers}, {"goto", goes}, {"transfer", transfers}, {"bridge", bridges}, {"attended", attends}, {"press", presses}, {"hang_up", hangsUp}}

// Parse reads rules from JSON, as docs/dtmf.md has them. It is strict, and tells all that is wrong at once: its error joins an *Error for
// each finding.
func Parse(data []byte) (*Rules, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows after the rules")
		}
	}
	r := &reader{}
	if err != nil {
		r.bad("", "no JSON: %v", err)
		return nil, r.err()
	}
	rules := r.file(v)
	if len(r.errs) == 0 {
		r.check(rules)
	}
	if len(r.errs) > 0 {
		return nil, r.err()
	}
	return rules, nil
}

func (r *reader) err() error {
	all := make([]error, len(r.errs))
	for i, e := range r.errs {
		all[i] = e
	}
	return errors.Join(all...)
}

// file reads the whole: a list of rules, or, in short, each rule under its keys.
func (r *reader) file(v any) *Rules {
	m, ok := v.(map[string]any)
	if !ok {
		r.bad("", "must be an object such as {\"rules\": [...]}, not %s: see %s", shown(v), Page)
		return nil
	}
	rules := &Rules{gap: r.duration(m, "key_gap", "", shortestGap, longestGap, defaultGap)}
	if v, there := m["otherwise"]; there {
		rules.otherwise = r.action(v, "otherwise", actionFields, mostDepth)
	}
	list, long := m["rules"]
	if long {
		r.list(rules, list)
	}
	for _, name := range sorted(m) {
		if slices.Contains(topFields, name) {
			continue
		}
		p, err := parsePattern(name)
		switch {
		case err != nil:
			r.bad(under("", name), "unknown field, and no keys either: known are %s, or keys such as \"1\"; see %s", strings.Join(topFields, ", "), Page)
		case long:
			r.bad(under("", name), "stands beside rules: put it into that list, as {\"keys\": %q, ...}", name)
		default:
			rules.rules = append(rules.rules, r.short(m[name], under("", name), p))
		}
	}
	if len(rules.rules) > mostRules {
		r.bad("", "there are %d rules: want at most %d", len(rules.rules), mostRules)
	}
	return rules
}

// list reads the rules of the long form.
func (r *reader) list(rules *Rules, v any) {
	list, ok := v.([]any)
	if !ok {
		r.bad("rules", "must be a list, not %s", shown(v))
	}
	for i, v := range list {
		path := fmt.Sprintf("rules[%d]", i)
		u := &rule{path: path}
		if a := r.action(v, path, ruleFields, mostDepth); a != nil {
			u.action = *a
		}
		m, ok := v.(map[string]any)
		if !ok {
			continue
		}
		u.always = r.boolean(m, "always", path, false)
		switch keys, there := m["keys"].(string); {
		case !there:
			r.bad(under(path, "keys"), "must be text such as \"1\" or \"*9\", not %s", shown(m["keys"]))
		default:
			p, err := parsePattern(keys)
			if err != nil {
				r.bad(under(path, "keys"), "%q: %v", shortened(keys), err)
				continue
			}
			if u.keys = p; u.always && p.places[0]&(digits|setOf('#')) != 0 {
				r.bad(under(path, "always"), "would take the first key of entries: keys that hold always begin with *")
			}
			rules.rules = append(rules.rules, u)
		}
	}
}

func shortened(s string) string {
	if c := []rune(s); len(c) > 2*mostKeys {
		return string(c[:2*mostKeys]) + "…"
	}
	return s
}

// short reads a rule of the short form: an action, or a text for the model.
func (r *reader) short(v any, path string, p *pattern) *rule {
	u := &rule{path: path, keys: p}
	if _, text := v.(string); text {
		u.action = action{kind: asks, what: r.text(v, path)}
		return u
	}
	if a := r.action(v, path, actionFields, mostDepth); a != nil {
		u.action = *a
	}
	return u
}

// action reads what an action does; nil if it is no object. Depth is how many gathers may still follow.
func (r *reader) action(v any, path string, fields []string, depth int) *action {
	m := r.object(v, path, fields)
	if m == nil {
		return nil
	}
	a := &action{say: r.speech(m, "say", path), protected: !r.boolean(m, "barge_in", path, true)}
	var does []string
	for _, k := range kinds {
		if _, there := m[k.field]; there {
			does = append(does, k.field)
			a.kind = k.kind
		}
	}
	_, talks := m["say"]
	switch {
	case len(does) > 1:
		r.bad(path, "does %s: want one of them", strings.Join(does, " and "))
	case len(does) == 0 && !talks:
		r.bad(path, "does nothing: want say, ask, gather, goto, transfer, bridge, attended, press or hang_up")
	}
	if slices.Contains(does, "ask") {
		a.what = r.speech(m, "ask", path)
	}
	if v, there := m["gather"]; there {
		a.gather = r.gather(v, under(path, "gather"), depth-1)
		if a.gather != nil {
			a.gather.protected = a.protected
		}
	}
	for _, s := range []string{
		r.word(m, "goto", path, aName, "the name of a flow's node"),
		r.word(m, "transfer", path, aNumber, "a number such as \"+442071234567\", a sip: address, or an extension such as ext:anna"),
		r.word(m, "bridge", path, aNumber, "a number such as \"+442071234567\", a sip: address, or an extension such as ext:anna"),
		r.word(m, "attended", path, aNumber, "a number such as \"+442071234567\", a sip: address, or an extension such as ext:anna"),
	} {
		if s != "" {
			a.what = s
		}
	}
	if v, there := m["press"]; there {
		a.what, _ = v.(string)
		if err := pipeline.CheckKeys(a.what); err != nil {
			r.bad(under(path, "press"), "%v", err)
		}
	}
	if v, there := m["hang_up"]; there && v != true {
		a.what = r.speech(m, "hang_up", path)
	}
	return a
}

// gather reads a question.
func (r *reader) gather(v any, path string, depth int) *gather {
	if depth < 0 {
		r.bad(path, "more than %d gathers follow on each other: a flow can do that", mostDepth)
		return nil
	}
	m := r.object(v, path, gatherFields)
	if m == nil {
		return nil
	}
	for _, name := range []string{"prompt", "slot"} {
		if _, there := m[name]; !there {
			r.bad(under(path, name), "is required")
		}
	}
	g := &gather{
		prompt: r.speech(m, "prompt", path), slot: r.word(m, "slot", path, aName, "a name of small letters, digits and _"),
		masked: r.boolean(m, "masked", path, false), invalid: r.speech(m, "invalid", path), tries: r.integer(m, "tries", path, 1, 20, 3),
		gap:      r.duration(m, "key_gap", path, shortestGap, longestGap, 0),
		patience: r.duration(m, "patience", path, time.Second, 10*time.Minute, 0),
	}
	if t := r.word(m, "terminator", path, aTerminator, "\"#\" or \"*\""); t != "" {
		g.terminator = rune(t[0])
	}
	r.lengths(m, path, g)
	if v, there := m["then"]; there {
		g.then = r.action(v, under(path, "then"), actionFields, depth)
	}
	if v, there := m["give_up"]; there {
		g.giveUp = r.action(v, under(path, "give_up"), actionFields, depth)
	}
	return g
}

// lengths reads how many digits an entry has.
func (r *reader) lengths(m map[string]any, path string, g *gather) {
	_, fixed := m["length"]
	if fixed {
		g.least = r.integer(m, "length", path, 1, mostEntry, 1)
		g.most = g.least
	}
	for _, name := range []string{"min", "max"} {
		if _, there := m[name]; there && fixed {
			r.bad(under(path, name), "has no meaning beside length")
		}
	}
	if fixed {
		return
	}
	g.least, g.most = r.integer(m, "min", path, 1, mostEntry, 1), r.integer(m, "max", path, 1, mostEntry, mostEntry)
	_, most := m["max"]
	switch {
	case !most:
		r.bad(under(path, "length"), "is required, or max: how many digits")
	case g.most < g.least:
		r.bad(under(path, "max"), "is less than min")
	}
}
