package ivr

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"parley/control/traits"
	"parley/pipeline"
)

// A Compiled menu is what an agent is set to.
type Compiled struct {
	Flow     json.RawMessage
	Language string // empty: the server's

	places []place
}

// A place is where something of the flow stands in the menu.
type place struct{ flow, menu string }

// Compile makes a flow of a menu. The findings are all that is wrong with it.
func Compile(raw json.RawMessage) (c Compiled, bad []Finding) {
	m, bad := read(raw)
	if len(bad) > 0 {
		return c, bad
	}
	b := builder{menu: &m, nodes: map[string]any{}}
	b.build()
	if b.mute {
		return c, []Finding{{"menu.goodbye", "is required, since a call can end by it: the words that the house has are English, and language is " + m.Language}}
	}
	flow := map[string]any{"flow": "menu", "start": b.start, "nodes": b.nodes}
	for name, text := range map[string]string{"lang": m.Language, "zone": m.TimeZone} {
		if text != "" {
			flow[name] = text
		}
	}
	if m.Hours != nil {
		hours := map[string]any{"open": m.Hours.Open}
		if len(m.Hours.Holidays) > 0 {
			hours["holidays"] = m.Hours.Holidays
		}
		flow["hours"] = map[string]any{"business": hours}
		b.is("hours.business", "menu.hours")
	}
	text, err := json.Marshal(flow)
	if err != nil {
		return c, []Finding{{"menu", "cannot be written: " + err.Error()}}
	}
	c = Compiled{Flow: text, Language: m.Language, places: b.places}
	_, found := traits.Read(`{"flow":`+string(text)+`}`, pipeline.Manners{})
	for _, f := range found {
		bad = append(bad, Finding{c.Locate(f.Path), onLine.ReplaceAllString(f.Reason, "")})
	}
	return c, bad
}

// onLine is how a flow's reader says where something stands, in a text that nobody has seen.
var onLine = regexp.MustCompile(`,? (first )?on line \d+`)

// Locate is the place in the menu of what stands at a path of an agent's settings.
func (c Compiled) Locate(path string) string {
	rest, ok := strings.CutPrefix(path, "settings.flow")
	if !ok {
		return "menu.language" // nothing else is set
	}
	rest = strings.TrimPrefix(rest, ".")
	best := place{"", "menu"}
	for _, p := range c.places {
		if strings.HasPrefix(rest, p.flow) && len(p.flow) > len(best.flow) {
			best = p
		}
	}
	return best.menu + named.Replace(strings.TrimPrefix(rest, best.flow))
}

// named are the menu's own names of what nodes have.
var named = strings.NewReplacer(".phrases", ".words", ".patience", ".timeout", ".silences", ".tries", ".goto", "", ".hang_up", "", ".menu", "")

// A builder makes the nodes of a flow.
type builder struct {
	menu   *Menu
	nodes  map[string]any
	start  string
	places []place
	mute   bool // a call can end with words that the menu's language has not
}

type node = map[string]any

// is notes where a part of the flow stands in the menu.
func (b *builder) is(flow, menu string) { b.places = append(b.places, place{flow, menu}) }

// put adds a node; menu is where it stands in the menu.
func (b *builder) put(name, menu string, n node) string {
	b.nodes[name] = n
	b.is("nodes."+name, menu)
	return name
}

// The nodes that a flow has once.
const (
	root     = "menu"
	goodbye  = "goodbye"
	fallback = "fallback"
)

func (b *builder) build() {
	m := b.menu
	b.start = root
	if m.Greeting != "" {
		b.is("nodes.greeting.say", "menu.greeting")
		b.start = b.put("greeting", "menu.greeting", node{"say": m.Greeting, "goto": root})
	}
	if m.Hours != nil {
		closed := b.act("closed", "menu.hours.closed", m.Hours.Closed, "", b.last)
		b.start = b.put("clock", "menu.hours", node{"hours": node{"of": "business", "open": b.start, "closed": closed}})
	}
	b.page(root, "menu", "", m.Page, Page{Tries: 3, NoInput: "{prompt}", NoMatch: b.own("Sorry, I didn't understand. {prompt}", "{prompt}")})
}

// own is an English text, or other where the menu's language is another.
func (b *builder) own(english, other string) string {
	if b.menu.foreign() {
		return other
	}
	return english
}

// last is the node that ends a call.
func (b *builder) last() string {
	if b.nodes[goodbye] == nil {
		b.mute = b.menu.foreign() && b.menu.Goodbye == ""
		b.put(goodbye, "menu.goodbye", node{"hang_up": cmp.Or(b.menu.Goodbye, "Goodbye.")})
	}
	return goodbye
}

