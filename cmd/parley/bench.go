package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"parley/bench/report"
	"parley/bench/report/compare"
	"parley/bench/report/page"
)

// benchCmd is the load test.
type benchCmd struct {
	Run     benchRunCmd     `cmd:"" help:"Load a server with simulated callers, and tell how it did; docs/bench.md says how to read it."`
	Report  benchReportCmd  `cmd:"" help:"Show the report of a run as one HTML page."`
	Compare benchCompareCmd `cmd:"" help:"Tell whether one run did worse than another, or whether they differ by noise alone; fails if worse."`
	Vendors benchVendorsCmd `cmd:"" help:"Run mock vendors (an OpenAI-compatible model, Deepgram, ElevenLabs) on loopback, and print their addresses as one line of JSON."`
}

type benchReportCmd struct {
	In  string `arg:"" help:"The run's report, as --json of bench run wrote it." type:"existingfile"`
	Out string `short:"o" help:"The page. Empty: the table of a terminal is printed instead." type:"path" placeholder:"FILE.html"`
}

// Run writes the page, or prints the table.
func (c *benchReportCmd) Run(con console) error {
	r, err := report.Open(c.In)
	if err != nil {
		return err
	}
	if c.Out == "" {
		return safely(con.out, r.Print)
	}
	return report.Save(c.Out, func(w io.Writer) error { return page.Write(w, r) })
}

type benchCompareCmd struct {
	Before string `arg:"" help:"Report of the run before." type:"existingfile"`
	After  string `arg:"" help:"Report of the run after." type:"existingfile"`

	Against string  `help:"Compare ratios to this server of the same run, such as floor, so that a slower machine is no slower server." placeholder:"SERVER"`
	Least   float64 `help:"Changes of less than so many percent do not matter." default:"5"`
	All     bool    `help:"Show the figures that are the same, too."`
	JSON    bool    `name:"json" help:"Print the comparison as JSON."`
}

// Run prints the comparison, and fails if anything did worse beyond noise.
func (c *benchCompareCmd) Run(con console) error {
	if c.Least <= 0 || c.Least > 100 {
		return usageError{fmt.Errorf("--least is %v: want more than 0, and 100 at the most", c.Least)}
	}
	before, err := report.Open(c.Before)
	if err != nil {
		return err
	}
	after, err := report.Open(c.After)
	if err != nil {
		return err
	}
	res, err := compare.Reports(before, after, compare.Options{Least: c.Least / 100, Against: c.Against})
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(con.out)
		out.SetIndent("", "  ")
		err = out.Encode(res)
	} else {
		err = safely(con.out, func(w io.Writer) error { return res.Print(w, c.All) })
	}
	if err != nil {
		return err
	}
	if n := len(res.Worse()); n > 0 {
		return fmt.Errorf("%d figures did worse, beyond noise", n)
	}
	return nil
}

// safely prints what a file says, without what a terminal would obey.
func safely(to io.Writer, print func(io.Writer) error) error {
	var b strings.Builder
	err := print(&b)
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(to, printable(strings.TrimRight(line, " \n")))
	}
	return err
}
