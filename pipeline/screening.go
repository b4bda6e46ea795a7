package pipeline

// awaitPerson says who calls, and then lets the screening do its work.
func (d *dialog) awaitPerson() {
	o, c := &d.callee, &d.caller
	r := o.known.judge(d.words(c.partial))
	switch {
	case d.turn != nil:
		o.quiet = d.now
	case !o.asked:
		d.introduce()
	case r.party == Machine, r.party == Nobody:
		d.identify(Answer{r.party, CueWords})
	case c.complete && (r.hold || r.party != ""):
		d.keep()
	case c.complete && r.likely != "":
		d.identify(Answer{r.likely, CueWords})
	case c.complete:
		o.said = nil
		d.identify(Answer{Human, CueWords})
	case d.now >= o.quiet+d.manners.Answering.ScreeningWait:
		d.identify(Answer{Nobody, CueSilence})
	default:
		d.askAgain(o.quiet + d.manners.Answering.ScreeningWait)
	}
}

// introduce says who calls, when the screening has asked.
func (d *dialog) introduce() {
	o, c := &d.callee, &d.caller
	if !c.complete && (c.floor != quiet || c.pause.pending) {
		return
	}
	if o.known.judge(d.allSaid()).tone {
		due := o.voiced + toneWait
		if o.beep.Beep() && o.beep.To >= o.voiced-afterBeep {
			due = o.beep.To + afterBeep
		}
		if d.now < due {
			d.askAgain(due)
			return
		}
	}
	o.asked = true
	if say := d.manners.Answering.Screening; say != "" {
		said := d.taken()
		t := &turn{why: ForCommand, said: said, from: o.from, spoke: o.voiced, then: []Command{{Kind: Say, Text: say}}}
		o.from = 0
		d.open(t)
		d.proceed(t)
		return
	}
	d.notes = append(d.notes, "A call screening service asks who is calling and why, before it connects you. Say it in one sentence.")
	said := d.taken()
	d.begin(&turn{why: ForWords, said: said, from: o.from})
	o.from = 0
}
