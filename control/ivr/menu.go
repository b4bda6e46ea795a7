// Package ivr makes flows of menus: what a bot answers by whose config says no more than what is to be pressed or said, and what follows.
//
//	config.menu ──schema──▶ Menu ──Compile──▶ pipeline/flow's JSON ──▶ the agent's settings.flow
//	     ▲                                          │
//	     └── findings, by the menu's own names ◀────┘
//
// The flow that comes of it:
//
//	hours ──open──▶ greeting ──▶ menu ──digit, words──▶ say, submenu, transfer, voicemail, agent, hangup
//	   └──closed──▶ closed         └──tries──▶ fallback
package ivr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A Menu is a telephone menu. Texts are said as they stand; {now} and {today} are the clock's.
type Menu struct {
	Page

	Language string  `json:"language,omitempty" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" patternDescription:"a language tag such as en or en-GB" doc:"What callers speak and hear; left out: the server's."`
	TimeZone string  `json:"time_zone,omitempty" maxLength:"64" doc:"Of the hours, by its IANA name; left out: UTC."`
	Greeting string  `json:"greeting,omitempty" maxLength:"2000" doc:"Said first."`
	Hours    *Hours  `json:"hours,omitempty" doc:"When the menu is there; left out: always."`
	Fallback *Action `json:"fallback,omitempty" doc:"What follows when the tries are used up, or nobody can take over; left out: goodbye."`
	Busy     string  `json:"busy,omitempty" maxLength:"2000" doc:"Said when a transfer fails, before the menu comes again."`
	Thanks   string  `json:"thanks,omitempty" maxLength:"2000" doc:"Said after a message, before the call ends."`
	Goodbye  string  `json:"goodbye,omitempty" maxLength:"2000" doc:"Said at the end of a call that nothing else ends."`
}

// A Page is a question with options. What a submenu leaves out of timeout, tries, no_input and no_match is as in the menu that leads to it.
type Page struct {
	Prompt  string   `json:"prompt" minLength:"1" maxLength:"2000" doc:"The question: what to press or to say."`
	Again   string   `json:"again,omitempty" maxLength:"2000" doc:"Instead of the prompt after an option has said something."`
	Options []Option `json:"options" minItems:"1" maxItems:"20" nullable:"false"`
	Timeout string   `json:"timeout,omitempty" pattern:"^([0-9]+(\\.[0-9]+)?(ms|s|m))+$" patternDescription:"a time with its unit, such as 6s" doc:"Silence before the caller is asked again, 1s to 10m."`
	Tries   int      `json:"tries,omitempty" minimum:"1" maximum:"10" default:"3" doc:"Answers that are not understood, or silences in a row, before the fallback."`
	NoInput string   `json:"no_input,omitempty" maxLength:"2000" doc:"Said when the caller is silent; {prompt} is the question."`
	NoMatch string   `json:"no_match,omitempty" maxLength:"2000" doc:"Said when the caller is not understood; {prompt} is the question."`
}

// An Action is what is done: say alone, or one of the others, before which say is said.
type Action struct {
	Say       string `json:"say,omitempty" maxLength:"2000" doc:"Said; alone, in an option, the menu comes again after it."`
	Transfer  string `json:"transfer,omitempty" maxLength:"255" doc:"Whom the caller is connected to: a number in E.164, a SIP address, or the extension of a person."`
	Voicemail string `json:"voicemail,omitempty" maxLength:"2000" doc:"Said before the tone after which the caller leaves a message."`
	Agent     string `json:"agent,omitempty" maxLength:"10000" doc:"Instructions of the language model that takes over; it gives the caller back to the menu when it is done. Without a model: the fallback."`
	Hangup    string `json:"hangup,omitempty" maxLength:"2000" doc:"Said before the call ends."`
}

// An Option is what may be pressed or said, and what follows.
type Option struct {
	Digit string   `json:"digit,omitempty" pattern:"^[0-9*#]$" patternDescription:"one key" doc:"The key."`
	Words []string `json:"words,omitempty" maxItems:"50" nullable:"false" doc:"What the caller may say."`
	Action

	Submenu *Page `json:"submenu,omitempty" doc:"Another menu."`
	Back    bool  `json:"back,omitempty" doc:"Of a submenu: the menu that led to it."`
}

// Hours are when a menu is there. Days and times are as docs/flows.md has them: "monday-friday": "08:00-18:00", "12-25": "closed".
type Hours struct {
	Open     map[string]any `json:"open" doc:"By weekday."`
	Holidays map[string]any `json:"holidays,omitempty" doc:"Days that are different, by their dates."`
	Closed   Action         `json:"closed" doc:"What is done when it is closed: say alone is goodbye."`
}

// A Finding is one thing wrong with a menu.
type Finding struct {
	Path   string // from the config on: menu.options[2].digit
	Reason string
}

// types hold the schema of a Menu.
var types = huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)

