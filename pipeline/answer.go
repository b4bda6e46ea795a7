package pipeline

import "time"

// Party is who, or what, has answered an outbound call; the same word stands in log, event and API.
type Party string

// The parties.
const (
	Human     Party = "human"
	Machine   Party = "machine"   // an answering machine, or a voicemail
	Menu      Party = "ivr"       // a phone menu, or a queue
	Screening Party = "screening" // a service that asks who calls before it connects
	Fax       Party = "fax"
	Nobody    Party = "nobody"  // silence, ringing, a busy tone, an announcement that the number cannot be reached
	Unknown   Party = "unknown" // it could not be told; taken for a person
)

// Cue is what told it.
type Cue string

// The cues.
const (
	CueShort    Cue = "short_speech" // a few words, and then silence: somebody waits for an answer
	CueLong     Cue = "long_speech"  // more than a person says
	CueWords    Cue = "words"
	CueBeep     Cue = "beep"
	CueFax      Cue = "fax_tone"
	CueBusy     Cue = "busy_tone" // or special information tones, or a dial tone
	CueRinging  Cue = "ringing"   // it rings and rings
	CueSilence  Cue = "silence"
	CueKey      Cue = "key"
	CuePickedUp Cue = "picked_up" // a person came to the phone while a machine had it
	CueLimit    Cue = "limit"     // Answering.Longest has passed
	CueFull     Cue = "full"      // a machine that takes no message
	CueCarrier  Cue = "carrier"   // the carrier says so
)

// An Answer is who has answered, and how that was told.
type Answer struct {
	By  Party
	Cue Cue
}

// evidence is what is known of who has answered, while they have not been spoken to.
type evidence struct {
	now     time.Duration // since the answer, as all its times
	onset   time.Duration // of their speech; 0: they have said nothing
	voiced  time.Duration // the last of it so far
	settled bool          // they have stopped, and their words are known, as far as they ever will be
	text    string        // what they have said
	limits  *Answering
}

// How long it takes to be sure: a silence after a greeting that may go on, speech that no person begins a call with, a sound that is not
// the shortest of words.
const (
	mayGoOn   = 1200 * time.Millisecond
	mayAdd    = 800 * time.Millisecond // after a statement, of so many words
	statement = 4
	recital   = 6 * time.Second
	shortWord = 200 * time.Millisecond
)

// judge tells who it is by what was said and how long it took, if that can be told; otherwise when to ask again, 0 for when there is news.
func (e *evidence) judge(r remarks) (a Answer, again time.Duration) {
	span := e.voiced - e.onset
	switch {
	case r.party != "":
		return Answer{r.party, CueWords}, 0
	case e.onset == 0:
		return Answer{}, 0
	case !e.settled && e.text != "" && !r.person && e.now-e.onset > recital:
		return Answer{Machine, CueLong}, 0
	case !e.settled && e.text != "":
		return Answer{}, e.onset + recital + time.Millisecond
	case !e.settled, e.text == "" && span < shortWord, e.text == "" && span > e.limits.Greeting:
		return Answer{}, 0
	case r.person:
		return Answer{Human, CueWords}, 0
	case e.now < e.voiced+e.pause(r):
		return Answer{}, e.voiced + e.pause(r)
	case r.likely != "":
		return Answer{r.likely, CueWords}, 0
	case span > e.limits.Greeting:
		return Answer{Machine, CueLong}, 0
	}
	return Answer{Human, CueShort}, 0
}

// pause is how long they have to be silent to have finished, beyond what the ear and the recogniser wait for.
func (e *evidence) pause(r remarks) time.Duration {
	switch {
	case r.likely != "" || e.voiced-e.onset > e.limits.Greeting:
		return mayGoOn
	case words(e.text) >= statement && !r.pickup:
		return mayAdd
	}
	return 0
}
