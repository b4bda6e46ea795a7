package admission

import (
	"runtime"
	"testing"
	"testing/fstest"
	"time"
)

func TestQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"no groups", nil, 0},
		{"unified, none", map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, 0},
		{"unified", map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 1.5},
		{"unified, a parent's is less", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
		}, 0.5},
		{"unified, in a container", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2},
		{"unified, the host's path", map[string]string{"proc/self/cgroup": "0::/docker/1234\n", "sys/fs/cgroup/cpu.max": "25000 50000\n"}, 0.5},
		{"legacy", map[string]string{
			"proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n",
			"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us":  "300000\n",
			"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
		}, 3},
		{"legacy, none", map[string]string{
			"proc/self/cgroup": "4:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 0},
		{"senseless", map[string]string{"proc/self/cgroup": "0::/\nhello\n", "sys/fs/cgroup/cpu.max": "some thing\n"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := quota(root); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		p := &Processors{root: root, Yielding: func() time.Duration { return time.Hour }}
		got, most := p.Read(), float64(min(runtime.NumCPU(), runtime.GOMAXPROCS(0)))
		if want := min(most, max(c.want, 0)); c.want > 0 && got.Allowed != want || c.want == 0 && got.Allowed != most {
			t.Errorf("%s: %v processors are allowed", c.name, got.Allowed)
		}
		if counts := got.Used >= 0; counts != (c.want > 0) {
			t.Errorf("%s: %v used: what yields counts under a quota alone", c.name, got.Used)
		}
	}
}

func TestPressure(t *testing.T) {
	t.Parallel()
	p := &Processors{root: fstest.MapFS{"proc/pressure/cpu": {Data: []byte("some avg10=12.50 avg60=1.00 avg300=0.10 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")}}}
	if got, ok := p.Pressure(); got != 0.125 || !ok {
		t.Errorf("%v, %v", got, ok)
	}
	p.root = fstest.MapFS{}
	if _, ok := p.Pressure(); ok {
		t.Error("a machine that does not tell has told")
	}
}

// TestProcessorsCount: what this process does is used.
func TestProcessorsCount(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("this machine does not tell; nothing to hold it to")
		return
	}
	p := NewProcessors(nil)
	before := p.Read()
	for began := time.Now(); time.Since(began) < time.Minute; {
		if p.Read().Used-before.Used > 20*time.Millisecond {
			return
		}
	}
	t.Error("a minute of work is less than 20 ms of the processor")
}
