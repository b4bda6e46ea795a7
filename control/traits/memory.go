package traits

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Memory says whether an agent knows what was said with somebody before, by whichever channel. An organisation says it for all its agents; an
// agent may have less of it.
type Memory struct {
	Enabled       bool     `json:"enabled" doc:"Whether earlier conversations are remembered. Of an agent: false is off whatever the organisation says, and true is what the organisation allows."`
	Days          int      `json:"days,omitempty" minimum:"1" maximum:"365" default:"30" doc:"How far back, in days."`
	Conversations int      `json:"conversations,omitempty" minimum:"1" maximum:"10" default:"3" doc:"How many, the latest first."`
	Messages      int      `json:"messages,omitempty" minimum:"1" maximum:"50" default:"20" doc:"How many of the last messages of a conversation that has no summary."`
	Channels      []string `json:"channels,omitempty" enum:"voice,whatsapp" nullable:"false" maxItems:"2" doc:"Of which channels; left out: all."`
	TimeZone      string   `json:"time_zone,omitempty" maxLength:"64" doc:"By which their dates are told where the number of the other end does not say, by its IANA name; left out: UTC." example:"Europe/London"`
}

// MemoryOf is what an agent may remember, by its settings and its organisation's Memory, both JSON or empty; false: nothing. Of each limit the
// lower one holds.
func MemoryOf(organisation, settings string) (Memory, bool) {
	whole := ReadMemory(organisation)
	if !whole.Enabled {
		return Memory{}, false
	}
	var set struct{ Memory *Memory }
	if settings != "" && json.Unmarshal([]byte(settings), &set) != nil {
		return Memory{}, false
	}
	whole = whole.full()
	if set.Memory == nil {
		return whole, true
	}
	own := set.Memory.full()
	if !own.Enabled {
		return Memory{}, false
	}
	whole.Days, whole.Conversations, whole.Messages = min(whole.Days, own.Days), min(whole.Conversations, own.Conversations), min(whole.Messages, own.Messages)
	whole.TimeZone = cmp.Or(own.TimeZone, whole.TimeZone)
	switch {
	case whole.Channels == nil:
		whole.Channels = own.Channels
	case own.Channels != nil:
		both := slices.DeleteFunc(slices.Clone(whole.Channels), func(c string) bool { return !slices.Contains(own.Channels, c) })
		return whole.on(both), len(both) > 0
	}
	return whole, true
}

// ReadMemory reads what Text has written; what is empty, or cannot be read, is off.
func ReadMemory(text string) (m Memory) {
	if text == "" || json.Unmarshal([]byte(text), &m) != nil {
		return Memory{}
	}
	return m
}

// Text is m as an organisation keeps it; empty: it sets nothing.
func (m Memory) Text() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic("memory is no JSON: " + err.Error()) // it is texts and numbers
	}
	if string(text) == `{"enabled":false}` {
		return ""
	}
	return string(text)
}

// full is m with its defaults in place. Empty channels are all.
func (m Memory) full() Memory {
	m.Days, m.Conversations, m.Messages = cmp.Or(m.Days, 30), cmp.Or(m.Conversations, 3), cmp.Or(m.Messages, 20)
	if len(m.Channels) == 0 {
		m.Channels = nil
	}
	return m
}

func (m Memory) on(channels []string) Memory {
	m.Channels = channels
	return m
}

// Zone is by which dates are told where nothing else says.
func (m Memory) Zone() *time.Location {
	if z, err := time.LoadLocation(m.TimeZone); err == nil {
		return z
	}
	return time.UTC
}

// Fault says what the schema cannot, by the name of a field; both empty: nothing is wrong.
func (m *Memory) Fault() (field, reason string) {
	if m == nil || m.TimeZone == "" {
		return "", ""
	}
	if _, err := time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "Local" {
		return "time_zone", "is no IANA time zone, such as Europe/London"
	}
	return "", ""
}

// checkMemory says what the schema cannot.
func checkMemory(m *Memory) (all []Finding) {
	if field, reason := m.Fault(); field != "" {
		all = append(all, Finding{"settings.memory." + field, reason})
	}
	return all
}
