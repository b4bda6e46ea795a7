package store

import (
	"context"
	"time"
)

// Direction says who called.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Status is where a call stands, as the API shows it.
type Status string

// The statuses of a call. Completed and Failed are final.
const (
	Initiated  Status = "initiated" // placed, not yet answered
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Failed     Status = "failed"
)

// Final says whether a call in this status is over.
func (s Status) Final() bool { return s == Completed || s == Failed }

// CauseCrash is the cause of calls that ended because their node did, found at its next start. The other causes are media.Cause's.
const CauseCrash = "crash"

// A Call is one phone call.
type Call struct {
	ID           string    `json:"id"`
	Number       int64     `json:"-"` // given by the database
	Org          string    `json:"org"`
	Agent        string    `json:"agent,omitempty"`
	AgentVersion int       `json:"agent_version,omitempty"`
	Task         string    `json:"task,omitempty"` // empty: none
	Bot          string    `json:"bot,omitempty"`  // of a call on a messaging channel: whose number took or made it; empty: of any other
	Direction    Direction `json:"direction"`
	Status       Status    `json:"status"`
	Leg          string    `json:"leg"`                  // twilio, sip, webrtc, ...
	CarrierID    string    `json:"carrier_id,omitempty"` // the carrier's own id, such as Twilio's CallSid
	From         string    `json:"from,omitempty"`
	To           string    `json:"to,omitempty"`
	Node         string    `json:"node"` // the process's data directory, by its id
	Boot         string    `json:"boot"` // the process itself: a new id at each start
	Created      time.Time `json:"created"`
	Answered     time.Time `json:"answered"`
	// Collected is what was asked of the caller, by slot; what is secret has "***" for its value. It grows with the turns.
	Collected map[string]string `json:"collected,omitempty"`
	// PreAnswer is what was said of it before it was answered; nil: nobody was asked.
	PreAnswer *PreAnswer `json:"pre_answer,omitempty"`
	End
}

// An End is how a call went; it is zero while the call goes on.
type End struct {
	Ended   time.Time        `json:"ended"`
	Length  time.Duration    `json:"length,omitempty"` // from the answer
	Cause   string           `json:"cause,omitempty"`  // media.Cause, or CauseCrash
	Error   string           `json:"error,omitempty"`
	Turns   int              `json:"turns,omitempty"`
	Drops   int              `json:"drops,omitempty"`   // frames that recognition or recording lost
	Latency map[string]int64 `json:"latency,omitempty"` // voice_to_voice_p50, voice_to_voice_p95: milliseconds; of a crashed call: none
	// AnsweredBy is who answered an outbound call, if its agent was to find out: a pipeline.Party.
	AnsweredBy string `json:"answered_by,omitempty"`
	// Quality is how its sound travelled; nil: its leg does not measure that, or the call crashed.
	Quality *Quality `json:"quality,omitempty"`
	// Cost is what vendors charge for it; nil: nothing was used, or the call crashed.
	Cost *Cost `json:"cost,omitempty"`
}

// Cost is what vendors charge for a call, in US dollars.
type Cost struct {
	Total   float64    `json:"total"` // of what there is a price for
	Lines   []CostLine `json:"lines,omitempty"`
	Unknown []string   `json:"unknown,omitempty"` // what is missing in Total, for people; none: it is complete
}

// A CostLine is what a call has used of one model.
type CostLine struct {
	Vendor string `json:"vendor"`
	Server string `json:"server,omitempty"` // the host of another than the vendor's own
	Kind   string `json:"kind"`             // stt, llm, tts
	Model  string `json:"model,omitempty"`

	Sound      time.Duration `json:"sound,omitempty"` // that was heard or made
	Characters int           `json:"characters,omitempty"`
	Input      int           `json:"input,omitempty"` // tokens
	Cached     int           `json:"cached,omitempty"`
	Output     int           `json:"output,omitempty"`

	Known bool    `json:"known,omitempty"` // there is a price for it
	Total float64 `json:"total,omitempty"`
}

// Quality is how a call's sound travelled, from its beginning to its end: what media.Quality says of its packets. Counts are of packets.
type Quality struct {
	MOS       float64       `json:"mos,omitempty"` // of the far end's sound, 1 to 4.5 (ITU-T G.107); 0: none came
	Received  int64         `json:"received,omitempty"`
	Lost      int64         `json:"lost,omitempty"`
	Late      int64         `json:"late,omitempty"` // that came when their time was over
	Loss      float64       `json:"loss,omitempty"` // the share of what the far end has sent that was lost or late
	Concealed time.Duration `json:"concealed,omitempty"`
	Jitter    time.Duration `json:"jitter,omitempty"`
	Delay     time.Duration `json:"delay,omitempty"` // for which packets were held back
	Trip      time.Duration `json:"trip,omitempty"`  // there and back; 0: unknown
	Sent      int64         `json:"sent,omitempty"`
	FarLost   int64         `json:"far_lost,omitempty"` // of those sent, by the far end's reports
	FarLoss   float64       `json:"far_loss,omitempty"` // the share of them in its last report
	FarJitter time.Duration `json:"far_jitter,omitempty"`
}

// OutcomeAnswered is the outcome of a call that was completed, where nobody has found out by whom it was answered.
const OutcomeAnswered = "answered"

// Outcome says in one word what came of a call: who answered it (human, machine, ...), or the cause for which it failed (busy, no_answer,
// carrier, ...).
func (e End) Outcome(s Status) string {
	switch {
	case s == Completed && e.AnsweredBy != "":
		return e.AnsweredBy
	case s == Completed:
		return OutcomeAnswered
	}
	return e.Cause
}

