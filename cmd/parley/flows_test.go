package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parley runs a command as people do; failed is what it says at last when it fails.
func parley(t *testing.T, stdin string, args ...string) (stdout, failed string) {
	t.Helper()
	var out, errs bytes.Buffer
	if err := run(t.Context(), args, func(string) string { return "" }, strings.NewReader(stdin), &out, &errs); err != nil {
		failed = err.Error()
	}
	return out.String(), failed
}

const ferry = `flow: ferry
zone: Europe/London
context: {from: unknown}
start: hello
hours: {pier: {open: {monday-friday: 08:00-18:00}}}
nodes:
  hello: {say: "Hello, {from}.", goto: pier}
  pier: {hours: {of: pier, open: open, closed: closed, change: change}}
  open: {say: "We sail until {change}.", goto: ask}
  closed: {say: "We sail again {change}.", goto: ask}
  ask: {gather: {slot: seats, type: number, max: 9, prompt: "How many seats?", no_match: "How many?", goto: bye}}
  bye: {hang_up: "{seats} seats, good."}
`

// TestFlowCommands: check, play and schema.
func TestFlowCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "ferry.yaml"), filepath.Join(dir, "bad.yaml")
	for path, text := range map[string]string{good: ferry, bad: strings.NewReplacer("08:00-18:00", "8 to 6", "type: number", "type: seats").Replace(ferry)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile("../../docs/flow.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		stdin, want, fails string
		args               []string
	}{
		"check": {args: []string{"flow", "check", good}, want: good + ": flow ferry is sound: 6 nodes\n"},
		"check, with findings": {args: []string{"flow", "check", good, bad}, fails: "2 findings",
			want: good + ": flow ferry is sound: 6 nodes\n" + bad + ":5: monday-friday must be times such as 08:00-18:00, or closed, not \"8 to 6\"\n" +
				bad + ":11: unknown type \"seats\"; known are date, digits, email, name, number, one_of, phone, spelling, text, time, yes_no\n"},
		"check what is not there": {args: []string{"flow", "check", filepath.Join(dir, "none.yaml")}, fails: "read flow: open " + filepath.Join(dir, "none.yaml") + ": no such file or directory"},
		"play, open": {args: []string{"flow", "play", good, "--at", "2026-11-24T17:30", "--set", "from=+442071234567"}, stdin: "lots\n\n/4#\n",
			want: "agent: Hello, +442071234567. We sail until today at six in the evening. How many seats?\nagent: How many?\nagent: How many seats?\n" +
				"agent: 4 seats, good.\n       (hangs up)\nseats = 4\n"},
		"play, closed":           {args: []string{"flow", "play", good, "--at", "2026-11-28"}, want: "agent: Hello, unknown. We sail again on Monday at eight in the morning. How many seats?\n"},
		"play at a wrong time":   {args: []string{"flow", "play", good, "--at", "noon"}, fails: `--at is "noon": want a time such as 2026-12-24T17:30`},
		"play what is not sound": {args: []string{"flow", "play", bad}, fails: bad + ": line 5: monday-friday must be times such as 08:00-18:00, or closed, not \"8 to 6\"\n" + "line 11: unknown type"},
		"schema":                 {args: []string{"flow", "schema"}, want: string(published)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, failed := parley(t, tt.stdin, tt.args...)
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			if (failed == "") != (tt.fails == "") || !strings.HasPrefix(failed, tt.fails) {
				t.Errorf("failed with %q, want %q", failed, tt.fails)
			}
		})
	}
}
