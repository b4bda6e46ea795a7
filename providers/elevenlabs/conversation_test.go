package elevenlabs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/providers/elevenlabs"
)

// whole is an answer as ElevenLabs gives it, with much that is not used.
const whole = `{"agent_id":"agent_1","conversation_id":"conv_1","status":"done","user_id":null,"transcript":[
 {"role":"agent","agent_metadata":{"agent_id":"agent_1"},"message":"Hi, how can I help?","tool_calls":[],"time_in_call_secs":0,"interrupted":false,"source_medium":null},
 {"role":"user","message":" A table for two. ","time_in_call_secs":4,"conversation_turn_metrics":null,"interrupted":false,"source_medium":"audio"},
 {"role":"agent","message":null,"tool_calls":[{"tool_name":"book"}],"time_in_call_secs":6},
 {"role":"agent","message":"Done, for","time_in_call_secs":7,"interrupted":true}],
 "metadata":{"start_time_unix_secs":1757088377,"call_duration_secs":11,"phone_call":{"direction":"inbound","call_sid":"CA1","type":"twilio"}},
 "analysis":{"transcript_summary":"A table was booked.\n","call_successful":"success","data_collection_results":{"guests":{"data_collection_id":"guests","value":2,"rationale":"said so"},"day":{"value":null}}},
 "has_audio":true}`

// A fake answers over a real socket.
func fake(t *testing.T, h http.HandlerFunc) (c *elevenlabs.Client, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	return &elevenlabs.Client{Key: "el-key", BaseURL: srv.URL + "/"}, requests
}

func TestConversation(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.EscapedPath() != "/v1/convai/conversations/conv_1" || r.Header.Get("Xi-Api-Key") != "el-key" {
			http.Error(w, "no", http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, whole)
	})
	got, err := c.Conversation(t.Context(), "conv_1")
	want := elevenlabs.Conversation{
		ID: "conv_1", Began: time.Unix(1757088377, 0).UTC(), Length: 11 * time.Second, CallSID: "CA1", Summary: "A table was booked.", Success: "success",
		Collected: map[string]any{"guests": 2.0, "day": nil},
		Lines: []elevenlabs.Remark{
			{Agent: true, Text: "Hi, how can I help?"}, {Text: "A table for two.", At: 4 * time.Second},
			{Agent: true, Text: "Done, for", At: 7 * time.Second, Interrupted: true},
		},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// TestRude: whatever the server does, it comes to an error that says so, soon, and the key is nowhere in it.
func TestRude(t *testing.T) {
	t.Parallel()
	say := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, text) }
	}
	elsewhere := httptest.NewServer(say(http.StatusOK, whole))
	t.Cleanup(elsewhere.Close)
	for name, tc := range map[string]struct {
		h     http.HandlerFunc
		is    error
		says  string
		tries int64
	}{
		"none":        {say(404, `{"detail":{"status":"conversation_not_found","message":"x"}}`), elevenlabs.ErrNotFound, "", 1},
		"a wrong key": {say(401, `{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}`), nil, "Invalid API key", 1},
		"unwell":      {say(500, "oops"), nil, "500", 3},
		"processing":  {say(200, `{"conversation_id":"conv_1","status":"processing","transcript":[]}`), elevenlabs.ErrPending, "", 1},
		"in progress": {say(200, `{"conversation_id":"conv_1","status":"in-progress"}`), elevenlabs.ErrPending, "", 1},
		"unheard of":  {say(200, `{"conversation_id":"conv_1","status":"melted"}`), nil, "melted", 1},
		"another":     {say(200, strings.Replace(whole, "conv_1", "conv_2", 1)), nil, "another", 1},
		"no JSON":     {say(200, "<html>"), nil, "read conversation", 1},
		"a number":    {say(200, `{"status":"done","transcript":3}`), nil, "read conversation", 1},
		"a stranger":  {say(200, strings.Replace(whole, `"user"`, `"ghost"`, 1)), nil, "ghost", 1},
		"out of time": {say(200, strings.Replace(whole, `secs":4`, `secs":-4`, 1)), nil, "at no time", 1},
		"endless":     {say(200, `{"status":"`+strings.Repeat("x", 9<<20)), nil, "does not end", 1},
		"a long wait": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "60"); w.WriteHeader(429) }, nil, "429", 1},
		"hanging up":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "fetch", 3},
		"a redirect":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, nil, "302", 1},
		"half a reply": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			fmt.Fprint(w, whole)
		}, nil, "read", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, requests := fake(t, tc.h)
			_, err := c.Conversation(t.Context(), "conv_1")
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "el-key") {
				t.Errorf("%v", err)
			}
			if requests.Load() != tc.tries {
				t.Errorf("%d tries, want %d", requests.Load(), tc.tries)
			}
		})
	}
}

// TestRecovers: a moment of weakness is not told.
func TestRecovers(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	c, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, whole)
	})
	if v, err := c.Conversation(t.Context(), "conv_1"); err != nil || len(v.Lines) != 3 {
		t.Errorf("%d lines, %v", len(v.Lines), err)
	}
}

// TestSlow: a server that says nothing is given up with the context.
func TestSlow(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	c, _ := fake(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Conversation(ctx, "conv_1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	<-gone
	for _, bad := range []*elevenlabs.Client{{}, {Key: "k", BaseURL: "nowhere"}, {Key: "k", BaseURL: "ftp://x"}} {
		if _, err := bad.Conversation(t.Context(), "x"); err == nil {
			t.Errorf("%+v is used", bad)
		}
	}
}
