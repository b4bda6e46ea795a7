package flow

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head is a sound flow for one node more: "main" waits, "other" may be reached from it.
const head = `flow: test
start: main
nodes:
  main:
    menu:
      prompt: Hello.
      choices:
        - {digit: 1, phrases: one thing, goto: other}
        - {digit: 2, phrases: bye, goto: end}
  end: {hang_up: Goodbye.}
  other:
`

// A wrongFlow is a file, and what the parser says of it.
type wrongFlow struct {
	file string
	want []string
}

// wrongFlows are files with something wrong in them, and what the parser says of each.
var wrongFlows = map[string]wrongFlow{
	"empty":            {"", []string{"line 1: the flow is empty"}},
	"comment only":     {"# nothing\n", []string{"line 1: the flow is empty"}},
	"a list":           {"\n- a\n", []string{`line 2: the flow must be a mapping, not a list`}},
	"not yaml":         {"flow: x\nnodes: [a\n", []string{"line 2: not YAML: did not find expected ',' or ']'"}},
	"yaml indent":      {"flow: x\nstart: main\n- a\n", []string{"line 3: not YAML: did not find expected key"}},
	"unknown anchor":   {"flow: x\nstart: *main\n", []string{"line 2: not YAML: unknown anchor 'main' referenced"}},
	"control byte":     {"flow: x\nlang: \x01\n", []string{"line 2: not YAML: control characters are not allowed"}},
	"bad utf-8":        {"flow: x\n\nlang: \xff\n", []string{"line 3: not YAML: invalid leading UTF-8 octet"}},
	"two documents":    {head + "    {say: a, goto: end}\n---\nflow: b\n", []string{"line 13: a second document: a file holds one flow"}},
	"unknown key":      {head + "    {say: a, goto: end}\ncolour: red\n", []string{`line 13: unknown key "colour" in the flow; known are flow, lang, zone, context, collect, no_input, no_match, ambiguous, commands, hours, flows, start, nodes`}},
	"unknown in node":  {head + "    {say: a, goto: end, then: b}\n", []string{`line 12: unknown key "then" in node other; known are say, menu, gather, set, if, hours, call, return, voicemail, model, transfer, hang_up, goto, else, barge_in`}},
	"twice":            {head + "    {say: a, say: b, goto: end}\n", []string{`line 12: "say" is there twice in node other, first on line 12`}},
	"no kind":          {head + "    {goto: end}\n", []string{"line 11: node other needs exactly one of say, menu, gather, set, if, hours, call, return, voicemail, model, transfer, hang_up; it has 0"}},
	"two kinds":        {head + "    {say: a, hang_up: b}\n", []string{"line 11: node other needs exactly one of say, menu, gather, set, if, hours, call, return, voicemail, model, transfer, hang_up; it has 2"}},
	"missing goto":     {head + "    {say: a}\n", []string{`line 11: node other needs "goto": the node to go on with`}},
	"goto of hang_up":  {head + "    {hang_up: a, goto: end}\n", []string{`line 12: hang_up nodes have no "goto" of their own`}},
	"missing node":     {head + "    {say: a, goto: nowhere}\n", []string{`line 12: node other leads to "nowhere", which is not there`}},
	"unreachable":      {head + "    {say: a, goto: end}\n  island: {say: b, goto: end}\n", []string{"line 13: nothing leads to node island"}},
	"never waits":      {head + "    {say: a, goto: more}\n  more: {say: b, goto: other}\n", []string{"line 11: other → more → other never waits for the caller"}},
	"bad node name":    {head + "    {say: a, goto: end}\n  Other One: {hang_up: b}\n", []string{`line 13: "Other One" cannot name a node: use small letters, digits and _`}},
	"alias":            {"flow: &a x\nlang: *a\nstart: main\nnodes:\n  main: {hang_up: a}\n", []string{"line 2: lang must be text, not an alias (*a): write it out"}},
	"empty text":       {head + "    {say: '', goto: end}\n", []string{"line 12: say must be text, not nothing"}},
	"stray brace":      {head + "    {say: 'a {b', goto: end}\n", []string{"line 12: say has a stray brace; a slot's place is written {slot}"}},
	"unknown slot":     {head + "    {say: 'a {b}', goto: end}\n", []string{"line 12: nothing fills {b}"}},
	"barge_in":         {head + "    {say: a, goto: end, barge_in: maybe}\n", []string{`line 12: barge_in must be true or false, not "maybe"`}},
	"menu, no prompt":  {head + "    {menu: {choices: [{digit: 1, goto: end}]}}\n", []string{`line 12: a menu needs "prompt"`}},
	"menu, no choices": {head + "    {menu: {prompt: a}}\n", []string{`line 12: a menu needs "choices"`}},
	"bad digit":        {head + "    {menu: {prompt: a, choices: [{digit: 12, goto: end}]}}\n", []string{`line 12: digit must be one key, 0 to 9, "*" or "#", not "12"`}},
	"bare choice":      {head + "    {menu: {prompt: a, choices: [{goto: end}]}}\n", []string{"line 12: a choice needs a digit or phrases"}},
	"same digit": {head + "    menu:\n      prompt: a\n      choices:\n        - {digit: 1, goto: end}\n        - {digit: 1, goto: main}\n",
		[]string{"line 16: digit 1 is taken by the choice on line 15"}},
	"same phrase": {head + "    menu:\n      prompt: a\n      choices:\n        - {phrases: X-Ray, goto: end}\n        - {phrases: [b, x ray], goto: main}\n",
		[]string{`line 16: the phrase "x ray" is taken by the choice on line 15`}},
	"empty phrase":     {head + "    {menu: {prompt: a, choices: [{phrases: '?!', goto: end}]}}\n", []string{`line 12: the phrase "?!" has 0 words; it needs 1 to 20`}},
	"tries":            {head + "    {menu: {prompt: a, tries: 2, choices: [{digit: 1, goto: end}]}}\n", []string{"line 12: tries has no meaning without give_up: the node to go to after them"}},
	"patience":         {head + "    {menu: {prompt: a, patience: long, choices: [{digit: 1, goto: end}]}}\n", []string{`line 12: patience must be a time from 1s to 10m0s, such as 3s, not "long"`}},
	"gather, bare":     {head + "    {gather: {prompt: a}}\n", []string{`line 12: a gather needs "slot"`, `line 12: a gather needs "type"`, `line 12: a gather needs "goto"`}},
	"unknown type":     {head + "    {gather: {prompt: a, slot: b, type: colour, goto: end}}\n", []string{`line 12: unknown type "colour"; known are date, digits, email, name, number, one_of, phone, spelling, text, time, yes_no`}},
	"no length":        {head + "    {gather: {prompt: a, slot: b, type: digits, goto: end}}\n", []string{"line 12: type digits needs a length, or min and max"}},
	"min over max":     {head + "    {gather: {prompt: a, slot: b, type: digits, min: 5, max: 3, goto: end}}\n", []string{"line 12: min 5 is more than max 3"}},
	"length and max":   {head + "    {gather: {prompt: a, slot: b, type: digits, length: 5, max: 3, goto: end}}\n", []string{"line 12: length excludes min and max"}},
	"terminator":       {head + "    {gather: {prompt: a, slot: b, type: digits, length: 5, terminator: 3, goto: end}}\n", []string{`line 12: terminator must be "#" or "*": digit 3 belongs to the answer`}},
	"length of a name": {head + "    {gather: {prompt: a, slot: b, type: name, length: 5, goto: end}}\n", []string{"line 12: length has no meaning for type name"}},
	"no options":       {head + "    {gather: {prompt: a, slot: b, type: one_of, goto: end}}\n", []string{"line 12: type one_of needs options"}},
	"bad pattern":      {head + "    {gather: {prompt: a, slot: b, type: text, pattern: '(', goto: end}}\n", []string{"line 12: pattern \"(\": error parsing regexp: missing closing ): `^(?:()$`"}},
	"reserved slot":    {head + "    {gather: {prompt: a, slot: prompt, type: text, goto: end}}\n", []string{`line 12: "prompt" cannot name a slot: {prompt} is filled by the flow itself`}},
	"retry alone":      {head + "    {gather: {prompt: a, slot: b, type: text, retry: c, goto: end}}\n", []string{"line 12: retry has no meaning without confirm"}},
	"digit of a code":  {head + "    {gather: {prompt: a, slot: b, type: digits, length: 3, choices: [{digit: 0, goto: main}], goto: end}}\n", []string{"line 12: digit 0 belongs to the answer: a choice beside a digits has phrases only"}},
	"two types": {head + "    {gather: {prompt: a, slot: b, type: text, goto: more}}\n  more: {gather: {prompt: a, slot: b, type: name, goto: end}}\n",
		[]string{"line 13: slot b is gathered as name here and as text elsewhere"}},
	"if without else":  {head + "    {if: [{slot: b, is: c, goto: end}]}\n", []string{`line 11: node other needs "else": the node to go on with`}},
	"if unknown slot":  {head + "    {if: [{slot: b, is: c, goto: end}], else: end}\n", []string{`line 12: nothing fills slot "b"`}},
	"if without test":  {head + "    {if: [{slot: b, goto: end}], else: end}\n", []string{"line 12: a condition on a slot needs one of is, is_not, empty, above, below, at_least, at_most, matches"}},
	"command, no goto": {head + "    {say: a, goto: end}\ncommands:\n  - {phrases: help}\n", []string{"line 14: a command needs either a goto or repeat: true"}},
	"all at once": {"flow: a\nstart: main\nnodes:\n  main: {say: 'x }', goto: 3}\n  b: {menu: {}}\nextra: 1\n",
		[]string{"line 4: say has a stray brace; a slot's place is written {slot}", `line 5: a menu needs "prompt"`, `line 5: a menu needs "choices"`,
			`line 6: unknown key "extra" in the flow; known are flow, lang, zone, context, collect, no_input, no_match, ambiguous, commands, hours, flows, start, nodes`}},
}

