// Package pipeline is the heart: one actor per call that listens, thinks and speaks.
//
//	          Receive                  edge, words, key, timer, reply news
//	Leg ───────────────▶ call.listen ────────────────▶ inbox ──▶ call.Run ──▶ dialog.on(event) ──▶ acts
//	 ▲                    │  │  └─▶ Ear.Hear (edges)                                               │
//	 │                    │  └────▶ Tap (recording)                    say, hold, resume, cut, ask, hang up
//	 │                    └───────▶ Transcription.Write                                            │
//	 └── Playout ◀── Utterance.Write ◀── Synthesizer.Speak ◀── Responder.Respond ◀── reply ◀───────┘
//
// Who has the floor is decided in two places. While the agent has it, its voice is held at the first sound of the caller; what is its own
// echo, a backchannel or a cough lets it carry on from the same sample, and anything else cuts it (Interrupt, Arbiter). When the caller
// has it, a pause ends their turn, sooner or later by what they have said and what they were asked (Patience); who goes on takes it back.
//
// On a call that we have placed, who answers is found out first, by signals, words and tones (Answering).
//
// Audio moves by direct calls on the goroutine that reads the leg; only edges enter the actor's inbox. The decision is a pure
// function; the actor performs its acts. It also sees to it that nobody is left waiting: of each wait in the agent's turn it has the
// limit (Manners), the filler that bridges it (Filler) and the apology that ends it; of the caller's silence the ladder (Rung). Whoever
// is outside steers a call by Commands. Providers are the four small interfaces below; the package knows none of them, no
// database and no carrier: it emits Events, and others write them down.
package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"parley/media"
)

// EdgeKind says what an Ear noticed.
type EdgeKind uint8

// The kinds of Edge, in the order in which a turn shows them. MaybeEnded is followed by Ended or, when the caller goes on, by
// Resumed.
const (
	NoEdge     EdgeKind = iota
	Began               // somebody began to speak
	MaybeEnded          // a short silence (Manners.Guess): worth a guess
	Resumed             // the caller went on after MaybeEnded: the same stretch of speech continues
	Ended               // the hangover has passed: the stretch of speech is over
)

// An Edge is a change between speech and silence.
type Edge struct {
	Kind EdgeKind
	N    int           // the stretch of speech that it belongs to, from 1
	At   time.Duration // media time of the speech itself: its onset, or the end of its last voiced frame; not of the decision
	Sure bool          // of Began: clear enough to interrupt the agent (the higher bar)
}

// An Ear hears one call and tells speech from silence. It buffers to its own hop; model sessions are shared.
// Hear is called by one goroutine, with every 20 ms frame in order; at most one edge comes of each. A Began that was not Sure may
// be followed by a second Began with the same N that is.
type Ear interface {
	Hear(media.Frame) (Edge, bool)
	Close() error
}

// EarOptions fix an Ear's patience.
type EarOptions struct {
	Rate       int           // samples a second of the frames to come
	MaybeAfter time.Duration // silence before MaybeEnded
	EndAfter   time.Duration // silence before Ended: the hangover
}

// A Listener makes Ears.
type Listener interface {
	// Listen waits for its model to be loaded, as long as ctx lasts.
	Listen(ctx context.Context, o EarOptions) (Ear, error)
}

// ErrBehind says that a Transcription had to drop audio.
var ErrBehind = errors.New("transcription is behind: audio dropped")

// Listening is how a Transcriber is asked to listen.
type Listening struct {
	Rate  int      // samples a second: the leg's own; whoever wants another resamples
	Lang  string   // BCP 47, such as "en-US"; empty: the provider's default
	Words []string // words and names to be expected throughout

	// Patient says that nobody waits for the words, as of a recording: what live calls need goes first, and nothing is guessed ahead.
	Patient bool
}

// A Transcriber turns speech into text.
type Transcriber interface {
	// Transcribe opens one call's transcription. It waits for models to be loaded or sockets opened, as long as ctx lasts.
	Transcribe(ctx context.Context, o Listening) (Transcription, error)
}

// A Transcription is one call's. Write, Mark and Expect come from one goroutine; Results has one reader of its own; Close may be
// called by anyone, once.
type Transcription interface {
	// Write copies the frame and returns at once; ErrBehind if it had to drop audio to do so.
	Write(media.Frame) error
	// Mark tells it of an edge. The Final that answers an Ended carries that edge's N, even when nothing was understood
	// (Text is empty then): every Ended is answered.
	Mark(Edge) error
	// Expect says which words are likely next (nil: no more than usual).
	Expect(words []string)
	// Results yields transcripts until the transcription is closed or fails; the error, if any, comes last.
	Results() iter.Seq2[Transcript, error]
	// Close flushes: the last result is delivered before Results ends.
	Close() error
}

