package pipeline

import "time"

// Times are when the parts of a turn happened, since the answer; what did not happen is 0. They may overlap: an answer that was prepared
// while the caller might still go on was asked for before its turn began.
//
//	Began ── caller speaks ── Spoke ─ Judged ─ Final
//	                                  Asked ── FirstText ──────────── LastText
//	                                              FirstAudio ─────────── LastAudio
//	                                                 FirstFrame ── heard for Sounded ──
//	                                Opened ────────────────────────────────────── Closed
type Times struct {
	Began  time.Duration // the caller began to speak, at last; Spoke, Judged and Final are 0 where they are of what was said before
	Spoke  time.Duration // their last voiced frame was in
	Judged time.Duration // they were judged to have finished
	Final  time.Duration // their final words were there
	Opened time.Duration // the turn began
	Closed time.Duration // and ended
	Steps  []StepTimes   // of each thing that was said in it, in order
	Tools  []ToolTimes   // in the order in which they were asked for
}

// StepTimes are when one thing was made and heard: a response, or words or keys of the house's own.
type StepTimes struct {
	Asked      time.Duration // the responder was; 0: these are not its words
	FirstText  time.Duration // there was the first of the text
	LastText   time.Duration // the text was complete; 0: it never was, or there is none
	FirstAudio time.Duration // there was the first of the sound
	LastAudio  time.Duration // the sound was complete; 0: it never was
	FirstFrame time.Duration // the first frame was sent
	Sounded    time.Duration // how much was heard
}

// ToolTimes are when one tool ran for a turn.
type ToolTimes struct {
	Name  string
	ID    string // of the ToolCall
	Asked time.Duration
	Ended time.Duration // 0: the turn did not wait for it
	Bad   bool          // it ended with an error
}

// times are those of a turn that ends now.
func (t *turn) times(now time.Duration) Times {
	all := Times{Opened: t.opened, Closed: now}
	if t.why == ForWords {
		since := func(at time.Duration) time.Duration {
			if at < t.from { // it is of words that they had begun to say before
				return 0
			}
			return at
		}
		all.Began, all.Spoke, all.Judged, all.Final = t.from, since(t.spoke), since(t.judged), since(t.final)
	}
	for _, s := range t.steps {
		a := s.account
		all.Steps = append(all.Steps, StepTimes{
			Asked: s.asking, FirstText: a.token, LastText: a.written, FirstAudio: a.audio, LastAudio: a.made, FirstFrame: a.began, Sounded: a.length,
		})
		for i, c := range s.calls {
			tool := s.terms[i]
			all.Tools = append(all.Tools, ToolTimes{Name: c.Name, ID: c.ID, Asked: tool.asked, Ended: tool.ended, Bad: tool.bad})
		}
	}
	return all
}
