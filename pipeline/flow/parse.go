package flow

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// flow reads a whole file. What it returns is checked for links, slots and reachability only when nothing was wrong so far.
func (p *parser) flow(data []byte) *Flow {
	root := p.document(data)
	if root == nil {
		return nil
	}
	m := p.mapping(root, "the flow", "flow", "lang", "context", "start", "no_input", "no_match", "ambiguous", "commands", "nodes")
	f := &Flow{
		name:    p.word(m["flow"], "flow"),
		lang:    p.word(m["lang"], "lang"),
		start:   p.link(m["start"], "start"),
		nodes:   map[string]*node{},
		context: map[string]string{},
		slots:   map[string]kind{},
		fallback: texts{
			noInput:   p.texts(m["no_input"], "no_input"),
			noMatch:   p.texts(m["no_match"], "no_match"),
			ambiguous: p.text(m["ambiguous"], "ambiguous"),
		},
	}
	for _, key := range []string{"flow", "start", "nodes"} {
		if m[key] == nil {
			p.fail(root.Line, "the flow has no %q", key)
		}
	}
	for _, e := range p.entries(m["context"], "context") {
		if !p.slotName(e.key, e.line) {
			continue
		}
		f.context[e.key] = ""
		if e.value.Tag != "!!null" {
			f.context[e.key] = p.word(e.value, "the default of "+e.key)
		}
	}
	if n := m["commands"]; n != nil {
		for _, c := range p.list(n, "commands") {
			f.commands = append(f.commands, p.command(c))
		}
		p.distinct(f.commands)
	}
	for _, e := range p.entries(m["nodes"], "nodes") {
		if !identifier(e.key) {
			p.fail(e.line, "%q cannot name a node: use small letters, digits and _", e.key)
			continue
		}
		f.nodes[e.key] = p.node(e, f)
	}
	return f
}

// reserved are the places that are filled by the flow itself.
var reserved = []string{"prompt", "options"}

func (p *parser) slotName(name string, line int) bool {
	if !identifier(name) {
		p.fail(line, "%q cannot name a slot: use small letters, digits and _", name)
		return false
	}
	if slices.Contains(reserved, name) {
		p.fail(line, "%q cannot name a slot: {%s} is filled by the flow itself", name, name)
		return false
	}
	return true
}

// command reads what is understood everywhere.
func (p *parser) command(n *yaml.Node) *choice {
	m := p.mapping(n, "a command", "phrases", "goto", "repeat")
	c := &choice{line: n.Line, phrases: p.phrases(m["phrases"]), next: p.link(m["goto"], "goto"), repeat: p.boolean(m["repeat"], "repeat", false)}
	if m["phrases"] == nil {
		p.fail(n.Line, "a command needs phrases")
	}
	if c.repeat == (m["goto"] != nil) {
		p.fail(n.Line, "a command needs either a goto or repeat: true")
	}
	return c
}

var nodeKinds = []string{"say", "menu", "gather", "set", "if", "hang_up"}

// node reads one node; the key that it has of nodeKinds says what it does.
func (p *parser) node(e entry, f *Flow) *node {
	m := p.mapping(e.value, "node "+e.key, append(slices.Clone(nodeKinds), "goto", "else", "barge_in")...)
	n := &node{name: e.key, line: e.line, protected: !p.boolean(m["barge_in"], "barge_in", true)}
	var is []string
	for _, k := range nodeKinds {
		if m[k] != nil {
			is = append(is, k)
		}
	}
	if len(is) != 1 {
		p.fail(e.line, "node %s needs exactly one of %s; it has %d", e.key, strings.Join(nodeKinds, ", "), len(is))
		return n
	}
	p.exits(e, is[0], m)
	v := m[is[0]]
	switch is[0] {
	case "say":
		n.step = &say{text: p.text(v, "say"), next: p.link(m["goto"], "goto")}
	case "menu":
		n.step = p.menu(v)
	case "gather":
		n.step = p.gather(v, f)
	case "set":
		n.step = p.assign(v, f, p.link(m["goto"], "goto"))
	case "if":
		n.step = p.branch(v, p.link(m["else"], "else"))
	case "hang_up":
		n.step = &hangUp{farewell: p.text(v, "hang_up")}
	}
	return n
}

