package gemini

import (
	"encoding/json"
	"fmt"
	"net/http"

	"parley/pipeline"
	"parley/providers/chat"
)

// event is one event of a stream: each is a whole GenerateContentResponse, of which one candidate counts.
type event struct {
	Candidates []struct {
		Content content `json:"content"`
		Reason  string  `json:"finishReason"`
		Message string  `json:"finishMessage"`
	} `json:"candidates"`
	Feedback struct {
		Block string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage struct {
		Prompt   int `json:"promptTokenCount"` // with those of the cache
		Answer   int `json:"candidatesTokenCount"`
		Thoughts int `json:"thoughtsTokenCount"`
		Cached   int `json:"cachedContentTokenCount"`
	} `json:"usageMetadata"`
	Error json.RawMessage `json:"error"`
}

// reply makes deltas of the events of an answer. It is a chat.Reading.
type reply struct {
	out    *chat.Outlet
	spoke  bool // text or a call was yielded
	called bool // a call was
	finish string
}

func newReply(out *chat.Outlet) chat.Reading { return &reply{out: out} }

// Finished implements [chat.Reading].
func (r *reply) Finished() bool { return r.finish != "" }

// Take implements [chat.Reading]. The connection's end is the stream's, so that more may always come.
func (r *reply) Take(data []byte) (more bool, err error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return false, &chat.Error{Code: "garbage", Message: "an event is no part of an answer", Retryable: true, Err: err}
	}
	if len(e.Error) > 0 && string(e.Error) != "null" {
		f := chat.ServerError(data)
		f.Retryable = f.Status == 0 || f.Status >= http.StatusInternalServerError || f.Status == http.StatusTooManyRequests
		return false, f
	}
	if e.Feedback.Block != "" {
		return false, declined("the request is blocked: "+e.Feedback.Block, e.Feedback.Block)
	}
	if len(e.Candidates) == 0 {
		return true, nil // usage alone
	}
	first := e.Candidates[0]
	for _, p := range first.Content.Parts {
		if err := r.part(p); err != nil {
			return false, err
		}
	}
	if first.Reason == "" || first.Reason == "FINISH_REASON_UNSPECIFIED" || r.finish != "" {
		return true, nil
	}
	return true, r.end(e, first.Reason, first.Message)
}

// part yields what a part brings. Calls come whole.
func (r *reply) part(p part) error {
	if p.Text != "" && !p.Thought {
		r.spoke = true
		r.out.Say(p.Text)
	}
	if p.Call == nil {
		return nil
	}
	b := chat.Building{ID: p.Call.ID, Name: p.Call.Name, Seal: p.Signature}
	if err := b.Write(string(p.Call.Args)); err != nil {
		return err
	}
	made, err := b.Call()
	if err == nil {
		r.spoke, r.called = true, true
		r.out.Put(pipeline.Delta{Call: made})
	}
	return err
}

// end takes the model's reason to stop.
func (r *reply) end(e event, reason, message string) error {
	switch reason {
	case "STOP":
		r.finish = "stop"
		if r.called {
			r.finish = "tool_calls"
		}
	case "MAX_TOKENS":
		r.finish = "length"
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS":
		return &chat.Error{Code: "tool_arguments", Type: reason, Message: fmt.Sprintf("the model called a tool as it may not (%s): %s", reason, message), Retryable: true}
	case "OTHER":
		if !r.spoke {
			return &chat.Error{Code: "garbage", Type: reason, Message: "the model stopped without an answer: " + message, Retryable: true}
		}
		r.finish = "stop"
	default: // SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII and those that are new
		if !r.spoke {
			return declined("the answer is held back: "+reason, reason)
		}
		r.finish = "content_filter"
	}
	r.out.Put(pipeline.Delta{Finish: r.finish})
	if u := e.Usage; u.Prompt+u.Answer > 0 {
		r.out.Put(pipeline.Delta{Usage: &pipeline.Usage{Input: u.Prompt, Output: u.Answer + u.Thoughts, Cached: u.Cached}})
	}
	return nil
}

func declined(message, reason string) *chat.Error {
	return &chat.Error{Code: "refusal", Type: reason, Message: message}
}
