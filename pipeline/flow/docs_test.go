package flow

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fenced are the blocks of a kind in the page for those who write flows.
func fenced(t *testing.T, kind string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/flows.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+kind+"\n(.*?)^```$").FindAllSubmatch(page, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// complete makes a file of an example: one that has nodes alone begins at the first of them, and they may lead to "next".
func complete(block string) string {
	start := regexp.MustCompile(`(?m)^(\w+):`)
	switch {
	case strings.HasPrefix(block, "flow:"):
		return block
	case !strings.Contains(block, "\nnodes:\n"):
		first := start.FindStringSubmatch(block)[1]
		nodes := "  " + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n  ")
		if strings.Contains(block, "next") {
			nodes += "\n  next: {hang_up: Goodbye.}"
		}
		return "flow: example\nstart: " + first + "\nnodes:\n" + nodes + "\n"
	}
	_, nodes, _ := strings.Cut(block, "\nnodes:\n")
	first := start.FindStringSubmatch(strings.ReplaceAll("\n"+nodes, "\n  ", "\n"))[1]
	return "flow: example\nstart: " + first + "\n" + block
}

// TestDocs: every example of docs/flows.md is a sound flow, and together they show every kind of node and slot.
func TestDocs(t *testing.T) {
	t.Parallel()
	blocks := fenced(t, "yaml")
	if len(blocks) < 12 {
		t.Fatalf("%d examples", len(blocks))
	}
	all := ""
	for _, b := range blocks {
		if _, err := Parse([]byte(complete(b))); err != nil {
			t.Errorf("%v in:\n%s", err, complete(b))
		}
		all += b
	}
	for _, k := range nodeKinds {
		if !regexp.MustCompile(`\b`+k.key+`: `).MatchString(all) && !strings.Contains(all, k.key+":\n") {
			t.Errorf("no example of %s", k.key)
		}
	}
	for _, kind := range kindNames() {
		if !strings.Contains(all, "type: "+kind) {
			t.Errorf("no example of type %s", kind)
		}
	}
}

// TestDocsPlay: the conversation on the page is what the first flow says.
func TestDocsPlay(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte(fenced(t, "yaml")[0]))
	if err != nil {
		t.Fatal(err)
	}
	var caller, want strings.Builder
	for line := range strings.Lines(fenced(t, "text")[0]) {
		if said, ok := strings.CutPrefix(line, "> "); ok {
			caller.WriteString(said)
		} else {
			want.WriteString(line)
		}
	}
	var got bytes.Buffer
	now := time.Date(2026, time.November, 24, 9, 0, 0, 0, f.Zone())
	if err := Play(&got, strings.NewReader(caller.String()), f, Options{Now: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Errorf("the page (-) is not what is said (+):\n%s", diff)
	}
}
