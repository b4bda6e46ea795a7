package local

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

func frameAt(pcm []int16, at time.Duration) media.Frame {
	return media.Frame{PCM: pcm, Rate: 8000, At: at}
}

func TestClauses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"sentence", "Good morning.", []string{"Good morning."}},
		{"first at a comma", "Thanks for calling, how can I help you today?", []string{"Thanks for calling,", "how can I help you today?"}},
		{"not at a first word", "Yes, we are open.", []string{"Yes, we are open."}},
		{"nothing to say", " — ** \n\n", nil},
		{"empty", "", nil},
		{"abbreviations", "Dr. Smith is in at 5 p.m. on Monday. Bye.", []string{"doctor Smith is in at five P M on Monday.", "Bye."}},
		{"long without punctuation", "you can reach us every day between eight and six and on Saturdays until noon if you like",
			[]string{"you can reach us every day between eight", "and six and on Saturdays until noon", "if you like."}},
		{"lines", "We offer:\n- checkups\n- fillings\n", []string{"We offer:", "checkups.", "fillings."}},
		{"decimals and addresses", "It costs 3.50 at example.com today.", []string{"It costs three point five zero at example dot com today."}},
		{"codes", "Your order number is 4471. It has 1500 parts.", []string{"Your order number is four four seven one.", "It has fifteen hundred parts."}},
		{"later commas", "Hello. First, we look at it, and if it is fine, we send it back.",
			[]string{"Hello.", "First, we look at it,", "and if it is fine,", "we send it back."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{1, 3, 1000} { // however the text arrives
				var s splitter
				var got []string
				take := func(c clause) bool { got = append(got, c.said()); return true }
				for rest := tt.text; rest != ""; {
					n := min(piece, len(rest))
					s.add(rest[:n], take)
					rest = rest[n:]
				}
				s.flush(take)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("in pieces of %d (-want +got):\n%s", piece, diff)
				}
			}
		})
	}
}

// The first clause goes out with the white space after it, not with the end of the text.
func TestFirstClauseDoesNotWait(t *testing.T) {
	t.Parallel()
	var s splitter
	var got []string
	take := func(c clause) bool { got = append(got, c.said()); return true }
	for _, piece := range []string{"Thanks", " for", " calling", ","} {
		s.add(piece, take)
	}
	if len(got) != 0 {
		t.Fatalf("%q went out before it was known to be complete", got)
	}
	s.add(" how", take)
	if diff := cmp.Diff([]string{"Thanks for calling,"}, got); diff != "" {
		t.Errorf("clauses (-want +got):\n%s", diff)
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"$42.50":                "forty two dollars and fifty cents",
		"$1":                    "one dollar",
		"£1,200":                "one thousand two hundred pounds",
		"9:30":                  "nine thirty",
		"10:05am":               "ten oh five A M",
		"3:00":                  "three o'clock",
		"6pm":                   "six P M",
		"2026-11-21":            "november twenty first twenty twenty six",
		"1999":                  "nineteen ninety nine",
		"2007":                  "two thousand seven",
		"1,234,567":             "one million two hundred thirty four thousand five hundred sixty seven",
		"50%":                   "fifty percent",
		"-3.25":                 "minus three point two five",
		"1st":                   "first",
		"22nd":                  "twenty second",
		"30th":                  "thirtieth",
		"555-0123":              "five five five, zero one two three",
		"+44":                   "four four",
		"0800":                  "zero eight zero zero",
		"123456":                "one two three four five six",
		"24/7":                  "twenty four seven",
		"10-12":                 "ten to twelve",
		"B12":                   "B one two",
		"jo.doe7@mail-host.com": "jo dot D O E seven at mail dash host dot com",
		"www.example.com/help":  "www dot example dot com slash help",
		"IVR":                   "I V R",
		"PIN":                   "PIN",
		"OK":                    "okay",
		"&":                     "and",
		"**bold**":              "bold",
		"(maybe)":               "maybe",
		"don’t":                 "don't",
		"Mr.":                   "mister",
		"well-known":            "well known",
		"—":                     "",
	} {
		if got := sayWord(written, "", ""); got != want {
			t.Errorf("%q is read as %q, want %q", written, got, want)
		}
	}
	if got := sayWord("St.", "", "Mary"); got != "saint" {
		t.Errorf("St. Mary is read as %q", got)
	}
	if got := sayWord("St.", "Main", "and"); got != "street" {
		t.Errorf("Main St. is read as %q", got)
	}
}

