package flow

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// question reads what menus and gathers have in common.
func (p *parser) question(m map[string]*yaml.Node) *question {
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
		silences: p.integer(m["silences"], "silences", 1, 20, 0),
		giveUp:   p.link(m["give_up"], "give_up"),
		deaf:     !p.boolean(m["commands"], "commands", true),
		patience: p.duration(m["patience"], "patience", time.Second, 10*time.Minute, 0),
		choices:  p.choices(m["choices"]),
	}
	for _, key := range []string{"tries", "silences"} {
		if m[key] != nil && m["give_up"] == nil {
			p.bad(m[key].Line, "%s has no meaning without give_up: the node to go to after them", key)
		}
	}
	return q
}

func (p *parser) menu(n *yaml.Node) *question {
	return p.question(p.mapping(n, "a menu", menuShape))
}

func (p *parser) choices(n *yaml.Node) []*choice {
	var cs []*choice
	for _, c := range p.list(n, "choices") {
		cs = append(cs, p.choice(c))
	}
	p.distinct(cs)
	return cs
}

func (p *parser) choice(n *yaml.Node) *choice {
	m := p.mapping(n, "a choice", choiceShape)
	c := &choice{line: n.Line, digit: p.digit(m["digit"], "digit"), phrases: p.phrases(m["phrases"]), next: p.link(m["goto"], "goto")}
	if m["digit"] == nil && m["phrases"] == nil {
		p.bad(n.Line, "a choice needs a digit or phrases")
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
func (p *parser) gather(n *yaml.Node, s *script) *question {
	m := p.mapping(n, "a gather", gatherShape)
	q := p.question(m)
	q.slot = &slot{
		name:    p.slot(m["slot"], "slot"),
		line:    n.Line,
		masked:  p.boolean(m["masked"], "masked", false),
		confirm: p.text(m["confirm"], "confirm"),
		retry:   p.text(m["retry"], "retry"),
		invalid: p.text(m["invalid"], "invalid"),
		keyGap:  p.duration(m["key_gap"], "key_gap", 100*time.Millisecond, time.Minute, 0),
		next:    p.link(m["goto"], "goto"),
		kind:    p.kind(n, m),
	}
	if m["retry"] != nil && m["confirm"] == nil {
		p.bad(m["retry"].Line, "retry has no meaning without confirm")
	}
	sl := q.slot
	if sl.name == "" || sl.kind == nil {
		return q
	}
	if k := s.slots[sl.name]; k != nil && k.name() != sl.kind.name() {
		p.fail(m["slot"].Line, "slot %s is gathered as %s here and as %s elsewhere", sl.name, sl.kind.name(), k.name())
	}
	s.slots[sl.name] = sl.kind
	s.masked[sl.name] = s.masked[sl.name] || sl.masked
	if sl.kind.expect().keyed {
		for _, c := range q.choices {
			if c.digit != 0 {
				p.fail(c.line, "digit %c belongs to the answer: a choice beside a %s has phrases only", c.digit, sl.kind.name())
			}
		}
	}
	return q
}

// kind reads what sort of value a gather wants; nil if that cannot be said.
func (p *parser) kind(n *yaml.Node, m map[string]*yaml.Node) kind {
	name := p.oneWord(m["type"], "type", kindNames())
	if name == "" {
		return nil
	}
	for _, key := range kindOptions() {
		if m[key] != nil && !slices.Contains(kindKeys[name], key) {
			p.bad(m[key].Line, "%s has no meaning for type %s", key, name)
		}
	}
	pattern := p.pattern(m["pattern"], "pattern")
	switch name {
	case "digits":
		return p.digits(n, m, pattern)
	case "number":
		w := wholeNumber{}
		w.min, w.max = p.bounds(m, 0, 1e9, 0, 1e9)
		return w
	case "yes_no":
		return yesNo{}
	case "one_of":
		return p.oneOf(n, m["options"])
	case "date":
		return p.date(m)
	case "time":
		return p.clock(m)
	case "spelling":
		s := letterString{pattern: pattern}
		s.min, s.max = p.bounds(m, 1, 100, 1, 50)
		return s
	case "email":
		return email{}
	case "phone":
		return p.phone(m)
	}
	f := freeText{person: name == "name", pattern: pattern}
	_, f.max = p.bounds(m, 1, 10000, 1, 500)
	return f
}

// kindOptions are all keys that have a meaning for some types only.
func kindOptions() []string {
	var all []string
	for _, keys := range kindKeys {
		for _, key := range keys {
			if !slices.Contains(all, key) {
				all = append(all, key)
			}
		}
	}
	slices.Sort(all)
	return all
}

// bounds reads min and max as whole numbers.
func (p *parser) bounds(m map[string]*yaml.Node, lowest, highest, least, most int) (from, to int) {
	read := func(key string, absent int) int {
		w := p.word(m[key], key)
		if w == "" {
			return absent
		}
		v, err := strconv.Atoi(w)
		if err != nil || v < lowest || v > highest {
			p.fail(m[key].Line, "%s must be a whole number from %d to %d, not %s", key, lowest, highest, shapeOf(m[key]))
			return absent
		}
		return v
	}
	from, to = read("min", least), read("max", most)
	if from > to {
		line := m["max"]
		if line == nil {
			line = m["min"]
		}
		p.fail(line.Line, "min %d is more than max %d", from, to)
	}
	return from, to
}

func (p *parser) digits(n *yaml.Node, m map[string]*yaml.Node, pattern *regexp.Regexp) kind {
	d := digitString{pattern: pattern, terminator: p.digit(m["terminator"], "terminator"), luhn: p.boolean(m["luhn"], "luhn", false)}
	switch l := m["length"]; {
	case l != nil:
		d.min = p.integer(l, "length", 1, 64, 1)
		d.max = d.min
		if m["min"] != nil || m["max"] != nil {
			p.bad(l.Line, "length excludes min and max")
		}
	case m["max"] == nil:
		p.bad(n.Line, "type digits needs a length, or min and max")
		d.min, d.max = 1, 64
	default:
		d.min, d.max = p.bounds(m, 1, 64, 1, 64)
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
		p.bad(n.Line, "type one_of needs options")
	}
	var o oneOf
	for _, on := range p.list(options, "options") {
		if on.Kind == yaml.ScalarNode {
			if v := p.word(on, "an option"); v != "" {
				o.options = append(o.options, &choice{line: on.Line, value: v, phrases: p.phrases(on)})
			}
			continue
		}
		m := p.mapping(on, "an option", optionShape)
		c := &choice{line: on.Line, value: p.word(m["value"], "value"), digit: p.digit(m["digit"], "digit")}
		if c.value == "" {
			continue
		}
		c.phrases = append(p.phrases(m["value"]), p.phrases(m["phrases"])...)
		o.options = append(o.options, c)
	}
	p.distinct(o.options)
	return o
}

func (p *parser) date(m map[string]*yaml.Node) kind {
	d := date{past: p.boolean(m["past"], "past", false), format: p.oneWord(m["format"], "format", dateFormats)}
	if d.format == "" {
		if d.format = p.flow.dateOrder(); d.past {
			d.format += "yyyy"
		}
	}
	read := func(key string) bound {
		w := p.word(m[key], key)
		b, ok := parseBound(w)
		if w != "" && !ok {
			p.fail(m[key].Line, "%s of a date must be today, +7d, -7d or 2026-01-31, not %q", key, w)
		}
		return b
	}
	d.min, d.max = read("min"), read("max")
	if d.past && !d.max.set {
		d.max = bound{set: true}
	}
	return d
}

func (p *parser) clock(m map[string]*yaml.Node) kind {
	c := clock{max: 24*60 - 1, every: p.duration(m["every"], "every", time.Minute, 12*time.Hour, 0)}
	read := func(key string, absent int) int {
		w := p.word(m[key], key)
		v, ok := minutes(w)
		if w == "" {
			return absent
		}
		if !ok {
			p.fail(m[key].Line, "%s of a time must be a time such as 08:00, not %q", key, w)
			return absent
		}
		return v
	}
	c.min, c.max = read("min", c.min), read("max", c.max)
	if c.min > c.max {
		p.fail(m["min"].Line, "min %s is more than max %s", stamp(c.min), stamp(c.max))
	}
	if c.every%time.Minute != 0 {
		p.fail(m["every"].Line, "every must be whole minutes, not %v", c.every)
	}
	return c
}

func (p *parser) phone(m map[string]*yaml.Node) kind {
	f := phone{}
	if c := p.integer(m["country"], "country", 1, 999, 0); c > 0 {
		f.country = strconv.Itoa(c)
	}
	f.min, f.max = p.bounds(m, 3, 15, 7, 15)
	return f
}