// TranscriptKind says how settled a Transcript is.
type TranscriptKind uint8

// The kinds of Transcript. TurnResumed and EndOfTurn come from recognisers that detect turns themselves.
const (
	Partial     TranscriptKind = iota // the words so far of this stretch of speech; replaced by the next
	Final                             // the stretch's words
	EagerEnd                          // its words as they stand at a likely end, such as MaybeEnded: an answer is prepared, unheard
	TurnResumed                       // the caller goes on after EagerEnd or EndOfTurn
	EndOfTurn                         // the caller has finished, and these are the words; no Final is needed
)

// A Transcript is what a recogniser made of a stretch of speech.
type Transcript struct {
	Kind  TranscriptKind
	Text  string
	Words []Word
	Lang  string
	Edge  int // of a Final: the N of the Ended that it answers; 0 if it answers none (the recogniser's own endpointing)

	// Finished, of an EagerEnd or Final, is how likely the caller has finished their turn, by how it sounds or by the recogniser's own
	// account, 0 to 1; 0: not known.
	Finished float64
}

// A Word is a word with its times, from the call's first frame (Transcript) or the utterance's first sample (Speech).
type Word struct {
	Text       string
	Start, End time.Duration
	Confidence float64 // 0 to 1; 0 where unknown
}

// Reason says why the agent is asked to speak.
type Reason string

// The reasons.
const (
	ForGreeting   Reason = "greeting"
	ForWords      Reason = "words"
	ForKeys       Reason = "keys"
	ForSilence    Reason = "silence"
	ForToolResult Reason = "tool_result"
	ForCommand    Reason = "command" // somebody outside wants it: the last of the History says what for; of a Turn also the house's own words
)

// Role says whose a Message is.
type Role string

// The roles.
const (
	Caller    Role = "caller"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
	Narrator  Role = "narrator" // the house itself: "the caller pressed 1", "the caller is silent"
)

// A Message is one entry of a conversation's history. An Assistant's Text is what the caller heard, never what was merely meant: of
// a reply that was cut before its first word there is no message. Only in a turn that is still in progress, asked again with the
// results of its tools, is it what the caller will have heard unless they interrupt.
type Message struct {
	Role   Role
	Text   string
	Cut    bool       // of an Assistant: interrupted after Text
	Calls  []ToolCall // of an Assistant
	CallID string     // of a ToolRole: the ToolCall that it answers
	Quoted bool       // of a Narrator: it has words of others in it, which are data: no model is to take them for the house's own
	Turn   int
	At     time.Duration // since the answer: when it began to be said, or to be heard
	Length time.Duration // how long it was said, or heard; 0: not known
	// Words are those of a Caller's or an Assistant's Text whose times since the answer are known, as they stand there, in order.
	Words []Word
}

// Talk is what a Responder is given.
type Talk struct {
	Turn    int
	Why     Reason
	Text    string    // ForWords: what the caller said; also if it is a secret, which the History does not have
	Keys    string    // ForKeys: what the caller pressed
	Silence int       // ForSilence: how often in a row, from 1
	History []Message // oldest first; the last one is what is to be answered; not to be kept or changed
	Agent   *Agent
	Info    media.Info
	Step    int // how many tool rounds this turn has had
}

// Lacks says whether turn n, which was answered before, was taken back: the History has nothing of it.
func (k Talk) Lacks(n int) bool {
	return len(k.History) > 0 && !slices.ContainsFunc(k.History, func(m Message) bool { return m.Turn == n })
}

// A Delta is the next piece of a response. One of its fields is set.
type Delta struct {
	Text   string // to be spoken
	Aloud  *Aloud // spoken already
	Call   *ToolCall
	Expect *Expect
	Do     *Command
	Usage  *Usage
	Lookup *Lookup // what was looked up for the response
	// Remembered are earlier conversations with the caller that the model is told of, by their ids.
	Remembered []string
	Slots      map[string]string // all that a script has collected from the caller so far, by name: it takes the place of what it told before
	Finish     string            // the model's reason to stop: stop, length, tool_calls, ...
}

// Aloud is speech in the responder's own voice: its sound, its words or both; the words may come before their sound or after it. It is
// heard as it is, and no Synthesizer is asked. A response is Aloud or Text, not both.
type Aloud struct {
	Text string
	PCM  []int16 // mono at the leg's rate (Talk.Info); lent until the next iteration
}

