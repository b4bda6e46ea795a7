package pipeline

import (
	"time"

	"parley/media"
	"parley/media/tones"
)

// event is something that happened to a call, for its dialog.
type event struct {
	at   time.Duration // since the answer
	news news
}

// news is what an event tells: one of the types below, in the past tense.
type news interface{ isNews() }

type (
	// answered is always the first.
	answered struct{}
	// edged: the ear noticed something. spoke is when the sound at edge.At reached us, since the answer.
	edged struct {
		edge  Edge
		spoke time.Duration
	}
	// reached: so much of what the turn says has been heard. It comes right before what is to be judged by it.
	reached struct {
		turn        int
		text, heard string // heard is the beginning of text
		sounds      bool   // it is not finished
		filler      string // what sounds instead of it
		sound       Contour
	}
	// worded: the recogniser made something of it.
	worded struct{ transcript Transcript }
	// deafened: there will be no more transcripts.
	deafened struct {
		part string // empty: the transcriber
		err  error
	}
	// keyed: the caller pressed a key.
	keyed struct {
		key     rune
		sounded bool // their sound has it, too
	}
	// parked: the far end put us on hold, or took us off it.
	parked struct{ held bool }
	// moved: the far end has handed the call to somebody else, with whom it goes on. Empty: nobody knows to whom.
	moved struct{ to string }
	// toned: there was a tone; its times are since the answer.
	toned struct{ tone tones.Tone }
	// ticked: the time of an alarm has come.
	ticked struct{}
	// told: a response brought something that is not to be spoken.
	told struct {
		turn, step int
		delta      Delta
	}
	// responded: the responder has nothing to add to this step; text is all that it had to say.
	responded struct {
		turn, step int
		text       string
	}
	// sounded: the first frame of this step went out.
	sounded struct{ turn, step int }
	// arrived: there is sound for this step, at first or again.
	arrived struct{ turn, step int }
	// stalled: what there was of this step has been heard, and for a while nothing followed.
	stalled struct{ turn, step int }
	// filling: a filler began to sound.
	filling struct{ n int }
	// filled: a filler is over; refused, because something else sounded.
	filled struct {
		n                int
		sounded, refused bool
		heard            string
	}
	// voiced: the last sample of this step was heard.
	voiced struct{ account account }
	// silenced: the turn was cut, as the dialog wished. Of each of its steps that were still going on there is an account.
	silenced struct {
		turn     int
		accounts []account
	}
	// failed: a provider failed at this step; what had been made of it still sounds, and voiced follows.
	failed struct {
		turn, step int
		part       string
		text       string // of the step, as far as it got
		err        error
	}
	// tooled: a tool has ended.
	tooled struct {
		turn   int
		id     string
		result string
		do     *Command
		err    error
	}
	// ordered: somebody outside gave a command.
	ordered struct{ command Command }
	// recasted: an agent that was asked for is there, or cannot be had.
	recasted struct {
		command Command
		agent   Agent
		parts   Parts
		err     error
	}
	// transferred: somebody else has the caller now, or err says why not.
	transferred struct {
		command Command
		err     error
		instead bool // they may be called and joined with the caller, since the carrier does not connect them
	}
	// came: a guest has answered.
	came struct{ n int }
	// whispered: what was to be said to the guest has been heard.
	whispered struct {
		n   int
		err error
	}
	// handed: the carrier has connected the caller and the guest, or err says why not.
	handed struct {
		n   int
		err error
	}
	// beckoned: the guest has pressed a key.
	beckoned struct {
		n       int
		key     rune
		sounded bool // as of keyed
	}
	// went: the guest has hung up, or has not come, and why.
	went struct {
		n   int
		err error
	}
	// left: the call is over, whatever we wish.
	left struct {
		cause media.Cause
		err   error
	}
)

func (answered) isNews()    {}
func (edged) isNews()       {}
func (reached) isNews()     {}
func (worded) isNews()      {}
func (deafened) isNews()    {}
func (keyed) isNews()       {}
func (parked) isNews()      {}
func (moved) isNews()       {}
func (toned) isNews()       {}
func (ticked) isNews()      {}
func (told) isNews()        {}
func (responded) isNews()   {}
func (sounded) isNews()     {}
func (arrived) isNews()     {}
func (stalled) isNews()     {}
func (filling) isNews()     {}
func (filled) isNews()      {}
func (voiced) isNews()      {}
func (silenced) isNews()    {}
func (failed) isNews()      {}
func (tooled) isNews()      {}
func (ordered) isNews()     {}
func (recasted) isNews()    {}
func (transferred) isNews() {}
func (came) isNews()        {}
func (whispered) isNews()   {}
func (handed) isNews()      {}
func (beckoned) isNews()    {}
func (went) isNews()        {}
func (left) isNews()        {}

