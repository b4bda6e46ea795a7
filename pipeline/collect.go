package pipeline

import "maps"

// collection is what has been learnt from the caller so far. A script and the command Collect tell it each in its own way, and neither
// forgets what the other knows.
type collection struct {
	script map[string]string // the last Delta.Slots
	agreed map[string]string // by Collect; of the same name, these count
	slots  map[string]string // both, as they were told last
	fresh  bool              // no turn has them in its record yet
}

// learn takes all that a script has collected.
func (d *dialog) learn(slots map[string]string) {
	d.collected.script = slots
	d.recollect()
}

// collect takes what a Collect brings. An empty value takes away what an earlier one brought.
func (d *dialog) collect(slots map[string]string) {
	agreed := make(map[string]string)
	maps.Copy(agreed, d.collected.agreed)
	maps.Copy(agreed, slots)
	maps.DeleteFunc(agreed, func(_, v string) bool { return v == "" })
	d.collected.agreed = agreed
	d.recollect()
}

// recollect tells all that is collected, if that has changed.
func (d *dialog) recollect() {
	c := &d.collected
	all := make(map[string]string)
	maps.Copy(all, c.script)
	maps.Copy(all, c.agreed)
	if !maps.Equal(all, c.slots) {
		c.slots, c.fresh = all, true
		d.tell(Event{Kind: Collected, Slots: all})
	}
}

// unrecorded is all that is collected, for the record of a turn or of the call's end; nil if one has it already.
func (d *dialog) unrecorded() map[string]string {
	if !d.collected.fresh {
		return nil
	}
	d.collected.fresh = false
	return d.collected.slots
}
