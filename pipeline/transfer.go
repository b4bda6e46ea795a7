package pipeline

import (
	"time"

	"parley/media"
)

// wentAway is how long a caller who has gone during a transfer may be on their way: carriers let go of the leg before they answer, or after.
const wentAway = 10 * time.Second

// moveOn does what a turn has led to.
func (d *dialog) moveOn(c Command) {
	if c.Kind == Bridge {
		d.bridge(c)
		return
	}
	d.transfer(c)
}

// transfer lets the caller be connected to somebody else. Meanwhile they are on hold.
func (d *dialog) transfer(c Command) {
	if d.ending != nil || d.closing() {
		return
	}
	if d.onward != nil || d.guest != nil {
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: errMoving})
		return
	}
	d.hold(Command{Kind: Hold})
	d.onward = &c
	d.do(connect{c})
}

// transferred ends the call, or takes the caller back.
func (d *dialog) transferred(n transferred) {
	d.onward = nil
	d.clear(awayAlarm)
	switch {
	case n.err == nil:
		d.tell(Event{Kind: Transferred, Text: n.command.To})
		d.end(media.CauseTransfer, nil)
		return
	case d.away != nil:
		d.tell(Event{Kind: CommandFailed, Text: string(Transfer), Err: n.err})
		d.end(d.away.cause, d.away.err)
		return
	case n.instead && d.ending == nil && !d.closing():
		d.bridge(Command{Kind: Bridge, To: n.command.To})
		return
	}
	d.stays(n.command, n.err)
}

// stays takes the caller back of whom nothing has come, and lets the responder say so.
func (d *dialog) stays(c Command, why error) {
	d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: why})
	d.notes = append(d.notes, "The transfer failed: "+readable(why.Error())+". The caller is still on the line.")
	d.unhold(Command{Kind: Unhold, Ask: true})
}

// left: the leg is gone. Of a caller who is being transferred that may be how their carrier does it, so its answer is waited for.
func (d *dialog) left(n left) {
	handed := d.guest != nil && d.guest.stage == handing
	moving := (d.onward != nil || handed) && (n.cause == media.CauseCaller || n.cause == media.CauseCarrier || n.cause == media.CauseMedia)
	switch {
	case moving && d.away == nil:
		d.away = &n
		d.set(awayAlarm, d.now+wentAway)
	case !moving:
		d.end(n.cause, n.err)
	}
}
