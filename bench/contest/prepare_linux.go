package contest

import (
	"runtime/debug"
	"time"

	"parley/bench/machine"
	"parley/bench/report"
)

// Prepare puts this process, which makes the calls, on a core of its own and begins a report; core is the servers'. The process is before its
// neighbours until restore is called.
func (o *Options) Prepare(title string, command []string) (r *report.Report, core int, restore func(), err error) {
	ours, core, err := machine.TwoCores()
	if err != nil {
		return nil, 0, nil, err
	}
	r = &report.Report{Format: report.Format, Title: title, Made: time.Now().UTC(), Command: command, Machine: report.Here()}
	restore = func() {}
	if !o.Quick {
		var first bool
		if first, restore = machine.GoFirst(); !first {
			r.Remarks = append(r.Remarks, "This process could not put itself before its neighbours (nice -20).")
		}
	}
	if _, err := machine.Pin(ours); err != nil {
		restore()
		return nil, 0, nil, err
	}
	debug.SetGCPercent(400) // what it keeps is small
	return r, core, restore, nil
}
