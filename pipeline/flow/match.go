package flow

import (
	"slices"
	"strings"
)

// A choice leads somewhere when its digit is pressed or one of its phrases is said.
type choice struct {
	line    int
	digit   rune // 0: none
	phrases []phrase
	value   string // of an option: what the slot becomes
	next    link
	repeat  bool // of a command: say the last thing again
}

// name is how a choice is offered when the caller has to decide between several.
func (c *choice) name() string {
	if len(c.phrases) > 0 {
		return c.phrases[0].text
	}
	return digitNames[c.digit]
}

// words are what a recogniser may expect.
func (c *choice) words() []string {
	var ws []string
	for _, p := range c.phrases {
		ws = append(ws, p.text)
	}
	if n := digitNames[c.digit]; n != "" {
		ws = append(ws, n)
	}
	return ws
}

var digitNames = map[rune]string{'0': "zero", '1': "one", '2': "two", '3': "three", '4': "four", '5': "five", '6': "six", '7': "seven",
	'8': "eight", '9': "nine", '*': "star", '#': "pound"}

// A phrase is a way to say a choice, normalised as heard is.
type phrase struct {
	text   string // as the file has it
	words  []string
	joined []rune // without spaces: "x ray" and "xray" are one
	sound  string
	spelt  string
}

func newPhrase(s string) phrase {
	h := hear(s)
	joined := strings.Join(h.words, "")
	return phrase{text: strings.TrimSpace(s), words: h.words, joined: []rune(joined), sound: sound(joined), spelt: spelling(joined)}
}

// grade says how well an utterance fits; a higher one beats a lower one whatever their lengths.
type grade int

const (
	unlike grade = iota
	alike        // spelled or sounding nearly so
	exact        // the very words, among others
	whole        // the very words, and no others but polite ones
)

// A fit is where and how well a phrase was found.
type fit struct {
	grade    grade
	weight   int // letters that agree: the longer match wins
	from, to int // words
}

func (f fit) beats(g fit) bool {
	if f.grade != g.grade {
		return f.grade > g.grade
	}
	return f.weight > g.weight
}

func (f fit) overlaps(g fit) bool { return f.from < g.to && g.from < f.to }

// find looks for the phrase in h, in as many words as it has, one fewer or one more.
func (p phrase) find(h heard) fit {
	var best fit
	if len(p.words) == 0 {
		return best
	}
	for n := max(1, len(p.words)-1); n <= len(p.words)+1; n++ {
		for from := 0; from+n <= len(h.words); from++ {
			f := p.compare([]rune(strings.Join(h.words[from:from+n], "")), n == len(h.core))
			if f.from, f.to = from, from+n; f.beats(best) {
				best = f
			}
		}
	}
	if best.grade == exact && best.to-best.from >= len(h.core) {
		best.grade = whole
	}
	return best
}

// compare grades one stretch of what was said. Within a sentence, short words must agree exactly; alone, "held" is "help".
func (p phrase) compare(said []rune, alone bool) fit {
	if slices.Equal(said, p.joined) {
		return fit{grade: exact, weight: len(p.joined)}
	}
	longest := max(len(said), len(p.joined))
	limit, skeleton := min(longest/4, 3), 3
	if !alone {
		skeleton = 4
	}
	if len(p.joined) < 5 && !alone || len(p.joined) < 4 {
		limit = 0
	}
	if numeric(said) || numeric(p.joined) {
		return fit{}
	}
	if d := distance(p.joined, said, limit); d <= limit {
		return fit{grade: alike, weight: len(p.joined) - d}
	}
	if 3*min(len(said), len(p.joined)) < 2*longest {
		return fit{}
	}
	if len(p.spelt) > skeleton && spelling(string(said)) == p.spelt || len(p.sound) >= skeleton && sound(string(said)) == p.sound {
		return fit{grade: alike, weight: len(p.joined) * 3 / 4}
	}
	return fit{}
}

// numeric says whether a word is a number: near is not good enough for those.
func numeric(w []rune) bool {
	return len(w) > 0 && !slices.ContainsFunc(w, func(r rune) bool { return r < '0' || r > '9' })
}

// before a digit, these say that it is meant as a key.
var keyWords = set("press pressed push hit dial key option number choice choose select button item digit pick")

var ordinals = map[string]string{"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7",
	"eighth": "8", "ninth": "9"}

// digitIn finds a key that was spoken: alone ("Won.", "number two please"), or behind a word that says so in a longer sentence.
func (h heard) digitIn(digit rune) fit {
	key := func(w string) bool {
		return w == string(digit) || soundsLike[w] == string(digit) && w != "oh" && w != "o" ||
			digit == '*' && (w == "star" || w == "asterisk") || digit == '#' && (w == "pound" || w == "hash")
	}
	if len(h.core) == 1 && key(h.core[0]) || len(h.core) <= 2 && len(h.core) > 0 && ordinals[h.core[0]] == string(digit) &&
		(len(h.core) == 1 || h.core[1] == "1" || h.core[1] == "option") {
		return fit{grade: whole, weight: 1, from: 0, to: len(h.words)}
	}
	for i := 0; i+1 < len(h.words); i++ {
		last := i+2 == len(h.words) || !numeric([]rune(h.words[i+2]))
		if keyWords[h.words[i]] && key(h.words[i+1]) && last {
			return fit{grade: exact, weight: len(h.words[i]) + 1, from: i, to: i + 2}
		}
	}
	return fit{}
}

// A found choice and how well it fits.
type found struct {
	*choice
	fit
}

// choose finds the choices that h may mean: none; the one it means; or, in the menu's order, several that fit equally well in
// different words of it. All that it returns are of one grade.
func choose(h heard, choices []*choice) []found {
	var all []found
	for _, c := range choices {
		best := found{choice: c}
		if c.digit != 0 {
			best.fit = h.digitIn(c.digit)
		}
		for _, p := range c.phrases {
			if f := p.find(h); f.beats(best.fit) {
				best.fit = f
			}
		}
		if best.grade > unlike {
			all = append(all, best)
		}
	}
	if len(all) < 2 {
		return all
	}
	top := all[0]
	for _, f := range all[1:] {
		if f.beats(top.fit) {
			top = f
		}
	}
	return slices.DeleteFunc(all, func(f found) bool {
		if f.choice == top.choice {
			return false
		}
		return f.grade < top.grade || f.overlaps(top.fit) && f.weight < top.weight || f.next.to == top.next.to && f.value == top.value
	})
}

// understand looks among a question's own choices first, then among the flow's commands. A command in plain words beats a
// choice that is only similar. Where anything may be said, only the whole utterance counts.
func (q *question) understand(h heard, commands []*choice) []found {
	own := choose(h, q.choices)
	if q.deaf {
		commands = nil
	}
	global := choose(h, commands)
	if !q.listens() {
		own, global = wholeOnly(own), wholeOnly(global)
	}
	if len(own) > 0 && (len(global) == 0 || own[0].grade >= global[0].grade || global[0].grade < exact) {
		return own
	}
	if len(global) > 1 {
		global = global[:1]
	}
	return global
}

func wholeOnly(fs []found) []found {
	return slices.DeleteFunc(fs, func(f found) bool { return f.grade != whole })
}
