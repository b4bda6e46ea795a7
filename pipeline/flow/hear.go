package flow

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxWords bounds what is matched of one utterance: who says more tells a story and does not choose from a menu.
const maxWords = 120

// heard is an utterance made ready for matching.
type heard struct {
	text  string   // as recognised, trimmed
	words []string // lower case, no punctuation, number words as numerals: "Twenty-one, please." is 21 please
	core  []string // words without the politeness at either end
	now   time.Time
}

func hear(s string) heard {
	h := heard{text: strings.TrimSpace(s)}
	h.words = numerals(split(h.text))
	if len(h.words) > maxWords {
		h.words = h.words[:maxWords]
	}
	h.core = trim(h.words)
	return h
}

// split cuts text into words of letters and digits. An apostrophe joins ("I'd" is id), a comma between thousands too ("1,200" is
// 1200); everything else separates.
func split(s string) []string {
	var words []string
	var w strings.Builder
	flush := func() {
		if w.Len() > 0 {
			words = append(words, w.String())
			w.Reset()
		}
	}
	rs := []rune(s)
	for i, r := range rs {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			w.WriteRune(unicode.ToLower(r))
		case r == '\'' || r == '’':
		case r == ',' && thousands(rs, i):
		case r == '#' || r == '*' || r == '&':
			flush()
			words = append(words, map[rune]string{'#': "pound", '*': "star", '&': "and"}[r])
		default:
			flush()
		}
	}
	flush()
	return words
}

// thousands says whether the comma at i stands between digits and exactly three more.
func thousands(rs []rune, i int) bool {
	digit := func(j int) bool { return j >= 0 && j < len(rs) && rs[j] >= '0' && rs[j] <= '9' }
	return digit(i-1) && digit(i+1) && digit(i+2) && digit(i+3) && !digit(i+4)
}

var ones = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
	"seventeen": "17", "eighteen": "18", "nineteen": "19",
}

var tens = map[string]string{
	"twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9",
}

// numerals writes number words below a hundred as digits.
func numerals(words []string) []string {
	out := words[:0:0]
	for i := 0; i < len(words); i++ {
		w := words[i]
		if d, ok := ones[w]; ok {
			w = d
		} else if t, ok := tens[w]; ok {
			unit := "0"
			if i+1 < len(words) {
				if d := ones[words[i+1]]; len(d) == 1 && d != "0" {
					unit = d
					i++
				}
			}
			w = t + unit
		}
		out = append(out, w)
	}
	return out
}

// polite words may surround an answer and say nothing of it.
var polite = set(`um uh er erm hmm mm ah oh well so okay ok alright please thanks thank you hi hello hey yes yeah sure
	i id ill im like want wanted need would could can may have get give tell me us my about the a an that this is its it
	and then now just maybe let lets try go with take do choose say`)

// trim takes polite words off both ends; if nothing else was said, it takes none.
func trim(words []string) []string {
	from, to := 0, len(words)
	for from < to && polite[words[from]] {
		from++
	}
	for to > from && polite[words[to-1]] {
		to--
	}
	if from == to {
		return words
	}
	return words[from:to]
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// sound is the skeleton of how a word sounds to a recogniser over the telephone: its consonants, voiced and unvoiced alike, with
// one mark for a vowel at the start. "foxtrot" and "fucks trot" sound the same.
func sound(s string) string {
	s = soundSpelling.Replace(s)
	var out []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 'c' {
			c = 'k'
			if i+1 < len(s) && strings.IndexByte("eiy", s[i+1]) >= 0 {
				c = 's'
			}
		}
		switch {
		case strings.IndexByte("aeiou", c) >= 0:
			if i > 0 {
				continue
			}
			c = 'a'
		case strings.IndexByte("hwy", c) >= 0:
			continue
		}
		if len(out) == 0 || out[len(out)-1] != c {
			out = append(out, c)
		}
	}
	return string(out)
}

var soundSpelling = strings.NewReplacer("tch", "j", "sch", "sk", "ch", "j", "sh", "j", "dge", "j", "ph", "f", "gh", "", "ck", "k",
	"th", "t", "wr", "r", "kn", "n", "x", "ks", "q", "k", "z", "s", "v", "f", "d", "t", "g", "k", "tion", "jn")

// spelling is how a word would be written if each vowel had one spelling: "keelow" is kilo, "yanky" yankee.
func spelling(s string) string { return vowelSpelling.Replace(s) }

var vowelSpelling = strings.NewReplacer("eigh", "a", "igh", "i", "ee", "i", "ea", "i", "ie", "i", "ey", "i", "y", "i", "ow", "o", "oa", "o",
	"oe", "o", "ough", "o", "ai", "a", "ay", "a", "oo", "u", "ou", "u", "ue", "u", "ck", "k", "c", "k", "ph", "f", "ll", "l", "tt", "t", "ss", "s",
	"nn", "n", "rr", "r", "mm", "m", "pp", "p", "ff", "f")

// distance is the number of letters to insert, delete or replace to make b of a; limit+1 if it is more than limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal, best := row[0], i+1
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
			best = min(best, row[j+1])
		}
		if best > limit {
			return limit + 1
		}
	}
	return min(row[len(b)], limit+1)
}

// sentences cuts text after each full stop, question mark and exclamation mark that ends a sentence.
func sentences(s string) []string {
	var out []string
	words := strings.Fields(s)
	from := 0
	for i, w := range words {
		if i+1 == len(words) || ends(w) {
			out = append(out, strings.Join(words[from:i+1], " "))
			from = i + 1
		}
	}
	return out
}

func ends(word string) bool {
	w := strings.TrimRight(word, `"')”’`)
	if strings.HasSuffix(w, "?") || strings.HasSuffix(w, "!") {
		return true
	}
	stem, stop := strings.CutSuffix(w, ".")
	return stop && len([]rune(stem)) > 1 && !strings.Contains(stem, ".") && !slices.Contains(abbreviations, stem)
}

var abbreviations = []string{"Dr", "Mr", "Mrs", "Ms", "St", "No", "Prof"}
