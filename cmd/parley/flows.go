package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"parley/pipeline/flow"
)

// flowCmd is for those who write scripted dialogs.
type flowCmd struct {
	Check  flowCheckCmd  `cmd:"" help:"Check flow files; every finding is told with its line."`
	Play   flowPlayCmd   `cmd:"" help:"Play a flow as text: type what the caller says, /123# for keys, an empty line for silence."`
	Schema flowSchemaCmd `cmd:"" help:"Print the JSON Schema of flow files, for editors."`
}

type flowCheckCmd struct {
	Files []string `arg:"" optional:"" placeholder:"FILE" help:"YAML or JSON; none: the built-in receptionist." type:"path"`
}

// Run checks files. Each finding is a line "FILE:LINE: reason"; the exit status is 1 if there is one.
func (c *flowCheckCmd) Run(con console) error {
	files := c.Files
	if len(files) == 0 {
		files = []string{""}
	}
	findings := 0
	for _, path := range files {
		name := path
		if path == "" {
			name = "the receptionist"
		}
		f, err := loadFlow(path)
		if err == nil {
			fmt.Fprintf(con.out, "%s: flow %s is sound: %d nodes\n", name, f.Name(), f.Nodes())
			continue
		}
		wrong := flow.Errors(err)
		if wrong == nil {
			return err
		}
		findings += len(wrong)
		for _, e := range wrong {
			fmt.Fprintf(con.out, "%s:%d: %s\n", name, e.Line, e.Reason)
		}
	}
	if findings > 0 {
		return fmt.Errorf("%d findings", findings)
	}
	return nil
}

type flowPlayCmd struct {
	File string            `arg:"" optional:"" placeholder:"FILE" help:"YAML or JSON; none: the built-in receptionist." type:"path"`
	At   string            `help:"The time of the call, such as 2026-12-24T17:30 on the flow's own clock; else now." placeholder:"TIME"`
	Set  map[string]string `help:"What the call brings along, such as from=+442071234567." placeholder:"SLOT=VALUE"`
}

// Run plays a flow on stdin and stdout. There is no model: model nodes are unavailable.
func (c *flowPlayCmd) Run(con console) error {
	f, err := loadFlow(c.File)
	if err != nil {
		return err
	}
	o := flow.Options{Context: c.Set}
	if c.At != "" {
		at, err := timeOf(c.At, f.Zone())
		if err != nil {
			return usageError{err}
		}
		began := time.Now()
		o.Now = func() time.Time { return at.Add(time.Since(began)) }
	}
	return flow.Play(con.out, con.in, f, o)
}

// timeOf reads a time with its zone, or on the clock of one.
func timeOf(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, strings.Replace(s, " ", "T", 1), zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--at is %q: want a time such as 2026-12-24T17:30", s)
}

type flowSchemaCmd struct{}

// Run prints the schema.
func (flowSchemaCmd) Run(con console) error {
	_, err := con.out.Write(flow.Schema())
	return err
}

// loadFlow reads a scripted dialog, or takes the built-in receptionist.
func loadFlow(path string) (*flow.Flow, error) {
	if path == "" {
		return flow.Receptionist()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read flow: %w", err)
	}
	f, err := flow.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}
