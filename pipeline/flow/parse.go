package flow

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"parley/pipeline"
)

// file reads a whole file into p.flow. It is checked for links, slots and reachability only when nothing was wrong so far.
func (p *parser) file(data []byte) {
	root := p.document(data)
	if root == nil {
		return
	}
	m := p.mapping(root, "the flow", fileShape)
	f := &Flow{
		name:    p.word(m["flow"], "flow"),
		lang:    p.word(m["lang"], "lang"),
		zone:    p.zone(m["zone"], time.UTC),
		context: map[string]string{},
		hours:   map[string]*hours{},
		flows:   map[string]*script{},
		fallback: texts{
			noInput:   p.texts(m["no_input"], "no_input"),
			noMatch:   p.texts(m["no_match"], "no_match"),
			ambiguous: p.text(m["ambiguous"], "ambiguous"),
		},
	}
	p.flow = f
	for _, e := range p.entries(m["context"], "context") {
		if v := p.absent(e); p.slotName(e.key, e.line) {
			f.context[e.key] = v
		}
	}
	f.collect = p.names(m["collect"], "collect")
	if n := m["commands"]; n != nil {
		for _, c := range p.list(n, "commands") {
			f.commands = append(f.commands, p.command(c))
		}
		p.distinct(f.commands)
	}
	for _, e := range p.entries(m["hours"], "hours") {
		if p.key(e, "hours") {
			f.hours[e.key] = p.hours(e)
		}
	}
	for _, e := range p.entries(m["flows"], "flows") {
		if p.key(e, "a flow") {
			f.flows[e.key] = p.subFlow(e)
		}
	}
	f.main = p.script("", root.Line, m)
}

// absent is the value of a slot that is not given.
func (p *parser) absent(e entryOf) string {
	if e.value.Kind == yaml.ScalarNode && e.value.Tag == "!!null" {
		return ""
	}
	return p.word(e.value, "the default of "+e.key)
}

// key checks a key that names something.
func (p *parser) key(e entryOf, what string) bool {
	if !identifier(e.key) {
		p.bad(e.line, "%q cannot name %s: use small letters, digits and _", e.key, what)
		return false
	}
	return true
}

func (p *parser) zone(n *yaml.Node, absent *time.Location) *time.Location {
	w := p.word(n, "zone")
	if w == "" {
		return absent
	}
	zone, err := time.LoadLocation(w)
	if err != nil || w == "Local" {
		p.fail(n.Line, "zone %q is not known: use an IANA name such as Europe/London", w)
		return absent
	}
	return zone
}

// script reads a flow's nodes.
func (p *parser) script(name string, line int, m map[string]*yaml.Node) *script {
	s := &script{name: name, line: line, start: p.link(m["start"], "start"), nodes: map[string]*node{}, slots: map[string]kind{}, masked: map[string]bool{},
		takes: map[string]parameter{}}
	for _, e := range p.entries(m["nodes"], "nodes") {
		if p.key(e, "a node") {
			s.nodes[e.key] = p.node(e, s)
			s.order = append(s.order, e.key)
		}
	}
	return s
}

func (p *parser) subFlow(e entryOf) *script {
	m := p.mapping(e.value, "flow "+e.key, subFlowShape)
	s := p.script(e.key, e.line, m)
	for _, e := range p.entries(m["takes"], "takes") {
		if v := p.absent(e); p.slotName(e.key, e.line) {
			s.takes[e.key] = parameter{absent: v, must: e.value.Tag == "!!null", line: e.line}
		}
	}
	s.gives = p.names(m["gives"], "gives")
	return s
}

// reserved are the places that are filled by the flow itself.
var reserved = []string{"prompt", "options", "today", "now"}

func (p *parser) slotName(name string, line int) bool {
	if !p.key(entryOf{key: name, line: line}, "a slot") {
		return false
	}
	return p.free(name, line)
}

// free refuses the names of reserved places.
func (p *parser) free(name string, line int) bool {
	if slices.Contains(reserved, name) {
		p.fail(line, "%q cannot name a slot: {%s} is filled by the flow itself", name, name)
		return false
	}
	return true
}

// slot reads the name of a slot that is filled.
func (p *parser) slot(n *yaml.Node, what string) string {
	name := p.name(n, what)
	if name == "" || !p.free(name, n.Line) {
		return ""
	}
	return name
}

// command reads what is understood everywhere.
func (p *parser) command(n *yaml.Node) *choice {
	m := p.mapping(n, "a command", commandShape)
	c := &choice{line: n.Line, phrases: p.phrases(m["phrases"]), next: p.link(m["goto"], "goto"), repeat: p.boolean(m["repeat"], "repeat", false)}
	if m["repeat"] != nil && m["goto"] != nil || m["repeat"] == nil && m["goto"] == nil {
		p.bad(n.Line, "a command needs either a goto or repeat: true")
	} else if m["repeat"] != nil && !c.repeat {
		p.bad(m["repeat"].Line, "a command needs either a goto or repeat: true")
	}
	return c
}

