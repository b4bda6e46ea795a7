package main

// A board is a dashboard as it is thought of here: panels from left to right, in lines of their own height.
type board struct {
	name  string // of its file, and of its address: parley-NAME
	title string
	about string
	rows  []row
}

// A row has a title and panels that fill lines 24 wide.
type row struct {
	title  string
	panels []box
}

// A box is a panel. Its query's legends name its series.
type box struct {
	kind    string // timeseries, stat or table
	title   string
	says    string // what it shows, and what to do
	unit    string // Grafana's name
	w, h    int    // 0: 8 by 8
	queries []query
	bars    bars // from where on a value is worth a look, and bad; zero: never
	stacked bool
	most    float64 // of the axis; 0: as it comes
}

// A query is one expression.
type query struct {
	expr   string
	legend string
	unit   string // of a tile; empty: the box's
	bars   bars   // of a tile; zero: the box's
}

// bars are where a value becomes worth a look (yellow) and bad (red). Where bad is the lower one, less is worse.
type bars struct{ look, bad float64 }

var prometheus = datasource{Type: "prometheus", UID: "${datasource}"}

// dashboard lays a board out.
func (b board) dashboard() dashboard {
	d := dashboard{
		UID: "parley-" + b.name, Title: b.title, Description: b.about, Tags: []string{"parley"}, SchemaVersion: 39, GraphTooltip: 1,
		Refresh: "30s", Time: span{"now-1h", "now"}, Timezone: "browser", Templating: variables(), Annotations: stops(),
		Links: []link{{Title: "Parley", Type: "dashboards", Tags: []string{"parley"}, IncludeVars: true, KeepTime: true}},
	}
	y := 0
	for _, r := range b.rows {
		open := false
		d.Panels = append(d.Panels, panel{ID: len(d.Panels) + 1, Type: "row", Title: r.title, GridPos: place{1, 24, 0, y}, Collapsed: &open})
		y++
		x, line := 0, 0
		for _, box := range r.panels {
			p := box.panel()
			if x+p.GridPos.W > 24 {
				x, y, line = 0, y+line, 0
			}
			p.ID, p.GridPos.X, p.GridPos.Y = len(d.Panels)+1, x, y
			x, line = x+p.GridPos.W, max(line, p.GridPos.H)
			d.Panels = append(d.Panels, p)
		}
		y += line
	}
	return d
}

// variables choose a Prometheus, and what it scrapes.
func variables() templating {
	all := &current{Text: []string{"All"}, Value: []string{"$__all"}}
	choice := func(name, label, query string) variable {
		return variable{
			Name: name, Label: label, Type: "query", Query: queryText{query, name}, Definition: query, Datasource: &prometheus,
			Refresh: 2, Sort: 1, IncludeAll: true, Multi: true, AllValue: ".*", Current: all,
		}
	}
	return templating{[]variable{
		{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus"},
		choice("job", "Job", "label_values(parley_build_info, job)"),
		choice("instance", "Node", `label_values(parley_build_info{job=~"$job"}, instance)`),
	}}
}

// stops mark on each panel where a node began to drain.
func stops() annotations {
	return annotations{[]annotation{{
		Name: "Draining", Datasource: prometheus, Enable: true, IconColor: "orange", Step: "30s",
		Expr: of("parley_draining") + " == 1", Title: "draining", Text: "{{instance}}",
	}}}
}

// panel is a box as Grafana reads it, without its place.
func (b box) panel() panel {
	p := panel{Type: b.kind, Title: b.title, Description: b.says, Datasource: &prometheus, GridPos: place{H: b.h, W: b.w}}
	if p.GridPos.W == 0 {
		p.GridPos.W = 8
	}
	if p.GridPos.H == 0 {
		p.GridPos.H = 8
	}
	for i, q := range b.queries {
		t := target{RefID: string(rune('A' + i)), Datasource: prometheus, Expr: q.expr, LegendFormat: q.legend, Range: true}
		if b.kind == "table" {
			t.Format, t.Instant, t.Range, t.LegendFormat = "table", true, false, ""
		}
		p.Targets = append(p.Targets, t)
	}
	f := field{Unit: b.unit, Thresholds: b.bars.thresholds()}
	switch b.kind {
	case "timeseries":
		b.lines(&p, &f)
	case "stat":
		f.Color = &color{"thresholds"}
		p.Options = map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"colorMode":     "background_solid", "graphMode": "area", "textMode": "value_and_name", "orientation": "auto", "justifyMode": "auto",
		}
	}
	p.FieldConfig = &fieldConfig{Defaults: f, Overrides: []override{}}
	for i, q := range b.queries {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, b.override(i, q)...)
	}
	if b.kind == "table" {
		b.columns(&p)
	}
	return p
}

// lines is how a timeseries is drawn.
func (b box) lines(p *panel, f *field) {
	least := 0.0
	f.Min, f.Color = &least, &color{"palette-classic"}
	if b.most > 0 {
		f.Max = &b.most
	}
	f.Custom = map[string]any{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": true}
	if b.bars != (bars{}) {
		f.Custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	}
	if b.stacked {
		f.Custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
		f.Custom["fillOpacity"] = 30
	}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
}

// override gives a tile, or a column, its own unit and thresholds.
func (b box) override(i int, q query) []override {
	if q.unit == "" && q.bars == (bars{}) {
		return nil
	}
	o := override{Matcher: matcher{"byFrameRefID", string(rune('A' + i))}}
	if b.kind == "table" {
		o.Matcher = matcher{"byName", q.legend}
	}
	if q.unit != "" {
		o.Properties = append(o.Properties, property{"unit", q.unit})
	}
	if q.bars != (bars{}) {
		o.Properties = append(o.Properties, property{"thresholds", q.bars.thresholds()})
		if b.kind == "table" {
			o.Properties = append(o.Properties, property{"custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"}})
		}
	}
	return []override{o}
}

// columns makes one table of the queries of a table, a column each, beside the labels that they share.
func (b box) columns(p *panel) {
	names := map[string]string{}
	for i, q := range b.queries {
		names["Value #"+string(rune('A'+i))] = q.legend
	}
	p.Options = map[string]any{"showHeader": true, "cellHeight": "sm"}
	p.Transformations = []transformation{
		{"merge", map[string]any{}},
		{"organize", map[string]any{"excludeByName": map[string]bool{"Time": true}, "renameByName": names}},
	}
}

// thresholds are green, yellow and red, from below or, where less is worse, from above.
func (b bars) thresholds() *thresholds {
	at := func(c string, v float64) threshold { return threshold{c, &v} }
	t := &thresholds{Mode: "absolute", Steps: []threshold{{"green", nil}}}
	switch {
	case b == bars{}:
	case b.bad < b.look:
		t.Steps = []threshold{{"red", nil}, at("yellow", b.bad), at("green", b.look)}
	default:
		t.Steps = append(t.Steps, at("yellow", b.look), at("red", b.bad))
	}
	return t
}
