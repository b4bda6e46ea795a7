package flow

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// letterString is letters and digits said one by one: "S M I T H", "sierra, mike", "T as in Tom", "double T".
type letterString struct {
	min, max int
	pattern  *regexp.Regexp
}

func (s letterString) name() string                             { return "spelling" }
func (s letterString) open() bool                               { return true }
func (s letterString) pressed(string, time.Time) (string, bool) { return "", false }
func (s letterString) expect() entry                            { return entry{entity: pipeline.EntitySpelling} }
func (s letterString) aloud(v string) string                    { return strings.Join(strings.Split(v, ""), ", ") }
func (s letterString) valid(v string, _ time.Time) bool {
	return len(v) >= s.min && len(v) <= s.max && matches(s.pattern, v)
}

func (s letterString) spoken(h heard) (string, bool) {
	v, strange := letters(h.words)
	if v == "" && len(h.core) == 1 && plainLetters.MatchString(h.core[0]) {
		v = h.core[0] // the recogniser has put the letters together
	}
	return strings.ToUpper(v), v != "" && (strange < len(v) || len(v) > 2)
}

var plainLetters = regexp.MustCompile(`^[a-z]{2,}$`)

// letters reads what is spelled, and counts the words that are not.
func letters(words []string) (spelled string, strange int) {
	var b strings.Builder
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "double" && (word(i+1) == "u" || word(i+1) == "you"):
			b.WriteString("w")
			i++
		case (w == "double" || w == "triple") && letter(word(i+1)) != "":
			b.WriteString(strings.Repeat(letter(word(i+1)), map[string]int{"double": 2, "triple": 3}[w]))
			i++
		case numeric([]rune(w)):
			b.WriteString(w)
		case letter(w) == "":
			if !polite[w] && !spellingWords[w] {
				strange++
			}
			continue
		default:
			b.WriteString(letter(w))
		}
		switch next := word(i + 1); { // "T as in Tom", "T for Tom", "T like Tom"
		case next == "as" && word(i+2) == "in" && word(i+3) != "":
			i += 3
		case (next == "for" || next == "like") && len(word(i+2)) > 1:
			i += 2
		}
	}
	return b.String(), strange
}

// letter is what a word stands for where letters are awaited; empty: none.
func letter(w string) string {
	if len(w) == 1 && w[0] >= 'a' && w[0] <= 'z' {
		return w
	}
	if l := letterSounds[w]; l != "" {
		return l
	}
	if radioAlphabet[w] {
		return w[:1]
	}
	return ""
}

var (
	spellingWords = set(`spelled spelt spelling spell letter letters capital name last first surname with then comma dot`)
	radioAlphabet = set(`alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett juliette kilo lima mike november oscar
		papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu`)
	letterSounds = map[string]string{
		"ay": "a", "eh": "a", "bee": "b", "be": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "eff": "f", "ef": "f", "gee": "g", "aitch": "h",
		"eye": "i", "jay": "j", "kay": "k", "el": "l", "ell": "l", "em": "m", "en": "n", "oh": "o", "owe": "o", "pee": "p", "pea": "p", "cue": "q",
		"queue": "q", "are": "r", "ar": "r", "ess": "s", "es": "s", "tee": "t", "tea": "t", "you": "u", "vee": "v", "ex": "x", "why": "y", "wye": "y",
		"zee": "z", "zed": "z",
	}
)

// email is an address as it is said: "john dot smith at example dot com".
type email struct{}

func (email) name() string                             { return "email" }
func (email) open() bool                               { return true }
func (email) pressed(string, time.Time) (string, bool) { return "", false }
func (email) expect() entry                            { return entry{entity: pipeline.EntityEmail} }
func (email) aloud(v string) string {
	return strings.Join(strings.Fields(emailAloud.Replace(v)), " ")
}
func (email) valid(v string, _ time.Time) bool {
	return len(v) <= 254 && emailAddress.FindString(v) == v && !strings.Contains(v, "..") && !strings.Contains(v, ".@")
}

