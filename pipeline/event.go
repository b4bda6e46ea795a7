package pipeline

import (
	"maps"
	"time"

	"parley/media"
)

// EventKind names an Event; the same word stands in log, metrics and API.
type EventKind string

// The events of a call, for those who watch it.
const (
	CallStarted   EventKind = "call_started"
	Answered      EventKind = "answered" // it is known, or known better, who has answered an outbound call: Answer is set, Text is its By; see Answering
	SpeechBegan   EventKind = "speech_began"
	SpeechEnded   EventKind = "speech_ended"
	Transcribed   EventKind = "transcribed"   // Text, and Final when it is settled; of a secret only then, and Text is MaskedSlot
	KeyPressed    EventKind = "key_pressed"   // Text is the key, or MaskedSlot
	AgentPressed  EventKind = "agent_pressed" // the agent has pressed keys towards the far end: Text is those that were heard whole, such as "12#"
	ReplyBegan    EventKind = "reply_began"   // the agent's first frame of a turn went out
	Filled        EventKind = "filled"        // a filler is over; Text is what was heard of it, empty if it was the tone
	Interrupted   EventKind = "interrupted"   // the caller cut the agent off; Text is what was heard of it
	FalseAlarm    EventKind = "false_alarm"   // the agent was held and resumed
	Backchannel   EventKind = "backchannel"   // the caller said Text while the agent spoke, who went on: it is not answered
	Echo          EventKind = "echo"          // the far end sent the agent's own words back: Text
	FellSilent    EventKind = "fell_silent"
	Drifted       EventKind = "drifted" // there is sound, but nobody speaks: hold music, a television; see OnHold
	ToolUsed      EventKind = "tool_used"
	Collected     EventKind = "collected"       // something was learnt from the caller: Slots is all that was collected so far
	Commanded     EventKind = "commanded"       // a command came from outside; Text is its kind
	CommandFailed EventKind = "command_failed"  // Text is its kind; Err says why
	Transferred   EventKind = "transferred"     // the carrier has connected the caller to Text: the call ends
	Bridged       EventKind = "bridged"         // the caller talks with Text, whom we have called, or who listened (TakeOver)
	Unbridged     EventKind = "unbridged"       // no longer: the agent has the caller back, or the call ends
	AgentChanged  EventKind = "agent_changed"   // another agent has taken over; Text is its name
	ProviderFail  EventKind = "provider_failed" // Text names it; the error is for the log
	Spoken        EventKind = "spoken"          // while somebody follows the call (Call.Follow): Turn is the turn in progress, as if it ended now
	TurnEnded     EventKind = "turn_ended"      // Turn is set
	CallEnded     EventKind = "call_ended"      // Ending is set; always the last
)

// An Event is news of a call. Subscribers get them in order; they may be kept.
type Event struct {
	Call   string // the call's id
	Kind   EventKind
	At     time.Duration // since the answer
	Turn   *Turn
	Ending *Ending
	Answer *Answer
	Text   string
	Final  bool
	Slots  map[string]string // of Collected: not to be changed
	Err    error
}

// A Turn is one exchange: what the agent was asked by, what it answered, and what the caller heard of that.
type Turn struct {
	N       int
	Why     Reason
	Said    string        // the caller's words or keys; MaskedSlot, if they are secret
	Text    string        // all that the agent meant to say
	Heard   string        // the part of Text that reached the caller's ear
	Pressed string        // the keys that the agent has pressed, such as "12#"
	Cut     bool          // the caller interrupted
	At      time.Duration // when the turn's first frame went out, since the answer; 0: it never did
	Sounded time.Duration // how much audio was heard
	Masked  time.Duration // for how long the caller was silenced in the recording, because of secrets, since the turn before
	Latency Latency
	Times   Times // of a turn that has ended
	Usage   Usage
	Counts  Counts
	Slots   map[string]string // all that was collected in the call so far (Delta.Slots, Collect), if no turn before has it; else nil
	Lookup  *Lookup           // what was looked up for it (Delta.Lookup), the last time if more than once; nil: nothing
	// Remembered are the earlier conversations that the model was told of for it (Delta.Remembered), by their ids.
	Remembered []string
	Err        string // which provider failed, if one did

	First    int       // place in the history of the first of Messages
	Messages []Message // what the turn added to the history, for good
}

// Latency is where the time of one turn went. A stage that did not happen is 0.
type Latency struct {
	VoiceToVoice time.Duration // last voiced frame in -> first frame out, as on the wire; only ForWords
	Endpoint     time.Duration // last voiced frame in -> the turn was judged over
	Transcript   time.Duration // -> the final words were there
	FirstToken   time.Duration // -> the first text of the response
	FirstAudio   time.Duration // -> the first sound of the voice
	FirstFrame   time.Duration // -> the first frame was sent
}

// Stages names the latency's parts, as metrics and records do.
func (l Latency) Stages() map[string]time.Duration {
	return map[string]time.Duration{
		"voice_to_voice": l.VoiceToVoice, "endpoint": l.Endpoint, "transcript": l.Transcript,
		"first_token": l.FirstToken, "first_audio": l.FirstAudio, "first_frame": l.FirstFrame,
	}
}

// Counts are how often something happened in a turn.
type Counts struct {
	Held        int // the agent paused, since the caller might have wanted to interrupt
	FalseAlarms int // of these: they had not, and it went on
	Fillers     int // words or tones that were heard because the answer took long
	Tools       int // that the model asked for
	ToolErrors  int // of these: it was told an error
	Drops       int // frames that recognition or recording lost, since the turn before
}

// All names the counts, and those of u, as records do; what did not happen is left out.
func (c Counts) All(u Usage) map[string]int {
	all := map[string]int{
		"held": c.Held, "false_alarms": c.FalseAlarms, "fillers": c.Fillers, "dropped_frames": c.Drops,
		"tools": c.Tools, "tool_errors": c.ToolErrors,
		"input_tokens": u.Input, "output_tokens": u.Output, "cached_tokens": u.Cached,
	}
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all
}

// An Ending is how a call went.
type Ending struct {
	Call     string
	Info     media.Info
	Cause    media.Cause
	Err      error // for the log
	Answered time.Time
	Answer   Answer // of an outbound call, as last known; zero: it was not asked, or not found out
	Length   time.Duration
	Turns    int
	Drops    int // frames that recognition or recording lost
	History  []Message
	Slots    map[string]string // all that was collected, if no turn has it; else nil
	Quality  *media.Quality    // how its sound travelled; nil: the leg does not say
}
