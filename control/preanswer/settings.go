// Package preanswer asks an organisation's own server about a call before it is answered: who takes it, and what is known of the caller.
//
//	webhook or INVITE ──▶ directory: the number's rule, else its organisation's ──▶ Desk.Ask ──▶ POST, signed ──▶ verdict
//	                                                                                   │ too late, dead, wrong: the fallback
//	the call's sound ◀── Answers: by leg and carrier's id (other nodes: store) ◀───────┘
//
// No caller waits longer than the rule's limit. Nothing is remembered from one call to the next.
package preanswer

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/webhook"
)

// Settings say who is asked, and what is done without an answer.
type Settings struct {
	URL       string `json:"url" minLength:"1" maxLength:"2000" doc:"Asked about each inbound call before it is answered (docs/preanswer.md): https, and no private address unless the operator of this server allows it." example:"https://your-app.com/incoming"`
	Fallback  string `json:"fallback,omitempty" enum:"agent,reject" default:"agent" doc:"What is done with a call for which there is no good answer: agent (the number's own takes it), reject (nobody does)."`
	TimeoutMS int    `json:"timeout_ms,omitempty" minimum:"500" maximum:"5000" default:"2000" doc:"How long a caller waits for the answer at most, in milliseconds: a second try is within it."`
}

// What is done without a good answer.
const (
	FallbackAgent  = "agent"
	FallbackReject = "reject"
)

// longest is the most that a caller may wait: carriers give a webhook between 5 and 15 seconds, and telephones ring only when it is over.
const longest = 5 * time.Second

// Read reads what Text has written; false: nobody is asked.
func Read(text string) (s Settings, ok bool) {
	if text == "" || json.Unmarshal([]byte(text), &s) != nil || s.URL == "" {
		return Settings{}, false
	}
	return s.full(), true
}

// Show is what the API shows of what Text has written; nil: there is nothing.
func Show(text string) *Settings {
	s, ok := Read(text)
	if !ok {
		return nil
	}
	return &s
}

// Text is s as an organisation or a number keeps it.
func (s Settings) Text() string {
	text, err := json.Marshal(s.full())
	if err != nil {
		panic("settings are no JSON: " + err.Error()) // they are texts and numbers
	}
	return string(text)
}

// Fault says what the schema cannot, by the name of a field; both empty: nothing is wrong.
func (s Settings) Fault() (field, reason string) {
	if err := webhook.CheckURL(s.URL); err != nil {
		return "url", err.Error()
	}
	return "", ""
}

// Check complains about settings of a request, which may be null.
func Check(f *envelope.Field[Settings], at *huma.PathBuffer) []error {
	bad := f.Check(at, "pre_answer", true)
	if !f.Set || f.Null || len(bad) > 0 || f.Value.URL == "" { // huma has said so
		return bad
	}
	if field, reason := f.Value.Fault(); field != "" {
		bad = append(bad, envelope.Complain(at, "pre_answer."+field, reason))
	}
	return bad
}

// TextOf is a request's settings as they are kept; empty: none.
func TextOf(f envelope.Field[Settings]) string {
	if !f.Set || f.Null {
		return ""
	}
	return f.Value.Text()
}

// full is s with its defaults in place.
func (s Settings) full() Settings {
	s.Fallback, s.TimeoutMS = cmp.Or(s.Fallback, FallbackAgent), cmp.Or(s.TimeoutMS, 2000)
	return s
}

// Left is how much of the limit is left when so much has gone.
func (s Settings) Left(gone time.Duration) time.Duration { return max(0, s.limit()-gone) }

// limit is how long a caller waits at most.
func (s Settings) limit() time.Duration {
	return min(time.Duration(s.full().TimeoutMS)*time.Millisecond, longest)
}
