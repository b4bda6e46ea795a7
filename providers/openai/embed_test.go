package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// embeds is a server that answers each request with the next of its answers, and the last one over and over.
func embeds(t *testing.T, answers ...func(http.ResponseWriter, []string)) (*Client, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Model string   `json:"model"`
			Input []string `json:"input"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.URL.Path != "/v1/embeddings" || q.Model != "small" || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s %s, model %q, %v", r.Method, r.URL.Path, q.Model, err)
		}
		answers[min(int(n.Add(1)), len(answers))-1](w, q.Input)
	}))
	t.Cleanup(s.Close)
	c := &Client{BaseURL: s.URL, Key: "key", Model: "small"}
	t.Cleanup(c.Close)
	return c, &n
}

func says(status int, body string) func(http.ResponseWriter, []string) {
	return func(w http.ResponseWriter, _ []string) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	backwards := func(w http.ResponseWriter, texts []string) {
		var data []string
		for i := len(texts) - 1; i >= 0; i-- {
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,0.5]}`, i, len(texts[i])))
		}
		fmt.Fprintf(w, `{"object":"list","data":[%s],"usage":{"prompt_tokens":3}}`, strings.Join(data, ","))
	}
	want := [][]float32{{1, 0.5}, {3, 0.5}, {2, 0.5}}
	c, _ := embeds(t, backwards)
	got, err := c.Embed(t.Context(), []string{"a", "ccc", "bb"})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, vectors (-want +got):\n%s", err, diff)
	}
	if got, err := c.Embed(t.Context(), nil); got != nil || err != nil {
		t.Errorf("of no texts: %v, %v", got, err)
	}
	c, n := embeds(t, says(503, `{"error":{"message":"busy"}}`), backwards)
	if got, err = c.Embed(t.Context(), []string{"a", "ccc", "bb"}); err != nil || n.Load() != 2 || cmp.Diff(want, got) != "" {
		t.Errorf("after a refusal: %v, %v, %d requests", got, err, n.Load())
	}
	c, _ = embeds(t, says(200, `{"data":[{"embedding":[1]},{"embedding":[2]}]}`))
	if got, err = c.Embed(t.Context(), []string{"a", "b"}); err != nil || cmp.Diff([][]float32{{1}, {2}}, got) != "" {
		t.Errorf("without indexes: %v, %v", got, err)
	}
}

func TestEmbedRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		body     string
		want     string
		requests int32
	}{
		"key":         {401, `{"error":{"message":"no such key","code":"invalid_api_key"}}`, "invalid_api_key", 1},
		"busy":        {503, `busy`, "status 503", 2},
		"no JSON":     {200, `<html>`, "no vectors", 1},
		"error in it": {200, `{"error":"loading"}`, "loading", 1},
		"too few":     {200, `{"data":[{"index":0,"embedding":[1]}]}`, "1 of them for 2", 1},
		"twice":       {200, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`, "index 0", 1},
		"beyond":      {200, `{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}`, "index 7", 1},
		"lengths":     {200, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`, "lengths 1 and 2", 1},
		"empty":       {200, `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`, "lengths", 1},
		"huge number": {200, `{"data":[{"index":0,"embedding":[1e300]},{"index":1,"embedding":[1]}]}`, "no vectors", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, n := embeds(t, says(tt.status, tt.body))
			got, err := c.Embed(t.Context(), []string{"a", "b"})
			var e *Error
			if got != nil || !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || n.Load() != tt.requests {
				t.Errorf("%v, %v after %d requests; want %q after %d", got, err, n.Load(), tt.want, tt.requests)
			}
		})
	}
}

func TestEmbedGivesUpInTime(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	c, _ := embeds(t, func(http.ResponseWriter, []string) { <-hung })
	defer close(hung)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Embed(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