// account is what became of one reply: a step of a turn. Its times are since the answer; 0: it did not happen.
type account struct {
	turn, step int
	text       string        // all that it meant to say, as far as it got
	heard      string        // the beginning of text that was heard
	token      time.Duration // the first text
	written    time.Duration // the last
	audio      time.Duration // the first sound
	made       time.Duration // the last
	began      time.Duration // the first frame
	length     time.Duration // how much of it was heard
	words      []Word        // of heard, with their times, as far as the voice tells; of an account that ends a reply alone
}

// act is what a dialog wants done: one of the types below, imperative. Acts are performed in order.
type act interface{ isAct() }

type (
	// ask the responder. The reply is not to sound before carryOn when held.
	ask struct {
		talk Talk
		step int
		held bool
	}
	// utter a text of our own, or a tone, as a step of a turn.
	utter struct {
		turn, step int
		text       string
		tone       bool
		held       bool
	}
	// press keys, as a step of a turn.
	press struct {
		turn, step int
		keys       string
		held       bool
	}
	// duck what the turn says while it is decided whether it is interrupted: hold it, or where the leg has no lead make it quieter.
	duck struct{ turn int }
	// hold what the turn says, without losing a sample.
	hold struct{ turn int }
	// carryOn with what was ducked or held.
	carryOn struct{ turn int }
	// cut what the turn says and cancel its providers and tools; silenced is the answer, before the next act.
	cut struct{ turn int }
	// fill the silence: with a text, or with the tone if that is empty.
	fill struct {
		n    int
		text string
	}
	// hush a filler: at once, with filled as the answer before the next act, or at the end of its current word.
	hush struct {
		n      int
		atOnce bool
	}
	// use a tool.
	use struct {
		turn  int
		call  ToolCall
		limit time.Duration
	}
	// expect says to the recogniser which words are likely.
	expect struct{ words []string }
	// mute the caller towards ear and recogniser, or no longer.
	mute struct{ muted bool }
	// veil the caller towards the tap, also what it was given since then; or no longer.
	veil struct {
		on    bool
		since time.Duration
	}
	// recast: find another agent; recasted is the answer.
	recast struct{ command Command }
	// connect the caller to somebody else; transferred is the answer.
	connect struct{ command Command }
	// invite a guest; came or went is the answer.
	invite struct {
		n  int
		to string
	}
	// admit a supervisor who listens, on the leg to, as guest n; came or went is the answer, before the next act.
	admit struct {
		n  int
		to string
	}
	// deny a supervisor the call.
	deny struct {
		to  string
		why error
	}
	// whisper something to the guest; whispered is the answer.
	whisper struct {
		n    int
		text string
	}
	// join the caller and the guest; heard says whether the caller is still heard by ear and recogniser.
	join struct {
		n     int
		heard bool
	}
	// handOver lets the carrier connect the caller and the guest; handed is the answer.
	handOver struct{ n int }
	// pass a key on that the caller has pressed, to the guest; or of the guest's, to the caller.
	pass struct {
		n        int
		key      rune
		toCaller bool
	}
	// part with the guest, whether they have come or not.
	part struct{ n int }
	// swap the providers.
	swap struct{ parts Parts }
	// heedTones of the line, or no longer.
	heedTones struct{ on bool }
	// tell those who watch.
	tell struct{ event Event }
	// hangUp is the last act.
	hangUp struct {
		cause media.Cause
		err   error
	}
)

func (ask) isAct()       {}
func (utter) isAct()     {}
func (press) isAct()     {}
func (duck) isAct()      {}
func (hold) isAct()      {}
func (carryOn) isAct()   {}
func (cut) isAct()       {}
func (fill) isAct()      {}
func (hush) isAct()      {}
func (use) isAct()       {}
func (expect) isAct()    {}
func (mute) isAct()      {}
func (veil) isAct()      {}
func (recast) isAct()    {}
func (connect) isAct()   {}
func (invite) isAct()    {}
func (admit) isAct()     {}
func (deny) isAct()      {}
func (whisper) isAct()   {}
func (join) isAct()      {}
func (handOver) isAct()  {}
func (pass) isAct()      {}
func (part) isAct()      {}
func (heedTones) isAct() {}
func (swap) isAct()      {}
func (tell) isAct()      {}
func (hangUp) isAct()    {}
