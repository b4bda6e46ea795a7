package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed scenarios
var files embed.FS

// Roles are Parley's.
const (
	callee = "callee" // sipp calls Parley
	caller = "caller" // Parley calls sipp
)

// A scenario is one file of scenarios/: a script of sipp's, written in the words of words.go, and what it wants of Parley besides.
type scenario struct {
	name  string
	role  string
	title string

	server string   // callee: the settings of the server that it calls, by their name in servers
	over   []string // transports; nil: udp and tcp

	order   order  // caller: the call that Parley places
	outcome string // caller: what becomes of it
	code    int    // caller: the status that it ends with; 0: none

	xml []byte // for sipp
}

// An order is a call that Parley is to place.
type order struct {
	ring      time.Duration // how long it may ring; 0: a minute
	hangup    time.Duration // after which Parley hangs up when it is answered; 0: it waits for the far end
	cancel    bool          // it is given up as soon as it rings
	transfer  string        // whom it is transferred to when it is answered; empty: nobody
	refer     bool          // the far end may have it go on with the exchange's desk
	redirects int           // how many it follows
	user      string        // name, password and realm of the trunk
	password  string
	realm     string
}

// scenarios are all there are, by role and name.
func scenarios() (all []*scenario, err error) {
	for _, role := range []string{callee, caller} {
		names, err := fs.Glob(files, "scenarios/"+role+"/*.xml")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := files.ReadFile(name)
			if err != nil {
				return nil, err
			}
			s := &scenario{role: role, name: strings.TrimSuffix(path.Base(name), ".xml"), server: "open"}
			if err := s.render(string(text)); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// render makes what sipp reads, and takes what is said of the scenario itself.
func (s *scenario) render(text string) error {
	w := &words{scenario: s}
	t, err := template.New(s.name).Funcs(w.vocabulary()).Parse(text)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := t.Execute(&body, nil); err != nil {
		return err
	}
	if s.title == "" {
		return fmt.Errorf("it has no title")
	}
	if s.role == caller && s.outcome == "" {
		return fmt.Errorf("it says no outcome")
	}
	if w.waits == 0 {
		return fmt.Errorf("it waits for nothing: whatever Parley does, it passes")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=%q>\n%s", s.title, bytes.TrimSpace(body.Bytes()))
	if len(w.variables) > 0 { // sipp refuses variables that nobody reads
		slices.Sort(w.variables)
		fmt.Fprintf(&out, "\n<Reference variables=%q/>", strings.Join(slices.Compact(w.variables), ","))
	}
	out.WriteString("\n</scenario>\n")
	s.xml = out.Bytes()
	return nil
}

// transports are those that it runs over.
func (s *scenario) transports() []string {
	if s.over != nil {
		return s.over
	}
	return []string{"udp", "tcp"}
}
