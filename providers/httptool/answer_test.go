package httptool

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func fuzzAnswer(t *testing.T, body []byte, kind, path string) {
	t.Helper()
	for _, code := range []int{200, 404} {
		tool := &Tool{Definition: Definition{Limit: 1 << 10}}
		if _, err := parsePath(path); err == nil && code == 200 {
			tool.Fields = []string{path}
		}
		text, err := tool.answer(&http.Response{StatusCode: code, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body))})
		if err != nil {
			if !errors.As(err, new(*refusal)) || len(err.Error()) < 10 {
				t.Errorf("this is no sentence: %v", err)
			}
			text = err.Error()
		}
		if text == "" || len(text) > 1<<11 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r") {
			t.Errorf("this is nothing for a model: %q", text)
		}
	}
}
