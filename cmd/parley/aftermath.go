package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"

	"parley/control/report"
)

type callsTranscriptCmd struct {
	oneCall
	sheet

	Source       string `help:"Which one: live (taken down while the call went on), elevenlabs or recording. Empty: the one that was made last." enum:",live,elevenlabs,recording" default:"" placeholder:"SOURCE"`
	Anew         bool   `help:"Have it made anew, with its report: from ElevenLabs, if the call ran there, else from the recording."`
	Conversation string `help:"With --anew: ElevenLabs' id of the conversation." placeholder:"ID"`
}

// Run shows a transcript, a line for each that spoke.
func (c *callsTranscriptCmd) Run(ctx context.Context, con console) error {
	method, path, body := http.MethodGet, callPath(c.Call)+"/transcript", any(nil)
	switch {
	case c.Anew && c.Source != "":
		return usageError{errors.New("--source cannot be beside --anew: what is made anew has its own")}
	case c.Conversation != "" && !c.Anew:
		return usageError{errors.New("--conversation needs --anew")}
	case c.Anew:
		method = http.MethodPost
		if c.Conversation != "" {
			body = map[string]any{"conversation_id": c.Conversation}
		}
	case c.Source != "":
		path += "?source=" + url.QueryEscape(c.Source)
	}
	var told seen[struct{ Transcript []liveLine }]
	if err := c.ask(ctx, method, path, body, &told); err != nil {
		return misused(err, func(field string) string {
			return cmp.Or(map[string]string{"conversation_id": "--conversation"}[field], flagged(field))
		})
	}
	if c.JSON {
		return c.show(con.out, told, nil, nil)
	}
	show := &screen{w: con.out}
	for _, l := range told.row.Transcript {
		l.Final = true
		if _, err := fmt.Fprint(con.out, show.line(l)); err != nil {
			return err
		}
	}
	return nil
}

type callsReportCmd struct {
	oneCall
	sheet
}

// Run shows the report.
func (c *callsReportCmd) Run(ctx context.Context, con console) error {
	var told seen[struct {
		Status string
		Report report.Report
	}]
	if err := c.ask(ctx, http.MethodGet, callPath(c.Call)+"/report", nil, &told); err != nil {
		return err
	}
	r := told.row.Report
	rows := [][]string{
		{"status", told.row.Status}, {"summary", printable(r.Summary)}, {"outcome", string(r.Outcome)}, {"sentiment", string(r.Sentiment)},
		{"length", fmt.Sprintf("%.1f s", r.Duration)}, {"turns", fmt.Sprintf("%d, the agent was interrupted in %d", r.Turns, r.Cuts)},
		{"spoken", fmt.Sprintf("agent %.1f s, caller %.1f s, silence %.1f s", r.TalkTime.Agent, r.TalkTime.Caller, r.TalkTime.Other)},
		{"answers after", fmt.Sprintf("p50 %s, p95 %s, longest %s", millis(r.Latency.P50), millis(r.Latency.P95), millis(r.Latency.Max))},
		{"made by", r.MadeBy + ", of the transcript " + r.Source},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Extracted)) {
		value, err := json.Marshal(r.Extracted[name])
		if err != nil {
			return fmt.Errorf("show %s: %w", name, err)
		}
		rows = append(rows, []string{"extracted " + printable(name), printable(string(value))})
	}
	return c.show(con.out, told, []string{"call", c.Call}, rows)
}

// millis is a figure of latencies; one that was not measured is a dash.
func millis(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10) + " ms"
}

type callsRecordingCmd struct {
	oneCall

	Format string `help:"wav, or opus: Ogg Opus, a twelfth of the size." enum:"wav,opus" default:"wav"`
	Out    string `short:"o" help:"File to write; - writes to standard output. Empty: call-ID.wav or call-ID.ogg, here." placeholder:"FILE"`
}

// Run saves the recording, and prints its file. A file is whole, or not there.
func (c *callsRecordingCmd) Run(ctx context.Context, con console) error {
	answer, err := c.send(ctx, http.MethodGet, callPath(c.Call)+"/recording/stream?format="+c.Format, "", nil)
	if err != nil {
		return misused(err, flagged)
	}
	defer answer.Body.Close()
	ending := map[string]string{"wav": ".wav", "opus": ".ogg"}[c.Format]
	file := cmp.Or(c.Out, "call-"+filepath.Base(c.Call)+ending)
	if err := saveAs(con.out, file, answer.Body); err != nil || file == "-" {
		return err
	}
	_, err = fmt.Fprintln(con.out, file)
	return err
}
