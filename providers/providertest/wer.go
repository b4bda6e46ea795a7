package providertest

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// WER is a word error rate being counted: how far what was recognised is from what was said.
type WER struct {
	Errors int // words to be inserted, deleted or replaced
	Words  int // words that were said
}

// Add counts one utterance and returns its errors.
func (w *WER) Add(said, recognised string) int {
	a, b := Words(said), Words(recognised)
	n := wordErrors(a, b)
	w.Errors += n
	w.Words += len(a)
	return n
}

// Rate is errors a word, 0 when all is right; it can exceed 1.
func (w WER) Rate() float64 { return float64(w.Errors) / float64(max(w.Words, 1)) }

// Words is text as it is compared: lower case, no punctuation, numbers in words ("2934" is "two nine three four", "15" is
// "fifteen").
func Words(text string) []string {
	text = price.ReplaceAllString(text, "$1 dollars and $2 cents")
	text = expand.Replace(strings.ReplaceAll(strings.ToLower(text), "’", "'"))
	var words []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }) {
		for _, part := range splitDigits(strings.ReplaceAll(w, "'", "")) {
			words = append(words, spellNumber(part)...)
		}
	}
	return words
}

// price is read with its unit last.
var price = regexp.MustCompile(`\$(\d+)\.(\d\d)\b`)

// expand writes out what is said alike and written in two ways.
var expand = strings.NewReplacer("%", " percent ", "&", " and ", "$", " dollars ", "@", " at ", "*", " star ", "#", " pound ",
	"dr.", "doctor", "mr.", "mister", "mrs.", "missus", "a.m.", "am", "p.m.", "pm", "okay", "ok", "i'm", "i am", "'re", " are", "'ve", " have", "'ll", " will",
	"that's", "that is", "it's", "it is", "what's", "what is", "can't", "cannot", "can not", "cannot", "n't", " not")

// splitDigits cuts a word such as "2nd" or "b12" where digits meet letters.
func splitDigits(w string) []string {
	var parts []string
	from := 0
	for i := 1; i < len(w); i++ {
		if digit(w[i]) != digit(w[i-1]) {
			parts = append(parts, w[from:i])
			from = i
		}
	}
	if from < len(w) {
		parts = append(parts, w[from:])
	}
	return parts
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

var small = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
var tens = strings.Fields("zero ten twenty thirty forty fifty sixty seventy eighty ninety")

// spellNumber spells a number below a hundred, and whole hundreds and thousands, as such; others digit by digit, as codes are read.
func spellNumber(w string) []string {
	if w == "" || !digit(w[0]) {
		return []string{w}
	}
	n, err := strconv.Atoi(w)
	switch {
	case err != nil || len(w) > 1 && w[0] == '0':
	case n < 20:
		return []string{small[n]}
	case n < 100 && n%10 == 0:
		return []string{tens[n/10]}
	case n < 100:
		return []string{tens[n/10], small[n%10]}
	case n < 1000 && n%100 == 0:
		return []string{small[n/100], "hundred"}
	case n < 20000 && n%1000 == 0:
		return []string{small[n/1000], "thousand"}
	}
	var words []string
	for i := range len(w) {
		words = append(words, small[w[i]-'0'])
	}
	return words
}

// wordErrors is the least number of words to insert, delete or replace. A compound that is written apart ("voice mail") is no error.
func wordErrors(a, b []string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
				continue
			case j == 0:
				d[i][j] = i
				continue
			}
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			best := min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+differ)
			if i > 1 && a[i-2]+a[i-1] == b[j-1] {
				best = min(best, d[i-2][j-1])
			}
			if j > 1 && b[j-2]+b[j-1] == a[i-1] {
				best = min(best, d[i-1][j-2])
			}
			d[i][j] = best
		}
	}
	return d[len(a)][len(b)]
}
