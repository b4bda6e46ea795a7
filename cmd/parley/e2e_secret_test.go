//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/control/tracing"
	"parley/control/tracing/tracingtest"
	"parley/media/dtmf"
	"parley/media/wav"
)

// A card and a PIN that nobody has; the card's check digit is right.
const (
	cardNumber = "4539148803436467"
	cardPIN    = "7382"
)

// paymentFlow asks for both; %s is whether they are secrets.
const paymentFlow = `flow: payment
start: menu
nodes:
  menu:
    menu:
      prompt: Welcome to the box office. To pay by card, press one. Otherwise, tell me what you need.
      no_match: I cannot help you with that. To pay by card, press one.
      choices:
        - {digit: 1, phrases: [pay by card], goto: card}
  card:
    gather: {slot: card, type: digits, length: 16, luhn: true, masked: %[1]s, prompt: Please enter or say the sixteen digits of your card., no_match: "That was no card number. Once more, please.", goto: pin}
  pin:
    gather: {slot: pin, type: digits, length: 4, masked: %[1]s, prompt: And now your PIN of four digits., goto: paid}
  paid:
    menu:
      prompt: Thank you, the payment has been made. What else can I do for you?
      no_match: That is all that I can do. Have a nice day.
      choices:
        - {digit: 9, phrases: [operator], goto: bye}
  bye:
    hang_up: Goodbye.
`

// digitWords are how digits are spoken, and written by a recogniser.
var digitWords = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// payment serves the flow, masked or not, at log level debug and with all that traces may tell.
func payment(t *testing.T, masked bool) *node {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payment.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, paymentFlow, fmt.Sprint(masked)), 0o600); err != nil {
		t.Fatal(err)
	}
	collector := tracingtest.Listen(t)
	n := serve(t, "PARLEY_FLOW="+path, "PARLEY_LLM=flow", "PARLEY_LOG_LEVEL=debug",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "PARLEY_TRACE_CONTENT=true")
	n.collector = collector
	return n
}

// call runs `parley call` against the node.
func (n *node) call(steps ...string) {
	n.t.Helper()
	args := []string{"call", "--connect", strings.TrimPrefix(n.url, "http://"), "--no-transcribe", "--wav", n.t.TempDir() + "/call.wav"}
	for _, s := range steps {
		args = append(args, "--do", s)
	}
	out, code := command(n.t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, args...)
	n.t.Logf("parley call printed:\n%s", out)
	if code != 0 {
		n.t.Errorf("parley call: exit code %d", code)
	}
}

// needles are the ways in which pieces of the number would stand somewhere: digits in a run, and as words.
func needles() (raw, squeezed []string) {
	for i := 0; i+6 <= len(cardNumber); i++ {
		raw = append(raw, cardNumber[i:i+6])
	}
	for i := 0; i+8 <= len(cardNumber); i++ {
		squeezed = append(squeezed, cardNumber[i:i+8])
	}
	for _, number := range []string{cardNumber, cardPIN} {
		for i := 0; i+3 <= len(number); i++ {
			var words string
			for _, d := range number[i : i+3] {
				words += digitWords[d-'0']
			}
			squeezed = append(squeezed, words)
		}
	}
	return append(raw, "pressed "+cardPIN, `"`+cardPIN+`"`), squeezed
}

// traces are the needles that are found in something.
func traces(where string, content []byte) (found []string) {
	raw, squeezed := needles()
	plain := bytes.ToLower(content)
	dense := bytes.Map(func(r rune) rune {
		if strings.ContainsRune(" ,.-", r) {
			return -1
		}
		return r
	}, plain)
	for _, w := range raw {
		if bytes.Contains(plain, []byte(w)) {
			found = append(found, where+": "+w)
		}
	}
	for _, w := range squeezed {
		if bytes.Contains(dense, []byte(w)) {
			found = append(found, where+": "+w)
		}
	}
	return found
}

// traces looks through all that the node has of a call: its data directory with database, write-ahead log, spool and recordings; its
// logs and what it printed; all that the API tells of it; its metrics; its trace.
func (n *node) traces(c callRow) (found []string) {
	n.t.Helper()
	files := 0
	err := filepath.WalkDir(n.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files++
		found = append(found, traces(strings.TrimPrefix(path, n.data), content)...)
		return err
	})
	if err != nil || files < 5 {
		n.t.Errorf("%d files in the data directory: %v", files, err)
	}
	found = append(found, traces("log", []byte(n.log.String()))...)
	found = append(found, traces("stdout", []byte(n.out.String()))...)
	for _, path := range []string{"/api/v1/calls", "/api/v1/calls/" + c.ID, "/api/v1/calls/" + c.ID + "/transcript", "/api/v1/calls/" + c.ID + "/recording"} {
		found = append(found, traces(path, n.api(http.MethodGet, path, nil).Data)...)
	}
	trace := tracing.TraceID(c.ID).String()
	until(n.t, time.Minute, "the call's trace is there", func() bool { return strings.HasPrefix(n.collector.Tree(trace), "conversation") })
	for _, s := range n.collector.Spans(trace) {
		found = append(found, traces("trace", fmt.Append(nil, s.Name, s.Attributes, s.Events))...)
	}
	_, metrics := n.get("/metrics")
	return append(found, traces("metrics", []byte(metrics))...)
}

// callerChannel is what was recorded of the caller.
func (n *node) callerChannel(c callRow) []int16 {
	n.t.Helper()
	sound, err := wav.ReadFile(n.recordingOf(c))
	if err != nil {
		n.t.Fatal(err)
	}
	return sound.Channel(0)
}

