package load

import (
	"time"

	"parley/bench/report"
	"parley/bench/stamp"
	"parley/bench/wire"
	"parley/media/g711"
)

// How an utterance ends by itself, and when a barge-in is missed.
const (
	joins    = 300 * time.Millisecond // a shorter silence does not end a stretch of the agent's speech
	rested   = 250 * time.Millisecond // of nothing after a mark, or after what was to be cleared
	stopped  = time.Second            // of nothing
	patience = time.Second            // for the agent to yield, where a barge-in does not say
	lateBy   = 5 * time.Millisecond   // a frame that comes so much after it had to sound is dry
	together = 2 * time.Millisecond   // pieces that come within it were sent at once
)

// An ear is what has come of the agent's voice, and what is in the carrier's buffer.
type ear struct {
	schedule wire.Schedule // of the utterance
	late     time.Duration // the first of the last pieces
	marks    wire.Marks
	marked   bool // the last that came was a mark

	spoken bool          // the agent has said something
	talk   time.Duration // when its last stretch of speech began to sound
	voiced time.Duration // when that ends, as far as it has come
	split  bool          // the next speech is another stretch, however close
	fresh  bool          // the utterance's stamp has not been looked for to the end

	speaking bool          // the caller is, and has not come to his last voiced frame
	asked    bool          // the caller has acted, and the agent has not answered
	voice    bool          // he has spoken
	last     time.Duration // when he had acted
	onset    time.Duration // of a barge-in that the agent has not yielded to; 0: there is none
	obey     time.Duration // until when it must have
	stale    bool          // what comes is of a reply that was cleared
	due      time.Duration // when the call had to be placed
}

// acted notes the end of what the caller did, by voice or by keys.
func (e *ear) acted(now time.Duration, voice bool) { e.asked, e.voice, e.last = true, voice, now }

// mark queues a mark behind the audio that is there.
func (e *ear) mark(name []byte, now time.Duration) {
	e.marked = true
	e.marks.Add(name, max(now, e.schedule.End()))
}

// anew says whether what comes now begins another utterance.
func (g *generator) anew(e *ear, now time.Duration) bool {
	if !e.schedule.Begun() {
		return true
	}
	dry := now - e.schedule.End()
	switch acted := e.asked && e.last > e.schedule.Last(); {
	case acted && !g.dialect.Clears: // what is sent as it is due is never in hand
		return dry > 2*wire.FrameTime
	case acted:
		return dry > 0
	case !g.dialect.Clears:
		return dry > rested
	case e.marked, e.stale:
		return dry > rested
	}
	return dry > stopped
}

// sounds says whether the carrier's buffer holds anything; where nothing is sent ahead, whether the agent speaks.
func (g *generator) sounds(e *ear, now time.Duration) bool {
	if !g.dialect.Clears {
		return e.spoken && now-e.voiced < joins
	}
	return e.schedule.Begun() && now < e.schedule.End()
}

// media takes audio of the agent's.
func (g *generator) media(e *ear, m *wire.Message, now time.Duration) error {
	law, err := g.dialect.Law(&g.room, m)
	if err != nil {
		return err
	}
	idle := !g.dialect.Clears && now-e.voiced > rested // silence may be sent, too
	if g.anew(e, now) || idle {
		if e.stale = e.stale && e.speaking; !e.stale {
			g.yielded(e)
		}
		e.schedule, e.fresh, e.split = wire.Schedule{}, true, true
	}
	e.marked = false
	begins := max(now, e.schedule.End())
	if idle && !g.loud(law[:min(len(law), wire.Samples)]) {
		g.passed(m.Audio)
	} else {
		g.judge(e, now, m.Audio)
	}
	if e.stale && g.measuring {
		g.now.afterClear++
	}
	if e.onset > 0 && now > e.obey && g.dialect.Clears {
		g.missed(e)
	}
	g.listen(e, law, begins, now)
	return nil
}

// passed counts silence between what the agent says, whose time matters to nobody.
func (g *generator) passed(audio time.Duration) {
	if g.measuring {
		g.now.audio += audio
	}
}

// judge keeps when audio came.
func (g *generator) judge(e *ear, now, audio time.Duration) {
	var v wire.Verdict
	if g.dialect.Pieces && e.schedule.Begun() && now-e.schedule.Last() < together {
		e.schedule.Join(audio)
		v.Late = e.late
	} else {
		v = e.schedule.Arrive(now, audio)
		e.late = v.Late
	}
	if !g.measuring {
		return
	}
	frames := max(1, int64(audio/wire.FrameTime))
	g.now.audio += audio
	report.RecordN(g.now.late, v.Late, frames)
	if v.Dry > lateBy {
		g.now.dry += frames
	}
	if v.Skipped {
		g.now.lost += int64((v.Late + wire.FrameTime/2) / wire.FrameTime)
	}
}

