package tool_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	. "parley/pipeline/tool"
)

// sentence checks that an error is one: something to read, on one line, and not too much of it.
func sentence(t *testing.T, err error) {
	t.Helper()
	if s := err.Error(); len(s) < 10 || len(s) > 4000 || strings.ContainsAny(s, "\n\r\x00") || !utf8.ValidString(s) {
		t.Errorf("this is no sentence: %q", s)
	}
}

// FuzzArguments gives every built-in tool whatever a model may send: a clear error or a result, and no crash.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{
		``, `{}`, `null`, `[]`, `{"keys":"12w#"}`, `{"seconds":"60"}`, `{"destination":"+442071110000","say":"One moment."}`, `{"agent":"second"}`,
		`{"when":"tomorrow at half past three in the afternoon","time_zone":"Europe/London","number":"+4420"}`, `{"when":"quarter to twelve on the 31st of december"}`,
		`{"channel":"email","to":"ana at example dot com","text":"Hi."}`, `{"name":"Ana","people":4,"day":"tomorrow","at":"19:30","confirmed":true}`,
		`{"phone":"double oh four","room":"garden","day":"in 3 weeks","at":"ten past nine pm"}`, `{"people":1e999}`, `{"a":` + strings.Repeat("[", 2000), `{"farewell":"\ud800"}`,
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		for name, tool := range all(&backend{}) {
			for range 2 { // collect remembers
				result, do, err := tool.Run(t.Context(), json.RawMessage(args))
				switch {
				case err != nil:
					sentence(t, err)
				case result == "":
					t.Errorf("%s: no result", name)
				case do != nil && do.Check() != nil:
					t.Errorf("%s: %v", name, do.Check())
				}
			}
		}
	})
}

// FuzzSchema reads arguments by schemas of any kind.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"},"maxItems":2}},"required":["a"],"additionalProperties":false}`, `{"a":[1,2]}`)
	f.Add(`{"type":"object","properties":{"a":{"type":"string","enum":["x",1,null],"pattern":"^x","minLength":1}}}`, `{"a":"X"}`)
	f.Add(`{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"boolean"}}}}}`, `{"a":{"b":"yes"}}`)
	f.Add(`{"type":"object","properties":{"a":null}}`, `{}`)
	f.Fuzz(func(t *testing.T, schema, args string) {
		s, err := ParseSchema([]byte(schema))
		if err != nil {
			if err.Error() == "" {
				t.Error("no reason")
			}
			return
		}
		if _, err := s.Read(json.RawMessage(args)); err != nil {
			if len(err.Error()) < 10 {
				t.Errorf("this is no sentence: %q", err)
			}
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSchema(raw); err != nil {
			t.Errorf("%s, written anew, cannot be read: %v", raw, err)
		}
	})
}
