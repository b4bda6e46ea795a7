package providers

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/pipeline"
)

func TestSpoken(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	words := func(all ...any) (w []pipeline.Word) {
		for i := 0; i < len(all); i += 3 {
			w = append(w, pipeline.Word{Text: all[i].(string), Start: time.Duration(all[i+1].(int)) * ms, End: time.Duration(all[i+2].(int)) * ms})
		}
		return w
	}
	for name, c := range map[string]struct {
		text  string
		words []pipeline.Word
		made  time.Duration
		want  string // what was spoken
	}{
		"nothing":                  {"Good day.", nil, 0, ""},
		"a beginning":              {"Good day.", nil, 20 * ms, "Good"},
		"by beats":                 {"Good day, dear caller.", nil, 400 * ms, "Good day,"},
		"all":                      {"Good day.", nil, time.Minute, "Good day."},
		"by times":                 {"Good day, dear caller.", words("Good", 0, 300, "day", 300, 600, "dear", 700, 1000, "caller", 1000, 1500), 720 * ms, "Good day, dear"},
		"in a gap":                 {"Good day, dear caller.", words("Good", 0, 300, "day", 300, 600, "dear", 700, 1000), 650 * ms, "Good day,"},
		"beyond its times":         {"Good day, dear caller.", words("Good", 0, 300, "day", 300, 600), 700 * ms, "Good day, dear"},
		"spoken otherwise":         {"It costs 20 pounds today.", words("It", 0, 200, "costs", 200, 500, "twenty", 500, 800, "pounds", 800, 1200), 900 * ms, "It costs 20 pounds"},
		"a number takes its time":  {"Call 2026 now please.", nil, 900 * ms, "Call 2026"},
		"several words are one":    {"New York, today.", words("newyork", 0, 700), 500 * ms, "New York,"},
		"characters are syllables": {"今日はいい天気です。", nil, 500 * ms, "今日は"},
	} {
		if got := c.text[:spoken(c.text, c.words, c.made, shortBeat)]; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzSpoken(f *testing.F) {
	f.Add("Good day, dear caller.", "Good day dear", 900)
	f.Add("今日は 2026 年。\xff", "今日は", 500)
	f.Fuzz(func(t *testing.T, text, said string, made int) {
		var words []pipeline.Word
		for i, w := range strings.Fields(said) {
			words = append(words, pipeline.Word{Text: w, Start: time.Duration(i) * 200 * time.Millisecond, End: time.Duration(i+1) * 200 * time.Millisecond})
		}
		end := spoken(text, words, time.Duration(made)*time.Millisecond, shortBeat)
		if end < 0 || end > len(text) || utf8.ValidString(text) && !utf8.ValidString(text[:end]) {
			t.Errorf("%d of %q", end, text)
		}
	})
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ said, next, want string }{
		"goes on":              {"We are", "open today.", " open today."},
		"after a space":        {"We are ", "open today.", "open today."},
		"from the beginning":   {"We are ", "We are open today.", "open today."},
		"all of it":            {"We are open.", "We are open.", ""},
		"and more":             {"We are open.", "We are open. From nine.", " From nine."},
		"the last words":       {"We are open from ", "open from nine.", "nine."},
		"the last word":        {"We are open from ", "From nine.", "nine."},
		"begins alike":         {"We are open.", "We close at five.", " We close at five."},
		"has a word in common": {"We open at nine. ", "at five we close.", "at five we close."},
	} {
		for _, size := range []int{1, 3, 100} {
			r := repeats{said: c.said}
			got := ""
			for rest := c.next; rest != ""; {
				n := min(size, len(rest))
				got += r.fresh(rest[:n])
				rest = rest[n:]
			}
			if got += r.rest(); got != c.want {
				t.Errorf("%s, %d at a time: %q, want %q", name, size, got, c.want)
			}
		}
	}
}

func FuzzRepeats(f *testing.F) {
	f.Add("We are open ", "We are open today.", 3)
	f.Fuzz(func(t *testing.T, said, next string, size int) {
		r := repeats{said: said}
		got := ""
		for rest := next; rest != ""; {
			n := min(max(size, 1), len(rest))
			got += r.fresh(rest[:n])
			rest = rest[n:]
		}
		got = strings.TrimLeft(got+r.rest(), " ")
		if !strings.HasSuffix(next, got) {
			t.Errorf("%q of %q", got, next)
		}
	})
}
