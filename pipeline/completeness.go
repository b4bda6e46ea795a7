package pipeline

import (
	"slices"
	"strings"
	"unicode"
)

// Entity is a kind of answer that people give in pieces, with pauses between them.
type Entity string

// The entities that a response may wait for.
const (
	EntityDigits   Entity = "digits" // a telephone, order or card number
	EntitySpelling Entity = "spelling"
	EntityEmail    Entity = "email"
	EntityAddress  Entity = "address"
	EntityDate     Entity = "date" // with a day, a month and a year: of birth
)

// completeness is how likely it is that somebody who paused has finished.
type completeness uint8

const (
	unknown    completeness = iota
	complete                // a full answer, or words that end a turn
	claimed                 // a whole sentence by its punctuation, which recognisers put behind anything
	unsettled               // it ends in a comma, which recognisers put where somebody may go on, and where they do not
	incomplete              // it breaks off: "my name is", "um"
	piece                   // of an entity
)

// A remark is what there is to judge: what the caller has said in this turn, and what it answers.
type remark struct {
	text    string
	asked   string   // the agent's last question, or else its last sentence
	entity  Entity   // as the response expects it; empty: asked and text tell
	digits  int      // how many; 0: asked tells
	answers []string // likely ones
	words   *english // nil: in this language only punctuation tells
}

// judge says how complete r is, by words and punctuation alone.
func (r remark) judge() completeness {
	said, end := lowered(r.text), ending(r.text)
	w := r.words
	switch {
	case len(said) == 0:
		return unknown
	case slices.ContainsFunc(r.answers, func(a string) bool { return sameWords(a, r.text) }):
		return complete
	case w == nil:
		return end.alone()
	case end == trailing, w.hesitations.ends(said) && !r.answered(said):
		return incomplete
	case w.farewells.ends(said):
		return complete
	}
	if c := r.piece(said); c != unknown {
		return c
	}
	switch {
	case end != asking && w.breaksOff(said):
		return incomplete
	case r.answered(said):
		return complete
	case len(said) <= 2 && end == stated && !w.answers.is(said): // recognisers put a full stop behind anything
		return unknown
	}
	return end.alone()
}

// lowered are the words of a text in lower case, without the punctuation around them.
func lowered(text string) []string {
	said := strings.Fields(strings.ToLower(strings.ReplaceAll(text, "’", "'")))
	for i, w := range said {
		said[i] = strings.TrimFunc(w, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	}
	return slices.DeleteFunc(said, func(w string) bool { return w == "" })
}

// punctuation is how a recogniser ended a text.
type punctuation uint8

const (
	bare punctuation = iota
	stated
	asking
	comma
	trailing
)

func ending(text string) punctuation {
	text = strings.TrimRight(text, " \"')]”’»")
	for p, marks := range map[punctuation]string{trailing: "... … - – — :", comma: ", ， 、", asking: "? ？ ؟", stated: "! 。 ！ ।"} {
		for m := range strings.FieldsSeq(marks) {
			if strings.HasSuffix(text, m) {
				return p
			}
		}
	}
	if strings.HasSuffix(text, ".") {
		return stated
	}
	return bare
}

// alone is what punctuation says by itself.
func (p punctuation) alone() completeness {
	return map[punctuation]completeness{stated: claimed, asking: claimed, comma: unsettled, trailing: incomplete}[p]
}

// question is what to hold an answer against: the last question in what the agent has said, or else its last sentence.
func question(said string) string {
	last, from := "", 0
	for i, r := range said {
		if r == '?' || r == '.' || r == '!' {
			if s := strings.TrimSpace(said[from : i+1]); s != "" && (r == '?' || !strings.HasSuffix(last, "?")) {
				last = s
			}
			from = i + 1
		}
	}
	if s := strings.TrimSpace(said[from:]); speakable(s) && !strings.HasSuffix(last, "?") {
		last = s
	}
	return last
}

// answered says whether said is a full answer to what was asked.
func (r remark) answered(said []string) bool {
	w, asked := r.words, lowered(r.asked)
	if len(asked) == 0 || w.breaksOff(said) {
		return false
	}
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(x string) bool { return slices.Contains(asked, x) })
	}
	number := slices.ContainsFunc(said, w.number)
	switch isQuestion := strings.HasSuffix(strings.TrimSpace(r.asked), "?"); {
	case isQuestion && w.answers.is(said): // but "yes" to "Can I have your number?" is only the beginning
		return !has("have", "tell", "give") || w.entity(asked) == "" || w.refusals.begins(said)
	case has("or") && len(said) <= 4 && slices.Contains(asked, said[len(said)-1]):
		return true
	case has("when", "day", "date", "time", "o'clock"):
		return len(said) <= 7 && (number || slices.ContainsFunc(said, func(x string) bool { return w.times.has(x) })) && w.entity(asked) == ""
	case slices.Contains(asked, "how") && has("many", "much", "old", "long", "often"):
		return number && len(said) <= 5
	case has("name"):
		return len(said) == 2 && w.entity(asked) == "" && !number
	}
	return false
}