// exits refuses ways out that this kind of node does not have, and misses those that it must have.
func (p *parser) exits(e entry, kind string, m map[string]*yaml.Node) {
	for _, key := range []string{"goto", "else"} {
		wants := key == "goto" && (kind == "say" || kind == "set") || key == "else" && kind == "if"
		if wants && m[key] == nil {
			p.fail(e.line, "node %s needs %q: the node to go on with", e.key, key)
		}
		if !wants && m[key] != nil {
			p.fail(m[key].Line, "a %s has no %q of its own", kind, key)
		}
	}
	if m["barge_in"] != nil && (kind == "set" || kind == "if") {
		p.fail(m["barge_in"].Line, "a %s says nothing: barge_in has no meaning", kind)
	}
}

func (p *parser) assign(n *yaml.Node, f *Flow, next link) *assign {
	a := &assign{next: next}
	for _, e := range p.entries(n, "set") {
		if !p.slotName(e.key, e.line) {
			continue
		}
		a.slots = append(a.slots, e.key)
		var v text
		if e.value.Kind != yaml.ScalarNode || e.value.Value != "" || e.value.Tag == "!!null" {
			v = p.text(e.value, "the value of "+e.key) // "" empties the slot
		}
		a.value = append(a.value, v)
	}
	if len(a.slots) == 0 && n.Kind == yaml.MappingNode {
		p.fail(n.Line, "set names no slot")
	}
	return a
}

func (p *parser) branch(n *yaml.Node, other link) *branch {
	b := &branch{other: other}
	for _, c := range p.list(n, "if") {
		m := p.mapping(c, "a condition", "slot", "is", "empty", "goto")
		cond := cond{slot: p.word(m["slot"], "slot"), line: c.Line, empty: p.boolean(m["empty"], "empty", false), next: p.link(m["goto"], "goto")}
		for _, v := range p.words(m["is"], "is") {
			cond.is = append(cond.is, strings.TrimSpace(v.Value))
		}
		for _, key := range []string{"slot", "goto"} {
			if m[key] == nil {
				p.fail(c.Line, "a condition needs %q", key)
			}
		}
		if (m["is"] != nil) == cond.empty {
			p.fail(c.Line, "a condition needs either is or empty: true")
		}
		b.conds = append(b.conds, cond)
	}
	return b
}

var questionKeys = []string{"prompt", "again", "interrupted", "no_input", "no_match", "ambiguous", "choices", "tries", "give_up", "commands", "patience"}

// question reads what menus and gathers have in common.
func (p *parser) question(n *yaml.Node, m map[string]*yaml.Node, what string) *question {
	q := &question{
		prompt:      p.text(m["prompt"], "prompt"),
		again:       p.text(m["again"], "again"),
		interrupted: p.text(m["interrupted"], "interrupted"),
		retorts: texts{
			noInput:   p.texts(m["no_input"], "no_input"),
			noMatch:   p.texts(m["no_match"], "no_match"),
			ambiguous: p.text(m["ambiguous"], "ambiguous"),
		},
		tries:    p.integer(m["tries"], "tries", 1, 20, 3),
		giveUp:   p.link(m["give_up"], "give_up"),
		deaf:     !p.boolean(m["commands"], "commands", true),
		patience: p.duration(m["patience"], "patience", time.Second, 10*time.Minute),
	}
	if m["prompt"] == nil {
		p.fail(n.Line, "a %s needs a prompt", what)
	}
	if m["tries"] != nil && m["give_up"] == nil {
		p.fail(m["tries"].Line, "tries has no meaning without give_up: the node to go to after them")
	}
	for _, c := range p.list(m["choices"], "choices") {
		q.choices = append(q.choices, p.choice(c))
	}
	p.distinct(q.choices)
	return q
}

