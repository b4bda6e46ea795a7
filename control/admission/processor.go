package admission

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Processors reads what this process uses of the machine. It is one goroutine's.
type Processors struct {
	// Yielding is the processor time of threads that give way to calls, such as local speech's: it does not count. Nil: there are none.
	// Under a quota it does, for a quota stops everybody.
	Yielding func() time.Duration

	root  fs.FS
	quota float64 // of the control group; 0: none
	next  time.Time

	used, yielded, counted time.Duration
}

// rereads is how often the quota is looked up: an orchestrator may change it.
const rereads = 10 * time.Second

// NewProcessors reads this machine.
func NewProcessors(yielding func() time.Duration) *Processors {
	return &Processors{Yielding: yielding, root: os.DirFS("/")}
}

// Read is the Signals' Processor.
func (p *Processors) Read() Processor {
	if now := time.Now(); !now.Before(p.next) {
		p.quota, p.next = quota(p.root), now.Add(rereads)
	}
	used, yielded := processTime(), time.Duration(0)
	if p.Yielding != nil {
		yielded = p.Yielding()
	}
	p.counted += used - p.used
	if p.quota == 0 {
		p.counted -= yielded - p.yielded
	}
	p.used, p.yielded = used, yielded
	return Processor{Used: p.counted, Allowed: p.allowed()}
}

// Quota is the control group's, in processors; 0: there is none.
func (p *Processors) Quota() float64 { return quota(p.root) }

// allowed is how many processors the process may use: of those that it may run on, that Go runs on, and that its quota pays for.
func (p *Processors) allowed() float64 {
	n := float64(min(runtime.NumCPU(), runtime.GOMAXPROCS(0)))
	if p.quota > 0 {
		n = min(n, p.quota)
	}
	return n
}

// Pressure is the share of the last ten seconds in which somebody on the machine waited for a processor (Documentation/accounting/psi.rst of
// Linux); false: the machine does not tell. It is shown and refuses nobody: it counts those, too, who are to wait, such as local speech.
func (p *Processors) Pressure() (share float64, ok bool) {
	text, err := fs.ReadFile(p.root, "proc/pressure/cpu")
	if err != nil {
		return 0, false
	}
	for field := range strings.FieldsSeq(string(text)) {
		if v, found := strings.CutPrefix(field, "avg10="); found { // the first line is of some, the second of all
			percent, err := strconv.ParseFloat(v, 64)
			return percent / 100, err == nil
		}
	}
	return 0, false
}

// quota is the least of the control groups that the process is in, in processors; 0: there is none. It knows both versions:
// Documentation/admin-guide/cgroup-v2.rst (cpu.max) and cgroup-v1, scheduler/sched-bwc.rst (cpu.cfs_quota_us).
func quota(root fs.FS) float64 {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := math.Inf(1)
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(f) != 3 {
			continue
		}
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			switch {
			case f[1] == "":
				least = min(least, unified(root, path.Join("sys/fs/cgroup", dir)))
			case strings.Contains(","+f[1]+",", ",cpu,"):
				least = min(least, legacy(root, path.Join("sys/fs/cgroup", f[1], dir)), legacy(root, path.Join("sys/fs/cgroup/cpu", dir)))
			}
			if dir == "/" {
				break
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// unified reads cpu.max: "quota period" in microseconds, or "max period".
func unified(root fs.FS, dir string) float64 {
	text, _ := fs.ReadFile(root, path.Join(dir, "cpu.max")) // the root has none
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return math.Inf(1)
	}
	return processors(f[0], f[1])
}

func legacy(root fs.FS, dir string) float64 {
	most, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	period, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	return processors(strings.TrimSpace(string(most)), strings.TrimSpace(string(period)))
}

// processors is what a quota in each period pays for; infinite: there is none ("max", -1, or no file).
func processors(quota, period string) float64 {
	q, err := strconv.ParseFloat(quota, 64)
	p, perr := strconv.ParseFloat(period, 64)
	if err != nil || perr != nil || q <= 0 || p <= 0 {
		return math.Inf(1)
	}
	return q / p
}