// keysIn are the keys whose tones are heard in a sound of 8 kHz.
func keysIn(pcm []int16) (keys string) {
	ear := dtmf.NewDetector(8000)
	for piece := range slices.Chunk(pcm, 160) {
		if k, ok := ear.Hear(piece); ok {
			keys += string(k.Key)
		}
	}
	return keys
}

// TestEndToEndSecretKeys: a card number and a PIN that are typed, with their tones in the caller's sound, are found nowhere. The first
// number is typed ahead of the question. Where they are no secrets, the same search finds them everywhere.
func TestEndToEndSecretKeys(t *testing.T) {
	t.Parallel()
	for _, masked := range []bool{true, false} {
		t.Run(fmt.Sprintf("masked %v", masked), func(t *testing.T) {
			t.Parallel()
			n := payment(t, masked)
			watched := make(chan *spectator, 1)
			go func() { watched <- n.watch(n.going().ID) }()
			n.call("hear within=60s", "say agent-pass", "hear", "press 1 tone=100ms gap=120ms", "press "+cardNumber+" tone=100ms gap=120ms", "hear",
				"press "+cardPIN+" tone=100ms gap=120ms", "hear", "say agent-pass", "hear", "hangup")
			c := n.record(n.calls()[0].CarrierID)
			if !strings.Contains(c.text("agent"), "the payment has been made") {
				t.Errorf("the flow did not get the numbers: %q", c.text("agent"))
			}
			live := <-watched
			if err := <-live.done; err != nil || !strings.Contains(live.out.String(), "the payment has been made") {
				t.Errorf("the call was not watched: %v\n%s", err, live.out)
			}
			found, keys := n.traces(c), keysIn(n.callerChannel(c))
			found = append(found, traces("the live transcript", []byte(live.out.String()))...)
			if !masked {
				for _, where := range []string{"parley.db", "/api/v1/calls/", "the live transcript", "trace"} {
					if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, where) }) {
						t.Errorf("the search does not find a number that is no secret in %s: %q", where, found)
					}
				}
				if keys != "1"+cardNumber+cardPIN {
					t.Errorf("the tones that were recorded: %q", keys)
				}
				return
			}
			if len(found) > 0 {
				t.Errorf("found:\n%s", strings.Join(found, "\n"))
			}
			if keys != "" && keys != "1" { // which was the choice to pay, and may be too near to be kept
				t.Errorf("the tones that were recorded: %q", keys)
			}
			n.checkSilenced(c)
		})
	}
}

// checkSilenced holds a record against the recording: silent for as long as it says, and only then.
func (n *node) checkSilenced(c callRow) {
	n.t.Helper()
	masked := time.Duration(0)
	for _, turn := range c.Turns {
		masked += time.Duration(turn.Counts["masked_ms"]) * time.Millisecond
	}
	if masked < 5*time.Second || masked.Seconds() > c.Seconds-5 {
		n.t.Errorf("the record tells of %v of silence, in a call of %.1f s", masked, c.Seconds)
	}
	loud := time.Duration(0)
	for piece := range slices.Chunk(n.callerChannel(c), 160) {
		if slices.Max(piece) > 500 {
			loud += 20 * time.Millisecond
		}
	}
	if loud < 4*time.Second || loud > 6300*time.Millisecond { // twice 3.1 s of speech, and none of 2 s of tones
		n.t.Errorf("%v of sound were recorded of the caller", loud)
	}
	if said := c.text("user"); !strings.Contains(strings.ToLower(said), "password") {
		n.t.Errorf("what the caller said that is no secret: %q", said)
	}
	var presses []string
	for _, m := range c.Transcript {
		if strings.Contains(m.Text, "pressed") && m.Role == "system" {
			presses = append(presses, m.Text)
		}
	}
	if want := []string{"The caller pressed 1.", "The caller pressed ***.", "The caller pressed ***."}; !slices.Equal(presses, want) {
		n.t.Errorf("the transcript: %q", presses)
	}
}

// TestEndToEndSecretSpeech: a card number that is spoken is found nowhere, nor can it be heard: the recogniser finds in the recording
// what was said before, and no digit.
func TestEndToEndSecretSpeech(t *testing.T) {
	t.Parallel()
	hear := recogniser(t)
	for _, masked := range []bool{true, false} {
		t.Run(fmt.Sprintf("masked %v", masked), func(t *testing.T) {
			n := payment(t, masked)
			steps := []string{"hear within=60s", "say agent-pass", "hear", "press 1 tone=100ms", "hear"}
			for _, d := range cardNumber {
				steps = append(steps, "say digits/"+string(d))
			}
			n.call(append(steps, "hear", "silent 1s", "hangup")...)
			c := n.record(n.calls()[0].CarrierID)
			pcm := n.callerChannel(c)
			words := strings.ToLower(hear(pcm))
			t.Logf("the recording of the caller: %q; the transcript: %q", words, c.text("user"))
			if !strings.Contains(words, "password") {
				t.Error("what was said before the secret is not in the recording")
			}
			digit := slices.ContainsFunc(digitWords[:], func(w string) bool { return strings.Contains(words, w) }) || strings.ContainsAny(words, "0123456789")
			found := n.traces(c)
			if !masked {
				if !digit || len(found) == 0 {
					t.Errorf("digits that are no secret: heard in the recording: %v; found: %q", digit, found)
				}
				return
			}
			if digit || len(found) > 0 {
				t.Errorf("digits are heard in the recording: %v; found:\n%s", digit, strings.Join(found, "\n"))
			}
			if said := c.text("user"); !strings.Contains(said, "***") || strings.ContainsAny(said, "0123456789") {
				t.Errorf("the transcript: %q", said)
			}
		})
	}
}
