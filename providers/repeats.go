package providers

import (
	"strconv"
	"strings"

	"parley/pipeline"
)

// repeats takes out of what a model goes on with what had been said already: all from the beginning, or the last words again. What it goes
// on with is held back until that is clear, some words at most.
type repeats struct {
	said string
	held string
	done bool
	glue bool // a space may be due before what follows
}

// mostHeld is how many words are held back while they may still be those that were said last.
const mostHeld = 8

// fresh is what of the next text is new.
func (r *repeats) fresh(text string) string {
	if r.done {
		return r.joined(text)
	}
	r.held += text
	return r.decide(false)
}

// rest is what was still held back.
func (r *repeats) rest() string {
	if r.done {
		return ""
	}
	return r.decide(true)
}

// decide gives what is new of what is held, once that is clear, or all has come.
func (r *repeats) decide(all bool) string {
	said, _ := wordsOf(r.said)
	words, ends := wordsOf(r.held)
	if !all && len(words) > 0 && ends[len(ends)-1] == len(r.held) { // the last one may go on
		words, ends = words[:len(words)-1], ends[:len(ends)-1]
	}
	same := 0
	for same < len(words) && same < len(said) && words[same] == said[same] {
		same++
	}
	if !all && (len(words) == 0 || same == len(words) && same < len(said) || len(words) < mostHeld && mayEnd(said, words)) {
		return ""
	}
	drop := 0
	if same >= 2 || same == len(said) {
		drop = same
	}
	for n := min(len(words), len(said)); n > drop; n-- {
		if endsWith(said, words[:n]) {
			drop = n
		}
	}
	r.done, r.glue = true, len(said) > 0 && !strings.HasSuffix(r.said, " ")
	from := 0
	if drop > 0 {
		from = ends[drop-1]
	}
	text := strings.TrimLeft(r.held[from:], " ")
	return r.joined(text)
}

// joined is what follows, with a space before it where it does not come with one.
func (r *repeats) joined(text string) string {
	if !r.glue || text == "" {
		return text
	}
	if text = strings.TrimLeft(text, " "); text == "" {
		return ""
	}
	r.glue = false
	return " " + text
}

// mayEnd says whether words may be the beginning of the last words that were said.
func mayEnd(said, words []string) bool {
	for from := max(0, len(said)-mostHeld); from+len(words) < len(said); from++ {
		if endsWith(said[:from+len(words)], words) {
			return true
		}
	}
	return false
}

func endsWith(all, words []string) bool {
	if len(all) < len(words) {
		return false
	}
	for i, w := range words {
		if all[len(all)-len(words)+i] != w {
			return false
		}
	}
	return true
}

// wordsOf are the words of a text, without case and punctuation, and where each ends.
func wordsOf(text string) (words []string, ends []int) {
	for at := 0; ; {
		begin, end := nextWord(text, at)
		if begin == end {
			return words, ends
		}
		if w := lettersOf(text[begin:end]); w != "" {
			words, ends = append(words, w), append(ends, end)
		}
		at = end
	}
}

// sealed is a tool call whose seal says which model wants to see it again.
func sealed(c *pipeline.ToolCall, n int) *pipeline.ToolCall {
	if c.Seal == "" {
		return c
	}
	marked := *c
	marked.Seal = strconv.Itoa(n) + sealMark + c.Seal
	return &marked
}

const sealMark = "\x00"

// unsealed is a history with the seals of one model, and no other's.
func unsealed(history []pipeline.Message, n int) []pipeline.Message {
	var all []pipeline.Message
	for i, m := range history {
		for k, c := range m.Calls {
			of, seal, ok := strings.Cut(c.Seal, sealMark)
			if !ok {
				continue
			}
			if of != strconv.Itoa(n) {
				seal = ""
			}
			if all == nil {
				all = append(all, history...)
			}
			if &all[i].Calls[0] == &m.Calls[0] {
				all[i].Calls = append([]pipeline.ToolCall(nil), m.Calls...)
			}
			all[i].Calls[k].Seal = seal
		}
	}
	if all == nil {
		return history
	}
	return all
}
