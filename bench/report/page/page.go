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
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"parley/bench/report"
)

// What the page is made of. uPlot is 1.6.32, as the npm registry has it: MIT, Copyright 2022 Leon Sorokin.
var (
	//go:embed page.html.tmpl
	markup string
	//go:embed page.css
	ownStyle string
	//go:embed page.js
	ownScript string
	//go:embed uplot/uPlot.min.css
	plotStyle string
	//go:embed uplot/uPlot.iife.min.js
	plotScript string
	//go:embed uplot/LICENSE
	plotLicence string
)

// Write writes the page of a report.
func Write(to io.Writer, r *report.Report) error {
	tmpl, err := template.New("page").Parse(markup)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	script := "/*\n" + plotLicence + "\n*/\n" + plotScript + "\n" + ownScript
	style := plotStyle + "\n" + ownStyle
	v := newView(r)
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
