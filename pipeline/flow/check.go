package flow

import (
	"maps"
	"slices"
	"strings"
)

// check finds what is wrong between nodes: links to nowhere, nodes that nothing leads to, texts with slots that nothing fills or that are
// secret, calls that do not fit, and rounds of nodes that never wait for the caller.
func (p *parser) check() {
	f := p.flow
	before := len(p.errs)
	p.targets(f.main)
	for _, c := range f.commands {
		if !c.repeat {
			p.target(f.main, c.next, "a command's goto")
		}
	}
	called := p.callees()
	for _, s := range called {
		p.targets(s)
	}
	for _, s := range f.scripts() {
		p.resolve(s)
	}
	if len(p.errs) > before {
		return // what follows would only repeat it
	}
	for _, s := range append(called, f.main) { // those that are called come first
		p.learn(s)
		p.places(s)
		p.reach(s)
		p.rounds(s)
	}
}

// scripts are all of a flow's, in the order of the file.
func (f *Flow) scripts() []*script {
	all := slices.SortedFunc(maps.Values(f.flows), func(a, b *script) int { return a.line - b.line })
	return append(all, f.main)
}

// each visits a script's steps in the order of the file.
func (s *script) each(visit func(n *node)) {
	for _, name := range s.order {
		visit(s.nodes[name])
	}
}

// callees are the scripts that are called, each after those that it calls itself. It refuses calls in a circle, and scripts that nobody
// calls.
func (p *parser) callees() []*script {
	var order []*script
	state := map[*script]int{} // 1: being visited, 2: done
	var visit func(s *script)
	visit = func(s *script) {
		state[s] = 1
		s.each(func(n *node) {
			c, ok := n.step.(*subcall)
			if !ok {
				return
			}
			switch callee := p.flow.flows[c.flow.to]; {
			case callee == nil:
				p.fail(c.flow.line, "node %s calls flow %q, which is not there", n.name, c.flow.to)
			case state[callee] == 1:
				p.fail(c.flow.line, "flow %s would call itself", c.flow.to)
			case state[callee] == 0:
				visit(callee)
			}
		})
		state[s] = 2
		if s != p.flow.main {
			order = append(order, s)
		}
	}
	visit(p.flow.main)
	for _, s := range p.flow.scripts() {
		if state[s] == 0 {
			p.fail(s.line, "nothing calls flow %s", s.name)
			visit(s)
		}
	}
	return order
}

// targets checks where nodes lead.
func (p *parser) targets(s *script) {
	p.target(s, s.start, "start")
	s.each(func(n *node) {
		for _, l := range n.step.links() {
			p.target(s, l, "node "+n.name)
		}
	})
}

func (p *parser) target(s *script, l link, from string) {
	if s.nodes[l.to] == nil {
		p.fail(l.line, "%s leads to %q, which is not there", from, l.to)
	}
}

// resolve finds the business hours and the flows that nodes name.
func (p *parser) resolve(s *script) {
	s.each(func(n *node) {
		switch st := n.step.(type) {
		case *door:
			st.hours = p.named(st.of)
		case *branch:
			for _, a := range st.arms {
				a.each(func(c condition) {
					if o, ok := c.(*opened); ok {
						o.hours = p.named(link{o.name, o.line})
					}
				})
			}
		case *subcall:
			if callee := p.flow.flows[st.flow.to]; callee != nil {
				p.fits(st, callee)
			}
		}
	})
}

func (p *parser) named(l link) *hours {
	h := p.flow.hours[l.to]
	if h == nil {
		p.fail(l.line, "there are no hours %q", l.to)
	}
	return h
}

