package keypad

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// mistakes are rules and all that is wrong with them, in the order of the findings.
var mistakes = []struct {
	name, rules string
	want        []string
}{
	{"no JSON", `{"rules":`, []string{"no JSON: unexpected EOF"}},
	{"more than JSON", `{} {}`, []string{"no JSON: more follows after the rules"}},
	{"a list", `[]`, []string{`must be an object such as {"rules": [...]}, not a list: see docs/dtmf.md`}},
	{"null", `null`, []string{`must be an object such as {"rules": [...]}, not null: see docs/dtmf.md`}},
	{"an unknown field", `{"colour": 1, "gap": "2s"}`, []string{
		`colour: unknown field, and no keys either: known are rules, key_gap, otherwise, or keys such as "1"; see docs/dtmf.md`,
		`gap: unknown field, and no keys either: known are rules, key_gap, otherwise, or keys such as "1"; see docs/dtmf.md`,
	}},
	{"both forms", `{"rules": [], "1": {"say": "One."}}`, []string{`1: stands beside rules: put it into that list, as {"keys": "1", ...}`}},
	{"another system's words", `{"1": {"action": "transfer", "number": "+15550100"}}`, []string{
		"1.action: unknown field: known are say, ask, gather, goto, transfer, bridge, attended, press, hang_up, barge_in",
		"1.number: unknown field: known are say, ask, gather, goto, transfer, bridge, attended, press, hang_up, barge_in",
		"1: does nothing: want say, ask, gather, goto, transfer, bridge, attended, press or hang_up",
	}},
	{"paths in the short form", `{"*9": {"say": 1}, "[2-3]": [], "4": "", "5": {"hang_up": false}}`, []string{
		`["*9"].say: must be text, not 1`,
		`4: has no words`,
		`5.hang_up: must be text, not false`,
		`["[2-3]"]: must be an object, not a list`,
	}},
	{"the whole", `{"rules": {}, "key_gap": "1ms", "otherwise": "x"}`, []string{
		`key_gap: must be a time from 200ms to 30s, such as "3s", not "1ms"`,
		`otherwise: must be an object, not "x"`,
		`rules: must be a list, not an object`,
	}},
	{"a gap without a unit", `{"key_gap": 2}`, []string{`key_gap: must be a time from 200ms to 30s, such as "3s", not 2`}},
	{"keys", `{"rules": [{"say": "a"}, {"keys": 1, "say": "a"}, {"keys": "", "say": "a"}, {"keys": "x", "say": "a"}, {"keys": "1{2,3}4", "say": "a"},
		{"keys": "X{33}", "say": "a"}, {"keys": "[]", "say": "a"}, {"keys": "[3-1]", "say": "a"}, {"keys": "[1", "say": "a"}, {"keys": "1{0}", "say": "a"}, {"keys": "1{", "say": "a"}, 7]}`, []string{
		`rules[0].keys: must be text such as "1" or "*9", not null`,
		`rules[1].keys: must be text such as "1" or "*9", not 1`,
		`rules[2].keys: "": it has no keys`,
		`rules[3].keys: "x": 'x' is no key: want 0-9 * # A-D, X for any digit, [2-9] for one of several, {3} for three of them`,
		`rules[4].keys: "1{2,3}4": only the last keys may be of different number, and "4" follows`,
		`rules[5].keys: "X{33}": want a number of keys such as {3} or {1,5}, up to 32`,
		`rules[6].keys: "[]": [] has no keys`,
		`rules[7].keys: "[3-1]": [3-1] is no choice of keys: want keys and ranges, such as [1-4*]`,
		`rules[8].keys: "[1": [ is not closed`,
		`rules[9].keys: "1{0}": want a number of keys such as {3} or {1,5}, up to 32`,
		`rules[10].keys: "1{": want a number of keys such as {3} or {1,5}, up to 32`,
		`rules[11]: must be an object, not 7`,
	}},
	{"what rules do", `{"rules": [{"keys": "1"}, {"keys": "2", "ask": "a", "goto": "b"}, {"keys": "3", "say": "...", "barge_in": "no"}, {"keys": "4", "goto": "The node"},
		{"keys": "5", "transfer": "0207123"}, {"keys": "6", "press": "1x"}, {"keys": "7", "press": 1}, {"keys": "8", "say": "a", "always": true}, {"keys": "9", "sayy": "a"}]}`, []string{
		"rules[0]: does nothing: want say, ask, gather, goto, transfer, bridge, attended, press or hang_up",
		"rules[1]: does ask and goto: want one of them",
		"rules[2].say: has no words",
		`rules[2].barge_in: must be true or false, not "no"`,
		`rules[3].goto: must be the name of a flow's node, not "The node"`,
		`rules[4].transfer: must be a number such as "+442071234567", a sip: address, or an extension such as ext:anna, not "0207123"`,
		"rules[5].press: 'x' is no key: want 0-9 * # A-D, or w, W, p for a pause",
		"rules[6].press: no keys",
		"rules[7].always: would take the first key of entries: keys that hold always begin with *",
		"rules[8].sayy: unknown field: known are keys, always, say, ask, gather, goto, transfer, bridge, attended, press, hang_up, barge_in",
		"rules[8]: does nothing: want say, ask, gather, goto, transfer, bridge, attended, press or hang_up",
	}},
	{"gathers", `{"rules": [{"keys": "1", "gather": 6}, {"keys": "2", "gather": {}}, {"keys": "3", "gather": {"prompt": "P", "slot": "Pin", "length": 0, "min": 1,
		"terminator": "9", "key_gap": "1m", "patience": "0s", "masked": 1, "tries": 0, "invalid": "", "then": {}, "give_up": {"gather": {"prompt": "P", "slot": "s", "min": 9, "max": 4}}}}]}`, []string{
		"rules[0].gather: must be an object, not 6",
		"rules[1].gather.prompt: is required",
		"rules[1].gather.slot: is required",
		"rules[1].gather.length: is required, or max: how many digits",
		`rules[2].gather.slot: must be a name of small letters, digits and _, not "Pin"`,
		"rules[2].gather.masked: must be true or false, not 1",
		"rules[2].gather.invalid: has no words",
		"rules[2].gather.tries: must be a whole number from 1 to 20, not 0",
		`rules[2].gather.key_gap: must be a time from 200ms to 30s, such as "3s", not "1m"`,
		`rules[2].gather.patience: must be a time from 1s to 10m0s, such as "3s", not "0s"`,
		`rules[2].gather.terminator: must be "#" or "*", not "9"`,
		"rules[2].gather.length: must be a whole number from 1 to 64, not 0",
		"rules[2].gather.min: has no meaning beside length",
		"rules[2].gather.then: does nothing: want say, ask, gather, goto, transfer, bridge, attended, press or hang_up",
		"rules[2].gather.give_up.gather.max: is less than min",
	}},
	{"the same keys twice", `{"rules": [{"keys": "1", "say": "a"}, {"keys": "[1]", "say": "b"}]}`, []string{`rules[1].keys: "[1]" has the same entries as rules[0]`}},
	{"neither is narrower", `{"1X": {"say": "a"}, "X2": {"say": "b"}}`, []string{
		`X2: "X2" and "1X" of 1X both fit "12", and neither is the narrower one: it is not clear which is meant`,
	}},
	{"narrower, but shorter", `{"1X{0,2}": {"say": "a"}, "X{2}": {"say": "b"}}`, []string{
		`["X{2}"]: "X{2}" and "1X{0,2}" of ["1X{0,2}"] both fit "10", and neither is the narrower one: it is not clear which is meant`,
	}},
	{"never chosen", `{"rules": [{"keys": "[12]", "say": "a"}, {"keys": "1", "say": "b"}, {"keys": "2", "say": "c"}]}`, []string{
		`rules[0].keys: "[12]" is never chosen: narrower rules have all its entries`,
	}},
	{"never chosen, of several lengths", `{"9X{0,1}": {"say": "a"}, "9": {"say": "b"}, "9[0-4]": {"say": "c"}, "9[5-9]": {"say": "d"}}`, []string{
		`["9X{0,1}"]: "9X{0,1}" is never chosen: narrower rules have all its entries`,
	}},
	{"too many", `{"otherwise": {"say": "x"}` + func() (s string) {
		for i := range 101 {
			s += fmt.Sprintf(`, "%d": {"say": "a"}`, 1000+i)
		}
		return s
	}() + `}`, []string{"there are 101 rules: want at most 100"}},
	{"gathers without end", strings.Repeat(`{"1": {"gather": {"prompt": "P", "slot": "s", "length": 1, "then": `, 1) +
		strings.Repeat(`{"gather": {"prompt": "P", "slot": "s", "length": 1, "then": `, 8) + `{"say": "x"}` + strings.Repeat(`}}`, 9) + `}`, []string{
		"1.gather" + strings.Repeat(".then.gather", 8) + ": more than 8 gathers follow on each other: a flow can do that",
	}},
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		rules, err := Parse([]byte(m.rules))
		if rules != nil || err == nil {
			t.Errorf("%s: it is taken", m.name)
			continue
		}
		var got []string
		for _, e := range Errors(err) {
			got = append(got, e.Error())
		}
		if diff := cmp.Diff(m.want, got); diff != "" {
			t.Errorf("%s: want - got +:\n%s", m.name, diff)
		}
	}
}