// listen hears mu-law, which came now and begins to sound at begins.
func (g *generator) listen(e *ear, law []byte, begins, now time.Duration) {
	if e.fresh || !g.dialect.Clears && begins > e.voiced { // between what is said there may be silence
		g.seek(e, law, now)
	}
	for i := 0; i < len(law); i += wire.Samples {
		piece := law[i:min(i+wire.Samples, len(law))]
		if !g.loud(piece) {
			continue
		}
		at := begins + time.Duration(i)*time.Second/8000
		if !e.spoken || e.split || at-e.voiced >= joins || g.answers(e) {
			if !g.dialect.Clears {
				g.yielded(e)
			}
			g.began(e, now)
			e.spoken, e.split, e.talk = true, false, at
		}
		e.voiced, e.fresh = at+time.Duration(len(piece))*time.Second/8000, false
	}
}

// answers says that what is heard is another stretch where silence may come between two: the caller has acted since the last.
func (g *generator) answers(e *ear) bool { return !g.dialect.Clears && e.asked && e.last > e.voiced }

// seek looks for the voice's stamp in the first 20 ms.
func (g *generator) seek(e *ear, law []byte, now time.Duration) {
	at, next := stamp.Find(law[:min(len(law), wire.Samples)])
	if next < 0 {
		return
	}
	e.fresh = false
	if took := now - at; g.measuring && took >= 0 && took < time.Minute { // else it is of another machine's clock
		report.Record(g.now.ttsToFrame, took)
	}
}

// loud says whether up to 20 ms of mu-law are speech.
func (g *generator) loud(law []byte) bool {
	sum, squares := uint64(0), &g.squares
	for _, code := range law {
		sum += uint64(squares[code])
	}
	return sum >= uint64(voiced*len(law))
}

// squaresOf is the square of each mu-law code's sample.
func squaresOf() (all [256]uint32) {
	for code := range all {
		var pcm [1]int16
		g711.Ulaw.Decode(pcm[:], []byte{byte(code)})
		all[code] = uint32(int32(pcm[0]) * int32(pcm[0]))
	}
	return all
}

// missed notes a barge-in that the agent speaks on through.
func (g *generator) missed(e *ear) {
	e.onset = 0
	if g.measuring {
		g.now.bargeIns++
		g.now.missed++
	}
}

// yielded notes that what the caller spoke over is at its end. Where there is a clear, that ends a barge-in; elsewhere the agent has yielded by falling
// silent.
func (g *generator) yielded(e *ear) {
	if e.onset > 0 && !g.dialect.Clears && g.measuring {
		g.now.bargeIns++
		report.Record(g.now.toSilence, e.voiced-e.onset)
	}
	e.onset = 0
}

// patient judges a barge-in when the caller's patience has come to its end, where there is no clear: the agent is still to be heard, or it is not.
func (g *generator) patient(e *ear) {
	switch {
	case g.dialect.Clears: // what still comes will tell
	case e.voiced > e.obey-joins:
		g.missed(e)
	default:
		g.yielded(e)
	}
}

// began notes that the agent began to speak, in a message that came now.
func (g *generator) began(e *ear, now time.Duration) {
	if !e.spoken {
		report.Record(g.now.greeting, now-e.due)
	}
	if !e.asked || e.stale || e.speaking {
		return
	}
	e.asked = false
	if !g.measuring {
		return
	}
	if g.now.turns++; e.voice {
		report.Record(g.now.voiceVoice, now-e.last)
	}
}

// heard notes that the caller has heard the agent out: also what began too early to be timed is an answer then.
func (g *generator) heard(e *ear) {
	if e.asked && g.measuring {
		g.now.turns++
	}
	e.asked = false
}

// unanswered notes that the caller's patience came to its end.
func (g *generator) unanswered(e *ear) {
	e.asked = false
	if g.measuring {
		g.now.unanswered++
	}
}

// cleared empties the carrier's buffer.
func (g *generator) cleared(e *ear, now time.Duration) {
	if e.onset > 0 && g.measuring {
		g.now.bargeIns++
		report.Record(g.now.toClear, now-e.onset)
	}
	e.onset = 0
	e.stale = e.speaking
	if g.dialect.Forgets {
		e.marks.Forget()
	} else {
		e.marks.Clear(now)
	}
	e.schedule = wire.Schedule{}
	e.split, e.marked, e.fresh = true, false, true
	e.voiced = min(e.voiced, now)
}
