package journal

import (
	"time"

	"parley/pipeline"
)

// A Line is one event as it stands in the file. Durations are milliseconds.
type Line struct {
	Time   time.Time `json:"time"`
	AtMS   int64     `json:"at_ms"` // since the answer
	Call   string    `json:"call"`
	Event  string    `json:"event"`
	Text   string    `json:"text,omitempty"`
	Final  bool      `json:"final,omitempty"`
	Error  string    `json:"error,omitempty"`
	Turn   *Turn     `json:"turn,omitempty"`
	Ending *Ending   `json:"ending,omitempty"`
}

// A Turn is one exchange as it stands in the file.
type Turn struct {
	N         int              `json:"n"`
	Why       string           `json:"why"`
	Said      string           `json:"said,omitempty"`
	Text      string           `json:"text"`
	Heard     string           `json:"heard"`
	Cut       bool             `json:"cut,omitempty"`
	AtMS      int64            `json:"at_ms"`
	SoundedMS int64            `json:"sounded_ms"`
	Latency   map[string]int64 `json:"latency_ms"`
	Error     string           `json:"error,omitempty"`
}

// An Ending is a call's last line.
type Ending struct {
	Cause    string    `json:"cause"`
	Error    string    `json:"error,omitempty"`
	Leg      string    `json:"leg"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Answered time.Time `json:"answered"`
	LengthMS int64     `json:"length_ms"`
	Turns    int       `json:"turns"`
	Drops    int       `json:"drops"`
	History  []Message `json:"history"`
}

// A Message is one entry of the conversation.
type Message struct {
	Role string `json:"role"`
	Text string `json:"text"`
	Cut  bool   `json:"cut,omitempty"`
	Turn int    `json:"turn"`
	AtMS int64  `json:"at_ms"`
}

func newLine(e entry) Line {
	l := Line{
		Time: e.at.UTC(), AtMS: e.event.At.Milliseconds(), Call: e.event.Call, Event: string(e.event.Kind),
		Text: e.event.Text, Final: e.event.Final,
	}
	if e.event.Err != nil {
		l.Error = e.event.Err.Error()
	}
	if t := e.event.Turn; t != nil {
		l.Turn = &Turn{
			N: t.N, Why: string(t.Why), Said: t.Said, Text: t.Text, Heard: t.Heard, Cut: t.Cut,
			AtMS: t.At.Milliseconds(), SoundedMS: t.Sounded.Milliseconds(), Error: t.Err, Latency: stages(t.Latency),
		}
	}
	if end := e.event.Ending; end != nil {
		l.Ending = newEnding(end)
	}
	return l
}

// stages names the shares of a turn's latency; those that did not happen are left out.
func stages(l pipeline.Latency) map[string]int64 {
	m := make(map[string]int64, 6)
	for name, d := range l.Stages() {
		if d > 0 {
			m[name] = d.Milliseconds()
		}
	}
	return m
}

func newEnding(end *pipeline.Ending) *Ending {
	out := &Ending{
		Cause: string(end.Cause), Leg: end.Info.Kind, From: end.Info.From, To: end.Info.To,
		Answered: end.Answered.UTC(), LengthMS: end.Length.Milliseconds(), Turns: end.Turns, Drops: end.Drops,
		History: make([]Message, 0, len(end.History)),
	}
	if end.Err != nil {
		out.Error = end.Err.Error()
	}
	for _, m := range end.History {
		out.History = append(out.History, Message{Role: string(m.Role), Text: m.Text, Cut: m.Cut, Turn: m.Turn, AtMS: m.At.Milliseconds()})
	}
	return out
}
