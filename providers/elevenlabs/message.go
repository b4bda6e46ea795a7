package elevenlabs

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A message is what the server says on a voice's socket: sound of a context, the end of one, or an error, after which it hangs up.
// What it has besides is let through.
type message struct {
	Audio     []byte `json:"audio"` // in the format that was asked for
	Context   string `json:"contextId"`
	Final     bool   `json:"isFinal"`
	FinalToo  bool   `json:"is_final"` // as older pages of the documentation have it
	Alignment *times `json:"alignment"`
	Spoken    *times `json:"normalizedAlignment"` // with numbers in words and the like

	About string `json:"message"`
	Error loose  `json:"error"` // its word for what is wrong
	Code  int    `json:"code"`  // the close code that is to follow
}

// times are when characters of the text are said, in milliseconds from the beginning of the sound that came with them.
type times struct {
	Chars     []string `json:"chars"`
	Starts    []int    `json:"charStartTimesMs"`
	Durations []int    `json:"charDurationsMs"`
}

// decode reads one message.
func decode(text []byte) (m message, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("decode message: %w", err)
	}
	m.Final = m.Final || m.FinalToo
	if m.Alignment == nil {
		m.Alignment = m.Spoken
	}
	return m, nil
}

// refused is the error that the message tells of; nil if it tells of none.
func (m *message) refused(key string) *Error {
	if m.Error == "" && m.Code == 0 {
		return nil
	}
	return (&Error{Code: string(m.Error), Close: m.Code, Message: m.About}).settle(key)
}

// loose is a text, or what stands in its place.
type loose string

// UnmarshalJSON implements json.Unmarshaler. null is nothing.
func (l *loose) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		s = string(b)
	}
	*l = loose(s)
	return nil
}

// What a client says. Texts are JSON already: ids are letters and digits.

// opening begins a context.
func opening(id string, settings json.RawMessage) []byte {
	b := append([]byte(`{"text":" ","context_id":"`), id...)
	if b = append(b, '"'); settings != nil {
		b = append(append(b, `,"voice_settings":`...), settings...)
	}
	return append(b, '}')
}

// saying has a clause spoken at once. It should end with a space.
func saying(id, clause string) ([]byte, error) {
	if last := clause[len(clause)-1]; last != ' ' && last != '\n' {
		clause += " "
	}
	b, err := json.Marshal(struct {
		Text    string `json:"text"`
		Context string `json:"context_id"`
		Flush   bool   `json:"flush"`
	}{clause, id, true})
	if err != nil {
		return nil, fmt.Errorf("encode text: %w", err)
	}
	return b, nil
}

// closing ends a context once all is spoken that it was told.
func closing(id string) []byte {
	return append(append([]byte(`{"context_id":"`), id...), `","close_context":true}`...)
}

// alive keeps the server from closing a context, or with no id a socket on which there is none.
func alive(id string) []byte {
	if id == "" {
		return []byte(`{"text":""}`)
	}
	return append(append([]byte(`{"text":"","context_id":"`), id...), `"}`...)
}

// contextID is the n-th context's of a Client.
func contextID(n uint64) string { return "u" + strconv.FormatUint(n, 10) }