// MaskedSlot stands for what a caller has given as a secret, wherever that would be shown: among Delta.Slots, in events, in the history
// (of keys: "The caller pressed ***."), in a turn's record. Something was given; what it was, and how long, is not told.
const MaskedSlot = "***"

// Expect says what the response waits for, so that ear, recogniser and keypad can be ready for it.
type Expect struct {
	Words      []string      // likely answers, for a recogniser to snap to
	Kind       Entity        // what is to be said, if it comes in pieces; empty: the words tell
	Digits     int           // how many keys end the entry; 1: each key is an answer; 0: not known, KeyGap or the Terminator ends it
	Terminator rune          // ends the entry early and is not part of it; 0: none, or '#' when Digits is 0
	KeyGap     time.Duration // the entry ends when no key follows for so long; 0: the agent's default
	Patience   time.Duration // silence before the caller is asked again; 0: the agent's default
	Protected  bool          // speech does not interrupt this response (keys still do)
	KeysWait   bool          // keys do not interrupt this response: they count when it is over
	Sole       bool          // keys answer the question of this response: what the agent makes of keys otherwise (Agent.Keys) waits until then
	// Masked: the answer is a secret, such as a card number or a PIN. Until the response to it is there, what is said and pressed is for
	// the Responder's next Talk (Text, Keys) alone, and for the recogniser, which hears it: not for history, events, logs, the recording
	// or a model. Elsewhere it is MaskedSlot. A Responder must not put it into what it yields, nor into its errors, which are logged.
	Masked bool
}

// ToolCall is the model's wish to use a tool.
type ToolCall struct {
	ID, Name string
	Args     json.RawMessage // an object; where the model got it wrong, what it wrote instead, as a JSON text: the Tool tells it what is wanted
	Seal     string          // what the model's vendor wants to see again with the call, and nobody else can read; empty: nothing
}

// Usage is what a response cost.
type Usage struct{ Input, Output, Cached int }

// A Lookup is what was looked up in an agent's knowledge for a response, and which of it the model was offered.
type Lookup struct {
	Sources []Source // best first
	Took    time.Duration
	Err     string // why there is nothing, or not all that there might be; empty: there is no more
}

// A Source is where a passage came from.
type Source struct {
	Document string // the name of its file
	Place    string // in it: headings, page; empty: the whole
}

// A Responder continues one call's conversation; it may keep that call's state. Respond is called again only after the last
// iteration has ended. The sequence ends soon after ctx is cancelled; an error comes last.
//
// An answer may be asked for before the caller has surely finished; it is then cancelled unheard, or its Calls and Commands take
// effect late. So Respond must change nothing outside: that is what Tools and Commands are for. The Turn of an answer that was
// taken back is missing from the History of later Talks.
type Responder interface {
	Respond(ctx context.Context, talk Talk) iter.Seq2[Delta, error]
}

// Voice is how to speak.
type Voice struct {
	Name   string // the provider's name of the voice; empty: its default
	Model  string // the provider's name of the model that speaks with it; empty: its default
	Lang   string // BCP 47
	Rate   int    // samples a second of the PCM wanted: the leg's own
	Pace   float64
	Timbre Timbre
}

// Timbre is how a voice sounds where its provider lets one choose, in shares from 0 to 1. What is not chosen is the voice's own.
type Timbre struct {
	Stability  Choice[float64] // how steady it is; lower is livelier
	Similarity Choice[float64] // how closely it keeps to the voice that it was made from
	Style      Choice[float64] // how much of that voice's style is exaggerated
	Boost      Choice[bool]    // more likeness to the speaker, at some cost in speed
	Verbatim   bool            // numbers and dates are not written out before they are spoken: that is quicker, and they may come out wrong
}

// A Choice is a value that need not be chosen. Unlike what pointers point to, it is compared with the Voice that it belongs to.
type Choice[T comparable] struct {
	Made  bool
	Value T
}

// Speech is the next stretch of an utterance: sound, word times or both. Words may follow their audio.
type Speech struct {
	PCM   []int16 // mono at Voice.Rate; lent until the next iteration
	Words []Word  // times from the utterance's first sample
}

// A Synthesizer speaks text as it arrives. Speak may start one goroutine, which may be the one that reads text, and waits for it
// before its sequence ends. It ends soon after ctx is cancelled; an error comes last, also one that text yielded. Text without
// words, or no text at all, makes no sound and no error. One call may Speak again before an earlier sequence has ended.
type Synthesizer interface {
	Speak(ctx context.Context, text iter.Seq2[string, error], v Voice) iter.Seq2[Speech, error]
}

