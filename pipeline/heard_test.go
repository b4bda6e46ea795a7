package pipeline

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// spoken is a script of text, each of whose words takes 300 ms; timed, if the voice tells word times.
func spoken(text string, timed, whole bool) *script {
	s := &script{whole: whole}
	s.text.WriteString(text)
	for _, w := range strings.Fields(text) {
		if timed {
			s.words = append(s.words, Word{Text: strings.Trim(w, ".,!?"), Start: s.length, End: s.length + 300*ms})
		}
		s.length += 300 * ms
	}
	return s
}

func TestHeard(t *testing.T) {
	t.Parallel()
	odd := &script{length: 3 * time.Second, whole: true, words: []Word{
		{Text: "It", End: 200 * ms}, {Text: "costs", Start: 200 * ms, End: 600 * ms}, {Text: "five", Start: 600 * ms, End: 900 * ms},
		{Text: "dollars", Start: 900 * ms, End: 1400 * ms}, {Text: "today", Start: 1400 * ms, End: 1900 * ms},
	}}
	odd.text.WriteString("It costs $5 today, I think.")
	for _, c := range []struct {
		name string
		s    *script
		d    time.Duration
		want string
	}{
		{"nothing", spoken("One two three.", true, true), 0, ""},
		{"less than half a word", spoken("One two three.", true, true), 149 * ms, ""},
		{"half a word", spoken("One two three.", true, true), 150 * ms, "One"},
		{"two words", spoken("One two three.", true, true), 700 * ms, "One two"},
		{"all", spoken("One two three.", true, true), 900 * ms, "One two three."},
		{"punctuation goes with its word", spoken("Well, yes. No!", true, true), 500 * ms, "Well, yes."},
		{"without times", spoken("One two three.", false, true), 500 * ms, "One two"},
		{"without times, incomplete", spoken("One two three.", false, false), 300 * ms, "One"},
		{"times for only the beginning", &script{text: builder("One two three four."), words: []Word{{Text: "One", End: 300 * ms}}, length: time.Second}, 650 * ms, "One two three"},
		{"said otherwise than written", odd, 1200 * ms, "It costs"},
		{"and found again", odd, 1700 * ms, "It costs $5 today,"},
		{"beyond the times", odd, 2900 * ms, "It costs $5 today, I think."},
		{"no words", spoken("... !", false, true), 600 * ms, "... !"},
		{"two sentences", spoken("Yes. I do.", true, true), 800 * ms, "Yes. I do."},
		{"line breaks", spoken("One\n two\tthree.", true, true), 500 * ms, "One\n two"},
		{"Chinese", spoken("你好。 再见。", false, true), 300 * ms, "你好。"},
	} {
		if got := c.s.heard(c.d); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func builder(s string) (b strings.Builder) {
	b.WriteString(s)
	return b
}

// What was heard is always a beginning of what was said, and grows with time; with word times it is right to the word.
func TestHeardProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`([A-Za-z0-9'éü]{1,9}[.,!?]?\s{1,2}){0,12}`),
			rapid.String(),
		).Draw(t, "text")
		s := spoken(text, rapid.Bool().Draw(t, "timed"), rapid.Bool().Draw(t, "whole"))
		if rapid.Bool().Draw(t, "odd words") {
			for i := range s.words {
				if rapid.Bool().Draw(t, "odd") {
					s.words[i].Text = rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "word")
				}
			}
		}
		if n := len(s.words); n > 0 {
			s.words = s.words[:rapid.IntRange(0, n).Draw(t, "words told")]
		}
		said := strings.TrimSpace(text)
		last := ""
		for d := time.Duration(0); d <= s.length+time.Second; d += 130 * ms {
			got := s.heard(d)
			if !strings.HasPrefix(said, got) {
				t.Fatalf("at %v: %q is no beginning of %q", d, got, said)
			}
			if len(got) < len(last) {
				t.Fatalf("at %v: %q after %q", d, got, last)
			}
			last = got
		}
		if s.whole && last != said {
			t.Fatalf("in the end %q of %q", last, said)
		}
	})
}

func TestHeardIsExactWithTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([A-Za-z]{1,9}[.,!?]? ){1,12}`).Draw(t, "text")
		s := spoken(text, true, rapid.Bool().Draw(t, "whole"))
		d := time.Duration(rapid.Int64Range(0, int64(s.length)-1).Draw(t, "heard"))
		want := int((d + 150*ms) / (300 * ms))
		if got := len(strings.Fields(s.heard(d))); got != want {
			t.Fatalf("%d words of %q after %v, want %d", got, text, d, want)
		}
	})
}
