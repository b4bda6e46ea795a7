// Command grafana writes the dashboards: the JSON beside it, which is committed, and which Grafana reads as it is.
//
//	overview, media, providers, control, capacity ──▶ board ──▶ dashboards/*.json ──▶ Grafana (provisioned, or imported by hand)
//	      panels, queries, what to do                 grid
//
//	go run ./deploy/grafana
//
// The shape is that of Grafana 10 and later (schemaVersion 39); only what is used of it stands in model.go. Each dashboard chooses a
// Prometheus, jobs and instances by variables. Its expressions work on native and on classic histograms alike. Tests hold the files fresh,
// every metric in them to what a server has, and each query to a real Prometheus.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write(filepath.Join("deploy", "grafana", "dashboards")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// boards are all dashboards.
func boards() []board {
	return []board{overview(), mediaQuality(), providers(), controlPlane(), capacity()}
}

// write writes each dashboard into a file of its own.
func write(dir string) error {
	for _, b := range boards() {
		text, err := b.json()
		if err != nil {
			return fmt.Errorf("make %s: %w", b.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, b.name+".json"), text, 0o644); err != nil { //nolint:gosec // everybody may read it
			return fmt.Errorf("write dashboard: %w", err)
		}
	}
	return nil
}

// json is a dashboard's file.
func (b board) json() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(b.dashboard())
	return text.Bytes(), err
}
