package local

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Report says what an Engine works with.
type Report struct {
	Ear        Part
	Recogniser Part
	Endpoint   Part // the judge of the ends of turns
	Voice      Part
}

// A Part is one of the four and the level it reached.
type Part struct {
	Level string // such as "Silero VAD v6" or "WebRTC VAD"; "loading" until Ready
	Why   string // why it is not better; empty when it is the best
	Fix   string // the command that makes it better; empty when it is the best
}

// The levels, best first, for each part.
const (
	EarSilero = "Silero VAD v6"
	EarWebRTC = "WebRTC VAD"
	EarEnergy = "energy VAD"

	RecogniserTiny = "Moonshine tiny"
	RecogniserBase = "Moonshine base"
	RecogniserNone = "none, keypad only"

	EndpointSound = "words and Smart Turn v3.2"
	EndpointWords = "words alone"

	VoicePiper = "Piper jenny"
	VoiceFlite = "flite slt"
	VoiceNone  = "none, silent"
)

const (
	fixModels = "make setup"
	fixEspeak = "apt-get install espeak-ng"
	fixCgo    = "CGO_ENABLED=1 make build"
)

var loading = Report{Ear: Part{Level: "loading"}, Recogniser: Part{Level: "loading"}, Endpoint: Part{Level: "loading"}, Voice: Part{Level: "loading"}}

// Degraded says whether any part is less than it could be.
func (r Report) Degraded() bool {
	return r.Ear.Why != "" || r.Recogniser.Why != "" || r.Endpoint.Why != "" || r.Voice.Why != ""
}

// Lines is the report for people, one line a part.
func (r Report) Lines() []string {
	return []string{"ear: " + r.Ear.String(), "recogniser: " + r.Recogniser.String(), "end of turn: " + r.Endpoint.String(), "voice: " + r.Voice.String()}
}

// String is one line: the level and, if there is a better one, why it was not reached and how it can be.
func (p Part) String() string {
	if p.Why == "" {
		return p.Level
	}
	return fmt.Sprintf("%s (%s; to mend: %s)", p.Level, p.Why, p.Fix)
}

// files are the models' names in the speech directory; deploy/setup.sh puts them there.
type files struct{ runtime, encoder, decoder, turns, voice, voiceConfig string }

func filesIn(dir, stt string) files {
	return files{
		runtime:     filepath.Join(dir, "libonnxruntime.so"),
		encoder:     filepath.Join(dir, "moonshine-"+stt+"-encoder.onnx"),
		decoder:     filepath.Join(dir, "moonshine-"+stt+"-decoder.onnx"),
		turns:       filepath.Join(dir, "smart-turn.onnx"),
		voice:       filepath.Join(dir, "piper-jenny.onnx"),
		voiceConfig: filepath.Join(dir, "piper-jenny.json"),
	}
}

// absent says which of paths is not there, in words; empty if all are.
func absent(paths ...string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return p + " is missing"
		}
	}
	return ""
}

// reason is err in one line.
func reason(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func espeakMissing() string {
	if _, err := exec.LookPath(espeak); err != nil {
		return "the program espeak-ng is missing"
	}
	return ""
}
