package voice

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"parley/control/envelope"
)

// AppendJSON implements envelope.Appender: a page has up to a hundred calls.
func (c *Call) AppendJSON(b []byte) []byte {
	text := func(name, s string) { b = envelope.AppendText(append(b, name...), s) }
	optional := func(name string, s *string) { b = envelope.AppendOptional(append(b, name...), s) }
	number := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	moment := func(name string, t envelope.Time) { b = t.Append(append(b, name...)) }

	text(`{"id":`, c.ID)
	number(`,"number":`, c.Number)
	optional(`,"agent_id":`, c.AgentID)
	if b = append(b, `,"agent_version":`...); c.AgentVersion == nil {
		b = append(b, "null"...)
	} else {
		number("", int64(*c.AgentVersion))
	}
	optional(`,"task_id":`, c.TaskID)
	text(`,"direction":`, string(c.Direction))
	text(`,"status":`, string(c.Status))
	optional(`,"from_number":`, c.FromNumber)
	optional(`,"to_number":`, c.ToNumber)
	text(`,"carrier":`, c.Carrier)
	optional(`,"carrier_call_id":`, c.CarrierCallID)
	optional(`,"cause":`, c.Cause)
	optional(`,"error":`, c.Error)
	optional(`,"answered_by":`, c.AnsweredBy)
	moment(`,"started_at":`, c.StartedAt)
	moment(`,"answered_at":`, c.AnsweredAt)
	moment(`,"ended_at":`, c.EndedAt)
	if b = append(b, `,"duration_seconds":`...); c.DurationSeconds == nil {
		b = append(b, "null"...)
	} else {
		b = appendFloat(b, *c.DurationSeconds)
	}
	number(`,"turn_count":`, int64(c.TurnCount))
	number(`,"dropped_frames":`, int64(c.DroppedFrames))
	b = appendFigures(append(b, `,"latency":`...), c.Latency)
	moment(`,"created_at":`, c.CreatedAt)
	return append(b, '}')
}

// appendFloat writes a number of seconds.
func appendFloat(b []byte, f float64) []byte {
	if f >= 1e-6 && f < 1e21 || f == 0 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	text, _ := json.Marshal(f) //nolint:errchkjson // it came from a duration
	return append(b, text...)
}

// appendFigures writes numbers by name, in the order of their names.
func appendFigures(b []byte, figures map[string]int64) []byte {
	if figures == nil {
		return append(b, "null"...)
	}
	var room [8]string // so that most need no memory of their own
	names := slices.AppendSeq(room[:0], maps.Keys(figures))
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(envelope.AppendText(b, name), ':')
		b = strconv.AppendInt(b, figures[name], 10)
	}
	return append(b, '}')
}