// sound parses rules that have nothing wrong.
func sound(t testing.TB, rules string) *Rules {
	t.Helper()
	r, err := Parse([]byte(rules))
	if err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	return r
}

// TestKeys: which entries end, and which rule has them.
func TestKeys(t *testing.T) {
	t.Parallel()
	const file = `{"key_gap": "1s", "rules": [
		{"keys": "X", "say": "any"}, {"keys": "1", "say": "one"}, {"keys": "12", "say": "twelve"}, {"keys": "*9", "say": "star"},
		{"keys": "*0", "say": "help", "always": true}, {"keys": "#", "say": "hash"}, {"keys": "[3-5A]X{2,4}", "say": "many"}, {"keys": "3{3}", "say": "threes"}]}`
	whole, wait, none := pipeline.Pressed{Whole: true}, pipeline.Pressed{Wait: time.Second}, pipeline.Pressed{}
	r := sound(t, file)
	for _, tt := range []struct {
		pressed     string
		free, taken pipeline.Pressed // while nothing, and an entry, is asked for
		say         string
	}{
		{"1", wait, none, "one"},
		{"2", whole, none, "any"},
		{"3", wait, none, "any"},
		{"12", whole, none, "twelve"},
		{"13", none, none, ""},
		{"*", wait, wait, ""},
		{"*9", whole, none, "star"},
		{"*0", whole, whole, "help"},
		{"#", whole, none, "hash"},
		{"33", wait, none, ""},
		{"333", wait, none, "threes"},
		{"334", wait, none, "many"},
		{"33333", whole, none, "many"},
		{"333333", none, none, ""},
		{"A12", wait, none, "many"},
		{"B", none, none, ""},
		{"x", none, none, ""},
	} {
		if got := r.Keys(tt.pressed, pipeline.Expect{}); got != tt.free {
			t.Errorf("%s: %+v, want %+v", tt.pressed, got, tt.free)
		}
		if got := r.Keys(tt.pressed, pipeline.Expect{Sole: true}); got != tt.taken {
			t.Errorf("%s, while an entry is asked for: %+v, want %+v", tt.pressed, got, tt.taken)
		}
		say := ""
		if u := r.find(tt.pressed, false); u != nil {
			say = u.say
		}
		if say != tt.say {
			t.Errorf("%s: %q, want %q", tt.pressed, say, tt.say)
		}
		if u := r.find(tt.pressed, true); (u != nil) != (tt.pressed == "*0") {
			t.Errorf("%s, while an entry is asked for: %v", tt.pressed, u)
		}
	}
	if _, err := Parse([]byte(`{}`)); err != nil {
		t.Errorf("no rules at all: %v", err)
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	r := sound(t, `{"1": {"goto": "b"}, "2": {"goto": "a"}, "3": {"gather": {"prompt": "P", "slot": "s", "length": 1, "then": {"goto": "c"}, "give_up": {"goto": "a"}}}, "otherwise": {"goto": "d"}}`)
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, r.Nodes()); diff != "" {
		t.Error(diff)
	}
	if r.Empty() || !sound(t, `{"key_gap": "2s"}`).Empty() {
		t.Error("which rules are none?")
	}
}

// TestPage: what docs/dtmf.md shows can be used as printed.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../" + Page)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	if len(shown) < 3 {
		t.Fatalf("%s has %d examples", Page, len(shown))
	}
	for _, m := range shown {
		if _, err := Parse(m[1]); err != nil {
			t.Errorf("%v in:\n%s", err, m[1])
		}
	}
	for _, name := range slices.Concat(topFields, ruleFields, gatherFields) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("%s does not tell of %s", Page, name)
		}
	}
}