// fits checks a call's arguments, results and outcomes.
func (p *parser) fits(c *subcall, callee *script) {
	given := map[string]bool{}
	for _, a := range c.with {
		given[a.to] = true
		if _, takes := callee.takes[a.to]; !takes {
			p.fail(a.line, "flow %s takes no %q", callee.name, a.to)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(callee.takes)) {
		if callee.takes[name].must && !given[name] {
			p.fail(c.flow.line, "flow %s must be given %q", callee.name, name)
		}
	}
	for _, r := range c.into {
		if !slices.ContainsFunc(callee.gives, func(g link) bool { return g.to == r.theirs.to }) {
			p.fail(r.theirs.line, "flow %s gives no %q", callee.name, r.theirs.to)
		}
	}
	outcomes := map[string]bool{}
	callee.each(func(n *node) {
		if g, ok := n.step.(*giveBack); ok {
			outcomes[g.outcome.to] = true
		}
	})
	for _, outcome := range slices.Sorted(maps.Keys(c.then)) {
		if !outcomes[outcome] {
			p.fail(c.then[outcome].line, "flow %s never returns %q", callee.name, outcome)
		}
	}
}

// learn finds out what kinds of values a script's slots hold, and which are secret; those of scripts that it calls are known.
func (p *parser) learn(s *script) {
	set := func(slot string, k kind) {
		if s.slots[slot] == nil && k != nil {
			s.slots[slot] = k
		}
	}
	s.each(func(n *node) {
		c, ok := n.step.(*subcall)
		if !ok {
			return
		}
		callee := p.flow.flows[c.flow.to]
		for _, r := range c.into {
			set(r.ours.to, callee.slots[r.theirs.to])
			if callee.masked[r.theirs.to] {
				s.masked[r.ours.to] = true
			}
		}
	})
	s.each(func(n *node) {
		switch st := n.step.(type) {
		case *assign: // a copy is of the same kind
			for i, v := range st.value {
				if len(v.parts) == 1 && v.parts[0].slot != "" {
					set(st.slots[i], s.slots[v.parts[0].slot])
				}
			}
		case *subcall:
			for _, a := range st.with {
				callee := p.flow.flows[st.flow.to]
				if v := a.value; len(v.parts) == 1 && v.parts[0].slot != "" && callee.slots[a.to] == nil && s.slots[v.parts[0].slot] != nil {
					callee.slots[a.to] = s.slots[v.parts[0].slot]
				}
			}
		}
	})
}

// fills are the slots that a node fills.
func (n *node) fills() []link {
	switch st := n.step.(type) {
	case *assign:
		var ls []link
		for i, s := range st.slots {
			ls = append(ls, link{s, st.value[i].line})
		}
		return ls
	case *question:
		if st.slot != nil {
			return []link{{st.slot.name, st.slot.line}}
		}
	case *voicemail:
		return []link{{st.slot, n.line}, {st.slot + placeSuffix, n.line}, {st.slot + lengthSuffix, n.line}}
	case *handover:
		if st.slot != "" {
			return []link{{st.slot, n.line}}
		}
	case *door:
		if st.change.to != "" {
			return []link{st.change}
		}
	case *subcall:
		var ls []link
		for _, r := range st.into {
			ls = append(ls, r.ours)
		}
		return ls
	}
	return nil
}

// places checks the slots that texts and conditions name.
func (p *parser) places(s *script) {
	known := map[string]bool{}
	if s.name == "" {
		for slot := range p.flow.context {
			known[slot] = true
		}
	}
	for slot := range s.takes {
		known[slot] = true
	}
	s.each(func(n *node) {
		for _, l := range n.fills() {
			known[l.to] = true
			if q, ok := n.step.(*question); s.masked[l.to] && (!ok || !q.masked()) {
				_, result := n.step.(*subcall)
				if _, set := n.step.(*assign); !result && (!set || l.line > 0) { // it may be emptied
					p.fail(max(l.line, n.line), "slot %s is masked: only a masked gather may fill it", l.to)
				}
			}
		}
	})
	s.each(func(n *node) {
		for _, t := range n.step.texts() {
			p.mentions(s, t, known)
		}
		if b, ok := n.step.(*branch); ok {
			for _, a := range b.arms {
				a.each(func(c condition) {
					if c, ok := c.(*compared); ok && !known[c.slot] {
						p.fail(c.line, "nothing fills slot %q", c.slot)
					}
				})
			}
		}
	})
	for _, g := range s.gives {
		if !known[g.to] {
			p.fail(g.line, "nothing fills slot %q", g.to)
		}
	}
	if s.name != "" {
		return
	}
	for _, c := range p.flow.collect {
		if !known[c.to] {
			p.fail(c.line, "nothing fills slot %q", c.to)
		}
	}
	f := p.flow.fallback
	for _, t := range append(slices.Concat(f.noInput, f.noMatch), f.ambiguous) {
		p.mentions(s, t, known)
	}
}

func (p *parser) mentions(s *script, t text, known map[string]bool) {
	for _, part := range t.parts {
		switch {
		case part.slot == "" || slices.Contains(reserved, part.slot):
		case !known[part.slot]:
			p.fail(t.line, "nothing fills {%s}", part.slot)
		case s.masked[part.slot]:
			p.fail(t.line, "{%s} is masked: it may not be said or copied", part.slot)
		}
	}
}

// reach finds nodes that no caller can come to.
func (p *parser) reach(s *script) {
	seen := map[string]bool{}
	todo := []string{s.start.to}
	if s.name == "" {
		for _, c := range p.flow.commands {
			if !c.repeat {
				todo = append(todo, c.next.to)
			}
		}
	}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, l := range s.nodes[name].step.links() {
			todo = append(todo, l.to)
		}
	}
	s.each(func(n *node) {
		if !seen[n.name] {
			p.fail(n.line, "nothing leads to node %s", n.name)
		}
	})
}

// passesBy is where a node may lead without waiting for the caller.
func (p *parser) passesBy(n *node) []link {
	if c, ok := n.step.(*subcall); ok && !p.flow.flows[c.flow.to].passes {
		return nil
	}
	return n.step.passes()
}

// rounds finds a way from a node that does not wait back to itself over nodes that do not wait: the call would never get further. It
// also finds out whether the whole script may be passed without waiting.
func (p *parser) rounds(s *script) {
	const (
		fresh = iota
		onPath
		done
	)
	state := map[string]int{}
	var path []string
	var walk func(name string)
	walk = func(name string) {
		n := s.nodes[name]
		ways := p.passesBy(n)
		if len(ways) == 0 || state[name] == done {
			return
		}
		if state[name] == onPath {
			round := append(slices.Clone(path[slices.Index(path, name):]), name)
			p.fail(n.line, "%s never waits for the caller", strings.Join(round, " → "))
			return
		}
		state[name] = onPath
		path = append(path, name)
		for _, l := range ways {
			walk(l.to)
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	s.each(func(n *node) { walk(n.name) })
	seen := map[string]bool{}
	var passes func(name string) bool
	passes = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		n := s.nodes[name]
		if _, back := n.step.(*giveBack); back {
			return true
		}
		return slices.ContainsFunc(p.passesBy(n), func(l link) bool { return passes(l.to) })
	}
	s.passes = passes(s.start.to)
}
