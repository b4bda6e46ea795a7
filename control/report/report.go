// Package report is what is made of a call after its end: a report, and a second transcript.
//
//	GET report ──────▶ Desk.Report ──▶ the stored one, else: facts ──▶ Model (JSON, checked) ──▶ store
//	                                                           └────── rules, where none answers ──▶ store, until a model does
//	POST transcript ─▶ Desk.Retell ──▶ Conversations (the vendor's words) or Hear (the recording) ──▶ report on it ──▶ store, both at once
//
// A report has two halves. Its figures (talk time, latencies, turns) are counted, always. Its words (summary, outcome, sentiment, the
// values that the agent's settings ask for) are a language model's, or else made by rules, which says MadeBy.
//
// What was said in a call is not to be trusted: it goes to the model as data, in JSON, beside a secret that marks it, and what comes back
// is taken only if it is an object of the form that was asked for, within its limits. A caller can make a summary wrong, no more.
package report

import (
	"encoding/json"
	"time"

	"parley/store"
)

// Outcome says whether a call reached what it was for.
type Outcome string

// The outcomes.
const (
	Achieved    Outcome = "achieved"
	Partly      Outcome = "partly_achieved"
	NotAchieved Outcome = "not_achieved"
	Voicemail   Outcome = "voicemail"       // a machine answered
	Nobody      Outcome = "no_conversation" // nobody spoke with the agent
	Unknown     Outcome = "unknown"
)

// Sentiment is how the caller felt about it.
type Sentiment string

// The sentiments.
const (
	Positive  Sentiment = "positive"
	Neutral   Sentiment = "neutral"
	Negative  Sentiment = "negative"
	Mixed     Sentiment = "mixed"
	Undecided Sentiment = "unknown"
)

// What made a report's words.
const (
	ByModel  = "model"
	ByRules  = "rules"
	ByVendor = "vendor" // who held the conversation
)

// What a transcript is.
const (
	Live       = "live"       // taken down while the call went on
	ElevenLabs = "elevenlabs" // their conversation API's
	Rerecorded = "recording"  // heard anew in the recording
)

// A Report is what a call came to. It is stored as JSON, and served as it is.
type Report struct {
	Summary   string         `json:"summary" doc:"What the call was about, in a few sentences." example:"The caller booked a table for two, tonight at eight."`
	Outcome   Outcome        `json:"outcome" enum:"achieved,partly_achieved,not_achieved,voicemail,no_conversation,unknown" doc:"Whether the call reached what it was for. Rules, which understand nothing, say unknown where there was a conversation."`
	Sentiment Sentiment      `json:"sentiment" enum:"positive,neutral,negative,mixed,unknown" doc:"How the caller felt about it. Rules know some English words."`
	Extracted map[string]any `json:"extracted" nullable:"false" doc:"The values that the agent's settings.report asks for, by name: null where the call does not tell. Without such settings, what was collected."`
	TalkTime  TalkTime       `json:"talk_time"`
	Latency   Latency        `json:"latency" doc:"From the caller's last word to the agent's first sound, in milliseconds."`
	Turns     int            `json:"turns" doc:"How many exchanges the call had."`
	Cuts      int            `json:"interruptions" doc:"How often the caller cut the agent off."`
	Duration  float64        `json:"duration_seconds" doc:"From the answer to the end."`
	Cost      *Cost          `json:"cost,omitempty" doc:"What vendors charge for the call, as GET /calls/{id} has it; absent: nothing was used, or it is not known."`
	Source    string         `json:"transcript_source" enum:"live,elevenlabs,recording" doc:"The transcript that it was made of."`
	MadeBy    string         `json:"made_by" enum:"model,rules,vendor" doc:"Who found the words: the language model; rules, where there is none or it failed (then the next request tries again); or the vendor who held the conversation."`
	Made      time.Time      `json:"created_at"`
}

// TalkTime is who spoke for how long, in seconds.
type TalkTime struct {
	Agent  float64 `json:"agent_seconds" example:"31.2"`
	Caller float64 `json:"user_seconds" example:"18.4"`
	Other  float64 `json:"silence_seconds" doc:"The rest of the call: silence, and what could not be measured." example:"13.6"`
	Share  float64 `json:"agent_share" doc:"The agent's part of what was spoken: 0 to 1." example:"0.63"`
}

// Latency is how quick the answers were. A figure that was not measured is null.
type Latency struct {
	P50 *int64 `json:"p50_ms" example:"640"`
	P95 *int64 `json:"p95_ms" example:"910"`
	Max *int64 `json:"max_ms" example:"1040"`
}

// A Field is a value that an agent's reports are to find out.
type Field struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // string, number, integer, boolean, date (2026-11-27); others are taken for string
	Description string `json:"description"`
}

// maxFields is how many an agent may ask for.
const maxFields = 50

// Fields reads an agent's settings (JSON; empty: none) for what its reports are to find out. What is no such list is none: settings are
// checked where they are made.
func Fields(settings string) []Field {
	var s struct {
		Report []Field `json:"report"`
	}
	if settings == "" || json.Unmarshal([]byte(settings), &s) != nil {
		return nil
	}
	var fields []Field
	seen := map[string]bool{}
	for _, f := range s.Report {
		if f.Name != "" && !seen[f.Name] && len(fields) < maxFields {
			seen[f.Name], fields = true, append(fields, f)
		}
	}
	return fields
}

// A Call is all that a report is made of.
type Call struct {
	store.Call

	Agent    store.Agent // as it was; its Name may be empty: it is not known any more
	Fields   []Field
	Messages []store.Message
	Turned   []store.Turn
	Source   string         // of Messages
	Vendor   *Assessment    // the vendor's own; nil: none
	Extra    map[string]any // values that the vendor found
}

// An Assessment is a vendor's word on a conversation that it held.
type Assessment struct {
	Summary string
	Outcome Outcome
}

// Words are what figures do not tell.
type Words struct {
	Summary   string         `json:"summary"`
	Outcome   Outcome        `json:"outcome"`
	Sentiment Sentiment      `json:"sentiment"`
	Extracted map[string]any `json:"extracted"`
}
