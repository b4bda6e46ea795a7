// Package report is what a load test found: a JSON document, and a page that a person understands at a glance.
//
//	bench/load, bench/calls ──▶ Report ──▶ JSON ──▶ parley bench compare
//	                               └─────▶ one self-contained HTML page
//
// A Report is data: whoever measures fills it in, and whoever shows or compares it asks nothing else.
package report

import "time"

// Format is the version of the document. It grows when a field changes its meaning, never when one is added.
const Format = 1

// A Report is one run of a load test.
type Report struct {
	Format  int       `json:"format"`
	Title   string    `json:"title"` // such as "Whole calls, product beside floor and baseline"
	Made    time.Time `json:"made"`
	Took    float64   `json:"took_seconds"`
	Command []string  `json:"command"`
	Version string    `json:"version"` // of Parley
	Machine Machine   `json:"machine"`
	Steps   []Step    `json:"steps"`             // in the order in which they ran
	Goals   []Goal    `json:"goals,omitempty"`   // what was aimed at
	Remarks []string  `json:"remarks,omitempty"` // what a reader must know to read the figures rightly
}

// A Machine is where it ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// A Step is one load on one server, held for a while.
type Step struct {
	Server string  `json:"server"` // product, floor, baseline, or the name that the user gave
	Round  int     `json:"round"`  // of interleaved rounds; from 1
	At     float64 `json:"at_seconds"`
	Held   float64 `json:"held_seconds"` // measured, after the ramp
	Calls  int     `json:"calls"`        // at once, that were offered
	Rate   float64 `json:"rate"`         // new calls a second, that were offered

	Tally  Tally             `json:"tally"`
	Times  map[string]Spread `json:"times"`  // by the names of Times
	Counts map[string]int64  `json:"counts"` // by the names of Counts
	Usage  Usage             `json:"usage"`  // of the server; zero where it is elsewhere

	Generator Generator `json:"generator"`
	Others    float64   `json:"others"` // share of the machine that other processes took
	Void      string    `json:"void"`   // why the step says nothing of the server; empty: it does
	Failed    []string  `json:"failed"` // the bars that it missed; none: it was carried
}

// A Tally is what became of the calls of a step.
type Tally struct {
	Offered  int64            `json:"offered"`
	Answered int64            `json:"answered"` // the agent's stream was opened
	Refused  map[string]int64 `json:"refused"`  // politely, by reason
	Broken   map[string]int64 `json:"broken"`   // anything else, by what happened
}

// Names of Times.
const (
	Lateness   = "lateness"     // a frame of the agent's against its stream's own schedule
	FrameToSTT = "frame_to_stt" // a frame sent by the carrier -> it is at the recogniser's socket
	// FrameToSTTGathered is the same of the oldest frame in a message to the recogniser: with the time for which frames are gathered there.
	FrameToSTTGathered = "frame_to_stt_gathered"
	TTSToFrame         = "tts_to_frame"      // the voice's first sound of an utterance -> it is at the carrier's socket
	ToClear            = "onset_to_clear"    // the frame that makes the caller's speech certain -> clear
	ToSilence          = "onset_to_silence"  // the same -> the end of what is heard of the agent, where a carrier has no clear
	DecisionClear      = "decision_to_clear" // the server's own: it is decided that the agent yields -> clear is at the carrier's socket
	VoiceVoice         = "voice_to_voice"    // the caller's last voiced frame -> the agent's first
	Added              = "added"             // of that, what neither the chosen hangover nor the vendors' set delays explain
	SetUp              = "set_up"            // the webhook is asked -> the stream is open
	Greeting           = "greeting"          // the webhook is asked -> the agent's first frame
	Refusal            = "refusal"           // the webhook is asked -> it has refused
	SendLate           = "generator_late"    // the generator's own sends against its schedule
	API                = "control_request"   // a request to the control plane beside the calls
)

// Names of Counts.
const (
	FramesIn   = "frames_in"         // sent by the carrier
	Voiced     = "frames_voiced"     // of these, those of what callers said: recordings from end to end
	FramesOut  = "frames_out"        // 20 ms each, come from the server
	FramesLost = "frames_lost"       // that the seconds measured hold more than what came
	Dry        = "frames_dry"        // that came after they had to sound
	AfterClear = "media_after_clear" // must be 0
	BargeIns   = "barge_ins"         // that the agent had to yield to
	Missed     = "barge_ins_missed"  // of these, those that it spoke on through
	Turns      = "turns"             // of callers, that were answered
	Unanswered = "unanswered"        // that were not, within the script's patience
)

// Names of Times and Counts that bench/offline takes.
const (
	WordWait   = "word_wait"   // the end of the caller's turn is told -> its words are there
	SpeechWait = "speech_wait" // a task of local speech that a caller waits for -> a worker takes it
	Apologies  = "apologies"   // the agent had to say that something failed, or took too long
)

// A Spread is a distribution of times in milliseconds. Histogram holds all of it.
type Spread struct {
	N         int64   `json:"n"`
	Min       float64 `json:"min"`
	P50       float64 `json:"p50"`
	P90       float64 `json:"p90"`
	P99       float64 `json:"p99"`
	P999      float64 `json:"p999"`
	Max       float64 `json:"max"`
	Mean      float64 `json:"mean"`
	Histogram string  `json:"histogram,omitempty"` // HdrHistogram, V2 compressed, base64; in microseconds
}

// A Usage is what the server used over the measured seconds.
type Usage struct {
	CPU         float64 `json:"cpu"`          // cores
	RSS         int64   `json:"rss_bytes"`    // at the end
	RSSIdle     int64   `json:"rss_idle"`     // before the first call
	Goroutines  int64   `json:"goroutines"`   // at the end
	Descriptors int64   `json:"descriptors"`  // at the end
	GCs         int64   `json:"gcs"`          // cycles
	Allocated   int64   `json:"allocated"`    // bytes
	Mallocs     int64   `json:"mallocs"`      // objects
	GCPauseP99  float64 `json:"gc_pause_p99"` // ms
}

// A Generator is how whoever measures did.
type Generator struct {
	Busy    float64 `json:"busy"`    // share of its core
	Vendors float64 `json:"vendors"` // share of it that the mock vendors had
}

// A Goal is a figure that was aimed at.
type Goal struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Got   float64 `json:"got"`
	Want  float64 `json:"want"`
	Least bool    `json:"least"` // Want is the least; else the most
	Met   bool    `json:"met"`
	Gate  bool    `json:"gate"` // missing it fails the run: a ratio to floor or baseline
	Note  string  `json:"note"` // how it was taken

	Command string `json:"command,omitempty"` // that takes it by itself, such as make bench-leg
}