func (p *parser) menu(n *yaml.Node) *question {
	m := p.mapping(n, "a menu", questionKeys...)
	q := p.question(n, m, "menu")
	if m["choices"] == nil {
		p.fail(n.Line, "a menu needs choices")
	}
	return q
}

func (p *parser) choice(n *yaml.Node) *choice {
	m := p.mapping(n, "a choice", "digit", "phrases", "goto")
	c := &choice{line: n.Line, digit: p.digit(m["digit"], "digit"), phrases: p.phrases(m["phrases"]), next: p.link(m["goto"], "goto")}
	if m["goto"] == nil {
		p.fail(n.Line, "a choice needs a goto")
	}
	if m["digit"] == nil && m["phrases"] == nil {
		p.fail(n.Line, "a choice needs a digit or phrases")
	}
	return c
}

func (p *parser) phrases(n *yaml.Node) []phrase {
	var ps []phrase
	for _, w := range p.words(n, "phrases") {
		ph := newPhrase(w.Value)
		if len(ph.words) == 0 || len(ph.words) > 20 {
			p.fail(w.Line, "the phrase %q has %d words; it needs 1 to 20", w.Value, len(ph.words))
			continue
		}
		ps = append(ps, ph)
	}
	return ps
}

// distinct refuses a digit or a phrase that means two things.
func (p *parser) distinct(choices []*choice) {
	digits, phrases := map[rune]int{}, map[string]int{}
	for _, c := range choices {
		if c.digit != 0 {
			if first, twice := digits[c.digit]; twice {
				p.fail(c.line, "digit %c is taken by the choice on line %d", c.digit, first)
			}
			digits[c.digit] = c.line
		}
		for _, ph := range c.phrases {
			key := string(ph.joined)
			if first, twice := phrases[key]; twice {
				p.fail(c.line, "the phrase %q is taken by the choice on line %d", ph.text, first)
			}
			phrases[key] = c.line
		}
	}
}

// gather reads a question that fills a slot.
func (p *parser) gather(n *yaml.Node, f *Flow) *question {
	keys := append(slices.Clone(questionKeys), "slot", "type", "length", "min", "max", "terminator", "options", "pattern", "key_gap",
		"confirm", "retry", "invalid", "goto")
	m := p.mapping(n, "a gather", keys...)
	q := p.question(n, m, "gather")
	q.slot = &slot{
		name:    p.word(m["slot"], "slot"),
		confirm: p.text(m["confirm"], "confirm"),
		retry:   p.text(m["retry"], "retry"),
		invalid: p.text(m["invalid"], "invalid"),
		keyGap:  p.duration(m["key_gap"], "key_gap", 100*time.Millisecond, time.Minute),
		next:    p.link(m["goto"], "goto"),
		kind:    p.kind(n, m),
	}
	for _, key := range []string{"slot", "type", "goto"} {
		if m[key] == nil {
			p.fail(n.Line, "a gather needs %q", key)
		}
	}
	if m["retry"] != nil && m["confirm"] == nil {
		p.fail(m["retry"].Line, "retry has no meaning without confirm")
	}
	sl := q.slot
	if sl.name == "" || sl.kind == nil || !p.slotName(sl.name, m["slot"].Line) {
		return q
	}
	if k := f.slots[sl.name]; k != nil && k.name() != sl.kind.name() {
		p.fail(m["slot"].Line, "slot %s is gathered as %s here and as %s elsewhere", sl.name, sl.kind.name(), k.name())
	}
	f.slots[sl.name] = sl.kind
	if _, keyed, _ := sl.kind.expect(); keyed > 0 {
		for _, c := range q.choices {
			if c.digit != 0 {
				p.fail(c.line, "digit %c belongs to the answer: a choice beside a %s has phrases only", c.digit, sl.kind.name())
			}
		}
	}
	return q
}