// entity is what an agent's question asks for, or a caller's words announce.
func (e *english) entity(said []string) Entity {
	text := " " + strings.ReplaceAll(strings.Join(said, " "), "-digit", " digit") + " "
	for _, k := range []struct {
		entity Entity
		words  string
	}{
		{EntitySpelling, "spell,spelled,spelling,letter by letter"},
		{EntityEmail, "email,e-mail,mail address"},
		{EntityDate, "date of birth,birth date,birthday,birthdate,born"},
		{EntityAddress, "address,where do you live,street"},
		{EntityDigits, "phone number,telephone number,order number,account number,card number,customer number,reference number,booking number,tracking number,id number,your number,my number,number is,digits,digit,zip code,postal code,pin,code,passcode"},
	} {
		for p := range strings.SplitSeq(k.words, ",") {
			if strings.Contains(text, " "+p+" ") {
				return k.entity
			}
		}
	}
	return ""
}

// piece says whether said is a part of an entity, or all of it; unknown, if it is none at all.
func (r remark) piece(said []string) completeness {
	w := r.words
	entity, asked := r.entity, lowered(r.asked)
	if entity == "" {
		entity = w.entity(asked)
	}
	expected := entity != ""
	if !expected {
		entity = w.entity(said)
	}
	c := unknown
	switch entity {
	case EntityDigits:
		c = r.number(said, asked)
	case EntitySpelling:
		c = w.spelling(said)
	case EntityEmail:
		c = email(said, w)
	case EntityAddress:
		c = w.address(said)
	case EntityDate:
		c = w.date(said)
	default:
		if n := w.digits(said); n >= 4 && w.number(said[len(said)-1]) && len(said) <= n+3 { // nothing but digits
			c = incomplete
		}
	}
	if c == unknown && expected && !w.refusals.begins(said) && w.breaksOff(said) {
		return piece // "it's", "my number is"
	}
	return c
}

// number is a telephone number and the like, of as many digits as are expected.
func (r remark) number(said, asked []string) completeness {
	have, want := r.words.digits(said), r.digits
	for i, a := range asked {
		switch {
		case want > 0:
		case a == "zip":
			want = 5
		case a == "pin":
			want = 4
		case a == "phone", a == "telephone", a == "mobile":
			want = 10
		case (a == "digits" || a == "digit") && i > 0:
			want = slices.IndexFunc(r.words.units, func(p []string) bool { return p[0] == asked[i-1] }) - 2 // "zero", "oh" and "o" come before "one"
			want = max(want, 0)
		}
		if before, _, cut := strings.Cut(a, "-digit"); cut && want == 0 {
			want = max(0, slices.IndexFunc(r.words.units, func(p []string) bool { return p[0] == before })-2)
		}
	}
	switch {
	case have == 0, have == 1 && r.words.refusals.begins(said): // "I don't have one"
		return unknown
	case want > 0 && have >= want:
		return complete
	case want > 0 || have < 4:
		return piece
	}
	return incomplete
}

// spelling has no end of its own, unless somebody says so.
func (e *english) spelling(said []string) completeness {
	n := 0
	for _, w := range said {
		if len(w) == 1 || e.letters.has(w) {
			n++
		}
		n += strings.Count(w, "-") // "s-m-i-t-h"
	}
	switch {
	case n == 0:
		return unknown
	case n < 3:
		return piece
	}
	return incomplete
}

// email wants an @ and a domain.
func email(said []string, w *english) completeness {
	last := said[len(said)-1]
	at := slices.ContainsFunc(said, func(x string) bool { return x == "at" || strings.Contains(x, "@") })
	dot := strings.LastIndex(last, ".")
	switch {
	case at && (dot >= 0 && w.domains.has(last[dot+1:]) || w.domains.has(last) && slices.Contains(said, "dot")):
		return complete
	case !at && (w.refusals.begins(said) || w.answers.is(said)):
		return unknown
	}
	return piece
}

// address wants a street and something after it.
func (e *english) address(said []string) completeness {
	street := slices.IndexFunc(said, e.streets.has)
	switch {
	case street >= 0 && len(said)-street > 2:
		return complete
	case street >= 0:
		return incomplete
	case slices.ContainsFunc(said, e.number):
		return piece
	}
	return unknown
}

// date wants a day, a month and a year.
func (e *english) date(said []string) completeness {
	parts, year := 0, false
	for i, w := range said {
		digits := max(e.digits([]string{w}), figures(w))
		switch {
		case strings.Count(w, "/") == 2, strings.Count(w, "-") == 2 && digits > 3:
			return complete
		case e.months.has(w), e.ordinals.has(w), len(strings.TrimRight(w, "stndrh")) <= 2 && digits > 0 && w[0] <= '9':
			parts++
		case digits == 4 || (w == "nineteen" || w == "twenty") && i+1 < len(said) && (e.tens.has(said[i+1]) || e.teens.has(said[i+1]) || e.units.has(said[i+1])) && parts > 1:
			year = true
		case digits > 0:
			parts++
		}
	}
	switch {
	case parts == 0 && !year:
		return unknown
	case year && parts >= 2:
		return complete
	}
	return piece
}
