package carrier

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Verb is what a Step has the caller do.
type Verb string

// The verbs of a script.
const (
	Say    Verb = "say"    // speak a recording
	Hear   Verb = "hear"   // wait until the agent has spoken and fallen silent
	Barge  Verb = "barge"  // speak a recording once the agent has been speaking for a while
	Press  Verb = "press"  // press keys: 0-9 * # A-D, and w to wait half a second
	Sound  Verb = "sound"  // the same, but no message tells of the keys: they are heard as tones alone
	Silent Verb = "silent" // say nothing for a while
	HangUp Verb = "hangup" // end the call
)

// A Step is one line of a script. Which of its fields count depends on the verb.
type Step struct {
	Place string // where it was read, for messages: "menu.call:3"
	Verb  Verb
	What  string        // Say, Barge: the recording; Press, Sound: the keys
	For   time.Duration // Silent: how long

	After  time.Duration // Barge: how long the agent has been speaking
	Within time.Duration // Hear, Barge: the agent must have begun by then
	Quiet  time.Duration // Hear: the silence that ends what the agent says
	Most   time.Duration // Hear: the agent must have ended by then
	Hush   time.Duration // Barge: the agent must fall silent within so long; 0: not demanded
	Gap    time.Duration // Press, Sound: between two keys
	Tone   time.Duration // Press, Sound: how long a key sounds, before its message; 0: it makes no sound
}

// String is the step as a script has it, without its options.
func (s Step) String() string {
	switch {
	case s.Verb == Silent:
		return fmt.Sprintf("%s %s", s.Verb, s.For)
	case s.What != "":
		return fmt.Sprintf("%s %s", s.Verb, s.What)
	}
	return string(s.Verb)
}

// ScriptHelp is the language of scripts in a few lines, for --help.
const ScriptHelp = `A script has one step a line; # begins a comment:
  hear [quiet=1s] [within=15s] [most=90s]    wait until the agent has spoken and fallen silent
  say RECORDING                                 speak a WAV file or an Asterisk prompt, such as agent-pass
  barge RECORDING [after=1s] [within=15s] [hush=TIME]   speak over the agent once it has spoken for so long
  press KEYS [gap=250ms] [tone=TIME]            0-9 * # A-D; w waits half a second; with tone they are heard too
  sound KEYS [gap=250ms] [tone=100ms]           keys that are only heard: no message tells of them
  silent TIME                                   say nothing
  hangup                                        (also what the end of the script does)`

// ParseScript reads a script. name stands in error messages; all mistakes are told at once, each with its line and field.
func ParseScript(name, text string) ([]Step, error) {
	var steps []Step
	var mistakes []error
	for i, line := range strings.Split(text, "\n") {
		words, err := fields(line)
		place := fmt.Sprintf("%s:%d", name, i+1)
		if err == nil && len(words) > 0 {
			step, e := parseStep(words)
			step.Place = place
			steps, err = append(steps, step), e
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", place, err))
		}
	}
	if len(steps) == 0 && len(mistakes) == 0 {
		return nil, fmt.Errorf("%s: no step in it", name)
	}
	return steps, errors.Join(mistakes...)
}

// fields splits a line at spaces, but not within double quotes, and leaves out a comment.
func fields(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t\r")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		word, rest := line, ""
		if line[0] == '"' {
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				return words, fmt.Errorf("a quote is not closed: %s", line)
			}
			word, rest = line[1:1+end], line[2+end:]
		} else if end := strings.IndexAny(line, " \t\r"); end >= 0 {
			word, rest = line[:end], line[end:]
		}
		words, line = append(words, word), rest
	}
}

// parseStep reads the words of one line.
func parseStep(words []string) (Step, error) {
	s := Step{Verb: Verb(words[0])}
	argument, options := s.grammar()
	if options == nil {
		return s, fmt.Errorf("%s: no such step: want say, hear, barge, press, sound, silent or hangup", words[0])
	}
	words = words[1:]
	if argument != "" {
		if len(words) == 0 || isOption(words[0], options) {
			return s, fmt.Errorf("%s: %s is missing", s.Verb, argument)
		}
		if err := s.setArgument(words[0]); err != nil {
			return s, fmt.Errorf("%s: %s: %w", s.Verb, argument, err)
		}
		words = words[1:]
	}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		field := options[key]
		if field == nil {
			return s, fmt.Errorf("%s: %s: no such option", s.Verb, key)
		}
		d, err := parseTime(value)
		if err != nil {
			return s, fmt.Errorf("%s: %s: %w", s.Verb, key, err)
		}
		*field = d
	}
	return s, nil
}

// grammar names the argument of the step's verb ("" for none) and its options, and sets their defaults. The options of an
// unknown verb are nil.
func (s *Step) grammar() (argument string, options map[string]*time.Duration) {
	switch s.Verb {
	case Say:
		return "recording", map[string]*time.Duration{}
	case Hear:
		s.Quiet, s.Within, s.Most = time.Second, 15*time.Second, 90*time.Second
		return "", map[string]*time.Duration{"quiet": &s.Quiet, "within": &s.Within, "most": &s.Most}
	case Barge:
		s.After, s.Within = time.Second, 15*time.Second
		return "recording", map[string]*time.Duration{"after": &s.After, "within": &s.Within, "hush": &s.Hush}
	case Press:
		s.Gap = 250 * time.Millisecond
		return "keys", map[string]*time.Duration{"gap": &s.Gap, "tone": &s.Tone}
	case Sound:
		s.Gap, s.Tone = 250*time.Millisecond, 100*time.Millisecond
		return "keys", map[string]*time.Duration{"gap": &s.Gap, "tone": &s.Tone}
	case Silent:
		return "time", map[string]*time.Duration{}
	case HangUp:
		return "", map[string]*time.Duration{}
	}
	return "", nil
}

func isOption(word string, options map[string]*time.Duration) bool {
	key, _, ok := strings.Cut(word, "=")
	return ok && options[key] != nil
}

func (s *Step) setArgument(word string) (err error) {
	switch s.Verb {
	case Silent:
		s.For, err = parseTime(word)
		return err
	case Press, Sound:
		if i := strings.IndexFunc(word, func(r rune) bool { return !strings.ContainsRune("0123456789*#ABCDw", r) }); i >= 0 {
			return fmt.Errorf("%q is not a key: want 0-9 * # A-D or w", word[i:i+1])
		}
	}
	s.What = word
	return nil
}

// parseTime reads a positive time such as 700ms or 2s.
func parseTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a time: write 700ms or 2s", text)
	}
	return d, nil
}
