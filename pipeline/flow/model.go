package flow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"

	"parley/pipeline"
)

// ReturnTool is the tool with which a model gives the conversation back to the flow. The flow offers it and answers it itself.
const ReturnTool = "return_to_flow"

const (
	maxHandovers = 5    // model nodes that one answer may lead through
	maxResult    = 2000 // letters of a model's result
)

var errHandovers = errors.New("model nodes hand over to each other without end")

func (h *handover) expect() *pipeline.Expect {
	if slices.ContainsFunc(h.choices, func(c *choice) bool { return c.digit != 0 }) {
		return &pipeline.Expect{Digits: 1}
	}
	return nil
}

// handover is the model node that has the conversation.
func (s *session) handover() (*handover, bool) {
	if s.here.node == nil || s.model == nil {
		return nil, false
	}
	h, ok := s.here.node.step.(*handover)
	return h, ok
}

// delegate lets the model answer, unless the caller has said a command or a choice and nothing else, or the model has had its turns.
func (s *session) delegate(h *handover, talk pipeline.Talk) reply {
	leads := slices.Clone(h.choices)
	if !h.deaf {
		leads = append(leads, s.flow.commands...)
	}
	leads = slices.DeleteFunc(leads, func(c *choice) bool { return c.repeat })
	switch talk.Why {
	case pipeline.ForWords:
		if fs := wholeOnly(choose(s.heard(talk.Text), leads)); len(fs) == 1 {
			return s.follow(fs[0].choice)
		}
	case pipeline.ForKeys:
		if i := slices.IndexFunc(leads, func(c *choice) bool { return c.digit != 0 && talk.Keys == string(c.digit) }); i >= 0 {
			return s.follow(leads[i])
		}
	}
	if s.here.turns >= h.turns {
		if h.giveUp.to != "" {
			return s.enter(h.giveUp.to, reply{})
		}
		return s.enter(h.next.to, reply{})
	}
	s.here.turns++
	return reply{protected: s.here.node.protected, expect: h.expect(), asks: true}
}

// converse lets the model answer. When it is done, or cannot be had, the flow's next reply follows; else the answer is over.
func (s *session) converse(ctx context.Context, talk pipeline.Talk, give func(pipeline.Delta, error) bool) (next reply, over bool) {
	h, ok := s.handover()
	if !ok {
		return reply{}, true
	}
	var done, answered bool
	var result string
	said := until{phrase: h.phrase}
	for d, err := range s.model.Respond(ctx, s.brief(h, talk)) {
		switch {
		case err != nil && done:
			continue
		case err != nil && !answered && ctx.Err() == nil:
			return s.enter(h.unavailable.to, reply{}), false
		case err != nil:
			give(pipeline.Delta{}, err)
			return reply{}, true
		case d.Call != nil && d.Call.Name == ReturnTool:
			if !done {
				done, result = true, resultOf(d.Call.Args)
			}
			continue
		case d.Text != "":
			if d.Text = said.feed(d.Text); d.Text == "" || done {
				continue
			}
		}
		answered = answered || d.Lookup == nil && d.Remembered == nil // what was looked up is no answer
		if !give(d, nil) {
			return reply{}, true
		}
	}
	if rest := said.held; rest != "" && !done && !give(pipeline.Delta{Text: rest}, nil) {
		return reply{}, true
	}
	switch {
	case context.Cause(ctx) != nil:
		return reply{}, true
	case done:
	case said.found:
		result = tidy(said.after.String())
	default:
		return reply{}, true
	}
	if h.slot != "" {
		s.here.top().slots[h.slot] = result
	}
	return s.enter(h.next.to, reply{}), false
}

// brief is what the model is given: the node's instructions, the tool to come back with, and the history without secrets.
func (s *session) brief(h *handover, talk pipeline.Talk) pipeline.Talk {
	var a pipeline.Agent
	if talk.Agent != nil {
		a = *talk.Agent
	}
	how := "When this is done, or the caller wants something else, call the tool " + ReturnTool + " with the result; say nothing more then."
	if h.phrase != "" {
		how = "When this is done, or the caller wants something else, write " + h.phrase + " and after it the result, which is not spoken."
	}
	a.Prompt = strings.TrimSpace(strings.Join([]string{a.Prompt, h.instructions.fill(s.raw), how}, "\n\n"))
	a.Tools = append(slices.Clip(a.Tools), returnTool)
	talk.Agent = &a
	if s.secret[talk.Turn] {
		talk.Text, talk.Keys, talk.Why = "", "", pipeline.ForCommand
	}
	talk.History = slices.Clone(talk.History)
	for i := range talk.History {
		if m := &talk.History[i]; s.secret[m.Turn] && (m.Role == pipeline.Caller || m.Role == pipeline.Narrator) {
			m.Role, m.Text = pipeline.Narrator, "The caller has given an answer that is secret and not shown."
		}
	}
	return talk
}

var returnTool = pipeline.Tool{
	Name:        ReturnTool,
	Description: "Give the conversation back to the scripted dialog, when your part of it is done.",
	Parameters: json.RawMessage(`{"type":"object","properties":{"result":{"type":"string",` +
		`"description":"What came of it, in a few words."}},"additionalProperties":false}`),
	Run: func(context.Context, json.RawMessage) (string, *pipeline.Command, error) {
		return "", nil, errors.New("the flow answers this tool itself")
	},
}

// resultOf reads the tool's argument; models do not always keep to its schema.
func resultOf(args json.RawMessage) string {
	var a struct {
		Result any `json:"result"`
	}
	if err := json.Unmarshal(args, &a); err != nil {
		return ""
	}
	switch v := a.Result.(type) {
	case nil:
		return ""
	case string:
		return tidy(v)
	default:
		b, _ := json.Marshal(v)
		return tidy(string(b))
	}
}

// tidy makes one line of a model's text, of bounded length.
func tidy(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > maxResult {
		return string(r[:maxResult])
	}
	return s
}

// until lets text pass up to a phrase, which may come in pieces.
type until struct {
	phrase string // empty: all passes
	held   string // may be the beginning of the phrase
	found  bool
	after  strings.Builder // what came behind the phrase
}

func (u *until) feed(text string) string {
	if u.phrase == "" {
		return text
	}
	if u.found {
		u.after.WriteString(text)
		return ""
	}
	text = u.held + text
	if before, after, found := strings.Cut(text, u.phrase); found {
		u.found, u.held = true, ""
		u.after.WriteString(after)
		return before
	}
	keep := min(len(text), len(u.phrase)-1)
	for !strings.HasPrefix(u.phrase, text[len(text)-keep:]) {
		keep--
	}
	u.held = text[len(text)-keep:]
	return text[:len(text)-keep]
}
