package tool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// A Destination is somebody that callers can be transferred to.
type Destination struct {
	Name string // as the model calls it
	To   string // a number in E.164, or an address such as sip:desk@example.com
	When string // for the model: when to transfer there
}

// Destinations are where callers may be transferred.
type Destinations struct {
	Named []Destination
	// Prefixes are of the numbers that may be transferred to although they have no name, such as +44; "+" is all of them. None: only those
	// with a name may. A caller can talk a model into dialling what costs money.
	Prefixes []string
}

// A Transferrer makes the carrier connect a caller to somebody else; pipeline.Parts.Transfer is its method for one call.
type Transferrer interface {
	// Transfer returns when the caller has left us, or with what a model may be told of why not.
	Transfer(ctx context.Context, call, to string) error
}

// TransferTo is the tool "transfer": the caller is connected to somebody else, without anybody being asked there (a blind transfer), when
// what is said before has been heard. Without a transferrer, or without anywhere to go, it is not offered.
func TransferTo(d Destinations, t Transferrer) pipeline.Tool {
	var names []any
	about := "Connect the caller to a person or another department. Your part of the call ends then. Destinations: "
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
		number, err := d.find(name)
		if err != nil {
			return "", nil, err
		}
		do := &pipeline.Command{Kind: pipeline.Transfer, To: number, Text: a.text("say")}
		return "The caller is being connected to " + short(name) + ".", do, do.Check()
	}
	if t == nil || len(d.Named)+len(d.Prefixes) == 0 {
		f = nil
	}
	return made("transfer", about, &Schema{
		Properties: map[string]*Schema{
			"destination": to,
			"say":         {Type: "string", Description: "What to say to the caller first, unless you have said it: one short sentence.", MaxLength: at(500)},
		},
		Required: []string{"destination"},
	}, f)
}

// find is the number or address of a destination.
func (d *Destinations) find(name string) (string, error) {
	for _, n := range d.Named {
		if plainText(n.Name) == plainText(name) {
			return n.To, nil
		}
	}
	var names []string
	for _, n := range d.Named {
		names = append(names, n.Name)
	}
	if len(d.Prefixes) == 0 {
		return "", fmt.Errorf("there is no destination %s: want one of %s", show(name), list(names))
	}
	number, err := e164(name)
	if err != nil {
		return "", fmt.Errorf("there is no destination %s: want one of %s, or a number in E.164", show(name), list(names))
	}
	if !slices.ContainsFunc(d.Prefixes, func(p string) bool { return strings.HasPrefix(number, p) }) {
		return "", fmt.Errorf("%s must not be called: want a number that begins with %s", number, list(d.Prefixes))
	}
	return number, nil
}
