package pipeline

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/media"
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

// tune is a sound at 8 kHz: of each word a note a syllable of 200 ms, with a short dip between them and behind the last; after a word
// with punctuation there is a pause. It tells when the middle of each word is.
func tune(words []string) (pcm []int16, middles []time.Duration) {
	note := func(d time.Duration, level float64) {
		for i := range int(d / (time.Second / 8000)) {
			pcm = append(pcm, int16(level*math.Sin(float64(i))))
		}
	}
	for _, w := range words {
		u, from := measure(w), len(pcm)
		for range int(math.Ceil(u.syllables)) {
			note(170*ms, 10000)
			note(30*ms, 2000)
		}
		middles = append(middles, media.Samples((from+len(pcm))/2, 8000))
		note(time.Duration(u.pause)*100*ms, 1)
	}
	return pcm, middles
}

func TestHeardBySound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text string }{
		{"a sentence", "The library is open on weekdays from nine to six."},
		{"pauses", "Yes, of course. We do, and so does everybody else. Shall I go on?"},
		{"numbers", "It costs $12.50, or 41 dollars. Your code is A1B2."},
		{"what is not said", "*Well* — yes 🙂 , of course . . . we do -- and then..."},
		{"Chinese", "图书馆周一到周五开门。你好，再见。"},
		{"mixed", "我有iPhone手机。Really? Ja, wirklich schön!"},
	} {
		units := unitsOf(c.text, 0)
		var words []string
		for _, u := range units {
			words = append(words, c.text[u.begin:u.end])
		}
		pcm, middles := tune(words)
		for k, at := range middles {
			for _, ahead := range []time.Duration{1500 * ms, time.Hour} { // of what was heard, so much more was sent
				d := at + 100*ms
				s := &script{}
				s.says(c.text)
				n := min(len(pcm), int((d+ahead)/(time.Second/8000)))
				s.whole = n == len(pcm)
				s.sounds(pcm[:n], 8000)
				got, claimed := s.heard(d), 0
				for claimed < len(units) && units[claimed].end <= len(got) {
					claimed++
				}
				var off time.Duration // from where the claim is right
				switch {
				case claimed > k+1:
					off = middles[claimed-1] - d
				case claimed < k+1:
					off = d - middles[claimed]
				}
				if off > 300*ms {
					t.Errorf("%s: %q when %q was, off by %v", c.name, got, words[:k+1], off)
				}
			}
		}
	}
}

// What the voice was not given in time cannot have been heard, however fast it seems to be.
func TestHeardNotBeforeGiven(t *testing.T) {
	t.Parallel()
	s := &script{}
	pcm, _ := tune(strings.Fields("one two three four five six seven eight nine ten"))
	s.says("one two ")
	s.sounds(pcm[:len(pcm)/2], 8000)
	s.says("three four five six seven eight nine ten")
	s.sounds(pcm[len(pcm)/2:], 8000)
	if got := s.heard(s.length / 2); got != "one two" {
		t.Errorf("%q", got)
	}
}

// Of any text and any sound: what was heard is a beginning of the text, and grows with time.
func FuzzHeard(f *testing.F) {
	f.Add("It costs $12.50, or 41 dollars.", []byte("\x00\x50\x90\x30\x90\x90\x00\x00\x88"), uint16(3), false)
	f.Add("你好。 再见—wait… 🙂\xff", []byte("abcabcabc"), uint16(0), true)
	f.Fuzz(func(t *testing.T, text string, sound []byte, cut uint16, whole bool) {
		if len(text) > 500 || len(sound) > 500 {
			t.Skip("long enough")
		}
		first, sent := text[:int(cut)%(len(text)+1)], sound[:int(cut)%(len(sound)+1)]
		s := &script{whole: whole}
		add := func(text string, sound []byte) {
			s.says(text)
			for _, b := range sound { // each is so loud for 40 ms
				s.sounds(slices.Repeat([]int16{int16(b) * int16(b) / 2}, 320), 8000)
			}
		}
		add(first, sent)
		add(text[len(first):], sound[len(sent):])
		last := ""
		for d := time.Duration(0); d <= s.length; d += max(s.length/8, 1) {
			got := s.heard(d)
			if !strings.HasPrefix(strings.TrimSpace(text), got) || len(got) < len(last) {
				t.Fatalf("%q of %q at %v, after %q", got, text, d, last)
			}
			if end := s.wordEnd(d); end < d {
				t.Fatalf("the word at %v ends at %v", d, end)
			}
			last = got
		}
		s.learned()
	})
}

// What a cut costs after a minute of speech.
func BenchmarkHeard(b *testing.B) {
	s := &script{}
	text := strings.Repeat("The library is open on weekdays from nine to six, and on Saturdays only the reading room is available. ", 20)
	pcm, _ := tune(strings.Fields(text))
	s.says(text)
	s.sounds(pcm[:60*8000], 8000)
	b.ReportAllocs()
	for b.Loop() {
		s.heard(55 * time.Second)
	}
}

// What a second of sound costs as it passes.
func BenchmarkCourse(b *testing.B) {
	pcm, _ := tune([]string{"unfortunately"})
	for b.Loop() {
		var c course
		c.hear(pcm[:8000], 8000)
	}
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

// A glance says what heard says, once the script is whole; before that it is a beginning of the text that grows, and little off.
func TestGlance(t *testing.T) {
	t.Parallel()
	text := strings.TrimSpace(strings.Repeat("the quick brown fox jumps over lazy dogs, ", 4))
	for name, timed := range map[string]bool{"with word times": true, "without": false} {
		all := spoken(text, timed, true)
		for d := time.Duration(0); d <= all.length; d += 200 * ms {
			if got, want := all.glance(d), all.heard(d); got != want {
				t.Errorf("%s: after %v of the whole: %q, want %q", name, d, got, want)
			}
		}
		growing := &script{}
		words, before := strings.Fields(text), ""
		for i := range words {
			growing.text.WriteString(words[i] + " ")
			if timed {
				growing.words = append(growing.words, Word{Text: words[i], Start: growing.length, End: growing.length + 300*ms})
			}
			growing.length += 300 * ms
			d := growing.length * 2 / 3
			got := growing.glance(d)
			if !strings.HasPrefix(text, got) || len(got) < len(before) {
				t.Errorf("%s: after %v of %v: %q after %q", name, d, growing.length, got, before)
			}
			if behind := len(strings.Fields(growing.heard(d))) - len(strings.Fields(got)); behind < -1 || behind > 4 {
				t.Errorf("%s: after %v of %v: %d words behind", name, d, growing.length, behind)
			}
			before = got
		}
	}
}

// BenchmarkFollowed is what a look costs at a reply of 22 s whose voice tells no word times.
func BenchmarkFollowed(b *testing.B) {
	s := &script{whole: true}
	const rate = 8000
	for i, w := range strings.Fields(strings.Repeat("the quick brown fox jumps over lazy dogs, ", 8)) {
		if i%10 == 0 {
			s.says(w + " ")
		} else {
			s.text.WriteString(w + " ")
		}
		pcm := make([]int16, rate*35/100)
		for j := range pcm {
			pcm[j] = int16(8000 * math.Sin(float64(j)/3) * math.Abs(math.Sin(float64(j)/900)))
		}
		s.sounds(pcm, rate)
	}
	for name, look := range map[string]func(time.Duration) string{"heard": s.heard, "glance": s.glance} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				look(s.length / 2)
			}
		})
	}
}
