package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// What an app may say at once.
const (
	longestToken   = 16 << 10 // bytes
	longestHandoff = 16 << 10
	longestURL     = 2048
	mostLoops      = 1000 // of what is to be played without end
)

// The words for what interrupts.
const (
	byNothing = "none"
	byKeys    = "dtmf"
	bySpeech  = "speech"
	byAny     = "any"
)

// Interruptible says what interrupts speech of the agent's; empty: any.
type Interruptible string

func (i Interruptible) keys() bool   { return i != byNothing && i != bySpeech }
func (i Interruptible) speech() bool { return i != byNothing && i != byKeys }

// message is what an app says. Which fields count depends on the kind.
type message struct {
	kind          string
	token         string
	last          bool
	lang          string         // of text
	interruptible *Interruptible // nil: as the agent is set
	preemptible   *bool          // nil: likewise
	source        string
	loop          int
	digits        string
	speaking      string // of language
	listening     string
	handoff       string
}

// fields reads the fields of a message. Only the first error is kept.
type fields struct {
	kind string
	raw  map[string]json.RawMessage
	err  error
}

func (f *fields) bad(name, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s: %s", f.kind, name, fmt.Sprintf(format, args...))
	}
}

// value reads one into v, and says whether it is there.
func (f *fields) value(name, want string, v any) bool {
	raw, ok := f.raw[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if json.Unmarshal(raw, v) != nil {
		f.bad(name, "is %s: want %s", clip(string(raw)), want)
		return false
	}
	return true
}

func (f *fields) text(name string, most int) (s string) {
	f.value(name, "a text", &s)
	if len(s) > most {
		f.bad(name, "has %d bytes: want at most %d", len(s), most)
	}
	return s
}

func (f *fields) flag(name string) *bool {
	var b bool
	if !f.value(name, "true or false", &b) {
		return nil
	}
	return &b
}

// interruptible reads one of the words; true and false are any and none.
func (f *fields) interruptible(name string) *Interruptible {
	const want = "none, dtmf, speech or any"
	raw, ok := f.raw[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	i := Interruptible(byAny)
	var flag bool
	if json.Unmarshal(raw, &flag) == nil {
		if !flag {
			i = byNothing
		}
		return &i
	}
	if f.value(name, want, &i) && !slices.Contains([]Interruptible{byNothing, byKeys, bySpeech, byAny}, i) {
		f.bad(name, "is %s: want %s", clip(string(raw)), want)
	}
	return &i
}

// parse reads a message of an app's. The error is told to the app: it names the field.
func parse(data []byte) (message, error) {
	f := fields{kind: "message"}
	if json.Unmarshal(data, &f.raw) != nil || f.raw == nil {
		return message{}, errors.New("message is no JSON object: " + clip(string(data)))
	}
	var m message
	if !f.value("type", "a text", &m.kind) {
		f.bad("type", "is missing")
		return message{}, f.err
	}
	f.kind = clip(m.kind)
	switch m.kind {
	case "text":
		f.need("token")
		m.token, m.lang = f.text("token", longestToken), f.text("lang", 35)
		last := f.flag("last")
		m.last = last != nil && *last
		m.interruptible, m.preemptible = f.interruptible("interruptible"), f.flag("preemptible")
	case "play":
		f.need("source")
		m.source, m.loop = f.text("source", longestURL), 1
		if f.value("loop", "a number from 0 to 1000", &m.loop) && (m.loop < 0 || m.loop > mostLoops) {
			f.bad("loop", "is %d: want 0, which is without end, to %d", m.loop, mostLoops)
		}
		if m.loop == 0 {
			m.loop = mostLoops
		}
		m.interruptible, m.preemptible = f.interruptible("interruptible"), f.flag("preemptible")
	case "sendDigits":
		f.need("digits")
		m.digits = f.text("digits", longestToken)
		if err := pipeline.CheckKeys(m.digits); err != nil {
			f.bad("digits", "%v", err)
		}
	case "language":
		m.speaking, m.listening = f.text("ttsLanguage", 35), f.text("transcriptionLanguage", 35)
		if m.speaking == "" && m.listening == "" {
			f.bad("ttsLanguage", "is missing, and so is transcriptionLanguage")
		}
	case "end":
		m.handoff = f.handoff()
	default:
		return message{}, fmt.Errorf("type: there is no %q: want text, play, sendDigits, language or end", f.kind)
	}
	return m, f.err
}

// need says so if a field is missing.
func (f *fields) need(name string) {
	if raw, ok := f.raw[name]; !ok || string(raw) == "null" {
		f.bad(name, "is missing")
	}
}

// handoff is a text; apps that forget to write their object as one are understood.
func (f *fields) handoff() string {
	raw := f.raw["handoffData"]
	if len(raw) > longestHandoff {
		f.bad("handoffData", "has %d bytes: want at most %d", len(raw), longestHandoff)
		return ""
	}
	var s string
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// clip is the beginning of what somebody else wrote.
func clip(s string) string {
	const most = 80
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// sameTongue says whether two tags are of one language: en and en-GB are.
func sameTongue(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return strings.EqualFold(a, b)
}

// What an app is told, as JSON.
type (
	setup struct {
		Type             string            `json:"type"`
		SessionID        string            `json:"sessionId"`
		AccountSid       string            `json:"accountSid"`
		ParentCallSid    string            `json:"parentCallSid"`
		CallSid          string            `json:"callSid"`
		From             string            `json:"from"`
		To               string            `json:"to"`
		ForwardedFrom    string            `json:"forwardedFrom"`
		CallType         string            `json:"callType"`
		CallerName       string            `json:"callerName"`
		Direction        string            `json:"direction"`
		CallStatus       string            `json:"callStatus"`
		CallID           string            `json:"parleyCallId"`
		CustomParameters map[string]string `json:"customParameters"`
	}
	prompt struct {
		Type        string `json:"type"`
		VoicePrompt string `json:"voicePrompt"`
		Lang        string `json:"lang"`
		Last        bool   `json:"last"`
	}
	dtmf struct {
		Type  string `json:"type"`
		Digit string `json:"digit"`
	}
	interrupt struct {
		Type     string `json:"type"`
		Until    string `json:"utteranceUntilInterrupt"`
		Duration int64  `json:"durationUntilInterruptMs"`
	}
	failure struct {
		Type        string `json:"type"`
		Description string `json:"description"`
	}
)
