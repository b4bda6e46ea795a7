package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/providers/chat"
)

// maxReply is how much of an answer is read: far more than any number of tokens that is asked for.
const maxReply = 1 << 20

// Answer asks one question and returns the text of the answer, which is meant to be JSON that fits schema. A server that knows structured
// outputs holds the model to it; one that refuses them is asked for any JSON object, and if it refuses that too, for text. So what comes
// back is to be checked in any case. The answer has at most so many tokens: one that was cut off there is an error, as is a refusal. It
// tries once more where that may help, as Respond does. Errors wrap *Error, except where ctx ended first.
//
// Wire: https://platform.openai.com/docs/guides/structured-outputs
func (c *Client) Answer(ctx context.Context, instructions, data string, schema json.RawMessage, tokens int) (string, error) {
	var last error
	for _, format := range []any{
		map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "answer", "strict": true, "schema": schema}},
		map[string]any{"type": "json_object"},
		nil,
	} {
		text, err := c.answerTwice(ctx, instructions, data, format, tokens)
		if err == nil {
			return text, nil
		}
		last = err
		if e := chat.AsError(err); ctx.Err() != nil || e == nil || e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
			break // it is not the format that the server dislikes
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		last = cause
	}
	return "", fmt.Errorf("openai: answer: %w", last)
}

// answerTwice asks, and once more if that may help.
func (c *Client) answerTwice(ctx context.Context, instructions, data string, format any, tokens int) (string, error) {
	text, err := c.tryAnswer(ctx, instructions, data, format, tokens)
	wait, again := chat.Retry(err)
	if !again {
		return text, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return c.tryAnswer(ctx, instructions, data, format, tokens)
	case <-ctx.Done():
		return "", err
	}
}

func (c *Client) tryAnswer(ctx context.Context, instructions, data string, format any, tokens int) (string, error) {
	to, err := c.endpoint("chat/completions")
	if err != nil {
		return "", err
	}
	fields := map[string]any{
		"model": c.Model, "stream": false, tokensField(to): tokens,
		"messages": []map[string]string{{"role": "system", "content": instructions}, {"role": "user", "content": data}},
	}
	if format != nil {
		fields["response_format"] = format
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("encode the request: %w", err)
	}
	res, err := c.wire().Send(ctx, http.MethodPost, to, body)
	if err != nil {
		return "", &Error{Code: "connection", Message: "the request failed", Retryable: true, Err: err}
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return "", c.wire().Refused(res)
	}
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err != nil {
		return "", &Error{Code: "connection", Message: "the answer broke", Retryable: true, Err: err}
	}
	if len(reply) > maxReply {
		return "", &Error{Code: "too_long", Message: "the answer does not end"}
	}
	return readAnswer(reply)
}

// readAnswer takes the text out of a whole answer.
func readAnswer(reply []byte) (string, error) {
	var a struct {
		Choices []struct {
			Message struct {
				Content *string `json:"content"`
				Refusal string  `json:"refusal"`
			} `json:"message"`
			Finish string `json:"finish_reason"`
		} `json:"choices"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(reply, &a); err != nil {
		return "", &Error{Code: "garbage", Message: "the answer is no JSON", Err: err}
	}
	if len(a.Error) > 0 && string(a.Error) != "null" {
		return "", chat.ServerError(reply)
	}
	if len(a.Choices) == 0 {
		return "", &Error{Code: "garbage", Message: "the answer has no choices"}
	}
	switch first := a.Choices[0]; {
	case first.Message.Refusal != "":
		return "", &Error{Code: "refusal", Message: chat.Clip(first.Message.Refusal)}
	case first.Finish == "length":
		return "", &Error{Code: "truncated", Message: "the answer has more tokens than it may"}
	case first.Message.Content == nil:
		return "", &Error{Code: "garbage", Message: "the answer has no text"}
	default:
		return *first.Message.Content, nil
	}
}

// tokensField is the name of the field that limits an answer: OpenAI has replaced the one that the others know.
func tokensField(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && strings.HasSuffix(u.Hostname(), ".openai.com") {
		return "max_completion_tokens"
	}
	return "max_tokens"
}
