package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

// TestAgentKeys: which keys make an entry, by what the agent makes of them and by what is expected. Keys come 100 ms apart; a dot is 600 ms
// in which none comes.
func TestAgentKeys(t *testing.T) {
	t.Parallel()
	knows := func(pressed string, e Expect) Pressed {
		switch {
		case pressed == "*" || pressed == "1":
			return Pressed{Wait: 500 * ms}
		case pressed == "*9", pressed == "12", pressed == "2" && !e.Sole, pressed == "3#":
			return Pressed{Whole: true}
		case pressed == "3":
			return Pressed{Wait: 500 * ms}
		}
		return Pressed{}
	}
	for _, tt := range []struct {
		name    string
		keys    func(string, Expect) Pressed
		expect  Expect
		presses string
		want    string // entries
	}{
		{"known at once", knows, Expect{}, "2", "2"},
		{"known, and again", knows, Expect{}, "2*9", "2 *9"},
		{"after the gap", knows, Expect{}, "1.", "1"},
		{"the longer one", knows, Expect{}, "12", "12"},
		{"the gap even where one key is expected", knows, Expect{Digits: 1}, "*9", "*9"},
		{"and no more than that", knows, Expect{Digits: 1}, "*5", "*5"},
		{"what is expected", knows, Expect{Digits: 1}, "7", "7"},
		{"an entry that begins like another", knows, Expect{Digits: 4}, "1407", "1407"},
		{"an entry, with keys known elsewhere", knows, Expect{Digits: 3, Sole: true}, "233", "233"},
		{"a hash that belongs to them", knows, Expect{}, "3#", "3#"},
		{"a hash that ends them", knows, Expect{}, "1#", "1"},
		{"nothing known", nil, Expect{Digits: 4}, "1407", "1407"},
		{"a hash out of habit", nil, Expect{Digits: 4}, "1407#", "1407"},
		{"its own terminator out of habit", nil, Expect{Digits: 4, Terminator: '*'}, "1407*", "1407"},
		{"another key after it", nil, Expect{Digits: 4}, "14075#", "1407 5"},
		{"a hash later", nil, Expect{Digits: 4}, "1407..#", "1407 #"},
		{"a hash after a menu", nil, Expect{Digits: 1}, "1#", "1 #"},
	} {
		d := newDialog(&Agent{Keys: tt.keys}, media.Info{})
		var entries []string
		var feed func(e event)
		feed = func(e event) {
			for _, a := range d.on(e) {
				switch a := a.(type) {
				case ask:
					if a.talk.Why == ForKeys {
						entries = append(entries, a.talk.Keys)
					}
				case cut:
					feed(event{e.at, silenced{turn: a.turn}})
				}
			}
		}
		ahead := func(to time.Duration) { // keys that waited for a response to say what it expects have waited long enough
			if due := d.alarms[aheadAlarm]; due != 0 && due <= to {
				feed(event{due, ticked{}})
			}
		}
		feed(event{0, answered{}})
		for _, e := range greeted() {
			feed(e)
		}
		d.expect = tt.expect
		at := 2 * time.Second
		for _, k := range tt.presses {
			if at += 100 * ms; k == '.' {
				at += 500 * ms
				feed(event{at, ticked{}})
				continue
			}
			ahead(at)
			feed(event{at, keyed{key: k}})
		}
		ahead(at + 200*ms)
		if at += 1400 * ms; len(entries) == 0 || strings.HasSuffix(tt.presses, "#") {
			feed(event{at, ticked{}})
		}
		if diff := cmp.Diff(strings.Fields(tt.want), entries); diff != "" {
			t.Errorf("%s: want - got +:\n%s", tt.name, diff)
		}
	}
}

// TestKeysAheadOfASecret: keys wait for a response to say that it expects a secret, also when what it was told of is there before.
func TestKeysAheadOfASecret(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]Delta{
		"nothing": {}, "a conversation of before": {Remembered: []string{"1"}}, "a document": {Lookup: &Lookup{}},
	} {
		d := newDialog(&Agent{}, media.Info{})
		d.on(event{0, answered{}})
		if name != "nothing" {
			d.on(event{10 * ms, told{1, 0, before}})
		}
		d.on(event{50 * ms, keyed{key: '1'}})
		d.on(event{100 * ms, told{1, 0, Delta{Expect: &Expect{Digits: 1, Sole: true, Masked: true}}}})
		if d.on(event{150 * ms, ticked{}}); !d.secret() {
			t.Errorf("told of %s: the key is no secret", name)
		}
	}
}
