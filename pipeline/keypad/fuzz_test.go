package keypad

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/pipeline"
)

// FuzzParse: whatever rules are, they can be used, or each error has a reason.
//
//	go test ./pipeline/keypad -run xxx -fuzz FuzzParse -fuzztime 100000x
func FuzzParse(f *testing.F) {
	for _, m := range mistakes {
		f.Add([]byte(m.rules))
	}
	f.Add([]byte(everything))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := Parse(data)
		if (rules == nil) == (err == nil) {
			t.Fatalf("parsed %v with error %v", rules, err)
		}
		if err != nil {
			found := Errors(err)
			for _, e := range found {
				if e.Reason == "" {
					t.Fatalf("%#v has no reason", e)
				}
			}
			if len(found) == 0 {
				t.Fatalf("%v has no findings", err)
			}
			return
		}
		wander(t, rules, rand.New(rand.NewPCG(uint64(len(data)), 3)))
	})
}

// wander plays a call of random keys, words and silence.
func wander(t *testing.T, rules *Rules, rng *rand.Rand) {
	t.Helper()
	c := newCaller(t, rules, Options{Agent: &agent{}, Script: &agent{}})
	for range 12 {
		switch rng.IntN(5) {
		case 0:
			c.turn(pipeline.Talk{Why: pipeline.ForWords, Text: "hello"})
		case 1:
			c.turn(pipeline.Talk{Why: pipeline.ForSilence, Silence: 1})
		default:
			keys := make([]byte, 1+rng.IntN(6))
			for i := range keys {
				keys[i] = order[rng.IntN(len(order))]
			}
			if len(rules.rules) > 0 && rng.IntN(2) == 0 {
				keys = keys[:0]
				for _, s := range rules.rules[rng.IntN(len(rules.rules))].keys.places {
					keys = append(keys, s.first())
				}
			}
			c.turn(pipeline.Talk{Why: pipeline.ForKeys, Keys: string(keys)})
		}
	}
}

// part is what stands for some keys of an entry, as the naive reading has it.
var part = regexp.MustCompile(`(\[[^\]]*\]|.)(?:\{(\d+)(?:,(\d+))?\})?`)

// naive tries every way to share the keys of an entry out among the parts of a pattern: whether that is possible, and whether it would be
// if more keys followed.
func naive(parts [][]string, entry string) (fits, leads bool) {
	if len(parts) == 0 {
		return entry == "", false
	}
	least, most := 1, 1
	if m := parts[0]; m[2] != "" {
		least, _ = strconv.Atoi(m[2])
		if most = least; m[3] != "" {
			most, _ = strconv.Atoi(m[3])
		}
	}
	for n := 0; n <= most; n++ {
		if n >= least {
			f, l := naive(parts[1:], entry[n:])
			fits, leads = fits || f, leads || l
		}
		if n == len(entry) {
			return fits, leads || n < most
		}
		class := parts[0][1]
		if class == "X" {
			class = "[0-9]"
		}
		if class = strings.Replace(class, "*", `\*`, 1); !regexp.MustCompile("^" + class + "$").MatchString(entry[n : n+1]) {
			break
		}
	}
	return fits, leads
}

// FuzzEntries holds rules against the naive reading of their keys.
//
//	go test ./pipeline/keypad -run xxx -fuzz FuzzEntries -fuzztime 100000x
func FuzzEntries(f *testing.F) {
	for _, seed := range []string{"1 2 *9", "X 1 12 [3-5A]X{2,4} 3{3}", "[2-9]XXX X{4}", "1{0,3}#", "9X{1,5} 99 911", "X{+2}", "[*#]{2} *", "X{32}"} {
		f.Add(seed, "12")
		f.Add(seed, "9112")
		f.Add(seed, "*9#")
	}
	f.Fuzz(func(t *testing.T, patterns, entry string) {
		if len(entry) == 0 || len(entry) > mostKeys+2 || strings.Trim(entry, order) != "" || len(patterns) > 80 {
			return
		}
		against(t, strings.Fields(patterns), entry)
	})
}

// TestRandomEntries does the same with keys that are mostly right.
func TestRandomEntries(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	taken := 0
	for range 20_000 {
		var texts []string
		for range 1 + rng.IntN(4) {
			p := ""
			for range 1 + rng.IntN(3) {
				p += one("1", "2", "*", "#", "X", "[12]", "[1-3*]", "[A-C]") + one("", "", "", "{2}")
			}
			texts = append(texts, p+one("", "", "X{1,2}", "[12]{0,2}", "1{1,3}"))
		}
		entry := one("1", "2", "*", "#", "A")
		for range rng.IntN(5) {
			entry += one("1", "1", "2", "3", "*", "#", "A")
		}
		if against(t, texts, entry) {
			taken++
		}
	}
	if taken < 5_000 {
		t.Errorf("%d of 20,000 were rules", taken)
	}
}

// against holds what rules with these keys make of an entry against the naive reading; false: they are no rules.
func against(t *testing.T, texts []string, entry string) bool {
	t.Helper()
	var list []map[string]string
	for _, p := range texts {
		list = append(list, map[string]string{"keys": p, "say": "a"})
	}
	file, err := json.Marshal(map[string]any{"rules": list})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Parse(file)
	if err != nil {
		return false
	}
	var fitting []string
	more := false
	for _, p := range texts {
		fits, leads := naive(part.FindAllStringSubmatch(p, -1), entry)
		more = more || leads
		if fits {
			fitting = append(fitting, p)
		}
	}
	u := rules.find(entry, false)
	if (u != nil) != (len(fitting) > 0) {
		t.Fatalf("%s of %q: found %v, want one of %q", entry, texts, u, fitting)
	}
	for _, p := range fitting {
		q, err := parsePattern(p)
		if err != nil {
			t.Fatal(err)
		}
		if q.size().Cmp(u.keys.size()) < 0 {
			t.Errorf("%s of %q: found %q, and %q is narrower", entry, texts, u.keys.text, p)
		}
	}
	got := rules.Keys(entry, pipeline.Expect{})
	if (got.Wait > 0) != more || got.Whole != (!more && len(fitting) > 0) {
		t.Errorf("%s of %q: %+v, fitting %q, more %v", entry, texts, got, fitting, more)
	}
	return true
}