func (email) spoken(h heard) (string, bool) {
	text := strings.ToLower(h.text)
	if v := emailAddress.FindString(text); v != "" && !strings.Contains(text, " at ") {
		return v, true
	}
	words := strings.Fields(text)
	for i, w := range words {
		if w = strings.Trim(w, `,;:!?"`); strings.Count(w, ".") <= 1 {
			w = strings.TrimRight(w, ".") // "j." is a letter, "example.com" a domain
		}
		if w = strings.TrimSuffix(w, "."); emailSigns[w] != "" {
			w = emailSigns[w]
		} else if strings.ContainsAny(w, "-") && strings.Trim(strings.ReplaceAll(w, "-", ""), "abcdefghijklmnopqrstuvwxyz") == "" && len(w) == 2*strings.Count(w, "-")+1 {
			w = strings.ReplaceAll(w, "-", "") // s-m-i-t-h
		}
		words[i] = w
	}
	at := slices.IndexFunc(words, func(w string) bool { return strings.Contains(w, "@") })
	if at < 0 {
		return "", false
	}
	from := 0
	for from < at && emailIntroduction[strings.ReplaceAll(strings.ReplaceAll(words[from], "'", ""), "’", "")] {
		from++
	}
	for len(words) > at+2 && politeClose[words[len(words)-1]] {
		words = words[:len(words)-1]
	}
	v := strings.Join(numerals(words[from:]), "")
	if at := strings.LastIndexByte(v, '@'); at >= 0 && emailHouses[v[at+1:]] {
		v += ".com"
	}
	return v, len(v) > 2
}

var (
	emailAddress      = regexp.MustCompile(`[a-z0-9][a-z0-9._%+-]*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}`)
	emailAloud        = strings.NewReplacer("@", " at ", ".", " dot ", "_", " underscore ", "-", " dash ", "+", " plus ", "%", " percent ")
	emailSigns        = map[string]string{"at": "@", "dot": ".", "point": ".", "period": ".", "underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "plus": "+"}
	emailIntroduction = set(`um uh er well so okay ok yes yeah sure my the email e-mail mail address is its it that thats would be this`)
	emailHouses       = set(`gmail yahoo hotmail outlook icloud aol`)
)

// phone is a telephone number; with a country it is written in full, as E.164 has it.
type phone struct {
	min, max int // digits
	country  string
}

func (p phone) name() string    { return "phone" }
func (p phone) open() bool      { return false }
func (p phone) fits(n int) bool { return n >= p.min && n <= p.max }
func (p phone) expect() entry {
	return entry{words: append(digitWords(), "plus"), keyed: true, terminator: '#', entity: pipeline.EntityDigits}
}

func (p phone) aloud(v string) string {
	digits, full := strings.CutPrefix(v, "+")
	if rest, ours := strings.CutPrefix(digits, p.country); full && ours && p.country != "" && rest != "" {
		return "plus " + aloud(p.country) + ", " + aloud(rest)
	}
	if full {
		return "plus " + aloud(digits)
	}
	return aloud(v)
}

func (p phone) spoken(h heard) (string, bool) {
	v := h.digits(p.fits)
	if v == "" {
		return "", false
	}
	if slices.Contains(h.words, "plus") || strings.Contains(h.text, "+") {
		v = "+" + v
	}
	return p.full(v), true
}

func (p phone) pressed(keys string, _ time.Time) (string, bool) {
	v := strings.TrimRight(keys, "#")
	return p.full(v), numeric([]rune(v))
}

// full writes a number with its country, if there is one to write.
func (p phone) full(v string) string {
	switch {
	case strings.HasPrefix(v, "+"):
		return v
	case strings.HasPrefix(v, "00"):
		return "+" + v[2:]
	case p.country == "":
		return v
	case p.country == "1" && len(v) == 11 && v[0] == '1':
		return "+" + v
	}
	if p.country != "1" {
		v = strings.TrimPrefix(v, "0")
	}
	return "+" + p.country + v
}

func (p phone) valid(v string, _ time.Time) bool {
	digits, full := strings.CutPrefix(v, "+")
	if !numeric([]rune(digits)) {
		return false
	}
	if full && p.country == "1" && digits[0] == '1' {
		return len(digits) == 11 && digits[1] > '1' // the North American plan
	}
	return p.fits(len(digits))
}