// otherwise is the node for those who are not understood.
func (b *builder) otherwise() string {
	if b.menu.Fallback == nil {
		return b.last()
	}
	if b.nodes[fallback] == nil {
		b.nodes[fallback] = node{} // a fallback that fails does not come to itself
		return b.act(fallback, "menu.fallback", *b.menu.Fallback, "", b.last)
	}
	return fallback
}

// page adds a menu, named and standing as given; up is the one that leads to it, before is what it leaves out.
func (b *builder) page(name, path, up string, p, before Page) {
	p.Timeout, p.Tries = cmp.Or(p.Timeout, before.Timeout), cmp.Or(p.Tries, before.Tries)
	p.NoInput, p.NoMatch = cmp.Or(p.NoInput, before.NoInput), cmp.Or(p.NoMatch, before.NoMatch)
	q := node{"prompt": p.Prompt, "tries": p.Tries, "silences": p.Tries, "no_input": p.NoInput, "no_match": p.NoMatch, "give_up": b.otherwise()}
	if p.Again != "" {
		q["again"] = p.Again
	}
	if p.Timeout != "" {
		q["patience"] = p.Timeout
	}
	var choices []node
	for i, o := range p.Options {
		at := fmt.Sprintf("%s.options[%d]", path, i)
		c := node{"goto": b.option(fmt.Sprintf("%s_%d", name, i+1), at, name, up, o, p)}
		if o.Digit != "" {
			c["digit"] = o.Digit
		}
		if len(o.Words) > 0 {
			c["phrases"] = o.Words
		}
		choices = append(choices, c)
		b.is(fmt.Sprintf("nodes.%s.menu.choices[%d]", name, i), at)
	}
	q["choices"] = choices
	b.put(name, path, node{"menu": q})
}

// option adds what follows an option, and names its first node; here is the menu that has it.
func (b *builder) option(name, path, here, up string, o Option, p Page) string {
	switch {
	case o.Back:
		return up
	case o.Submenu != nil && o.Say != "":
		b.page(name+"_menu", path+".submenu", here, *o.Submenu, p)
		return b.put(name, path, node{"say": o.Say, "goto": name + "_menu"})
	case o.Submenu != nil:
		b.page(name, path+".submenu", here, *o.Submenu, p)
		return name
	}
	return b.act(name, path, o.Action, here, b.otherwise)
}

// act adds an action, and names its first node: after is where the call goes on, none where it goes if nobody takes it over. Without after it ends.
func (b *builder) act(name, path string, a Action, after string, none func() string) string {
	does, rest := name, node(nil)
	if a.Say != "" {
		does = name + "_then"
	}
	switch {
	case a.Transfer != "":
		rest = node{"transfer": node{"to": a.Transfer, "failed": b.busy(name, after)}}
		b.is("nodes."+does+".transfer.to", path+".transfer")
	case a.Voicemail != "":
		rest = node{"voicemail": node{"slot": "message", "prompt": a.Voicemail, "give_up": b.last(), "goto": b.kept()}}
		b.is("nodes."+does+".voicemail.prompt", path+".voicemail")
	case a.Agent != "":
		rest = node{"model": node{"instructions": a.Agent, "unavailable": none(), "goto": b.onward(after)}}
		b.is("nodes."+does+".model.instructions", path+".agent")
	case a.Hangup != "":
		rest = node{"hang_up": a.Hangup}
		b.is("nodes."+does+".hang_up", path+".hangup")
	case after == "":
		b.is("nodes."+name+".hang_up", path+".say")
		return b.put(name, path, node{"hang_up": a.Say})
	default:
		return b.put(name, path, node{"say": a.Say, "goto": after})
	}
	b.put(does, path, rest)
	if a.Say != "" {
		b.put(name, path, node{"say": a.Say, "goto": does})
	}
	return name
}

// onward is the node where a call goes on.
func (b *builder) onward(after string) string {
	if after == "" {
		return b.last()
	}
	return after
}

// busy is where a caller goes who could not be connected.
func (b *builder) busy(name, after string) string {
	text := cmp.Or(b.menu.Busy, b.own("I'm sorry, nobody can be reached there now.", ""))
	if text == "" {
		return b.onward(after)
	}
	b.is("nodes."+name+"_busy.say", "menu.busy")
	return b.put(name+"_busy", "menu.busy", node{"say": text, "goto": b.onward(after)})
}

// kept is where a caller goes who has left a message.
func (b *builder) kept() string {
	text := cmp.Or(b.menu.Thanks, b.own("Thank you. Your message is kept. Goodbye.", b.menu.Goodbye))
	if text == "" {
		return b.last()
	}
	if b.nodes["kept"] == nil {
		b.put("kept", "menu.thanks", node{"hang_up": text})
	}
	return "kept"
}
