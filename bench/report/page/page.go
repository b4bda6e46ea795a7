// Package page shows a report as one HTML file that needs nothing else: no network, no server. A reader without scripts misses the curves
// alone; every figure is in a table.
//
//	Report ──view──▶ page.html.tmpl ┐
//	       ──data──▶ JSON ──────────┼──▶ one file
//	page.css, page.js, uplot/ ──────┘
//
// The file says by its Content-Security-Policy that nothing but its own script and style may run, by their hashes, and that nothing is
// loaded; html/template escapes all that a report holds.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"parley/bench/report"
)

// uPlot 1.6.32, as the npm registry has it: MIT, Copyright 2022 Leon Sorokin (uplot/LICENSE).
//
//go:embed page.html.tmpl page.css page.js uplot
var files embed.FS

// Write writes the page of a report.
func Write(to io.Writer, r *report.Report) error {
	text, err := files.ReadFile("page.html.tmpl")
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	tmpl, err := template.New("page").Parse(string(text))
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	v := newView(r)
	parts := make(map[string]string)
	for _, name := range []string{"uplot/LICENSE", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css", "page.js", "page.css"} {
		part, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read page: %w", err)
		}
		parts[name] = string(part)
	}
	script := "/*\n" + parts["uplot/LICENSE"] + "\n*/\n" + parts["uplot/uPlot.iife.min.js"] + "\n" + parts["page.js"]
	style := parts["uplot/uPlot.min.css"] + "\n" + parts["page.css"]
	v.Script, v.Style = template.JS(script), template.CSS(style)
	v.Policy = fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'", digest(script), digest(style))
	if err := tmpl.Execute(to, v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// digest is how a Content-Security-Policy names a script or style.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
