package chat

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRefusals: what servers say of their trouble, and the Error that it becomes.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		header http.Header
		body   string
		want   Error
	}{
		"openai": {401, nil, `{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`,
			Error{Status: 401, Code: "invalid_api_key", Type: "invalid_request_error", Message: "Incorrect API key"}},
		"slow down": {429, http.Header{"Retry-After": {"1.5"}}, `{"error":{"message":"Slow","code":"rate_limit_exceeded"}}`,
			Error{Status: 429, Code: "rate_limit_exceeded", Message: "Slow", Retryable: true, RetryAfter: 1500 * time.Millisecond}},
		"quota":      {429, nil, `{"error":{"message":"Pay","type":"insufficient_quota","code":null}}`, Error{Status: 429, Type: "insufficient_quota", Message: "Pay"}},
		"a number":   {500, nil, `{"error":{"message":"Oops","code":500}}`, Error{Status: 500, Code: "500", Message: "Oops", Retryable: true}},
		"a string":   {404, nil, `{"error":"model not found"}`, Error{Status: 404, Message: "model not found"}},
		"detail":     {422, nil, `{"detail":[{"loc":["body"]}]}`, Error{Status: 422, Message: `[{"loc":["body"]}]`}},
		"message":    {503, nil, `{"object":"error","message":"busy","type":"x","code":40303}`, Error{Status: 503, Code: "40303", Type: "x", Message: "busy", Retryable: true}},
		"html":       {502, nil, "<html>Bad Gateway</html>\n", Error{Status: 502, Message: "<html>Bad Gateway</html>", Retryable: true}},
		"nothing":    {504, nil, "", Error{Status: 504, Message: "Gateway Timeout", Retryable: true}},
		"do not":     {500, http.Header{"X-Should-Retry": {"false"}}, "", Error{Status: 500, Message: "Internal Server Error"}},
		"do":         {400, http.Header{"X-Should-Retry": {"true"}, "Retry-After-Ms": {"20"}}, "", Error{Status: 400, Message: "Bad Request", Retryable: true, RetryAfter: 20 * time.Millisecond}},
		"long":       {400, nil, strings.Repeat("é", 400), Error{Status: 400, Message: strings.Repeat("é", 250) + "…"}},
		"a bad wait": {500, http.Header{"Retry-After": {"-1"}, "Retry-After-Ms": {"NaN"}}, "", Error{Status: 500, Message: "Internal Server Error", Retryable: true}},
		"anthropic": {529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}`,
			Error{Status: 529, Type: "overloaded_error", Message: "Overloaded", Retryable: true}},
		"google": {429, nil, `[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"reason":"RATE_LIMIT_EXCEEDED"}]}}]`,
			Error{Status: 429, Code: "RATE_LIMIT_EXCEEDED", Type: "RESOURCE_EXHAUSTED", Message: "Quota", Retryable: true}},
		"a list of nothing": {500, nil, `[]`, Error{Status: 500, Message: "[]", Retryable: true}},
		"null errors":       {500, nil, `{"error":null,"message":null}`, Error{Status: 500, Message: "Internal Server Error", Retryable: true}},
	} {
		res := &http.Response{StatusCode: tt.status, Header: tt.header, Body: io.NopCloser(strings.NewReader(tt.body))}
		if diff := cmp.Diff(&tt.want, refused(res)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if got := retryAfter(http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:04:08 GMT"}}, now); got != 3*time.Second {
		t.Errorf("a date gives %v", got)
	}
}

// TestKinds: who has to mend an error is told by its status, and by the server's words where that means two things.
func TestKinds(t *testing.T) {
	t.Parallel()
	for want, all := range map[Kind][]Error{
		Auth:        {{Status: 401}, {Status: 403, Type: "permission_error"}, {Status: 400, Code: "API_KEY_INVALID"}},
		Quota:       {{Status: 429, Code: "insufficient_quota"}, {Status: 402}, {Status: 400, Type: "billing_error"}},
		Rate:        {{Status: 429, Type: "RESOURCE_EXHAUSTED"}},
		BadRequest:  {{Status: 400}, {Status: 404}, {Status: 422}},
		Unavailable: {{Status: 500}, {Status: 529, Type: "overloaded_error"}, {Status: 408}, {Code: "connection"}},
		Declined:    {{Code: "refusal"}},
		Broken:      {{Code: "garbage"}, {Code: "truncated"}},
	} {
		for _, e := range all {
			if got := e.Kind(); got != want {
				t.Errorf("%+v is of kind %s, want %s", e, got, want)
			}
		}
	}
}