// A Tool is something that the model may ask for.
type Tool struct {
	Name, Description string
	Parameters        json.RawMessage // JSON Schema of an object; empty: it takes nothing
	// Run is called on a goroutine of its own, also beside itself. Its result goes to the model, as text, or else its error does; so does
	// a panic, without its words. do is obeyed when the turn's words have been said, a Collect at once. ctx ends when the caller
	// interrupts, unless the Tool is Firm, and when Limit has passed.
	Run func(ctx context.Context, args json.RawMessage) (result string, do *Command, err error)
	// Firm: a caller who interrupts does not cancel it, as it would be bad to leave it half done. The model is told its result when it is
	// there; its do is not obeyed then, but for a Collect. When the call ends it may go on for 5 s.
	Firm   bool
	Filler string        // said once while it keeps the caller waiting, before the agent's own fillers (Filler); empty: only those
	Limit  time.Duration // wait for it; then the model is told that it failed; 0: Manners.ToolLimit
}

// An Agent is a persona: what it is told, how it speaks, how it behaves. It is read-only while calls use it.
type Agent struct {
	Name    string
	Prompt  string // the model's instructions
	Voice   Voice
	Lang    string // BCP 47
	Manners Manners
	Tools   []Tool
	// Settled: the Responder is asked when the caller has surely finished, and never ahead, because what it is asked it cannot forget.
	Settled bool
	// Keys, if it is set, is asked after each key what the agent makes of those pressed so far, while e is expected; what e says of keys
	// counts where it has no answer. It is called by the actor: it returns at once, and changes nothing.
	Keys func(pressed string, e Expect) Pressed
}

// Pressed is what an agent makes of the keys pressed so far; zero: nothing.
type Pressed struct {
	Whole bool          // they are an entry
	Wait  time.Duration // more may belong to them: the next key is waited for so long
}

// Parts are one call's providers.
type Parts struct {
	Ear           Ear
	Transcription Transcription
	Responder     Responder
	Synthesizer   Synthesizer
	// Hearer hears the caller beside the recogniser: a Conversation. Nil: nobody does.
	Hearer Hearer
	// Watcher is told of what the Responder is not. Nil: nobody is.
	Watcher Watcher
	// May says why the caller must not be connected to somebody, which may be told to the model; it is asked before each Transfer and Bridge.
	// Nil: all may be called.
	May func(ctx context.Context, to string) error
	// Transfer makes the carrier connect the caller to another number (E.164) or address, and returns when the caller has left us, or
	// with what the model may be told of why not. It is for legs that are no media.Transferrer. Nil: this call cannot be transferred.
	Transfer func(ctx context.Context, to string) error
	// Connect makes the carrier connect the caller with somebody on another leg, as a media.Connector does. It is for legs that are none. Nil:
	// they are joined by us.
	Connect func(ctx context.Context, other media.Leg) error
	// Dial calls somebody, for the command Bridge, by the trunk or account of the call itself, and returns their leg when they have answered;
	// or with what the model may be told of why not. Ctx ends when they are no longer waited for. Nil: nobody can be called.
	Dial func(ctx context.Context, to string) (media.Leg, error)
	// Music is what a caller who waits for somebody hears, at so many samples a second; nil, or a nil Source: a Chime.
	Music func(rate int) media.Source
	// Change finds another agent by its name, for the command Change, and its Responder, Hearer, Watcher and Synthesizer: Responder and Synthesizer
	// are those of the agent before it where they are nil. Ear and Transcription stay. It may wait for models to be loaded, as long as ctx lasts. Nil: there is no other.
	Change func(ctx context.Context, name string) (Agent, Parts, error)
}

// A Watcher goes along with a call for its Responder. Watch is given every event from the call's beginning, or from the AgentChanged that
// brought it, on the actor's goroutine and before the Responder is asked what follows from it: it must not block. Close ends it.
type Watcher interface {
	Watch(Event)
	Close() error
}

// A Tap is given both directions of a call as they are heard; a recording is one. Its methods copy and return at once. A Tap that is
// an io.Closer is closed when its call has ended. While the caller gives a secret (Expect.Masked) it is given silence in their place; see
// also Forgetter.
type Tap interface {
	// Caller is given every frame, on the goroutine that reads the leg.
	Caller(media.Frame)
	// Agent is given samples when they have been heard, never those that were cut; at is when they began to sound, since the answer.
	Agent(at time.Duration, pcm []int16)
}
