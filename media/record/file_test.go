package record_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/media"
	"parley/media/record"
	"parley/media/wav"
)

// childFile names, in the environment of this test binary, the file that it is to record into until it is killed.
const childFile = "PARLEY_TEST_RECORD"

const loud = 1000 // what is too loud to be left out as silence

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		recordForever(path)
	}
	os.Exit(m.Run())
}

// recordForever is a call in real time: the caller's frame i is all of value loud+i, the agent's of -loud-i. Each that was handed over is
// printed, with how late that was.
func recordForever(path string) {
	r, err := record.Create(path, 8000, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	start := time.Now()
	pcm := make([]int16, 160)
	for i := 0; ; i++ {
		time.Sleep(time.Until(start.Add(time.Duration(i+1) * media.FrameTime)))
		at := time.Duration(i) * media.FrameTime
		fill(pcm, int16(loud+i))
		r.Caller(media.Frame{PCM: pcm, Rate: 8000, At: at})
		fill(pcm, int16(-loud-i))
		r.Agent(at, pcm)
		fmt.Println(i+1, (time.Since(start) - at - media.FrameTime).Milliseconds())
	}
}

func fill(pcm []int16, v int16) {
	for i := range pcm {
		pcm[i] = v
	}
}

// Killed at any moment, a recording is a valid file that lacks a second at most.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, frames := range []int{2, 44, 47, 89, 120, 134} { // just before and after writes, and between
		t.Run(fmt.Sprintf("after %d ms", frames*20), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "call.wav")
			handed, late := killAfter(t, path, frames)
			s, err := wav.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if s.Rate != 8000 || s.Channels != 2 {
				t.Errorf("%d channels of %d samples a second", s.Channels, s.Rate)
			}
			lost := time.Duration(handed)*media.FrameTime - s.Duration()
			t.Logf("%d frames handed over, up to %v late, %v in the file", handed, late, s.Duration())
			if lost > time.Second+late { // a busy machine held up the child, and with it the goroutine that writes
				t.Errorf("%v lost, want a second at most", lost)
			}
			checkFrames(t, s)
			before := s.Duration()
			if _, err := record.Repair(path); err != nil {
				t.Fatal(err)
			}
			if s, err = wav.ReadFile(path); err != nil || s.Duration() < before {
				t.Errorf("after Repair: %v, %v; before: %v", s.Duration(), err, before)
			}
			if s.Duration() > 0 {
				checkWithSox(t, path, s)
			}
		})
	}
}

// killAfter starts a recording in another process and kills it once it has handed over so many frames. It returns how many it had
// handed over when it died, and how late it was at worst.
func killAfter(t *testing.T, path string, frames int) (handed int, late time.Duration) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childFile+"="+path)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var ms int
		if _, err := fmt.Sscan(lines.Text(), &handed, &ms); err != nil {
			t.Errorf("child printed %q", lines.Text())
		}
		late = max(late, time.Duration(ms)*time.Millisecond)
		if handed == frames {
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("child ended with %v, want SIGKILL: %s", err, &stderr)
	}
	return handed, late
}

// checkFrames checks that each channel holds the child's frames: the agent's where they were said to be, the caller's in order and
// without a hole (a busy machine may have held up the child, so that they stand a little later).
func checkFrames(t *testing.T, s wav.Sound) {
	t.Helper()
	for i, got := range spoken(t, s.Channel(1)) {
		if want := int16(-loud - i/160); got != want {
			t.Errorf("agent's sample %d is %d, want %d", i, got, want)
			break
		}
	}
	last := int16(0)
	for i, got := range spoken(t, s.Channel(0)) {
		if first := last == 0 && (got == 0 || got == loud); !first && got != last && got != last+1 {
			t.Errorf("caller's sample %d is %d after %d", i, got, last)
			break
		}
		last = got
	}
}

// spoken is pcm up to its last sample that is not 0: one channel may end a little before the other.
func spoken(t *testing.T, pcm []int16) []int16 {
	t.Helper()
	n := len(pcm)
	for n > 0 && pcm[n-1] == 0 {
		n--
	}
	if silent := media.Samples(len(pcm)-n, 8000); silent > 100*time.Millisecond {
		t.Errorf("the last %v of a channel are silent", silent)
	}
	return pcm[:n]
}

