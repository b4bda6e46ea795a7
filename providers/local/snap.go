package local

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// snap corrects a short answer by the words that were expected: alone on the line, a word is often heard as another that sounds
// the same ("ate", "Juliette", "X ray"). A text that is all expected words, or nearly, becomes them; any other stays, masked.
func snap(text string, expected []string) string {
	if s, ok := snapped(text, expected); ok {
		return s
	}
	return mask(text)
}

// fits says whether a text is all expected words, or nearly.
func fits(text string, expected []string) bool {
	_, ok := snapped(text, expected)
	return ok
}

func snapped(text string, expected []string) (string, bool) {
	said := strings.Fields(plain(text))
	if len(said) == 0 {
		return "", false
	}
	if w, ok := closest(strings.Join(said, " "), expected); ok {
		return w, true
	}
	if len(said) > mostAnswers {
		return "", false
	}
	words := make([]string, len(said)) // a few answers in a row, such as digits: every word must be one
	for i, s := range said {
		w, ok := closest(s, expected)
		if !ok {
			return "", false
		}
		words[i] = w
	}
	return strings.Join(words, " "), true
}

// mostAnswers is how many expected words in a row are still taken for answers.
const mostAnswers = 12

// closest returns the expected word or phrase that said must have been, if there is one that is near enough and no other as near.
func closest(said string, expected []string) (string, bool) {
	best, second, which := 1.0, 1.0, ""
	for _, w := range expected {
		d := apart(said, plain(w))
		switch {
		case d < best:
			best, second, which = d, best, w
		case d < second && plain(w) != plain(which):
			second = d
		}
	}
	const near, clear = 0.34, 0.1
	return which, best == 0 || best <= near && second-best >= clear
}

// apart is how unlike two plain texts are, 0 to 1, by letters and by sound.
func apart(a, b string) float64 {
	a, b = strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", "")
	if a == b || slices.Contains(soundsLike[b], a) {
		return 0
	}
	if len(a) <= 3 || len(b) <= 3 { // too little to be near
		return 1
	}
	letters := float64(edits(a, b)) / float64(max(len(a), len(b)))
	sa, sb := sound(a), sound(b)
	sounds := float64(edits(sa, sb)) / float64(max(len(sa), len(sb), 1))
	return (letters + 2*sounds) / 3
}

// soundsLike lists what short words are taken for, beyond the reach of edits. Digits come as figures, too.
var soundsLike = map[string][]string{
	"zero":  {"0", "oh", "o", "ciro", "cyro"},
	"one":   {"1", "won", "wan", "juan"},
	"two":   {"2", "to", "too", "tu"},
	"three": {"3", "tree", "free"}, "four": {"4", "for", "fore"}, "five": {"5", "fife"}, "six": {"6", "sicks", "sex"},
	"seven": {"7"}, "eight": {"8", "ate", "ait", "aid"}, "nine": {"9", "nein", "niner"}, "ten": {"10", "tin"},
	"no": {"know", "noh"}, "yes": {"yess"}, "bye": {"by", "buy"}, "hour": {"our"}, "hours": {"ours"},
	"pound": {"pond"}, "star": {"starr"}, "mike": {"mic"}, "golf": {"gulf"}, "xray": {"exray"}, "kilo": {"keelo"},
	"quebec": {"kebec", "kebab"}, "papa": {"poppa", "pappa"}, "lima": {"leema"}, "uniform": {"youniform"},
}

// sound is a rough spelling by ear: consonants by kind, vowels all alike.
func sound(s string) string {
	s = spelling.Replace(s)
	var b []byte
	for i := range len(s) {
		c := s[i]
		switch c {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			c = 'a'
		case 'c', 'q':
			c = 'k'
		case 'z':
			c = 's'
		case 'v':
			c = 'f'
		case 'h', 'w':
			if i > 0 {
				continue
			}
		}
		if len(b) > 0 && b[len(b)-1] == c {
			continue
		}
		b = append(b, c)
	}
	if n := len(b); n > 2 && b[n-1] == 'a' && s[len(s)-1] == 'e' { // a silent e
		b = b[:n-1]
	}
	return string(b)
}

var spelling = strings.NewReplacer("ph", "f", "x", "ks", "ck", "k", "kn", "n", "wr", "r", "gh", "", "sch", "sk", "tch", "j", "ch", "j",
	"sh", "j", "dge", "j", "ce", "se", "ci", "si", "cy", "si", "wh", "w", "tt", "t", "mb", "m")

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// plain is text as it is compared: lower case, no punctuation, single spaces.
func plain(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case r == '\'' || r == '’':
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// mask hides what a recogniser makes of innocent words such as "foxtrot", and what a caller should not be quoted with.
func mask(text string) string {
	return slur.ReplaceAllStringFunc(text, func(s string) string { return s[:1] + strings.Repeat("*", len(s)-1) })
}

var slur = regexp.MustCompile(`(?i)\b(fuck|shit|cunt|bitch|cock|dick|nigger|faggot)(s|es|ed|er|ing)?\b`)