// withParts is head with business hours and sub-flows: "other" uses them.
const withParts = `flow: test
start: main
context: {from: }
hours: {office: {open: {monday-friday: 08:00-18:00}}}
flows:
  sub: {takes: {x: , y: a}, gives: [r], start: a, nodes: {a: {gather: {slot: r, type: name, prompt: "{x} {y}?", goto: b}}, b: {return: ok}}}
nodes:
  main: {menu: {prompt: Hello., choices: [{digit: 1, goto: other}, {digit: 2, goto: use}, {digit: 3, goto: end}]}}
  use: {call: {flow: sub, with: {x: a}}, goto: shut}
  shut: {hours: {of: office, open: end, closed: end}}
  end: {hang_up: Goodbye.}
  other:
`

// wrongParts are nodes on line 13 of withParts, or what follows them, and what the parser says.
var wrongParts = map[string]struct {
	node string
	want []string
}{
	"hours that are not there":    {"    {hours: {of: shop, open: end, closed: end}}", []string{`line 13: there are no hours "shop"`}},
	"hours with a goto":           {"    {hours: {of: office, open: end, closed: end}, goto: end}", []string{`line 13: hours nodes have no "goto" of their own`}},
	"hours without closed":        {"    {hours: {of: office, open: end}}", []string{`line 13: an hours node needs "closed"`}},
	"hours, barge_in":             {"    {hours: {of: office, open: end, closed: end}, barge_in: false}", []string{"line 13: hours nodes say nothing: barge_in has no meaning"}},
	"open of no hours":            {"    {if: [{open: shop, goto: end}], else: end}", []string{`line 13: there are no hours "shop"`}},
	"at without open":             {"    {if: [{slot: from, is: a, at: today, goto: end}], else: end}", []string{"line 13: at has no meaning without open"}},
	"is without slot":             {"    {if: [{open: office, is: a, goto: end}], else: end}", []string{"line 13: is has no meaning without slot"}},
	"two conditions in one":       {"    {if: [{slot: from, is: a, open: office, goto: end}], else: end}", []string{"line 13: a condition needs exactly one of slot, open, all, any, not; it has 2"}},
	"an empty all":                {"    {if: [{all: [], goto: end}], else: end}", []string{"line 13: all is empty"}},
	"set of nothing":              {"    {set: {}, goto: end}", []string{"line 13: set names no slot"}},
	"set of a reserved slot":      {"    {set: {today: a}, goto: end}", []string{`line 13: "today" cannot name a slot: {today} is filled by the flow itself`}},
	"set of an unknown slot":      {"    {set: {b: '{c}'}, goto: end}", []string{"line 13: nothing fills {c}"}},
	"a flow that is not there":    {"    {call: {flow: nobody}, goto: end}", []string{`line 13: node other calls flow "nobody", which is not there`}},
	"an argument is missing":      {"    {call: {flow: sub}, goto: end}", []string{`line 13: flow sub must be given "x"`}},
	"an argument too many":        {"    {call: {flow: sub, with: {x: a, z: b}}, goto: end}", []string{`line 13: flow sub takes no "z"`}},
	"a result that is not given":  {"    {call: {flow: sub, with: {x: a}, into: {b: y}}, goto: end}", []string{`line 13: flow sub gives no "y"`}},
	"an outcome that never comes": {"    {call: {flow: sub, with: {x: a}, then: {lost: end}}, goto: end}", []string{`line 13: flow sub never returns "lost"`}},
	"return of the main flow":     {"    {return: ok}", []string{"line 13: node other returns, but nobody calls the main flow: end it with hang_up"}},
	"voicemail without slot":      {"    {voicemail: {prompt: a, goto: end}}", []string{`line 13: a voicemail needs "slot"`}},
	"voicemail, silence":          {"    {voicemail: {prompt: a, slot: b, silence: 100ms, goto: end}}", []string{`line 13: silence must be a time from 1s to 1m0s, such as 3s, not "100ms"`}},
	"voicemail, key":              {"    {voicemail: {prompt: a, slot: b, key: 10, goto: end}}", []string{`line 13: key must be one key, 0 to 9, "*" or "#", not "10"`}},
	"model, unavailable missing":  {"    {model: {instructions: a, goto: end}}", []string{`line 13: a model node needs "unavailable"`}},
	"model, turns":                {"    {model: {instructions: a, turns: 0, unavailable: end, goto: end}}", []string{`line 13: turns must be a whole number from 1 to 1000, not "0"`}},
	"model that cannot be had":    {"    {model: {instructions: a, unavailable: again, goto: end}}\n  again: {say: a, goto: other}", []string{"line 12: other → again → other never waits for the caller"}},
	"transfer to nobody":          {"    {transfer: {failed: end}}", []string{`line 13: a transfer needs "to"`}},
	"transfer to two words":       {"    {transfer: {to: the desk, failed: end}}", []string{`line 13: transfer: to is "the desk": want a number such as +15550100, or an address`}},
	"transfer, failed missing":    {"    {transfer: {to: '+442071234567'}}", []string{`line 13: a transfer needs "failed"`}},
	"transfer in a circle":        {"    {transfer: {to: '{from}', failed: other}}", []string{"line 12: other → other never waits for the caller"}},
	"transfer with a goto":        {"    {transfer: {to: '+442071234567', failed: end}, goto: end}", []string{`line 13: transfer nodes have no "goto" of their own`}},
	"a zone":                      {"    {say: a, goto: end}\nzone: Mars/Base", []string{`line 14: zone "Mars/Base" is not known: use an IANA name such as Europe/London`}},
	"collect of no slot":          {"    {say: a, goto: end}\ncollect: [nothing]", []string{`line 14: nothing fills slot "nothing"`}},
	"a bound of a date":           {"    {gather: {slot: a, type: date, min: soon, prompt: a, goto: end}}", []string{`line 13: min of a date must be today, +7d, -7d or 2026-01-31, not "soon"`}},
	"a bound of a time":           {"    {gather: {slot: a, type: time, min: '25:00', prompt: a, goto: end}}", []string{`line 13: min of a time must be a time such as 08:00, not "25:00"`}},
	"times the wrong way":         {"    {gather: {slot: a, type: time, min: '18:00', max: '08:00', prompt: a, goto: end}}", []string{"line 13: min 18:00 is more than max 08:00"}},
	"every half a minute":         {"    {gather: {slot: a, type: time, every: 90s, prompt: a, goto: end}}", []string{"line 13: every must be whole minutes, not 1m30s"}},
	"a country":                   {"    {gather: {slot: a, type: phone, country: 0, prompt: a, goto: end}}", []string{`line 13: country must be a whole number from 1 to 999, not "0"`}},
	"a secret that is said":       {"    {gather: {slot: a, type: digits, length: 4, masked: true, prompt: a, confirm: '{a}?', goto: end}}", []string{"line 13: {a} is masked: it may not be said or copied"}},
}

func TestParseNamesLineAndReason(t *testing.T) {
	t.Parallel()
	all := maps.Clone(wrongFlows)
	for name, tt := range wrongParts {
		all[name] = wrongFlow{withParts + tt.node + "\n", tt.want}
	}
	for name, tt := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Parse([]byte(tt.file))
			if f != nil || err == nil {
				t.Fatalf("parsed %v, %v; want an error", f, err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseTakesJSON(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(`{"flow": "tiny", "lang": "en-GB", "start": "end", "nodes": {"end": {"hang_up": "Goodbye."}}}`))
	if err != nil || f.Name() != "tiny" || f.Lang() != "en-GB" {
		t.Fatalf("parsed %+v, %v", f, err)
	}
}

func TestParseRefusesLargeFiles(t *testing.T) {
	t.Parallel()
	_, err := Parse(make([]byte, maxFile+1))
	if want := fmt.Sprintf("line 1: the file has %d bytes, more than %d", maxFile+1, maxFile); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
