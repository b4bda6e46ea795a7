package tool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// Mode is how a caller is transferred.
type Mode string

// The modes.
const (
	Blind    Mode = "blind"    // by the carrier; the call ends here
	Bridge   Mode = "bridge"   // we call them, and join the two
	Warm     Mode = "warm"     // and tell them first what it is about, and ask whether they take the call
	Attended Mode = "attended" // and then the carrier connects the two; the call ends here
)

// briefs says whether who is called is told first what it is about.
func (m Mode) briefs() bool { return m == Warm || m == Attended }

// A Destination is somebody that callers can be transferred to.
type Destination struct {
	Name string // as the model calls it
	To   string // a number in E.164, or an address such as sip:desk@example.com
	When string // for the model: when to transfer there
	Mode Mode   // empty: as Destinations says
}

// Destinations are where callers may be transferred.
type Destinations struct {
	Named []Destination
	// Prefixes are of the numbers that may be transferred to although they have no name, such as +44; "+" is all of them. None: only those
	// with a name may. A caller can talk a model into dialling what costs money.
	Prefixes []string
	Mode     Mode          // where a Destination has none, and of numbers; empty: Blind
	Join     pipeline.Join // of Bridge, Warm and Attended: Ring, Stay and After
	Question string        // asked after the brief of a Warm or Attended transfer; empty: "Press 1 to take the call, or any other key if you cannot."
}

// question is asked where settings have no other.
const question = "Press 1 to take the call, or any other key if you cannot."

// Ways are how a call can be transferred.
type Ways struct {
	Blind bool // its carrier can connect the caller to somebody else
	Join  bool // somebody else can be called, and joined with the caller
}

// within leaves out where a call cannot be transferred in these ways. Who cannot be called is connected by the carrier, if that can.
func (d Destinations) within(w Ways) Destinations {
	can := func(m Mode) Mode {
		switch m = cmp.Or(m, d.Mode, Blind); {
		case m == Blind && w.Blind || m != Blind && w.Join:
			return m
		case m == Bridge && w.Blind:
			return Blind
		}
		return ""
	}
	named := d.Named
	d.Named = nil
	for _, n := range named {
		if n.Mode = can(n.Mode); n.Mode != "" {
			d.Named = append(d.Named, n)
		}
	}
	if d.Mode = can(""); d.Mode == "" {
		d.Prefixes = nil
	}
	return d
}

// warm says whether anybody is told first what it is about.
func (d *Destinations) warm() bool {
	return len(d.Prefixes) > 0 && d.Mode.briefs() || slices.ContainsFunc(d.Named, func(n Destination) bool { return n.Mode.briefs() })
}

// command is what connects the caller to n.
func (d *Destinations) command(n Destination, say, brief string) *pipeline.Command {
	c := &pipeline.Command{Kind: pipeline.Transfer, To: n.To, Text: say}
	if n.Mode == Blind {
		return c
	}
	c.Kind, c.Join = pipeline.Bridge, d.Join
	if n.Mode.briefs() {
		c.Join.Brief = cmp.Or(brief, "A caller is waiting for you.") + " " + cmp.Or(d.Question, question)
		c.Join.Confirm, c.Join.Attended = true, n.Mode == Attended
	}
	return c
}

// TransferTo is the tool "transfer": the caller is connected to somebody else when what is said before has been heard: by the carrier,
// without anybody being asked there (a blind transfer), or by us. Without a way, or without anywhere to go, it is not offered.
func TransferTo(d Destinations, w Ways) pipeline.Tool {
	d = d.within(w)
	var names []any
	about := "Connect the caller to a person or another department. Destinations: "
	for _, n := range d.Named {
		names = append(names, n.Name)
		about += n.Name
		if n.When != "" {
			about += " (" + n.When + ")"
		}
		about += "; "
	}
	about = strings.TrimSuffix(about, "; ") + "."
	to := &Schema{Type: "string", Description: "The name of a destination.", Enum: names}
	if len(d.Prefixes) > 0 {
		to.Enum, to.Description = nil, "The name of a destination, or a phone number in E.164 that begins with "+list(d.Prefixes)+"."
	}
	f := func(_ context.Context, a arguments) (string, *pipeline.Command, error) {
		name := a.text("destination")
		to, err := d.find(name)
		if err != nil {
			return "", nil, err
		}
		do := d.command(to, a.text("say"), a.text("brief"))
		return "The caller is being connected to " + short(name) + ".", do, do.Check()
	}
	if len(d.Named)+len(d.Prefixes) == 0 {
		f = nil
	}
	given := map[string]*Schema{
		"destination": to,
		"say":         {Type: "string", Description: "What to say to the caller first, unless you have said it: one short sentence.", MaxLength: at(500)},
	}
	if d.warm() {
		given["brief"] = &Schema{Type: "string", Description: "What whoever answers is told first, and the caller does not hear: who calls, and why, in one or two sentences.", MaxLength: at(700)}
	}
	return made("transfer", about, &Schema{Properties: given, Required: []string{"destination"}}, f)
}

// find is a destination by its name, or a number that may be called.
func (d *Destinations) find(name string) (Destination, error) {
	for _, n := range d.Named {
		if plainText(n.Name) == plainText(name) {
			return n, nil
		}
	}
	var names []string
	for _, n := range d.Named {
		names = append(names, n.Name)
	}
	if len(d.Prefixes) == 0 {
		return Destination{}, fmt.Errorf("there is no destination %s: want one of %s", show(name), list(names))
	}
	number, err := e164(name)
	if err != nil {
		return Destination{}, fmt.Errorf("there is no destination %s: want one of %s, or a number in E.164", show(name), list(names))
	}
	if !slices.ContainsFunc(d.Prefixes, func(p string) bool { return strings.HasPrefix(number, p) }) {
		return Destination{}, fmt.Errorf("%s must not be called: want a number that begins with %s", number, list(d.Prefixes))
	}
	return Destination{To: number, Mode: d.Mode}, nil
}
