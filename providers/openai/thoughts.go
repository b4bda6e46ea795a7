package openai

import "strings"

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
