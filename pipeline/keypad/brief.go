package keypad

import (
	"slices"
	"strings"

	"parley/pipeline"
)

// retold is what the agent is told of a turn, in place of the keys that were pressed in it.
type retold struct {
	note   string
	secret bool // what the caller said in it is not told either
}

// retell has a turn told so from now on.
func (s *session) retell(turn int, note string, secret bool) { s.retold[turn] = retold{note, secret} }

// note is a sentence for the agent: how it came, and what that means.
func note(how, meaning string) string {
	if meaning = strings.TrimSpace(meaning); meaning != "" {
		how += ": " + meaning
	}
	if strings.HasSuffix(how, ".") || strings.HasSuffix(how, "!") || strings.HasSuffix(how, "?") {
		return how
	}
	return how + "."
}

// brief is talk as the agent itself is given it: the history has notes in place of keys, and no secrets; keys that have a meaning are no
// longer keys.
func (s *session) brief(talk pipeline.Talk) pipeline.Talk {
	if _, ok := s.retold[talk.Turn]; ok && talk.Why != pipeline.ForToolResult {
		talk.Why, talk.Keys, talk.Text, talk.Silence = pipeline.ForCommand, "", "", 0
	}
	if len(s.retold) == 0 {
		return talk
	}
	told := make([]pipeline.Message, 0, len(talk.History)+1)
	for rest := talk.History; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Turn == rest[0].Turn {
			n++
		}
		told = append(told, s.retellTurn(rest[:n])...)
		rest = rest[n:]
	}
	talk.History = told
	return talk
}

// retellTurn is the messages of one turn, as the agent is told them. The note takes the place of what was pressed.
func (s *session) retellTurn(ms []pipeline.Message) []pipeline.Message {
	turn, at := ms[0].Turn, ms[0].At
	r, ok := s.retold[turn]
	if !ok {
		return ms
	}
	ms = slices.Clone(ms)
	if r.secret {
		ms = slices.DeleteFunc(ms, func(m pipeline.Message) bool { return m.Role == pipeline.Caller })
	}
	i := slices.IndexFunc(ms, func(m pipeline.Message) bool { return m.Role == pipeline.Narrator && noted(m.Text) })
	if i < 0 { // it was words
		i = 0
		ms = slices.Insert(ms, i, pipeline.Message{})
	}
	ms[i] = pipeline.Message{Role: pipeline.Narrator, Text: r.note, Turn: turn, At: at}
	return ms
}

// noted says whether a Narrator tells of keys, or of silence.
func noted(text string) bool {
	return strings.HasPrefix(text, "The caller pressed ") || text == "The caller is silent."
}
