package local

import (
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func phonemizerFor(t *testing.T) *phonemizer {
	t.Helper()
	if _, err := exec.LookPath(espeak); err != nil {
		t.Fatalf("espeak-ng is missing: run \"make setup\" (apt-get install espeak-ng): %v", err)
	}
	p := &phonemizer{voice: "en-gb-x-rp", log: slog.New(slog.DiscardHandler)}
	t.Cleanup(p.close)
	return p
}

func TestPhonemes(t *testing.T) {
	t.Parallel()
	p := phonemizerFor(t)
	got, err := p.phonemes(t.Context(), []string{"hello world", "thanks for calling", "zizzq no", ""})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"həlˈəʊ wˈɜːld", "θˈæŋks fɔː kˈɔːlɪŋ", "zˈɪzk nˈəʊ", ""}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("phrase %d: %q, want %q", i, got[i], want[i])
		}
	}
}

// Whether the child dies or hangs between or within phrases, the next answer comes from a new one.
func TestChildIsReplaced(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
	}{{"killed", syscall.SIGKILL}, {"hung", syscall.SIGSTOP}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := phonemizerFor(t)
			for range 2 {
				got, err := p.phonemes(t.Context(), []string{"hello"})
				if err != nil || len(got) != 1 || got[0] != "həlˈəʊ" {
					t.Fatalf("got %q, %v", got, err)
				}
				if err := p.child.cmd.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A child that is killed again and again, while several speak, costs nobody a clause but those it was killed twice under.
func TestChildIsKilledMidway(t *testing.T) {
	t.Parallel()
	p := phonemizerFor(t)
	var speakers sync.WaitGroup
	for range 4 {
		speakers.Go(func() {
			for range 20 {
				got, err := p.phonemes(t.Context(), []string{"thanks for calling", "good bye"})
				if err != nil {
					t.Errorf("ask: %v", err)
					return
				}
				if got[1] != "ɡˈʊd bˈaɪ" {
					t.Errorf("got %q: an answer to another question", got)
				}
			}
		})
	}
	for range 5 {
		p.mu.Lock()
		if p.child != nil {
			_ = p.child.cmd.Process.Kill()
		}
		p.mu.Unlock()
	}
	speakers.Wait()
}

func TestNoEspeak(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	p := &phonemizer{voice: "en-gb-x-rp", log: slog.New(slog.DiscardHandler)}
	if _, err := p.phonemes(t.Context(), []string{"hello"}); err == nil || !strings.Contains(err.Error(), "start espeak-ng") {
		t.Errorf("error %v, want one that says that espeak-ng could not be started", err)
	}
	if got, want := espeakMissing(), "the program espeak-ng is missing"; got != want {
		t.Errorf("status %q, want %q", got, want)
	}
}
