package report

import (
	"os"
	"runtime"
	"strings"
)

// Here is the machine that this process runs on. What it does not tell is empty.
func Here() Machine {
	return Machine{CPU: processor(), Cores: runtime.NumCPU(), Kernel: kernel(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
}

// processor is the first one's name in /proc/cpuinfo (proc(5)).
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
