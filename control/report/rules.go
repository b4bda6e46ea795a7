package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// byRules finds words without a model. It claims nothing that it cannot know.
func byRules(c Call) Words {
	w := Words{Summary: summary(c), Outcome: outcome(c), Sentiment: sentiment(c.Messages), Extracted: map[string]any{}}
	known := map[string]any{}
	for name, value := range c.Collected {
		known[name] = value
	}
	maps.Copy(known, c.Extra)
	if len(c.Fields) == 0 {
		w.Extracted = known
		return w
	}
	for _, f := range c.Fields {
		w.Extracted[f.Name] = f.of(known)
	}
	return w
}

// of finds a field among what is known: by its name, or by the last part of one (booking.day is day).
func (f Field) of(known map[string]any) any {
	if v, ok := known[f.Name]; ok {
		return f.fit(v)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if i := strings.LastIndexByte(name, '.'); i >= 0 && name[i+1:] == f.Name {
			return f.fit(known[name])
		}
	}
	return nil
}

// fit makes a value of the field's type, or nil.
func (f Field) fit(v any) any {
	text, isText := v.(string)
	text = strings.TrimSpace(text)
	switch f.Type {
	case "number", "integer":
		n, isNumber := v.(float64)
		if isText {
			var err error
			n, err = strconv.ParseFloat(text, 64)
			isNumber = err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
		}
		if !isNumber || f.Type == "integer" && n != math.Trunc(n) {
			return nil
		}
		return n
	case "boolean":
		if b, ok := v.(bool); ok {
			return b
		}
		switch strings.ToLower(text) {
		case "true", "yes", "1":
			return true
		case "false", "no", "0":
			return false
		}
		return nil
	case "date":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil
		}
	}
	switch {
	case isText && text != "":
		return text
	case isText || v == nil:
		return nil
	}
	return fmt.Sprint(v)
}

// outcome is what the end of a call tells of its success.
func outcome(c Call) Outcome {
	switch {
	case c.Vendor != nil && c.Vendor.Outcome != "":
		return c.Vendor.Outcome
	case media.Cause(c.Cause) == media.CauseMachine:
		return Voicemail
	case !answeredBack(c):
		return Nobody
	case c.Status == store.Failed:
		return NotAchieved
	}
	return Unknown
}

// answeredBack says whether the other side said or keyed anything.
func answeredBack(c Call) bool {
	return spoke(c.Messages) || slices.ContainsFunc(c.Turned, func(t store.Turn) bool { return t.Why == "keys" || t.Why == "words" })
}

// spoke says whether the caller, or who was called, said anything.
func spoke(messages []store.Message) bool {
	return slices.ContainsFunc(messages, func(m store.Message) bool { return pipeline.Role(m.Role) == pipeline.Caller })
}

// causes are the ends of calls as a sentence has them.
var causes = map[media.Cause]string{
	media.CauseCaller: "The caller hung up.", media.CauseAgent: "The agent ended it.", media.CauseTransfer: "The caller was connected to somebody else.",
	media.CauseSilence: "It ended because nobody spoke.", media.CauseMaxLength: "It reached the longest time that a call may take.",
	media.CauseMedia: "The caller's sound stopped.", media.CauseMachine: "A machine answered.", media.CauseFax: "A fax answered.", media.CauseNobody: "Nobody was there.",
}

// summary tells what a call looked like from outside, and its first words.
func summary(c Call) string {
	if c.Vendor != nil && c.Vendor.Summary != "" {
		return c.Vendor.Summary
	}
	var b strings.Builder
	who := "the agent"
	if c.Agent.Name != "" {
		who = c.Agent.Name
	}
	switch {
	case c.Answered.IsZero():
		fmt.Fprintf(&b, "An %s call that was not answered.", c.Direction)
	case c.Direction == store.Outbound:
		fmt.Fprintf(&b, "%s called%s; the call lasted %s.", who, or(" ", c.To), length(c.Length))
	default:
		fmt.Fprintf(&b, "A caller%s reached %s; the call lasted %s.", or(" from ", c.From), who, length(c.Length))
	}
	for _, m := range c.Messages {
		if pipeline.Role(m.Role) == pipeline.Caller && m.Text != "" {
			fmt.Fprintf(&b, " The caller said first: \"%s\".", clip(m.Text, 200))
			break
		}
	}
	if names := slices.Sorted(maps.Keys(c.Collected)); len(names) > 0 {
		fmt.Fprintf(&b, " Collected: %s.", strings.Join(names, ", "))
	}
	end, ok := causes[media.Cause(c.Cause)]
	if !ok && c.Cause != "" {
		end = "It ended with a fault: " + c.Cause + "."
	}
	if end != "" {
		b.WriteString(" " + end)
	}
	return strings.ToUpper(b.String()[:1]) + b.String()[1:]
}

func or(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// length is a duration for people: 63 s is "1 min 3 s".
func length(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d min %d s", s/60, s%60)
}

// clip keeps at most n runes.
func clip(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return strings.TrimSpace(text[:i]) + "…"
		}
	}
	return text
}

// feelings are words by which people show them: 1 pleased, -1 displeased.
var feelings = func() map[string]int {
	m := map[string]int{}
	for _, w := range strings.Fields("thanks thank great perfect wonderful excellent lovely awesome good fantastic appreciate helpful brilliant glad happy") {
		m[w] = 1
	}
	for _, w := range strings.Fields("terrible awful horrible useless angry annoyed annoying ridiculous unacceptable disappointed complaint " +
		"frustrated frustrating worst hate stupid wrong rude bad sue") {
		m[w] = -1
	}
	return m
}()

// sentiment counts the caller's words of feeling; a "not" before one turns it over.
func sentiment(messages []store.Message) Sentiment {
	var up, down int
	for _, m := range messages {
		if pipeline.Role(m.Role) != pipeline.Caller {
			continue
		}
		words := strings.FieldsFunc(strings.ToLower(m.Text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
		for i, w := range words {
			f := feelings[w]
			if i > 0 && (words[i-1] == "not" || words[i-1] == "no" || strings.HasSuffix(words[i-1], "n't")) {
				f = -f
			}
			up, down = up+max(f, 0), down+max(-f, 0)
		}
	}
	switch {
	case !spoke(messages):
		return Undecided
	case up > 0 && down > 0:
		return Mixed
	case up > 0:
		return Positive
	case down > 0:
		return Negative
	}
	return Neutral
}
