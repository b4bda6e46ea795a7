package flow

import (
	"strconv"
	"strings"
)

// soundsLike are words that a recogniser writes for a digit. They count only where a digit is awaited.
var soundsLike = map[string]string{
	"to": "2", "too": "2", "tu": "2", "for": "4", "fore": "4", "won": "1", "wan": "1", "ate": "8", "oh": "0", "o": "0", "nought": "0",
	"naught": "0", "nil": "0", "tree": "3", "free": "3", "sex": "6", "sicks": "6", "six's": "6", "nein": "9", "niner": "9", "fife": "5",
	"sevens": "7", "fours": "4", "fives": "5", "ones": "1", "twos": "2", "threes": "3", "eights": "8", "nines": "9", "zeros": "0",
	"zeroes": "0", "sixes": "6", "or": "4", "hero": "0",
}

// numbers reads the numbers in words, in order: "4 hundred and 27" is one, "4 27" are two, "double 7" is 77. Others are counted as
// strange. With near, words that sound like digits are digits.
func numbers(words []string, near bool) (found []string, strange int) {
	digits := func(i int) string {
		if i >= len(words) {
			return ""
		}
		if numeric([]rune(words[i])) {
			return words[i]
		}
		if near {
			return soundsLike[words[i]]
		}
		return ""
	}
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	for i := 0; i < len(words); {
		if times := map[string]int{"double": 2, "triple": 3, "treble": 3}[words[i]]; times > 0 && len(digits(i+1)) == 1 {
			found = append(found, strings.Repeat(digits(i+1), times))
			i += 2
			continue
		}
		if words[i] == "a" && (word(i+1) == "hundred" || word(i+1) == "thousand") {
			words[i] = "1" // words is the caller's own copy
		}
		d := digits(i)
		if d == "" {
			if !polite[words[i]] {
				strange++
			}
			i++
			continue
		}
		if unit := soundsLike[word(i+1)]; near && len(d) == 2 && d[0] > '1' && d[1] == '0' && len(unit) == 1 && unit != "0" {
			d = d[:1] + unit // "forty to" is 42
			i++
		}
		n, used := magnitude(d, i+1, word, digits)
		found = append(found, n)
		i += 1 + used
	}
	return found, strange
}

// magnitude reads what follows a number: hundreds and thousands, and what they leave room for.
func magnitude(d string, i int, word func(int) string, digits func(int) string) (n string, used int) {
	v, err := strconv.Atoi(d)
	if err != nil || v > 999 || (word(i) != "hundred" && word(i) != "thousand") {
		return d, 0
	}
	start := i
	rest := func(below int) int {
		j := i
		if word(j) == "and" {
			j++
		}
		r, err := strconv.Atoi(digits(j))
		if err != nil || r == 0 || r >= below || soundsLike[word(j)] != "" {
			return 0
		}
		i = j + 1
		return r
	}
	if word(i) == "hundred" {
		i++
		v = v*100 + rest(100)
	}
	if word(i) == "thousand" && v < 1000 {
		i++
		v *= 1000
		if r := rest(1000); r > 0 && r < 10 && word(i) == "hundred" {
			i++
			v += r*100 + rest(100)
		} else {
			v += r
		}
	}
	return strconv.Itoa(v), i - start
}

// digits reads a string of digits as callers say them: one by one, in pairs, as a number, with words that only sound like digits.
// fits says which lengths are wanted; when none fits, it returns what it heard all the same. Empty: there were no digits.
func (h heard) digits(fits func(n int) bool) string {
	plain, _ := numbers(append([]string(nil), h.words...), false)
	near, strange := numbers(append([]string(nil), h.words...), true)
	p, n := strings.Join(plain, ""), strings.Join(near, "")
	switch {
	case p == "" && strange > 0:
		return "" // "to be or not to be"
	case p == n, fits(len(p)) && !fits(len(n)), fits(len(p)) && strange > 0:
		return p
	case fits(len(n)) || strange == 0:
		return n
	}
	return p
}

// number reads one whole number: "twenty five", "25", "a hundred and one", or its digits one by one.
func (h heard) number() (int, bool) {
	for _, near := range []bool{false, true} {
		found, strange := numbers(append([]string(nil), h.words...), near)
		if len(found) == 0 || near && strange > 1 {
			continue
		}
		s := found[0]
		for _, f := range found[1:] {
			if len(f) != 1 || len(found[0]) != 1 {
				return 0, false // two numbers: which one?
			}
			s += f
		}
		n, err := strconv.Atoi(s)
		return n, err == nil
	}
	return 0, false
}

// aloud writes digits as words, in groups that a voice pauses between: "four two seven one".
func aloud(digits string) string {
	var b strings.Builder
	group := 4
	if len(digits) > 4 {
		group = 3
	}
	for i, r := range digits {
		left := len(digits) - i
		if i > 0 {
			if i%group == 0 && left > 1 {
				b.WriteByte(',')
			}
			b.WriteByte(' ')
		}
		if name := digitNames[r]; name != "" {
			b.WriteString(name)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var (
	yesWords = set(`yes yeah yep yup yea ya yas sure correct right exactly absolutely affirmative definitely certainly indeed okay ok
		fine perfect true good great uhhuh mhm alright`)
	noWords = set(`no nope nah not know wrong incorrect negative never dont isnt wasnt nay false`)
)

// yes reads agreement or refusal. The first word that says either decides, except that a "not" further on turns agreement
// around: "that is not right".
func (h heard) yes() (yes, ok bool) {
	said := " " + strings.Join(h.words, " ") + " "
	said = strings.NewReplacer(" no problem ", " yes ", " uh huh ", " yes ", " mm hmm ", " yes ", " of course ", " yes ", " why not ", " yes ",
		" uh uh ", " no ", " i dont know ", " ", " i know ", " ", " not sure ", " ", " i do ", " yes ", " it is ", " yes ").Replace(said)
	for w := range strings.FieldsSeq(said) {
		if noWords[w] {
			return false, true
		}
		if yesWords[w] {
			yes, ok = true, true
			if w == "yes" || w == "yeah" || w == "yep" {
				return true, true
			}
		}
	}
	return yes, ok
}

func confirmWords() []string { return []string{"yes", "no", "yes that's right", "no that's wrong"} }
