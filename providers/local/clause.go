package local

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A clause is a stretch of text that is spoken in one breath, and by one run of the model.
type clause struct {
	words []word
	pause time.Duration // of silence after it, if another follows
}

// A word is one of the text's, as written and as said.
type word struct {
	text string // as written, with its punctuation
	said string // in letters; empty when there is nothing to say
	stop rune   // the punctuation that ends it, as the voice knows it: , ; : . ? ! or 0
}

// said is the clause in plain letters and punctuation.
func (c clause) said() string {
	var b strings.Builder
	for _, w := range c.words {
		if w.said == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.said)
		if w.stop != 0 {
			b.WriteRune(w.stop)
		}
	}
	return b.String()
}

// The first two clauses are short, so that the voice begins early and is not overtaken; later ones are long enough to sound well.
const (
	shortClause = 8  // words
	longClause  = 14 // words
	leastClause = 4  // words before a later clause is split at a comma
)

// A splitter cuts text into clauses as it arrives. The zero value is ready for use.
type splitter struct {
	rest  string   // text after the last complete word
	words []string // complete ones of the clause to come
	count int      // clauses so far
}

// add takes in more text and gives out the clauses that are complete with it.
func (s *splitter) add(text string, out func(clause) bool) bool {
	s.rest += text
	for {
		w, rest, broken, ok := cutWord(s.rest)
		if !ok {
			return true
		}
		s.rest = rest
		if w == "" {
			if broken { // the end of a line is one of a clause, punctuation or not
				if !s.give(len(s.words), true, out) {
					return false
				}
			}
			continue
		}
		s.words = append(s.words, w)
		if n := s.ripe(); n > 0 && !s.give(n, false, out) {
			return false
		}
	}
}

// flush gives out what is left.
func (s *splitter) flush(out func(clause) bool) bool {
	return s.add("\n", out)
}

// cutWord takes the first word off text. A word is complete when white space follows, or when it ends in ? or !. An empty word
// that is ok was white space, broken if there was a new line in it.
func cutWord(text string) (w, rest string, broken, ok bool) {
	space := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	if space > 0 {
		return "", text[space:], strings.Contains(text[:space], "\n"), true
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end >= 0 {
		return text[:end], text[end:], false, true
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text, "", false, true
	}
	return "", text, false, false
}

// ripe says how many of the words make a clause now; 0: wait for more.
func (s *splitter) ripe() int {
	n := len(s.words)
	switch stopOf(s.words[n-1]) {
	case '.', '?', '!':
		return n
	case ';', ':':
		if n >= 2 {
			return n
		}
	case ',':
		if n >= leastClause || n >= 2 && s.count == 0 {
			return n
		}
	}
	most := longClause
	if s.count < 2 {
		most = shortClause
	}
	if n <= most {
		return 0
	}
	// Best before a word that begins a part of the sentence, else before one that begins a phrase.
	for i := most; i > most/2; i-- {
		if begins(partBegins, s.words[i]) {
			return i
		}
	}
	for i := most; i > most/2; i-- {
		if begins(phraseBegins, s.words[i]) && !begins(phraseBegins, s.words[i-1]) && !begins(partBegins, s.words[i-1]) {
			return i
		}
	}
	return most
}

func begins(what map[string]bool, w string) bool { return what[strings.ToLower(w)] }

var (
	partBegins   = set("and but or so because that which who when where while if then than until after before please")
	phraseBegins = set("to for with from at in on of by about as into is are was were will would can could may should have has had do does did")
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// give hands out the first n words as a clause. One that is the last of its line ends like a sentence.
func (s *splitter) give(n int, last bool, out func(clause) bool) bool {
	c := clause{words: say(s.words[:n])}
	if last && n > 0 && c.words[n-1].stop == 0 {
		c.words[n-1].stop = '.'
	}
	s.words = append([]string(nil), s.words[n:]...)
	if c.said() == "" {
		return true
	}
	s.count++
	switch c.words[len(c.words)-1].stop {
	case '.', '?', '!':
		c.pause = 300 * time.Millisecond
	case ';', ':':
		c.pause = 200 * time.Millisecond
	case ',':
		c.pause = 120 * time.Millisecond
	}
	return out(c)
}

// stopOf is the punctuation at the end of a word as written: one of , ; : . ? ! or 0. The dot of an abbreviation is none.
func stopOf(w string) rune {
	w = strings.TrimRightFunc(w, closing)
	r, size := utf8.DecodeLastRuneInString(w)
	switch r {
	case '?', '!', ';', ':', ',':
		return r
	case '…':
		return '.'
	case '—', '–':
		return ','
	case '-':
		if len(w) == 1 {
			return ','
		}
	case '.':
		body := strings.ToLower(strings.TrimLeftFunc(w[:len(w)-size], opening))
		if _, abbreviated := abbreviations[body]; abbreviated || initials(body) {
			return 0
		}
		return '.'
	}
	return 0
}

// initials says whether a word without its last dot is like "u.s", "a.m" or "j": more dots, or one letter.
func initials(body string) bool {
	if utf8.RuneCountInString(body) == 1 {
		return unicode.IsLetter([]rune(body)[0])
	}
	for part := range strings.SplitSeq(body, ".") {
		if utf8.RuneCountInString(part) != 1 || !unicode.IsLetter([]rune(part)[0]) {
			return false
		}
	}
	return true
}

func closing(r rune) bool { return strings.ContainsRune(`"'”’)]}*_`+"`", r) }
func opening(r rune) bool { return strings.ContainsRune(`"'“‘([{*_#>`+"`", r) }
