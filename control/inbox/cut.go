package inbox

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut parts a text into as few pieces as have longest characters at most (0: it stays whole): after a paragraph if there is one in the second half
// of a piece, else after a sentence, else after a word, else anywhere.
func cut(text string, longest int) (pieces []string) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	for longest > 0 && utf8.RuneCountInString(text) > longest {
		at := lastBreak(text, len(firstRunes(text, longest)))
		pieces = append(pieces, strings.TrimSpace(text[:at]))
		text = strings.TrimSpace(text[at:])
	}
	return append(pieces, text)
}

// firstRunes is the beginning of a text that has so many characters.
func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// lastBreak is where a text is best cut within so many bytes.
func lastBreak(text string, end int) int {
	half := end / 2
	if i := strings.LastIndex(text[:end], "\n\n"); i >= half && i > 0 {
		return i
	}
	sentence, word := 0, 0
	for i, r := range text[:end] {
		after := i + utf8.RuneLen(r)
		next, _ := utf8.DecodeRuneInString(text[after:])
		switch {
		case r == '\n', strings.ContainsRune(".!?…", r) && unicode.IsSpace(next), strings.ContainsRune("。！？", r):
			sentence = after
		case unicode.IsSpace(r):
			word = i
		}
	}
	if next, _ := utf8.DecodeRuneInString(text[end:]); unicode.IsSpace(next) {
		word = end
	}
	switch {
	case sentence > half, sentence > 0 && word == 0:
		return sentence
	case word > 0:
		return word
	}
	return end
}