// A Turn is one exchange of a call: what the agent was asked by, what it meant to say, what was heard of it, and where the time went.
type Turn struct {
	Call    string           `json:"call"`
	N       int              `json:"n"`   // from 1
	Why     string           `json:"why"` // greeting, words, keys, silence, tool_result, command
	Said    string           `json:"said,omitempty"`
	Text    string           `json:"text,omitempty"`
	Heard   string           `json:"heard,omitempty"`
	Cut     bool             `json:"cut,omitempty"`
	At      time.Duration    `json:"at,omitempty"`      // when its first frame went out, since the answer; 0: it never did
	Sounded time.Duration    `json:"sounded,omitempty"` // how much of it was heard
	Latency map[string]int64 `json:"latency,omitempty"` // by stage (pipeline.Latency.Stages): milliseconds
	Counts  map[string]int64 `json:"counts,omitempty"`  // how often something happened, and what it used (pipeline.Counts.All)
	Error   string           `json:"error,omitempty"`   // the provider that failed, if one did
	Lookup  *Lookup          `json:"lookup,omitempty"`  // what was looked up for it; nil: nothing
	// Remembered are the earlier conversations that the model was told of for it, by their ids.
	Remembered []string `json:"remembered,omitempty"`
}

// A Message is one entry of a call's transcript.
type Message struct {
	Call   string        `json:"call"`
	Seq    int           `json:"seq"`  // its place, from 0
	Role   string        `json:"role"` // pipeline.Role: caller, assistant, tool, narrator
	Text   string        `json:"text"`
	Cut    bool          `json:"cut,omitempty"` // of an assistant: interrupted after Text
	Turn   int           `json:"turn,omitempty"`
	At     time.Duration `json:"at"`               // when it began to sound, since the answer
	Length time.Duration `json:"length,omitempty"` // how long it sounded; 0: not known
	Words  string        `json:"words,omitempty"`  // when its words were, as PackWords writes them; WordTimes reads them; empty: not known
}

// A Recording is the sound of a call: the caller on the left, the agent on the right.
type Recording struct {
	Call     string        `json:"call"`
	Path     string        `json:"path"` // under the data directory, with slashes
	Rate     int           `json:"rate"` // samples a second
	Channels int           `json:"channels"`
	Bytes    int64         `json:"bytes"`
	Length   time.Duration `json:"length"`
}

// An Entry is one thing that a call leaves behind. It is made while the call goes on, waits on disk until the database has it, and is
// then written exactly once: writing it again changes nothing. Exactly one field is set.
//
// Began of a call that is there as Initiated, with status InProgress, says that it was answered, where and when; of any other call that is
// there it changes nothing. The end of a call ends the task that it carries out (Task.Call), and its Dial.
type Entry struct {
	Began   *Call    `json:"began,omitempty"`
	Turned  *Turned  `json:"turned,omitempty"`
	Ended   *Ended   `json:"ended,omitempty"`
	Crashed *Crashed `json:"crashed,omitempty"`
}

// Turned is a turn that ended, and what it added to the transcript.
type Turned struct {
	Turn      Turn              `json:"turn"`
	Messages  []Message         `json:"messages,omitempty"`
	Collected map[string]string `json:"collected"` // all that the call has collected so far, if this turn has changed it; else nil
}

// Ended is the end of a call. Messages is its whole transcript: what stands there already under the same Seq is replaced, what is
// beyond its end is removed. A call that has ended stays as it is.
type Ended struct {
	Call      string            `json:"call"`
	Status    Status            `json:"status"` // Completed or Failed
	End       End               `json:"end"`
	Messages  []Message         `json:"messages,omitempty"`
	Collected map[string]string `json:"collected"` // all that the call has collected, if no turn says so; else nil
	Recording *Recording        `json:"recording,omitempty"`
}

// Crashed says that a node has started anew: the calls of its earlier boots that have not ended, have failed, with CauseCrash. Each
// ended when it was last heard of: at its last message or turn, or else its answer.
type Crashed struct {
	Node       string               `json:"node"`
	Boot       string               `json:"boot"`                 // the new one, whose calls go on
	Recordings map[string]Recording `json:"recordings,omitempty"` // by call: what was found on disk, and repaired
}

// A Recorder writes down what calls leave behind.
type Recorder interface {
	// Record writes entries in order, in one transaction: all or none. An entry that was written before changes nothing, nor does a
	// Turned of a call that has ended. ErrUnavailable: try again later; ErrRefused: one of them can never be written (tried alone, the
	// others can).
	Record(ctx context.Context, entries []Entry) error
}

// CallFilter narrows a list of calls; empty fields do not.
type CallFilter struct {
	Agent, Task string
	Status      Status
}

// Calls are the calls of organisations, as the API reads them.
type Calls interface {
	Call(ctx context.Context, org, id string) (Call, error)
	// Calls lists them, newest first (by id). total comes from counters.
	Calls(ctx context.Context, org string, f CallFilter, p Page) (calls []Call, total int64, err error)
	Transcript(ctx context.Context, org, call string) ([]Message, error) // by Seq; ErrNotFound if there is no such call
	Turns(ctx context.Context, org, call string) ([]Turn, error)         // by N; ErrNotFound if there is no such call
	Recording(ctx context.Context, org, call string) (Recording, error)  // ErrNotFound also if it was not recorded
}
