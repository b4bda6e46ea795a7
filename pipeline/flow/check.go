package flow

import (
	"slices"
	"strings"
)

// check finds what is wrong between nodes: links to nowhere, nodes that nothing leads to, texts with slots that nothing fills, and
// rounds of nodes that never wait for the caller.
func (p *parser) check(f *Flow) {
	names := make([]string, 0, len(f.nodes))
	for name := range f.nodes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return f.nodes[a].line - f.nodes[b].line })

	before := len(p.errs)
	p.target(f, f.start, "start")
	for _, c := range f.commands {
		if !c.repeat {
			p.target(f, c.next, "a command's goto")
		}
	}
	for _, name := range names {
		for _, l := range f.nodes[name].step.links() {
			p.target(f, l, "node "+name)
		}
	}
	p.places(f, names)
	if len(p.errs) > before {
		return // what follows would only repeat it
	}
	p.reach(f, names)
	p.rounds(f, names)
}

func (p *parser) target(f *Flow, l link, from string) {
	if f.nodes[l.to] == nil {
		p.fail(l.line, "%s leads to %q, which is not there", from, l.to)
	}
}

// places checks the slots that texts and conditions name.
func (p *parser) places(f *Flow, names []string) {
	known := map[string]bool{}
	for s := range f.context {
		known[s] = true
	}
	for s := range f.slots {
		known[s] = true
	}
	for _, name := range names {
		if a, ok := f.nodes[name].step.(*assign); ok {
			for _, s := range a.slots {
				known[s] = true
			}
		}
	}
	all := append(slices.Clone(f.fallback.noInput), f.fallback.noMatch...)
	all = append(all, f.fallback.ambiguous)
	for _, name := range names {
		step := f.nodes[name].step
		all = append(all, step.texts()...)
		if b, ok := step.(*branch); ok {
			for _, c := range b.conds {
				if !known[c.slot] {
					p.fail(c.line, "nothing fills slot %q", c.slot)
				}
			}
		}
	}
	for _, t := range all {
		for _, part := range t.parts {
			if part.slot != "" && !known[part.slot] && !slices.Contains(reserved, part.slot) {
				p.fail(t.line, "nothing fills {%s}", part.slot)
			}
		}
	}
}

// reach finds nodes that no caller can come to.
func (p *parser) reach(f *Flow, names []string) {
	seen := map[string]bool{}
	todo := []string{f.start.to}
	for _, c := range f.commands {
		if !c.repeat {
			todo = append(todo, c.next.to)
		}
	}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, l := range f.nodes[name].step.links() {
			todo = append(todo, l.to)
		}
	}
	for _, name := range names {
		if !seen[name] {
			p.fail(f.nodes[name].line, "nothing leads to node %s", name)
		}
	}
}

// rounds finds a way from a node that does not wait back to itself over nodes that do not wait: the call would never get further.
func (p *parser) rounds(f *Flow, names []string) {
	const (
		fresh = iota
		onPath
		done
	)
	state := map[string]int{}
	var path []string
	var walk func(name string)
	walk = func(name string) {
		n := f.nodes[name]
		if n.step.waits() || state[name] == done {
			return
		}
		if state[name] == onPath {
			round := append(slices.Clone(path[slices.Index(path, name):]), name)
			p.fail(n.line, "%s never waits for the caller", strings.Join(round, " → "))
			return
		}
		state[name] = onPath
		path = append(path, name)
		for _, l := range n.step.links() {
			walk(l.to)
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for _, name := range names {
		walk(name)
	}
}