var menuSchema = types.Schema(reflect.TypeFor[Menu](), true, "Menu")

// missing is how huma says that a field must be there.
var missing = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// read reads a menu by its schema.
func read(raw json.RawMessage) (m Menu, bad []Finding) {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return m, []Finding{{"menu", "is no JSON"}}
	}
	at, found := huma.NewPathBuffer(nil, 0), huma.ValidateResult{}
	at.Push("menu")
	huma.Validate(types, menuSchema, at, huma.ModeWriteToServer, tree, &found)
	for _, err := range found.Errors {
		f := Finding{"menu", err.Error()}
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			f = Finding{d.Location, d.Message}
			if name := missing.FindStringSubmatch(d.Message); name != nil {
				f = Finding{d.Location + "." + name[1], "is required"}
			}
		}
		bad = append(bad, f)
	}
	if len(bad) > 0 {
		return m, bad
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&m); err != nil {
		return m, []Finding{{"menu", "does not fit: " + err.Error()}}
	}
	return m, m.check()
}

// What a menu may be: each level and option is nodes of a flow that all nodes of a cluster keep in memory.
const (
	deepest = 5
	widest  = 200 // options in all
)

// check says what the schema cannot.
func (m *Menu) check() (bad []Finding) {
	total := 0
	bad = m.checkPage("menu", 1, &total)
	if total > widest {
		bad = append(bad, Finding{"menu.options", fmt.Sprintf("and those of its submenus are %d: %d at most", total, widest)})
	}
	if m.TimeZone != "" {
		if _, err := time.LoadLocation(m.TimeZone); err != nil || m.TimeZone == "Local" {
			bad = append(bad, Finding{"menu.time_zone", "is no IANA time zone, such as Europe/London"})
		}
	}
	if m.Fallback != nil {
		bad = append(bad, m.Fallback.check("menu.fallback", 0)...)
	}
	if m.Hours != nil {
		bad = append(bad, m.Hours.Closed.check("menu.hours.closed", 0)...)
	}
	return bad
}

// foreign says whether the menu's language is another than that of the house's own words.
func (m *Menu) foreign() bool {
	lang, _, _ := strings.Cut(strings.ToLower(m.Language), "-")
	return lang != "" && lang != "en"
}

// checkPage says what is wrong with a page at a path and those below it.
func (p *Page) checkPage(path string, level int, total *int) (bad []Finding) {
	if d, err := time.ParseDuration(p.Timeout); p.Timeout != "" && (err != nil || d < time.Second || d > 10*time.Minute) {
		bad = append(bad, Finding{path + ".timeout", "must be from 1s to 10m"})
	}
	*total += len(p.Options)
	words := map[string]int{} // whose they are
	for i, o := range p.Options {
		at := fmt.Sprintf("%s.options[%d]", path, i)
		if o.Digit == "" && len(o.Words) == 0 {
			bad = append(bad, Finding{at, "needs a digit, words or both"})
		}
		if j := slices.IndexFunc(p.Options[:i], func(other Option) bool { return other.Digit == o.Digit }); o.Digit != "" && j >= 0 {
			bad = append(bad, Finding{at + ".digit", fmt.Sprintf("is that of options[%d] too", j)})
		}
		for j, w := range o.Words {
			w = strings.ToLower(strings.TrimSpace(w))
			if other, taken := words[w]; taken && w != "" {
				bad = append(bad, Finding{fmt.Sprintf("%s.words[%d]", at, j), fmt.Sprintf("are those of options[%d] too", other)})
			}
			if words[w] = i; w == "" {
				bad = append(bad, Finding{fmt.Sprintf("%s.words[%d]", at, j), "must not be blank"})
			}
		}
		others := 0
		if o.Submenu != nil {
			others++
		}
		if o.Back {
			others++
		}
		bad = append(bad, o.check(at, others)...)
		switch {
		case o.Back && level == 1:
			bad = append(bad, Finding{at + ".back", "has no menu to go back to"})
		case o.Back && o.Say != "":
			bad = append(bad, Finding{at + ".say", "is not said before back"})
		case o.Submenu != nil && level == deepest:
			bad = append(bad, Finding{at + ".submenu", fmt.Sprintf("is deeper than %d levels", deepest)})
		case o.Submenu != nil:
			bad = append(bad, o.Submenu.checkPage(at+".submenu", level+1, total)...)
		}
	}
	return bad
}

// check says what is wrong with an action that has so many others beside its own.
func (a *Action) check(path string, others int) []Finding {
	for _, does := range []string{a.Transfer, a.Voicemail, a.Agent, a.Hangup} {
		if does != "" {
			others++
		}
	}
	switch {
	case others > 1:
		return []Finding{{path, "does more than one thing: give one of submenu, transfer, voicemail, agent, hangup, back"}}
	case others == 0 && a.Say == "":
		return []Finding{{path, "does nothing: give one of say, submenu, transfer, voicemail, agent, hangup, back"}}
	}
	return nil
}