// kindKeys are what each type of slot may be told.
var kindKeys = map[string][]string{
	"digits": {"length", "min", "max", "terminator", "pattern"},
	"number": {"min", "max"},
	"yes_no": nil,
	"name":   {"max", "pattern"},
	"text":   {"max", "pattern"},
	"one_of": {"options"},
}

func (p *parser) kind(n *yaml.Node, m map[string]*yaml.Node) kind {
	name := p.word(m["type"], "type")
	if name == "" {
		return nil
	}
	allowed, known := kindKeys[name]
	if !known {
		p.fail(m["type"].Line, "unknown type %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(kindKeys)), ", "))
		return nil
	}
	for _, key := range []string{"length", "min", "max", "terminator", "pattern", "options"} {
		if m[key] != nil && !slices.Contains(allowed, key) {
			p.fail(m[key].Line, "%s has no meaning for type %s", key, name)
		}
	}
	pattern := p.pattern(m["pattern"])
	switch name {
	case "digits":
		return p.digits(n, m, pattern)
	case "number":
		w := wholeNumber{min: p.integer(m["min"], "min", 0, 1e9, 0), max: p.integer(m["max"], "max", 0, 1e9, 1e9)}
		if w.min > w.max {
			p.fail(m["min"].Line, "min %d is more than max %d", w.min, w.max)
		}
		return w
	case "yes_no":
		return yesNo{}
	case "one_of":
		return p.oneOf(n, m["options"])
	}
	return freeText{person: name == "name", max: p.integer(m["max"], "max", 1, 10000, 500), pattern: pattern}
}

func (p *parser) pattern(n *yaml.Node) *regexp.Regexp {
	w := p.word(n, "pattern")
	if w == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + w + `)$`)
	if err != nil {
		p.fail(n.Line, "pattern %q: %v", w, err)
	}
	return re
}

func (p *parser) digits(n *yaml.Node, m map[string]*yaml.Node, pattern *regexp.Regexp) kind {
	d := digitString{pattern: pattern, terminator: p.digit(m["terminator"], "terminator")}
	if l := m["length"]; l != nil {
		d.min = p.integer(l, "length", 1, 64, 1)
		d.max = d.min
		if m["min"] != nil || m["max"] != nil {
			p.fail(l.Line, "length excludes min and max")
		}
	} else {
		d.min, d.max = p.integer(m["min"], "min", 1, 64, 1), p.integer(m["max"], "max", 1, 64, 0)
		switch {
		case m["max"] == nil:
			p.fail(n.Line, "type digits needs a length, or min and max")
		case d.min > d.max:
			p.fail(m["max"].Line, "min %d is more than max %d", d.min, d.max)
		}
	}
	if d.terminator >= '0' && d.terminator <= '9' {
		p.fail(m["terminator"].Line, "terminator must be \"#\" or \"*\": digit %c belongs to the answer", d.terminator)
	}
	if d.terminator == 0 && d.min < d.max {
		d.terminator = '#'
	}
	return d
}

func (p *parser) oneOf(n *yaml.Node, options *yaml.Node) kind {
	if options == nil {
		p.fail(n.Line, "type one_of needs options")
	}
	var o oneOf
	for _, on := range p.list(options, "options") {
		if on.Kind == yaml.ScalarNode {
			if v := p.word(on, "an option"); v != "" {
				o.options = append(o.options, &choice{line: on.Line, value: v, phrases: p.phrases(on)})
			}
			continue
		}
		m := p.mapping(on, "an option", "value", "digit", "phrases")
		c := &choice{line: on.Line, value: p.word(m["value"], "value"), digit: p.digit(m["digit"], "digit")}
		if m["value"] == nil {
			p.fail(on.Line, "an option needs a value")
			continue
		}
		c.phrases = append(p.phrases(m["value"]), p.phrases(m["phrases"])...)
		o.options = append(o.options, c)
	}
	p.distinct(o.options)
	return o
}
