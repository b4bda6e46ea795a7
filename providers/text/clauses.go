package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How clauses are cut.
const (
	firstClause   = 12   // letters after which even a comma ends the first clause, so that it can be spoken early
	laterClause   = 60   // and a later one
	longestClause = 1000 // bytes, which every vendor takes at once: Deepgram 2,000 characters, ElevenLabs more
)

// Clauses cuts text that arrives in pieces of any size where a speaker may pause. No text is lost or changed but for space at its ends.
// The zero value is ready.
type Clauses struct {
	buf  string
	past int
}

// Past is how many clauses there were so far.
func (c *Clauses) Past() int { return c.past }

// Add takes the next piece and returns the next whole clause, if there is one: call it again with "" until there is none.
func (c *Clauses) Add(piece string) (string, bool) {
	c.buf += piece
	if c.past == 0 {
		c.buf = strings.TrimLeftFunc(c.buf, unicode.IsSpace)
	}
	n := c.end()
	if n == 0 && len(c.buf) > longestClause {
		n = longestEnd(c.buf)
	}
	if n == 0 {
		return "", false
	}
	clause := c.buf[:n]
	c.buf = c.buf[n:]
	c.past++
	return clause, true
}

// end is where the first clause of buf ends: after a mark and the space that shows that the mark was no decimal point; 0 if nowhere yet.
func (c *Clauses) end() int {
	long := laterClause
	if c.past == 0 {
		long = firstClause
	}
	letters := 0
	var mark rune // the last one that was no quote: quotes may follow the mark that ends a sentence
	for i, r := range c.buf[:min(len(c.buf), longestClause)] {
		switch {
		case r == '。' || r == '！' || r == '？': // nothing follows them
			return i + utf8.RuneLen(r)
		case r == '\n' && letters > 0, unicode.IsSpace(r) && letters > 0 && (endsSentence(mark) || endsClause(mark) && letters >= long):
			return i + utf8.RuneLen(r)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			letters++
		}
		if !isQuote(r) {
			mark = r
		}
	}
	return 0
}

func endsSentence(r rune) bool { return r == '.' || r == '!' || r == '?' || r == '…' }

func endsClause(r rune) bool {
	switch r {
	case ',', ';', ':', '–', '—':
		return true
	}
	return false
}

func isQuote(r rune) bool {
	switch r {
	case '"', '\'', ')', ']', '”', '’':
		return true
	}
	return false
}

// longestEnd is where s is cut when nobody pauses: at its last space, or else between two letters.
func longestEnd(s string) int {
	s = s[:longestClause]
	if i := strings.LastIndexFunc(s, unicode.IsSpace); i > 0 {
		return i + 1
	}
	for n := len(s); n > len(s)-utf8.UTFMax; n-- {
		if r, size := utf8.DecodeLastRuneInString(s[:n]); r != utf8.RuneError || size > 1 {
			return n
		}
	}
	return len(s)
}

// Whole says that what remains looks like the end of a sentence, after which no space has come yet.
func (c *Clauses) Whole() bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(c.buf, ` "')]”’`))
	return endsSentence(r)
}

// Paused is what remains if it looks whole.
func (c *Clauses) Paused() string {
	if c.Whole() {
		return c.Rest()
	}
	return ""
}

// Rest is what remains, at the end of the text; empty if there is nothing to be said.
func (c *Clauses) Rest() string {
	s := c.buf
	c.buf = ""
	if strings.TrimSpace(s) == "" {
		return ""
	}
	c.past++
	return s
}