// node reads one node; the key that it has of nodeKinds says what it does.
func (p *parser) node(e entryOf, s *script) *node {
	m := p.mapping(e.value, "node "+e.key, nodeShape)
	n := &node{name: e.key, line: e.line, protected: !p.boolean(m["barge_in"], "barge_in", true), step: &hangUp{}}
	var is, names []string
	for _, k := range nodeKinds {
		names = append(names, k.key)
		if m[k.key] != nil {
			is = append(is, k.key)
		}
	}
	if len(is) != 1 {
		p.bad(e.line, "node %s needs exactly one of %s; it has %d", e.key, strings.Join(names, ", "), len(is))
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
		n.step = p.gather(v, s)
	case "set":
		n.step = p.assign(v, p.link(m["goto"], "goto"))
	case "if":
		n.step = p.branch(v, p.link(m["else"], "else"))
	case "hours":
		n.step = p.door(v)
	case "call":
		n.step = p.subcall(v, p.link(m["goto"], "goto"))
	case "return":
		n.step = &giveBack{outcome: p.link(v, "return")}
		if s.name == "" {
			p.fail(v.Line, "node %s returns, but nobody calls the main flow: end it with hang_up", e.key)
		}
	case "voicemail":
		n.step = p.voicemail(v)
	case "model":
		n.step = p.handover(v)
	case "transfer":
		n.step = p.transfer(v)
	case "hang_up":
		n.step = &hangUp{farewell: p.text(v, "hang_up")}
	}
	return n
}

// exits refuses ways out that this kind of node does not have, and misses those that it must have.
func (p *parser) exits(e entryOf, kind string, m map[string]*yaml.Node) {
	i := slices.IndexFunc(nodeKinds, func(k nodeKind) bool { return k.key == kind })
	k := nodeKinds[i]
	for _, key := range []string{"goto", "else"} {
		if key == k.out && m[key] == nil {
			p.bad(e.line, "node %s needs %q: the node to go on with", e.key, key)
		}
		if key != k.out && m[key] != nil {
			p.bad(m[key].Line, "%s nodes have no %q of their own", kind, key)
		}
	}
	if m["barge_in"] != nil && k.silent {
		p.bad(m["barge_in"].Line, "%s nodes say nothing: barge_in has no meaning", kind)
	}
}

func (p *parser) assign(n *yaml.Node, next link) *assign {
	a := &assign{next: next}
	entries := p.entries(n, "set")
	for _, e := range entries {
		var v text
		if e.value.Kind != yaml.ScalarNode || e.value.Value != "" || e.value.Tag == "!!null" {
			v = p.text(e.value, "the value of "+e.key) // "" empties the slot
		}
		if p.slotName(e.key, e.line) {
			a.slots, a.value = append(a.slots, e.key), append(a.value, v)
		}
	}
	if len(entries) == 0 && n.Kind == yaml.MappingNode {
		p.bad(n.Line, "set names no slot")
	}
	return a
}

func (p *parser) branch(n *yaml.Node, other link) *branch {
	b := &branch{other: other}
	for _, c := range p.list(n, "if") {
		m := p.mapping(c, "a condition", branchShape)
		b.arms = append(b.arms, arm{condition: p.condition(c, m), next: p.link(m["goto"], "goto")})
	}
	return b
}

// condition reads what has been found in a mapping; never nil.
func (p *parser) condition(n *yaml.Node, m map[string]*yaml.Node) condition {
	var is []string
	for _, key := range []string{"slot", "open", "all", "any", "not"} {
		if m[key] != nil {
			is = append(is, key)
		}
	}
	if len(is) != 1 {
		p.bad(n.Line, "a condition needs exactly one of slot, open, all, any, not; it has %d", len(is))
		return every(nil)
	}
	for _, f := range tests {
		if m[f.key] != nil && is[0] != "slot" {
			p.bad(m[f.key].Line, "%s has no meaning without slot", f.key)
		}
	}
	if m["at"] != nil && is[0] != "open" {
		p.bad(m["at"].Line, "at has no meaning without open")
	}
	switch v := m[is[0]]; is[0] {
	case "open":
		return &opened{line: v.Line, name: p.name(v, "open"), at: p.line(m["at"], "at")}
	case "all":
		return every(p.conditions(v, "all"))
	case "any":
		return some(p.conditions(v, "any"))
	case "not":
		return negated{p.condition(v, p.mapping(v, "a condition", conditionShape))}
	}
	return p.compared(n, m)
}

func (p *parser) conditions(n *yaml.Node, what string) []condition {
	var cs []condition
	for _, c := range p.list(n, what) {
		cs = append(cs, p.condition(c, p.mapping(c, "a condition", conditionShape)))
	}
	return cs
}

