package openai

import (
	"encoding/json"
	"fmt"

	"parley/pipeline"
	"parley/providers/chat"
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

// completion makes deltas of the chunks of a chat completion. It is a chat.Reading.
type completion struct {
	out      *chat.Outlet
	thoughts thoughts
	calls    []*building
	made     int    // how many calls were yielded
	finish   string // the model's reason to stop, once known
}

// building is a tool call that is not complete.
type building struct {
	chat.Building
	index int
}

func newCompletion(out *chat.Outlet) chat.Reading { return &completion{out: out} }

// Finished implements [chat.Reading].
func (c *completion) Finished() bool { return c.finish != "" }

// Take implements [chat.Reading]. A whole answer looks like a chunk, with message in place of delta.
func (c *completion) Take(data []byte) (more bool, err error) {
	if string(data) == "[DONE]" {
		return false, c.end("")
	}
	var k chunk
	if err := json.Unmarshal(data, &k); err != nil {
		return false, &Error{Code: "garbage", Message: "an event is not a chunk of a chat completion", Retryable: true, Err: err}
	}
	if len(k.Error) > 0 && string(k.Error) != "null" {
		e := chat.ServerError(data)
		e.Retryable = e.Kind() != chat.Quota && e.Type != "invalid_request_error"
		return false, e
	}
	for _, choice := range k.Choices[:min(1, len(k.Choices))] {
		if p := choice.Delta; p != nil {
			err = c.piece(p)
		} else if p := choice.Message; p != nil {
			if err = c.piece(p); err == nil && choice.FinishReason == nil {
				err = c.end("") // it is whole
			}
		}
		if r := choice.FinishReason; err == nil && r != nil && *r != "" {
			err = c.end(*r)
		}
		if err != nil {
			return false, err
		}
	}
	if u := k.Usage; u != nil && u.Prompt+u.Completion > 0 {
		c.out.Put(pipeline.Delta{Usage: &pipeline.Usage{Input: u.Prompt, Output: u.Completion, Cached: u.Details.Cached}})
	}
	return true, nil
}

func (c *completion) piece(p *piece) error {
	c.out.Say(c.thoughts.without(string(p.Content)) + p.Refusal)
	for _, part := range p.ToolCalls {
		if err := c.call(part); err != nil {
			return err
		}
	}
	return nil
}

// call adds a piece to the call that it belongs to. When another call begins, those before it are complete.
func (c *completion) call(part callPart) error {
	b := c.belongs(part)
	if b == nil {
		if err := c.complete(); err != nil {
			return err
		}
		b = &building{}
		if n := len(c.calls); n > 0 {
			b.index = c.calls[n-1].index + 1
		}
		if part.Index != nil {
			b.index = *part.Index
		}
		c.calls = append(c.calls, b)
	}
	if b.ID == "" {
		b.ID = part.ID
	}
	if b.Name == "" {
		b.Name = part.Function.Name
	}
	return b.Write(chat.Loose(part.Function.Arguments))
}

// belongs is the call that a piece goes on with: that of its index, or the last one where it has none. A new id is a new call.
func (c *completion) belongs(part callPart) *building {
	if len(c.calls) == c.made {
		return nil
	}
	last := c.calls[len(c.calls)-1]
	if part.Index != nil && *part.Index != last.index || part.ID != "" && last.ID != "" && part.ID != last.ID {
		return nil
	}
	return last
}

// complete yields the calls that are not out yet.
func (c *completion) complete() error {
	for _, b := range c.calls[c.made:] {
		made, err := b.Call()
		if err != nil {
			return err
		}
		c.made++
		if !c.out.Put(pipeline.Delta{Call: made}) {
			return nil
		}
	}
	return nil
}

// end takes the model's reason to stop, or, at [DONE] without one, makes it up. Some clones say stop after a tool call.
func (c *completion) end(reason string) error {
	if c.finish != "" {
		return nil
	}
	c.out.Say(c.thoughts.rest())
	if n := len(c.calls); reason == "length" && n > c.made && !c.calls[n-1].Whole() {
		return c.calls[n-1].Cut()
	}
	if err := c.complete(); err != nil {
		return err
	}
	if reason == "" || reason == "function_call" {
		reason = "stop"
	}
	if reason == "stop" && c.made > 0 {
		reason = "tool_calls"
	}
	c.finish = reason
	c.out.Put(pipeline.Delta{Finish: reason})
	return nil
}
