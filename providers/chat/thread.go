package chat

import (
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// A Line is one entry of what a model is told besides its instructions.
type Line struct {
	By           Speaker
	Text         string
	Calls        []pipeline.ToolCall // of the Model, after its text; each has an id, and is followed by its Result
	CallID, Tool string              // of a Result: the call that it answers, and the tool's name
}

// A Speaker is whose a Line is.
type Speaker uint8

// The speakers.
const (
	User Speaker = iota
	Model
	Result // of a tool
)

// house is what every model is told besides the agent's own prompt.
const house = "You are on the telephone: all that you write is spoken aloud. Write short plain sentences, without lists, markup or emoji. " +
	"A note in [square brackets] tells what happened on the line; never say one yourself. A dash at the end of your own words means " +
	"that the caller interrupted there, and has heard nothing of what came after."

// voiced is what every model is told that hears and speaks itself.
const voiced = "You are on the telephone. Speak in short plain sentences. A note in [square brackets] tells what happened on the line; never say one yourself. " +
	"What you were saying when the caller interrupted you was not heard beyond that point."

// Aloud are the instructions of a model that hears and speaks itself.
func Aloud(agent *pipeline.Agent) string {
	if agent != nil && strings.TrimSpace(agent.Prompt) != "" {
		return strings.TrimSpace(agent.Prompt) + "\n\n" + voiced
	}
	return voiced
}

// Instructions are what a model is told ahead of all that is said: the agent's prompt, and then what all agents are told.
func Instructions(talk pipeline.Talk) string {
	if talk.Agent != nil && strings.TrimSpace(talk.Agent.Prompt) != "" {
		return strings.TrimSpace(talk.Agent.Prompt) + "\n\n" + house
	}
	return house
}

// Thread is what was said. The first line and the last are the caller's side, and it takes turns with the model's: many servers want
// that, so that notes go into the caller's lines, in brackets. Every tool call is followed by its result, whatever became of it.
func Thread(talk pipeline.Talk) []Line {
	var t thread
	for i, m := range talk.History {
		switch m.Role {
		case pipeline.Caller:
			t.user(m.Text)
		case pipeline.Narrator:
			t.note(m.Text)
		case pipeline.Assistant:
			t.model(m, talk.History[i+1:])
		}
	}
	if n := len(t); n == 0 || t[n-1].By == Model {
		t.user(why(talk))
	}
	return t
}

// why is what is to be answered, where the history does not end with it.
func why(talk pipeline.Talk) string {
	switch talk.Why {
	case pipeline.ForWords:
		if talk.Text != "" {
			return talk.Text
		}
		return "[The caller said something that could not be understood.]"
	case pipeline.ForKeys:
		return "[The caller pressed " + talk.Keys + ".]"
	case pipeline.ForSilence:
		return "[The caller is silent.]"
	case pipeline.ForGreeting:
		return "[The call has just been answered. Greet the caller.]"
	}
	return "[Go on.]"
}

// thread is the lines so far.
type thread []Line

// user adds to the caller's line, or begins one.
func (t *thread) user(text string) {
	if text == "" {
		return
	}
	if n := len(*t); n > 0 && (*t)[n-1].By == User {
		(*t)[n-1].Text += "\n" + text
		return
	}
	*t = append(*t, Line{By: User, Text: text})
}

func (t *thread) note(text string) {
	if text != "" {
		t.user("[" + text + "]")
	}
}

// model adds what the caller heard, what tools were asked for, and what they said.
func (t *thread) model(m pipeline.Message, later []pipeline.Message) {
	text := strings.TrimSpace(m.Text)
	if m.Cut && text != "" {
		text = strings.TrimRight(text, " .,;:—-") + "—"
	}
	if text != "" || len(m.Calls) > 0 {
		t.opened()
		t.answer(text, m.Calls, later)
	}
	if !m.Cut {
		return
	}
	if text == "" {
		t.note("The caller interrupted you before your answer could be heard.")
	} else {
		t.note("The caller interrupted you there.")
	}
}

// opened makes sure that the caller's side comes first, as some servers insist: the agent greets, so the call was answered.
func (t *thread) opened() {
	if !slices.ContainsFunc(*t, func(l Line) bool { return l.By == User }) {
		t.note("The call has just been answered.")
	}
}

// answer adds the model's line, and the results of its calls. Words that follow on its own words continue them.
func (t *thread) answer(text string, calls []pipeline.ToolCall, later []pipeline.Message) {
	named := slices.Clone(calls) // the history is not to be changed
	for i := range named {
		if named[i].ID == "" {
			named[i].ID = fmt.Sprintf("call_%d", i+1)
		}
	}
	if last := &(*t)[len(*t)-1]; last.By == Model && len(last.Calls) == 0 && last.Text != "" && text != "" {
		last.Text, last.Calls = last.Text+" "+text, named
	} else {
		*t = append(*t, Line{By: Model, Text: text, Calls: named})
	}
	for i, c := range calls {
		*t = append(*t, Line{By: Result, Text: resultOf(c, later), CallID: named[i].ID, Tool: c.Name})
	}
}

// resultOf finds the result of a call: before the next calls, for some servers use an id again.
func resultOf(c pipeline.ToolCall, later []pipeline.Message) string {
	for _, m := range later {
		if m.Role == pipeline.ToolRole && m.CallID == c.ID {
			return m.Text
		}
		if len(m.Calls) > 0 {
			break
		}
	}
	return "cancelled"
}
