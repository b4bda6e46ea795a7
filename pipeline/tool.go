package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// resultLimit is how much of a tool's result the model is given, in bytes.
	resultLimit = 64 << 10
	// firmRest is how much longer than its call a Firm tool may run. It is less than letGo.
	firmRest = 5 * time.Second
	// runsOn is what the history has in place of the result of a Firm tool that outlives its turn.
	runsOn = "This is still being done. You will be told when it has ended; do not ask for it again."
)

var errToolBroke = errors.New("the tool broke down")

// terms are what was agreed with a tool that was asked for.
type terms struct {
	due    time.Duration // since the answer, as are asked and ended
	asked  time.Duration
	ended  time.Duration // 0: not yet
	bad    bool          // it ended with an error
	firm   bool
	filler string // that has not been said
	do     *Command
}

// errand is a Firm tool that outlives its turn.
type errand struct {
	turn     int
	id, name string
}

// tool finds a tool by its name.
func (a *Agent) tool(name string) (Tool, bool) {
	i := slices.IndexFunc(a.Tools, func(t Tool) bool { return t.Name == name })
	if i < 0 {
		return Tool{}, false
	}
	return a.Tools[i], true
}

func (t *turn) usedTools() bool {
	return slices.ContainsFunc(t.steps, func(s *step) bool { return len(s.calls) > 0 })
}

// out says whether call i of s has no result yet.
func (s *step) out(i int) bool {
	_, known := s.results[s.calls[i].ID]
	return !known
}

// use asks for a tool.
func (d *dialog) use(t *turn, s *step, call ToolCall) {
	tool, _ := d.agent.tool(call.Name)
	limit := cmp.Or(tool.Limit, d.manners.ToolLimit)
	t.counts.Tools++
	s.calls = append(s.calls, call)
	s.terms = append(s.terms, terms{due: d.now + limit, asked: d.now, firm: tool.Firm, filler: tool.Filler})
	d.awaitTools(s)
	d.do(use{t.n, call, limit})
}

// awaitTools sets the alarm for the next tool of s that may be late.
func (d *dialog) awaitTools(s *step) {
	d.clear(toolAlarm)
	for i := range s.calls {
		if due := s.terms[i].due; s.out(i) && (d.alarms[toolAlarm] == 0 || due < d.alarms[toolAlarm]) {
			d.set(toolAlarm, due)
		}
	}
}

// tooled takes a tool's result.
func (d *dialog) tooled(n tooled) {
	t := d.turn
	s := t.last()
	i := slices.IndexFunc(s.calls, func(c ToolCall) bool { return c.ID == n.id })
	if t.cut || i < 0 || s.followed || !s.out(i) {
		return
	}
	if s.results == nil {
		s.results = make(map[string]string)
	}
	if s.results[n.id] = n.text(); n.err != nil {
		t.counts.ToolErrors++
	}
	s.terms[i].do, s.terms[i].ended, s.terms[i].bad = n.do, d.now, n.err != nil
	d.tell(Event{Kind: ToolUsed, Text: s.calls[i].Name, Err: n.err})
	d.awaitTools(s)
	for i := range s.terms {
		if do := s.terms[i].do; do != nil && !s.toolsOut() { // in the order in which the model asked, not in which they ended
			t.then, s.terms[i].do = append(t.then, *do), nil
		}
	}
	d.proceed(t)
}

// text is what the model is told.
func (n tooled) text() string {
	if n.err != nil {
		return readable("error: " + n.err.Error())
	}
	return n.result
}

// toolsLate answers for the tools that have not in time.
func (d *dialog) toolsLate() {
	t := d.turn
	if t == nil || t.cut || t.last() == nil {
		return
	}
	s := t.last()
	d.awaitTools(s)
	for i, c := range s.calls {
		if s.terms[i].due <= d.now {
			d.tooled(tooled{turn: t.n, id: c.ID, err: errToolLate})
		}
	}
}

// outlive lets the Firm tools of a step that will not wait for them outlive it.
func (d *dialog) outlive(t *turn, s *step) {
	for i, c := range s.calls {
		if s.terms[i].firm && s.out(i) && !s.followed {
			d.errands = append(d.errands, errand{t.n, c.ID, c.Name})
			if s.results == nil {
				s.results = make(map[string]string)
			}
			s.results[c.ID] = runsOn
		}
	}
}

// ran takes the result of a tool that has outlived its turn, if n is that: the model is told with what it is asked next, or else of
// its own when the floor is free.
func (d *dialog) ran(n tooled) bool {
	i := slices.IndexFunc(d.errands, func(e errand) bool { return e.turn == n.turn && e.id == n.id })
	if i < 0 {
		return false
	}
	name := d.errands[i].name
	d.errands = slices.Delete(d.errands, i, i+1)
	d.tell(Event{Kind: ToolUsed, Text: name, Err: n.err})
	if d.ending != nil || d.closing() {
		return true
	}
	d.dropGuess() // it does not know
	d.notes = append(d.notes, "The tool "+name+", which went on meanwhile, has ended: "+n.text())
	if d.onHold == nil {
		d.queue(Command{Kind: Inject, Ask: true})
	}
	return true
}

// toolFiller is what a tool that t waits for says itself; empty: nothing that has not been said.
func (t *turn) toolFiller() string {
	if t == nil || t.last() == nil {
		return ""
	}
	s := t.last()
	for i := range s.calls {
		if text := s.terms[i].filler; text != "" && s.out(i) {
			s.terms[i].filler = ""
			return text
		}
	}
	return ""
}

// turnKey is of the turn's number in the context of a tool.
type turnKey struct{}

// TurnOf is the number of the turn in which a Tool runs: it is another one as soon as the caller has answered. 0: it runs outside of a call.
func TurnOf(ctx context.Context) int {
	n, _ := ctx.Value(turnKey{}).(int)
	return n
}

// use runs a tool on a goroutine of its own. Only a Firm one outlives its turn, and for a while the call.
func (c *Call) use(ctx context.Context, a use) {
	tool, ok := c.dialog.agent.tool(a.call.Name)
	if !ok || tool.Run == nil {
		tool.Run = func(context.Context, json.RawMessage) (string, *Command, error) {
			return "", nil, fmt.Errorf("there is no tool %q", a.call.Name)
		}
	}
	if !tool.Firm {
		c.floor(ctx, a.turn).spawn("tool "+a.call.Name, func(ctx context.Context) { c.post(ctx, c.runTool(ctx, tool, a)) })
		return
	}
	c.spawn("tool "+a.call.Name, func() {
		running, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { time.AfterFunc(firmRest, func() { cancel(context.Cause(ctx)) }) })()
		c.post(ctx, c.runTool(running, tool, a))
	})
}

// runTool survives a panic of the tool: the call does not depend on it.
func (c *Call) runTool(ctx context.Context, tool Tool, a use) (n tooled) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	n = tooled{turn: a.turn, id: a.call.ID}
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic", "in", "tool "+a.call.Name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			n.err = errToolBroke
		}
	}()
	n.result, n.do, n.err = tool.Run(context.WithValue(ctx, turnKey{}, a.turn), slices.Clone(a.call.Args))
	if errors.Is(n.err, context.DeadlineExceeded) {
		n.err = errToolLate
	}
	n.result = readable(n.result)
	if n.do != nil {
		do := *n.do
		n.do = &do
	}
	return n
}

// readable is a result as a model can be given it: text, and not too much of it.
func readable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= resultLimit {
		return s
	}
	end := resultLimit
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + " [cut off here: the result is too long]"
}