func TestSnap(t *testing.T) {
	t.Parallel()
	numbers := strings.Fields("zero one two three four five six seven eight nine")
	nato := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "juliet", "x-ray", "quebec", "whiskey"}
	desks := []string{"sales", "support", "opening hours", "billing"}
	for _, tt := range []struct {
		text     string
		expected []string
		want     string
	}{
		{"Ate.", numbers, "eight"},
		{"Two.", numbers, "two"},
		{"For", numbers, "four"},
		{"2934", numbers, "2934"},
		{"Two, nine, tree", numbers, "two nine three"},
		{"Banana.", numbers, "Banana."},
		{"Juliette", nato, "juliet"},
		{"X ray.", nato, "x-ray"},
		{"Fucks trot!", nato, "foxtrot"},
		{"Fuck this.", nato, "F*** this."},
		{"Whisky", nato, "whiskey"},
		{"Sail's", desks, "sales"},
		{"Opening ours.", desks, "opening hours"},
		{"I would like to talk to sales", desks, "I would like to talk to sales"},
		{"No.", []string{"yes", "no"}, "no"},
		{"Now.", []string{"yes", "no"}, "Now."},
		{"", numbers, ""},
	} {
		if got := snap(tt.text, tt.expected); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestLoop(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tokens  []int64
		keep    int
		looping bool
	}{
		{[]int64{5, 5, 5, 5}, 4, false}, // one one one one
		{[]int64{1, 2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, 3, true},
		{[]int64{9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}, 4, true},
		{[]int64{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2}, 11, false},
		{nil, 0, false},
	} {
		if keep, looping := loop(tt.tokens); keep != tt.keep || looping != tt.looping {
			t.Errorf("loop of %v: got %d, %v, want %d, %v", tt.tokens, keep, looping, tt.keep, tt.looping)
		}
	}
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	v, err := openVocabulary()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(v.pieces); got != 32000 {
		t.Fatalf("%d pieces, want 32,000", got)
	}
	// From the tokenizer's own test: "Hello world" is 15043, 3186; é as bytes is C3, A9.
	if got, want := v.text([]int64{1, 15043, 3186, 3 + 0xC3, 3 + 0xA9, 32001, 2}), "Hello worldé"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	c := newCache(3 * 2 * 100)
	key := func(s string) cacheKey { return cacheKey{text: s, rate: 8000, pace: 1} }
	for _, s := range []string{"a", "b", "c"} {
		c.put(key(s), make([]int16, 100))
	}
	c.get(key("a"))
	c.put(key("d"), make([]int16, 100))
	c.put(key("huge"), make([]int16, 1000))
	for s, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true, "huge": false} {
		if _, got := c.get(key(s)); got != want {
			t.Errorf("%q kept: %v, want %v", s, got, want)
		}
	}
}

func TestTape(t *testing.T) {
	t.Parallel()
	const rate = 8000
	var p tape
	pcm := make([]int16, 2*rate)
	for i := range pcm {
		pcm[i] = int16(i % 100 * 100)
	}
	clear(pcm[rate : rate+rate/2]) // silence from 1.0 to 1.5 s
	for i := 0; i < len(pcm); i += 160 {
		p.write(frameAt(pcm[i:i+160], time.Duration(i)*time.Second/rate), rate)
	}
	if got := p.quietest(0, 2*time.Second, rate); got < time.Second || got > 1500*time.Millisecond {
		t.Errorf("quietest at %v, want within the silence from 1 s to 1.5 s", got)
	}
	p.write(frameAt(pcm[:160], 2100*time.Millisecond), rate) // 100 ms were lost
	if got, want := p.end(rate), 2120*time.Millisecond; got != want {
		t.Errorf("ends at %v, want %v: a gap is silence", got, want)
	}
	p.forget(2*time.Second, rate)
	if got := p.copy(0, time.Hour, rate); len(got) != samples(120*time.Millisecond, rate) {
		t.Errorf("%d samples left, want 120 ms", len(got))
	}
	p.write(frameAt(pcm[:160], time.Hour), rate)
	if got := len(p.pcm); got != 160 || p.begin != time.Hour {
		t.Errorf("%d samples from %v on after an hour's gap, want a fresh frame", got, p.begin)
	}
}