func (p *parser) compared(n *yaml.Node, m map[string]*yaml.Node) *compared {
	c := &compared{slot: p.name(m["slot"], "slot"), line: n.Line}
	for _, f := range tests {
		v := m[f.key]
		if v == nil {
			continue
		}
		t := test{name: f.key}
		switch f.key {
		case "empty":
			t.empty = p.boolean(v, "empty", true)
		case "matches":
			t.pattern = p.pattern(v, "matches")
		case "is", "is_not":
			t.with = p.texts(v, f.key)
		default:
			t.with = []text{p.line(v, f.key)}
		}
		c.tests = append(c.tests, t)
	}
	if len(c.tests) == 0 {
		var names []string
		for _, f := range tests {
			names = append(names, f.key)
		}
		p.bad(n.Line, "a condition on a slot needs one of %s", strings.Join(names, ", "))
	}
	return c
}

func (p *parser) pattern(n *yaml.Node, what string) *regexp.Regexp {
	w := p.word(n, what)
	if w == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + w + `)$`)
	if err != nil {
		p.fail(n.Line, "%s %q: %v", what, w, err)
		return nil
	}
	return re
}

func (p *parser) door(n *yaml.Node) *door {
	m := p.mapping(n, "an hours node", openingShape)
	d := &door{of: p.nameLink(m["of"], "of"), open: p.link(m["open"], "open"), closed: p.link(m["closed"], "closed")}
	if c := m["change"]; c != nil {
		d.change = link{to: p.slot(c, "change"), line: c.Line}
	}
	return d
}

// nameLink reads the name of something that is not a node.
func (p *parser) nameLink(n *yaml.Node, what string) link {
	if n == nil {
		return link{}
	}
	return link{to: p.name(n, what), line: n.Line}
}

func (p *parser) subcall(n *yaml.Node, next link) *subcall {
	m := p.mapping(n, "a call", callShape)
	c := &subcall{flow: p.nameLink(m["flow"], "flow"), next: next, then: map[string]link{}}
	for _, e := range p.entries(m["with"], "with") {
		if p.key(e, "an argument") {
			c.with = append(c.with, argument{link{e.key, e.line}, p.text(e.value, "argument "+e.key)})
		}
	}
	for _, e := range p.entries(m["into"], "into") {
		if theirs := p.nameLink(e.value, "into"); p.slotName(e.key, e.line) {
			c.into = append(c.into, result{link{e.key, e.line}, theirs})
		}
	}
	for _, e := range p.entries(m["then"], "then") {
		if p.key(e, "an outcome") {
			c.then[e.key] = p.link(e.value, "then")
		}
	}
	return c
}

func (p *parser) voicemail(n *yaml.Node) *voicemail {
	m := p.mapping(n, "a voicemail", voicemailShape)
	v := &voicemail{
		prompt:  p.text(m["prompt"], "prompt"),
		empty:   p.text(m["empty"], "empty"),
		confirm: p.text(m["confirm"], "confirm"),
		slot:    p.slot(m["slot"], "slot"),
		tone:    p.boolean(m["tone"], "tone", true),
		silence: p.duration(m["silence"], "silence", time.Second, time.Minute, 4*time.Second),
		max:     p.duration(m["max"], "max", 5*time.Second, 10*time.Minute, 2*time.Minute),
		key:     p.digit(m["key"], "key"),
		tries:   p.integer(m["tries"], "tries", 1, 20, 3),
		giveUp:  p.link(m["give_up"], "give_up"),
		next:    p.link(m["goto"], "goto"),
	}
	if v.key == 0 {
		v.key = '#'
	}
	return v
}

func (p *parser) transfer(n *yaml.Node) *transfer {
	m := p.mapping(n, "a transfer", transferShape)
	t := &transfer{say: p.text(m["say"], "say"), to: p.line(m["to"], "to"), failed: p.link(m["failed"], "failed")}
	if err := (pipeline.Command{Kind: pipeline.Transfer, To: t.to.fill(func(string) string { return "x" })}).Check(); err != nil && m["to"] != nil {
		p.fail(m["to"].Line, "%v", err)
	}
	return t
}

func (p *parser) handover(n *yaml.Node) *handover {
	m := p.mapping(n, "a model node", modelShape)
	h := &handover{
		instructions: p.text(m["instructions"], "instructions"),
		prompt:       p.text(m["prompt"], "prompt"),
		slot:         p.slot(m["slot"], "slot"),
		phrase:       p.word(m["phrase"], "phrase"),
		turns:        p.integer(m["turns"], "turns", 1, 1000, 50),
		deaf:         !p.boolean(m["commands"], "commands", true),
		choices:      p.choices(m["choices"]),
		next:         p.link(m["goto"], "goto"),
		giveUp:       p.link(m["give_up"], "give_up"),
		unavailable:  p.link(m["unavailable"], "unavailable"),
	}
	return h
}
