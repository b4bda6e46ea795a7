package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"parley/pipeline"
)

// chunk is one event of a stream; a whole answer looks the same, with message in place of delta.
type chunk struct {
	Choices []struct {
		Delta        *piece  `json:"delta"`
		Message      *piece  `json:"message"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// piece is what a choice brings. Reasoning is left out: nobody should hear it.
type piece struct {
	Content   content    `json:"content"`
	Refusal   string     `json:"refusal"`
	ToolCalls []callPart `json:"tool_calls"`
}

// callPart is a piece of a tool call. Clones leave out the index, repeat id and name, or send the arguments as an object.
type callPart struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// content is text: a string, or a list of parts of which those with text count.
type content string

func (c *content) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			*c = content(*s)
		}
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return fmt.Errorf("content is neither text nor parts: %w", err)
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// assembly makes deltas of chunks.
type assembly struct {
	out      *outlet
	finished func() // called once, when the model has finished: what comes after is welcome, but hardly waited for
	drained  func() // called at [DONE]: nothing comes after but the end

	thoughts thoughts
	calls    []*building
	made     int    // how many calls were yielded
	finish   string // the model's reason to stop, once known
}

// building is a tool call that is not complete.
type building struct {
	index    int
	id, name string
	args     bytes.Buffer
}

// stream reads events until [DONE], the end, or nobody wants more.
func (a *assembly) stream(es *events) error {
	for !a.out.closed {
		data, err := es.next()
		switch {
		case a.finish != "" && err != nil:
			return nil //nolint:nilerr // all that matters was there
		case errors.Is(err, errTooLong):
			return &Error{Code: "too_long", Message: "the stream broke its bounds", Err: err}
		case errors.Is(err, io.EOF):
			return &Error{Code: "truncated", Message: "the stream ended before the answer did", Retryable: true}
		case err != nil:
			return &Error{Code: "connection", Message: "the stream broke", Retryable: true, Err: err}
		case string(data) == "[DONE]":
			err := a.end("")
			a.drained()
			es.drain()
			return err
		}
		if err := a.take(data); err != nil {
			return err
		}
	}
	return nil
}

// whole reads an answer that did not stream although it was asked to.
func (a *assembly) whole(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return &Error{Code: "connection", Message: "the answer broke", Retryable: true, Err: err}
	}
	if err := a.take(body); err != nil {
		return err
	}
	return a.end("")
}

// take yields what one chunk brings.
func (a *assembly) take(data []byte) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return &Error{Code: "garbage", Message: "an event is not a chunk of a chat completion", Retryable: true, Err: err}
	}
	if len(c.Error) > 0 && string(c.Error) != "null" {
		e := serverError(data)
		e.Retryable = e.Code != "insufficient_quota" && e.Type != "invalid_request_error"
		return e
	}
	for _, choice := range c.Choices[:min(1, len(c.Choices))] {
		p := choice.Delta
		if p == nil {
			p = choice.Message
		}
		if p != nil {
			if err := a.piece(p); err != nil {
				return err
			}
		}
		if r := choice.FinishReason; r != nil && *r != "" {
			if err := a.end(*r); err != nil {
				return err
			}
		}
	}
	if u := c.Usage; u != nil && u.Prompt+u.Completion > 0 {
		a.out.put(pipeline.Delta{Usage: &pipeline.Usage{Input: u.Prompt, Output: u.Completion, Cached: u.Details.Cached}})
	}
	return nil
}

func (a *assembly) piece(p *piece) error {
	if text := a.thoughts.without(string(p.Content)) + p.Refusal; text != "" {
		a.out.put(pipeline.Delta{Text: text})
	}
	for _, part := range p.ToolCalls {
		if err := a.call(part); err != nil {
			return err
		}
	}
	return nil
}

// call adds a piece to the call that it belongs to. When another call begins, those before it are complete.
func (a *assembly) call(part callPart) error {
	b := a.belongs(part)
	if b == nil {
		if err := a.complete(); err != nil {
			return err
		}
		b = &building{}
		if n := len(a.calls); n > 0 {
			b.index = a.calls[n-1].index + 1
		}
		if part.Index != nil {
			b.index = *part.Index
		}
		a.calls = append(a.calls, b)
	}
	if b.id == "" {
		b.id = part.ID
	}
	if b.name == "" {
		b.name = part.Function.Name
	}
	b.args.WriteString(loose(part.Function.Arguments))
	if b.args.Len() > maxEvent {
		return &Error{Code: "too_long", Message: "the arguments of tool " + b.name + " do not end"}
	}
	return nil
}

// belongs is the call that a piece goes on with: that of its index, or the last one where it has none. A new id is a new call.
func (a *assembly) belongs(part callPart) *building {
	if len(a.calls) == a.made {
		return nil
	}
	last := a.calls[len(a.calls)-1]
	if part.Index != nil && *part.Index != last.index || part.ID != "" && last.id != "" && part.ID != last.id {
		return nil
	}
	return last
}

// complete yields the calls that are not out yet. Arguments that are no object go out as a text: the tool says what is wrong with them, and
// the model tries again, which it would not if this were an error.
func (a *assembly) complete() error {
	for _, b := range a.calls[a.made:] {
		args := bytes.TrimSpace(b.args.Bytes())
		if len(args) == 0 || string(args) == "null" {
			args = []byte("{}")
		}
		if b.name == "" {
			return &Error{Code: "tool_arguments", Message: "the model called a tool without a name", Retryable: true}
		}
		if !isObject(args) {
			args, _ = json.Marshal(string(args)) // a text can always be written
		}
		a.made++
		if b.id == "" {
			b.id = fmt.Sprintf("call_%016x", rand.Uint64())
		}
		if !a.out.put(pipeline.Delta{Call: &pipeline.ToolCall{ID: b.id, Name: b.name, Args: args}}) {
			return nil
		}
	}
	return nil
}

// isObject says whether arguments are what they should be.
func isObject(args []byte) bool { return len(args) > 0 && args[0] == '{' && json.Valid(args) }

// end takes the model's reason to stop, or, at [DONE] without one, makes it up. Some clones say stop after a tool call.
func (a *assembly) end(reason string) error {
	if a.finish != "" {
		return nil
	}
	if text := a.thoughts.rest(); text != "" {
		a.out.put(pipeline.Delta{Text: text})
	}
	if n := len(a.calls); reason == "length" && n > a.made && !isObject(bytes.TrimSpace(a.calls[n-1].args.Bytes())) {
		return &Error{Code: "tool_arguments", Message: fmt.Sprintf("the answer was too long: the arguments of tool %q are cut off", a.calls[n-1].name), Retryable: true}
	}
	if err := a.complete(); err != nil {
		return err
	}
	if reason == "" || reason == "function_call" {
		reason = "stop"
	}
	if reason == "stop" && a.made > 0 {
		reason = "tool_calls"
	}
	a.finish = reason
	a.out.put(pipeline.Delta{Finish: reason})
	a.finished()
	return nil
}

// thoughts takes <think>…</think> off the front of an answer: local models think aloud, and a caller would hear it.
type thoughts struct {
	held  string // what may be the beginning of a tag
	state uint8
}

const (
	mayThink uint8 = iota
	thinking
	resting // after the tag: spaces
	answering
)

func (t *thoughts) without(s string) string {
	const open, shut = "<think>", "</think>"
	if t.state == answering || s == "" {
		return s
	}
	s = t.held + s
	t.held = ""
	if t.state == mayThink {
		lead := strings.TrimLeft(s, " \r\n\t")
		switch {
		case strings.HasPrefix(lead, open):
			t.state, s = thinking, lead[len(open):]
		case strings.HasPrefix(open, lead):
			t.held = s
			return ""
		default:
			t.state = answering
			return s
		}
	}
	if _, after, over := strings.Cut(s, shut); over && t.state == thinking {
		t.state, s = resting, after
	}
	if t.state == resting {
		if s = strings.TrimLeft(s, " \r\n\t"); s != "" {
			t.state = answering
		}
		return s
	}
	t.held = s[max(0, len(s)-len(shut)+1):]
	return ""
}

// rest is what was held back of an answer that is over.
func (t *thoughts) rest() string {
	if t.state != mayThink {
		return ""
	}
	return strings.TrimSpace(t.held)
}
