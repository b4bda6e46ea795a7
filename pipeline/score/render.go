package score

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/pipeline"
)

// String writes a performance down as goldens have it: the events in their order, the history, the ending. Times are left out.
func (p *Performance) String() string {
	var b strings.Builder
	for _, e := range p.Events {
		fmt.Fprintf(&b, "%s\n", line(e))
	}
	b.WriteString("history:\n")
	for _, m := range p.Ending.History {
		fmt.Fprintf(&b, "  %d %s: %s", m.Turn, m.Role, m.Text)
		if m.Cut {
			b.WriteString(" --")
		}
		for _, c := range m.Calls {
			fmt.Fprintf(&b, " [%s %s]", c.Name, c.Args)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "wire: %s\n", p.Heard())
	if p.Keys != "" {
		fmt.Fprintf(&b, "keys: %s\n", p.Keys)
	}
	return b.String()
}

func line(e pipeline.Event) string {
	s := string(e.Kind)
	switch {
	case e.Turn != nil:
		t := e.Turn
		s += fmt.Sprintf(" %d %s", t.N, t.Why)
		if t.Said != "" {
			s += fmt.Sprintf(" said %q", t.Said)
		}
		s += fmt.Sprintf(" heard %q", t.Heard)
		if t.Heard != t.Text {
			s += fmt.Sprintf(" of %q", t.Text)
		}
		if t.Pressed != "" {
			s += fmt.Sprintf(" pressed %q", t.Pressed)
		}
		if t.Masked > 0 {
			s += " masked"
		}
		if t.Cut {
			s += " cut"
		}
		if t.Err != "" {
			s += " failed " + t.Err
		}
	case e.Ending != nil:
		s += fmt.Sprintf(" %s turns %d", e.Ending.Cause, e.Ending.Turns)
	case e.Answer != nil:
		s += fmt.Sprintf(" %s by %s", e.Answer.By, e.Answer.Cue)
	case e.Text != "":
		s += fmt.Sprintf(" %q", e.Text)
		if e.Kind == pipeline.Transcribed && !e.Final {
			s += " so far"
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(e.Slots)) {
		s += fmt.Sprintf(" %s=%q", slot, e.Slots[slot])
	}
	if e.Err != nil && e.Ending == nil {
		s += ": " + e.Err.Error()
	}
	return s
}
