package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/pipeline/keypad"
	"parley/store"
)

func TestKeypads(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	script, err := flow.Receptionist()
	if err != nil {
		t.Fatal(err)
	}
	k := &keypads{log: slog.New(slog.NewTextHandler(&log, nil)), nodes: func(store.Agent) func(string) bool { return script.Has }}
	row := store.Agent{ID: "a", Version: 1, DTMFRules: `{"1": {"goto": "main"}, "2": {"goto": "nowhere"}, "3": {"say": "Three, {{from}}."}}`}
	rules := k.of(row)
	if rules == nil || k.of(row) != rules {
		t.Error("the rules are not read once a version")
	}
	if n := strings.Count(log.String(), "node=nowhere"); n != 1 || strings.Contains(log.String(), "node=main") {
		t.Errorf("the log has the missing node %d times:\n%s", n, &log)
	}
	row.Version, row.DTMFRules = 2, `{"1": {"b": 1}}`
	for range 2 {
		if k.of(row) != nil {
			t.Error("wrong rules are used")
		}
	}
	if n := strings.Count(log.String(), "rules for keys are left out"); n != 1 || !strings.Contains(log.String(), "1.b: unknown field") {
		t.Errorf("the log has the mistake %d times:\n%s", n, &log)
	}
	answers := script.Responder(flow.Options{})
	if k.before(row, answers, answers, media.Info{}) != answers {
		t.Error("wrong rules stand before the agent")
	}
	if _, ok := answers.(keypad.Script); !ok {
		t.Error("keys cannot lead to a flow's nodes")
	}
	row.Version, row.DTMFRules = 3, `{"3": {"say": "Three, {{from}}."}}`
	said := ""
	for d := range k.before(row, answers, answers, media.Info{From: "+15550100"}).Respond(t.Context(), pipeline.Talk{Turn: 1, Why: pipeline.ForKeys, Keys: "3"}) {
		said += d.Text
	}
	if said != "Three, +15550100." {
		t.Errorf("said %q", said)
	}
	if row.DTMFRules = ""; k.of(row) != nil {
		t.Error("no rules are rules")
	}
}