// checkWithSox has another program read the file.
func checkWithSox(t *testing.T, path string, s wav.Sound) {
	t.Helper()
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Fatal("sox is missing: run make setup")
	}
	out, err := exec.Command(sox, "--info", path).CombinedOutput()
	if err != nil {
		t.Fatalf("sox --info: %v\n%s", err, out)
	}
	if want := fmt.Sprintf("= %d samples", len(s.PCM)/2); !strings.Contains(string(out), want) || strings.Contains(string(out), "WARN") {
		t.Errorf("sox does not find %q:\n%s", want, out)
	}
	if out, err := exec.Command(sox, path, "-n", "stat").CombinedOutput(); err != nil || strings.Contains(string(out), "WARN") {
		t.Errorf("sox stat: %v\n%s", err, out)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	path := filepath.Join(dir, "call.wav")
	r, err := record.Create(path, 16000, log)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := wav.ReadFile(path); err != nil || s.Rate != 16000 || s.Channels != 2 || len(s.PCM) != 0 {
		t.Errorf("a new recording reads as %+v, %v", s, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want only the owner's", info.Mode(), err)
	}
	if _, err := record.Create(path, 16000, log); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second recording at the same path: %v, want ErrExist", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := record.Create(filepath.Join(dir, "none", "call.wav"), 8000, log); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a recording in no folder: %v, want ErrNotExist", err)
	}
	if _, err := record.Create(filepath.Join(dir, "x.wav"), 0, log); err == nil || !strings.Contains(err.Error(), "rate of 0") {
		t.Errorf("a recording of rate 0: %v", err)
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	header := func(rate, channels int, n int64) string {
		h := wav.Header(rate, channels, n)
		return string(h[:])
	}
	for _, tt := range []struct {
		name, file string
		repaired   bool
		want       string // the file after, or
		err        string
	}{
		{"sound", header(8000, 2, 4) + "abcd", false, header(8000, 2, 4) + "abcd", ""},
		{"nothing written to the header", header(8000, 2, 0) + "abcdefgh", true, header(8000, 2, 8) + "abcdefgh", ""},
		{"a second behind", header(8000, 2, 4) + "abcdefgh", true, header(8000, 2, 8) + "abcdefgh", ""},
		{"cut within a sample", header(8000, 2, 4) + "abcdefghi", true, header(8000, 2, 8) + "abcdefghi", ""},
		{"shorter than it says", header(8000, 2, 400) + "abcd", true, header(8000, 2, 4) + "abcd", ""},
		{"mono", header(8000, 1, 0) + "abcd", false, "", "not a recording"},
		{"no WAV", strings.Repeat("x", 100), false, "", "not a recording"},
		{"no header", "RIFF", false, "", "has 4 bytes and no whole header"},
		{"empty", "", false, "", "has 0 bytes and no whole header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "call.wav")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			repaired, err := record.Repair(path)
			if repaired != tt.repaired || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Repair: %v, %v; want %v, %q", repaired, err, tt.repaired, tt.err)
			}
			want := tt.want
			if tt.err != "" {
				want = tt.file
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("file after: %q, %v; want %q", got, err, want)
			}
		})
	}
	if _, err := record.Repair(filepath.Join(t.TempDir(), "none.wav")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want ErrNotExist", err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := record.Create(path, 8000, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		r.Caller(media.Frame{PCM: make([]int16, 160), Rate: 8000, At: time.Duration(i) * 20 * time.Millisecond})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := record.Describe(path)
	if err != nil || got.Rate != 8000 || got.Channels != 2 || got.Length < 20*time.Millisecond || got.Bytes != wav.HeaderSize+int64(got.Length*8000/time.Second)*4 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, text := range map[string]string{"short": "RIFF", "mono": "\x00" + strings.Repeat("x", 100), "empty": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := record.Describe(path); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
