package traits

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
	"parley/pipeline/flow"
)

// A Plan is settings that have been read, as far as they could be.
type Plan struct {
	Set     AgentSettings
	Manners pipeline.Manners // the server's, with the agent's own over them
	Flow    *flow.Flow       // the agent's own; nil: none
	Tools   *Sheet           // the agent's own, laid out; nil: none
}

// misfit is what is wrong with a part that is of another type: huma says it better, where it has looked first.
const misfit = "does not fit"

// Read reads settings, a JSON object or empty, over the server's manners. The findings are all that is wrong, without what only a server
// can know; a part that something is wrong with is as one that is not set.
func Read(text string, base pipeline.Manners) (Plan, []Finding) {
	p := Plan{Manners: base}
	if text == "" {
		return p, nil
	}
	if len(text) > Most {
		return p, []Finding{{"settings", fmt.Sprintf("are larger than %d KiB", Most>>10)}}
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &parts) != nil {
		return p, []Finding{{"settings", misfit}}
	}
	if depth([]byte(text)) > deepest {
		return p, []Finding{{"settings", fmt.Sprintf("are nested deeper than %d levels", deepest)}}
	}
	var all []Finding
	for name, into := range map[string]any{
		"providers": &p.Set.Providers, "languages": &p.Set.Languages, "recording": &p.Set.Recording, "report": &p.Set.Report, "widget": &p.Set.Widget, "relay": &p.Set.Relay,
		"memory":  &p.Set.Memory,
		"manners": &p.Set.Manners, "tools": &p.Set.Tools, "flow": &p.Set.Flow,
	} {
		part := parts[name]
		if len(part) == 0 || string(part) == "null" {
			continue
		}
		object := part[0] == '{' || name == "report"
		if json.Unmarshal(part, into) != nil || !object {
			all = append(all, Finding{"settings." + name, misfit})
			delete(parts, name)
		}
	}
	all = append(all, p.readManners(parts["manners"], base)...)
	all = append(all, p.readFlow(parts["flow"])...)
	if isObject(parts["tools"]) {
		p.Tools = lay(parts["tools"], "settings.tools")
	}
	all = append(all, checkReport(p.Set.Report)...)
	all = append(all, checkWidget(p.Set.Widget)...)
	all = append(all, checkMemory(p.Set.Memory)...)
	if parts["relay"] == nil { // or it does not fit
		p.Set.Relay = nil
	}
	all = append(all, checkRelay(p.Set.Relay)...)
	slices.SortFunc(all, func(a, b Finding) int { return strings.Compare(a.Path, b.Path) })
	return p, all
}

// Misfits says whether a finding is one that the schema refuses too, in better words.
func (f Finding) Misfits() bool { return f.Reason == misfit }

func isObject(part json.RawMessage) bool { return len(part) > 0 && part[0] == '{' }

func (p *Plan) readManners(part json.RawMessage, base pipeline.Manners) (all []Finding) {
	const path = "settings.manners"
	if !isObject(part) {
		return nil
	}
	m := base
	text, err := ReadManners(lay(part, path).Text, &m)
	wrong := faults(err)
	if err == nil {
		if err = m.Validate(); err != nil {
			wrong = text.Explain(err)
		}
	}
	for _, f := range wrong {
		all = append(all, Finding{join(path, f.Path), f.Reason})
	}
	switch {
	case err == nil:
		p.Manners = m
	case all == nil:
		all = []Finding{{path, err.Error()}}
	}
	return all
}

func (p *Plan) readFlow(part json.RawMessage) (all []Finding) {
	const path = "settings.flow"
	if !isObject(part) {
		return nil
	}
	sheet := lay(part, path)
	f, err := flow.Parse(sheet.Text)
	if err == nil {
		p.Flow = f
		return nil
	}
	said := map[string]int{} // of one path there may be several
	for _, e := range flow.Errors(err) {
		at := sheet.At(e.Line)
		if i, ok := said[at]; ok {
			all[i].Reason += "; " + e.Reason
			continue
		}
		said[at] = len(all)
		all = append(all, Finding{at, e.Reason})
	}
	if all == nil {
		all = []Finding{{path, err.Error()}}
	}
	return all
}

// checkReport says what the schema cannot.
func checkReport(fields []ReportField) (all []Finding) {
	seen := map[string]bool{}
	for i, f := range fields {
		if seen[f.Name] {
			all = append(all, Finding{fmt.Sprintf("settings.report[%d].name", i), fmt.Sprintf("there are two fields %q", f.Name)})
		}
		if strings.ContainsRune(f.Description, 0) {
			all = append(all, Finding{fmt.Sprintf("settings.report[%d].description", i), "must not contain NUL characters"})
		}
		seen[f.Name] = true
	}
	return all
}

// Join is findings as an error, one a line; nil: there is none.
func Join(all []Finding) error {
	var bad []error
	for _, f := range all {
		bad = append(bad, errors.New(f.String()))
	}
	return errors.Join(bad...)
}
