package pipeline

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"parley/media"
)

// Slots are what is known of a call when it is answered, for Fill: the parameters that the carrier passed along, and from and to, its
// numbers, which no parameter takes the place of.
func Slots(info media.Info) map[string]string {
	slots := make(map[string]string, len(info.Params)+2)
	maps.Copy(slots, info.Params)
	slots["from"], slots["to"] = info.From, info.To
	return slots
}

// Fill puts values into the places of a text: {{name}} becomes the value of that name, and {{name|somebody}} that or, where there is
// none, the words after the bar. A name is letters, digits and _ . - in any number; spaces around it do not count. Values are put in
// as they are, on one line: a place within a value is not filled. \{{ is two braces.
//
// A place without a value, an empty one included, leaves nothing behind, neither braces nor a space too many: it may be spoken.
// missing are the names of these, and what stands where a name should, each once, in order.
func Fill(text string, slots map[string]string) (filled string, missing []string) {
	var b strings.Builder
	lacks := func(name string) {
		if !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	for {
		before, rest, found := strings.Cut(text, "{{")
		if !found {
			b.WriteString(text)
			return b.String(), missing
		}
		if plain, escaped := strings.CutSuffix(before, `\`); escaped {
			b.WriteString(plain + "{{")
			text = rest
			continue
		}
		b.WriteString(before)
		place, after, closed := strings.Cut(rest, "}}")
		if !closed || strings.Contains(place, "{{") { // no place at all
			lacks("{{")
			text = rest
			continue
		}
		text = after
		name, otherwise, _ := strings.Cut(place, "|")
		name = strings.TrimSpace(name)
		value := ""
		if Nameable(name) {
			value = oneLine(slots[name])
		}
		if value == "" {
			value = oneLine(otherwise)
			if value == "" || !Nameable(name) {
				lacks(name)
			}
		}
		if value == "" {
			text = closeUp(&b, text)
			continue
		}
		b.WriteString(value)
	}
}

// closeUp lets what follows an empty place join what is before it, with one space at most, and none before punctuation. It returns what
// follows.
func closeUp(b *strings.Builder, after string) string {
	before := b.String()
	trimmed := strings.TrimRight(before, " ")
	switch {
	case trimmed == before && before != "" && !strings.HasSuffix(before, "\n"):
		return after
	case after == "" || strings.ContainsRune(",.;:!?)\n", rune(after[0])):
		b.Reset()
		b.WriteString(trimmed)
		return after
	}
	return strings.TrimLeft(after, " ")
}

// Nameable says whether s can be the name of a slot: letters, digits and _ . - alone.
func Nameable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r)
	})
}

// oneLine is s without control characters, and with one space wherever it has any.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
