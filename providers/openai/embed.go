package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"parley/providers/chat"
)

// maxEmbeddings is how much of an answer with vectors is read: 256 of 4,096 numbers each, as text.
const maxEmbeddings = 64 << 20

// Embed makes vectors of texts, in their order, with the Client's Model, which must be one for embeddings. All are of one length. It
// tries once more where that may help, as Respond does. Errors wrap *Error, except where ctx ended first.
//
// Wire: https://platform.openai.com/docs/api-reference/embeddings
func (c *Client) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	vectors, err := c.tryEmbed(ctx, texts)
	if wait, again := chat.Retry(err); again {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			vectors, err = c.tryEmbed(ctx, texts)
		case <-ctx.Done():
		}
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("openai: embed: %w", err)
	}
	return vectors, nil
}

func (c *Client) tryEmbed(ctx context.Context, texts []string) ([][]float32, error) {
	url, err := c.endpoint("embeddings")
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"model": c.Model, "input": texts, "encoding_format": "float"})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	res, err := c.wire().Send(ctx, http.MethodPost, url, body)
	if err != nil {
		return nil, &Error{Code: "connection", Message: "the request failed", Retryable: true, Err: err}
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return nil, c.wire().Refused(res)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxEmbeddings+1))
	if err != nil {
		return nil, &Error{Code: "connection", Message: "the answer broke", Retryable: true, Err: err}
	}
	if len(answer) > maxEmbeddings {
		return nil, &Error{Code: "too_long", Message: "the answer does not end"}
	}
	return readEmbeddings(answer, len(texts))
}

// readEmbeddings takes n vectors out of an answer, in which they may stand in any order.
func readEmbeddings(answer []byte, n int) ([][]float32, error) {
	garbage := func(format string, args ...any) error {
		return &Error{Code: "garbage", Message: "the answer holds no vectors: " + fmt.Sprintf(format, args...)}
	}
	var a struct {
		Data []struct {
			Index     *int      `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, garbage("%v", err)
	}
	if len(a.Error) > 0 && string(a.Error) != "null" {
		return nil, chat.ServerError(answer)
	}
	if len(a.Data) != n {
		return nil, garbage("%d of them for %d texts", len(a.Data), n)
	}
	vectors := make([][]float32, n)
	for i, d := range a.Data {
		if d.Index != nil {
			i = *d.Index
		}
		switch {
		case i < 0 || i >= n || vectors[i] != nil:
			return nil, garbage("index %d for %d texts", i, n)
		case len(d.Embedding) == 0 || len(d.Embedding) != len(a.Data[0].Embedding):
			return nil, garbage("lengths %d and %d", len(a.Data[0].Embedding), len(d.Embedding))
		}
		for _, x := range d.Embedding {
			if math.IsInf(float64(x), 0) || math.IsNaN(float64(x)) {
				return nil, garbage("a number that is none")
			}
		}
		vectors[i] = d.Embedding
	}
	return vectors, nil
}
