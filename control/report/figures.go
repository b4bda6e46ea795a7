package report

import (
	"math"
	"slices"
	"time"

	"parley/pipeline"
	"parley/store"
)

// figures are the half of a report that is counted.
func figures(c Call) Report {
	r := Report{
		Turns: len(c.Turned), Duration: seconds(c.Length), Source: c.Source, Extracted: map[string]any{},
		TalkTime: talkTime(c.Messages, c.Length), Latency: latency(c.Turned), Cost: ShowCost(c.Cost),
	}
	for _, m := range c.Messages {
		if m.Cut && pipeline.Role(m.Role) == pipeline.Assistant {
			r.Cuts++
		}
	}
	return r
}

// talkTime adds up who spoke; what both said at once counts for both.
func talkTime(messages []store.Message, whole time.Duration) TalkTime {
	var agent, caller time.Duration
	for _, m := range messages {
		switch pipeline.Role(m.Role) {
		case pipeline.Assistant:
			agent += m.Length
		case pipeline.Caller:
			caller += m.Length
		case pipeline.ToolRole, pipeline.Narrator:
		}
	}
	t := TalkTime{Agent: seconds(agent), Caller: seconds(caller), Other: seconds(max(0, whole-agent-caller))}
	if spoken := agent + caller; spoken > 0 {
		t.Share = math.Round(100*float64(agent)/float64(spoken)) / 100
	}
	return t
}

// latency is of the turns that were measured: nearest rank.
func latency(turns []store.Turn) Latency {
	var all []int64
	for _, t := range turns {
		if ms := t.Latency["voice_to_voice"]; ms > 0 {
			all = append(all, ms)
		}
	}
	if len(all) == 0 {
		return Latency{}
	}
	slices.Sort(all)
	rank := func(p int) *int64 { return &all[(p*len(all)+99)/100-1] }
	return Latency{P50: rank(50), P95: rank(95), Max: rank(100)}
}

// seconds has milliseconds and no more.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
