package flow

import (
	"maps"
	"time"
	_ "time/tzdata"
)

// allDialogs are those of both tables.
func allDialogs() map[string]dialog {
	all := maps.Clone(dialogs)
	maps.Copy(all, nodeDialogs)
	return all
}

// nodeDialogs show each kind of node, slot and condition.
var nodeDialogs = map[string]dialog{
	"a sub-flow with arguments, results and outcomes": {
		file: `
flow: test
start: ask
context: {from: }
commands: [{phrases: main menu, goto: ask}]
flows:
  number:
    takes: {whose: , tries: "2"}
    gives: [phone]
    start: ask
    nodes:
      ask:
        gather:
          slot: phone
          type: phone
          country: 1
          prompt: "What is {whose} number?"
          confirm: "{phone}?"
          invalid: "Not a number."
          give_up: lost
          choices: [{phrases: no number, goto: none}]
          goto: done
      done: {return: ok}
      lost: {return: lost}
      none: {return: none}
nodes:
  ask: {gather: {slot: who, type: name, prompt: "Who?", goto: call}}
  call: {call: {flow: number, with: {whose: "{who}'s"}, into: {number: phone}, then: {lost: sorry}}, goto: read}
  read: {if: [{slot: number, empty: true, goto: empty}], else: bye}
  empty: {say: "None, then.", goto: ask}
  sorry: {say: "A pity.", goto: ask}
  bye: {hang_up: "{who}, {number}."}`,
		script: [][2]string{
			{"", "Who?"}, {"Ana", "What is Ana's number?"}, {"no number", "None, then. Who?"}, {"Ana", "What is Ana's number?"},
			{"blah", "What is Ana's number?"}, {"main menu", "Who?"}, {"Bo", "What is Bo's number?"}, {"1 2 3", "Not a number."}, {"x", "What is Bo's number?"},
			{"x", "A pity. Who?"}, {"Bo", "What is Bo's number?"}, {"/4155550123#", "plus one, four one five, five five five, zero one two three?"},
			{"yes", "Bo, plus one, four one five, five five five, zero one two three. [hang up]"},
		},
		slots: map[string]string{"from": "", "who": "Bo", "number": "+14155550123"},
		told:  map[string]string{"who": "Bo", "number": "+14155550123"},
	},
	"a sub-flow within a sub-flow": {
		file: `
flow: test
start: one
flows:
  outer: {gives: [b], start: s, nodes: {s: {call: {flow: inner, with: {x: "in"}, into: {b: y}}, goto: r}, r: {return: ok}}}
  inner: {takes: {x: }, gives: [y], start: s, nodes: {s: {gather: {slot: y, type: name, prompt: "{x}?", goto: r}}, r: {return: ok}}}
nodes:
  one: {call: {flow: outer, into: {a: b}}, goto: bye}
  bye: {hang_up: "{a}"}`,
		script: [][2]string{{"", "in?"}, {"Ana", "Ana [hang up]"}},
		told:   map[string]string{"a": "Ana"},
	},
	"hours: open": {
		now: time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC), file: officeHours,
		script: [][2]string{{"", "Open until today at six in the evening. Yes. [hang up]"}},
	},
	"hours: closed": {
		now: sunday, file: officeHours,
		script: [][2]string{{"", "Closed until tomorrow at eight in the morning. No. [hang up]"}},
	},
	"hours: a holiday": {
		now: time.Date(2026, time.December, 25, 9, 0, 0, 0, time.UTC), file: officeHours,
		script: [][2]string{{"", "Closed until tomorrow at nine in the morning. No. [hang up]"}},
	},
	"a date and a time within the hours": {
		file: `
flow: test
start: day
zone: America/New_York
hours: {clinic: {open: {monday-friday: ["08:00-12:00", "13:00-18:00"]}}}
nodes:
  day: {gather: {slot: day, type: date, min: today, max: +60d, prompt: "Which day?", invalid: "Not {day}.", goto: weekend}}
  weekend: {if: [{not: {open: clinic, at: "{day}"}, goto: closed}], else: time}
  closed: {say: "Closed on {day}.", goto: day}
  time: {gather: {slot: time, type: time, min: "08:00", max: "18:00", every: 30m, prompt: "What time?", invalid: "Not at {time}.", goto: lunch}}
  lunch: {if: [{open: clinic, at: "{day} {time}", goto: bye}], else: eating}
  eating: {say: "We are at lunch.", goto: time}
  bye: {hang_up: "{day} at {time}."}`,
		script: [][2]string{
			{"", "Which day?"}, {"yesterday", "Not Saturday, November twenty-first."}, {"on sunday", "Closed on Sunday, November twenty-ninth. Which day?"},
			{"Tomorrow, please.", "What time?"}, {"ten past ten", "Not at ten ten in the morning."}, {"half past twelve", "We are at lunch. What time?"},
			{"/0230", "Monday, November twenty-third at two thirty in the afternoon. [hang up]"},
		},
		told: map[string]string{"day": "2026-11-23", "time": "14:30"},
	},
	"a transfer, and who stays": {
		file: `
flow: test
start: main
context: {from: , desk: "+442071234567"}
nodes:
  main: {menu: {prompt: Menu., choices: [{digit: 1, goto: out}, {digit: 2, goto: nowhere}, {phrases: hours, goto: hours}]}}
  hours: {say: Always., goto: main}
  out: {transfer: {to: "{desk}", say: "One moment, {from}.", failed: busy}}
  nowhere: {transfer: {to: "{from}", say: One moment., failed: busy}}
  busy: {say: They are busy., goto: main}`,
		script: [][2]string{
			{"", "Menu."}, {"/1", "One moment, . [transfer +442071234567]"}, {"!", "They are busy. Menu."}, {"/1", "One moment, . [transfer +442071234567]"},
			{"hours", "Always. Menu."}, {"!", "Always. Menu."}, {"/2", "They are busy. Menu."},
		},
	},
	"who interrupts the end is where they were, also within a sub-flow": {
		file: `
flow: test
start: main
commands: [{phrases: goodbye, goto: bye}]
flows:
  sub: {start: a, nodes: {a: {gather: {slot: b, type: number, prompt: Number., goto: c}}, c: {if: [{slot: b, above: 5, goto: high}], else: low}, high: {hang_up: Too high.}, low: {return: ok}}}
  end: {start: a, nodes: {a: {hang_up: The end.}}}
nodes:
  main: {menu: {prompt: Menu., choices: [{digit: 1, goto: sub}, {digit: 2, goto: end}]}}
  sub: {call: {flow: sub}, goto: end}
  end: {call: {flow: end}, goto: main}
  bye: {hang_up: Bye.}`,
		script: [][2]string{
			{"", "Menu."}, {"/2", "The end. [hang up]"}, {"/1", "Number."}, {"7", "Too high. [hang up]"}, {"goodbye", "Bye. [hang up]"}, {"8", "Too high. [hang up]"},
			{"3", "The end. [hang up]"}, {"4", "The end. [hang up]"},
		},
	},
	"conditions": {
		file: `
flow: test
start: age
nodes:
  age: {gather: {slot: age, type: number, prompt: "Age?", goto: vip}}
  vip: {gather: {slot: vip, type: yes_no, prompt: "Member?", goto: which}}
  which:
    if:
      - {all: [{slot: age, at_least: 18, below: 65}, {slot: vip, is: "yes"}], goto: gold}
      - {any: [{slot: age, above: "64"}, {slot: age, matches: "1[0-7]|[0-9]"}], goto: half}
      - {not: {slot: vip, is_not: ["no", "maybe"]}, goto: full}
    else: bye
  gold: {say: Gold., goto: age}
  half: {say: Half., goto: age}
  full: {say: Full., goto: age}
  bye: {hang_up: Bye.}`,
		script: [][2]string{
			{"", "Age?"}, {"18", "Member?"}, {"yes", "Gold. Age?"}, {"64", "Member?"}, {"yes", "Gold. Age?"}, {"65", "Member?"}, {"yes", "Half. Age?"},
			{"9", "Member?"}, {"no", "Half. Age?"}, {"100", "Member?"}, {"no", "Half. Age?"}, {"20", "Member?"}, {"no", "Full. Age?"},
		},
	},
	"voicemail": {
		file: `
flow: test
start: leave
nodes:
  leave: {voicemail: {slot: words, prompt: "Speak after the tone.", empty: "I heard nothing.", confirm: "I have: {words}. Right?", give_up: lost, goto: bye}}
  lost: {hang_up: "Nothing."}
  bye: {hang_up: "Kept."}`,
		script: [][2]string{
			{"", "Speak after the tone. [beep]"}, {"", "I heard nothing. Speak after the tone. [beep]"}, {"This is Ana.", ""}, {"Call me.", ""}, {"/5", ""},
			{"", "I have: This is Ana. Call me.. Right?"}, {"No.", "Speak after the tone. [beep]"}, {"Bo here.", ""}, {"/#", "I have: Bo here.. Right?"},
			{"well", "I have: Bo here.. Right?"}, {"/1", "Kept. [hang up]"},
		},
		told: map[string]string{"words": "Bo here."},
	},
	"voicemail that gives up, and forgets": {
		file: `
flow: test
start: leave
nodes:
  leave: {voicemail: {slot: words, prompt: "Speak.", tone: false, tries: 2, key: "*", confirm: "{words}?", give_up: lost, goto: bye}}
  lost: {hang_up: "Nothing."}
  bye: {hang_up: "Kept."}`,
		script: [][2]string{{"", "Speak."}, {"One.", ""}, {"/*", "One.?"}, {"/2", "Speak."}, {"Two.", ""}, {"/*", "Two.?"}, {"no", "Nothing. [hang up]"}},
		told:   map[string]string{},
	},
	"voicemail without a question": {
		file:   "flow: test\nstart: leave\nnodes: {leave: {voicemail: {slot: words, prompt: Speak., goto: bye}}, bye: {hang_up: Kept.}}",
		script: [][2]string{{"", "Speak. [beep]"}, {"Hello.", ""}, {"", "Kept. [hang up]"}},
		told:   map[string]string{"words": "Hello."},
	},
	"a masked card number": {
		file: `
flow: test
start: card
nodes:
  card: {gather: {slot: card, type: digits, length: 16, luhn: true, masked: true, prompt: "Card?", invalid: "That is no card.", confirm: "Got it. Shall I use it?", goto: check}}
  check: {if: [{slot: card, matches: "4.*", goto: visa}], else: other}
  visa: {say: Visa., goto: bye}
  other: {say: Other., goto: bye}
  bye: {hang_up: Bye.}`,
		script: [][2]string{{"", "Card?"}, {"/4111111111111112", "That is no card."}, {"/4111111111111111", "Got it. Shall I use it?"}, {"yes", "Visa. Bye. [hang up]"}},
		slots:  map[string]string{"card": "4111111111111111"},
		told:   map[string]string{"card": "***"},
	},
	"a masked result of a sub-flow": {
		file: `
flow: test
start: pin
flows: {pin: {gives: [pin], start: a, nodes: {a: {gather: {slot: pin, type: digits, length: 4, masked: true, prompt: "PIN?", goto: r}}, r: {return: ok}}}}
nodes:
  pin: {call: {flow: pin, into: {code: pin}}, goto: bye}
  bye: {hang_up: Bye.}`,
		script: [][2]string{{"", "PIN?"}, {"4711", "Bye. [hang up]"}},
		slots:  map[string]string{"code": "4711"},
		told:   map[string]string{"code": "***"},
	},
	"what is kept": {
		file: `
flow: test
start: name
collect: [name, mood]
nodes:
  name: {gather: {slot: name, type: name, prompt: "Name?", confirm: "{name}?", goto: age}}
  age: {gather: {slot: age, type: number, prompt: "Age?", silences: 2, give_up: mood, goto: mood}}
  mood: {set: {mood: "fine on {today}"}, goto: bye}
  bye: {hang_up: Bye.}`,
		script: [][2]string{{"", "Name?"}, {"Ana", "Ana?"}, {"yes", "Age?"}, {"", "Age?"}, {"", "Bye. [hang up]"}},
		told:   map[string]string{"name": "Ana", "mood": "fine on 2026-11-22"},
	},
	"letters, an email, a birthday": {
		file: `
flow: test
start: name
lang: en-GB
nodes:
  name: {gather: {slot: name, type: spelling, min: 2, prompt: "Spell it.", confirm: "{name}?", goto: mail}}
  mail: {gather: {slot: mail, type: email, prompt: "Email?", confirm: "{mail}?", invalid: "Not an address.", goto: born}}
  born: {gather: {slot: born, type: date, past: true, prompt: "Born?", confirm: "{born}?", goto: bye}}
  bye: {hang_up: Bye.}`,
		script: [][2]string{
			{"", "Spell it."}, {"S M I T H, H as in Henry", "S, M, I, T, H, H?"}, {"no", "Spell it."}, {"sierra mike india double t", "S, M, I, T, T?"}, {"yes", "Email?"},
			{"John dot Smith at example", "Not an address."}, {"it's john dot smith at example dot com", "john dot smith at example dot com?"}, {"yes", "Born?"},
			{"/05031982", "the fifth of March, nineteen eighty-two?"}, {"No, the sixth of March nineteen eighty two", "the sixth of March, nineteen eighty-two?"},
			{"yes", "Bye. [hang up]"},
		},
		told: map[string]string{"name": "SMITT", "mail": "john.smith@example.com", "born": "1982-03-06"},
	},
}

const officeHours = `
flow: test
start: clock
zone: Europe/London
hours:
  office:
    open: {monday-friday: 08:00-18:00, saturday: 09:00-12:00}
    holidays: {12-25: closed, "2026-12-24": 08:00-12:00}
nodes:
  clock: {hours: {of: office, open: open, closed: closed, change: until}}
  open: {say: "Open until {until}.", goto: again}
  closed: {say: "Closed until {until}.", goto: again}
  again: {if: [{open: office, goto: yes_now}], else: no_now}
  yes_now: {hang_up: "Yes."}
  no_now: {hang_up: "No."}`
