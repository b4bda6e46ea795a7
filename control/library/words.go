package library

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words are a text's words in the form in which they are searched: small letters without accents, joined across apostrophes. Both
// databases are given text and questions in this form, so that they find the same.
func words(text string) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case r >= 0x300 && r <= 0x36f, r == '\'', r == '’', r == 0xad: // accents, as NFKD parts them from their letters
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(text))
	return strings.Fields(folded)
}

// longest is a word that is searched for, in bytes; what is longer is none.
const longest = 64

// mostTerms is how many words of a question are looked for. A caller's turn seldom has more that tell anything.
const mostTerms = 24

// terms are the words of a question that tell what it is about, each once: the last ones, if there are too many.
func terms(question string) []string {
	var all []string
	for _, w := range words(question) {
		if empty[w] || len(w) > longest || len(w) == 1 && (w[0] < '0' || w[0] > '9') {
			continue
		}
		all = slices.DeleteFunc(all, func(t string) bool { return stem(t) == stem(w) })
		all = append(all, w)
	}
	return all[max(0, len(all)-mostTerms):]
}

// stem takes the commonest ending off, to tell a word that is said twice; the databases know more endings.
func stem(w string) string {
	if len(w) > 3 && !strings.HasSuffix(w, "ss") {
		return strings.TrimSuffix(w, "s")
	}
	return w
}

// empty are the English words that tell nothing of what a question is about: those of grammar, and those of talking on the telephone.
var empty = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		a about above after again all also am an and any anybody anyone anything are arent around as at away back be because been before
		being both but by came can cannot cant come comes could couldnt did didnt do does doesnt doing done dont down each either else
		even ever every few for from get gets getting give go goes going gonna got had has hasnt have havent having he hed her here heres
		hers him his how hows i id if ill im in into is isnt it its ive just kind know let lets like likely lot made make makes many may
		maybe me mean might mine more most much must my need needs no nor not now of off on once one ones only or other our ours out over
		own please put quite rather really right said same say says see she should shouldnt so some somebody someone something sort still
		such sure take tell than that thats the their theirs them then there theres these they theyre thing things think this those though
		through to too under until up upon us use used using very wanna want wanted wants was wasnt way we well went were werent what whats
		when whens where wheres whether which while who whod whos whose why will with without wont would wouldnt yes yet you youd youll
		your youre yours youve
		actually ah alright bye ehm er erm excuse goodbye great hello help hey hi hmm hold huh okay ok oh perhaps question quick sorry
		thank thanks uh uhm um wait wondering yeah yep yup`) {
		m[w] = true
	}
	return m
}()
