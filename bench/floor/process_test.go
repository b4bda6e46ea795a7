package floor

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestStart has a program run in another process, and count there.
func TestStart(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	core := -1
	if runtime.GOOS == "linux" {
		core = runtime.NumCPU() - 1
	}
	p, err := Start(t.Context(), core, Options{Name: "own"}, exe)
	if err != nil {
		t.Fatal(err)
	}
	var elsewhere Stats // what it has heard is counted there
	elsewhere.In.Store(10)
	talk(t, "ws://"+p.Addresses[0]+"/twilio/media", &elsewhere)
	c, err := p.Counts()
	if err != nil || c.In == 0 || c.Out == 0 || c.Mallocs == 0 {
		t.Errorf("counts %+v, %v", c, err)
	}
	if p.PID() == os.Getpid() {
		t.Error("it runs in this process")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Start(t.Context(), -1, Options{Name: "nobody"}, exe); err == nil || !strings.Contains(err.Error(), `there is no program "nobody": want one of own, usual`) {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, _, err := Asked(func(string) string { return "{" }); err == nil {
		t.Error("broken options were taken")
	}
}

// Every name is one that Run knows; what it lacks it tells.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		if name == "opus" {
			continue // it listens nowhere
		}
		err := Run(t.Context(), Options{Name: name, Address: "256.0.0.1:x"}, func([]string, *Stats) {})
		if err == nil || strings.Contains(err.Error(), "there is no program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
