package botstest_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/bots/botstest"
)

// TestContractIsThePages compares contract.json with the pages it was taken from, where they are at hand: shared/ stands beside the module
// and is no part of it.
func TestContractIsThePages(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	must(t, err)
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module's root is not where the test looks: %v", err)
	}
	shared := filepath.Join(root, "..", "shared", "api")
	bots, err := os.ReadFile(filepath.Join(shared, "bots.txt"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("shared/ is not here")
		return
	}
	must(t, err)
	threads, err := os.ReadFile(filepath.Join(shared, "conversations.txt"))
	must(t, err)
	text := string(bots) + "\n" + string(threads)
	c := botstest.Load()

	var paths, ours []string
	for _, m := range regexp.MustCompile(`(/(?:api/v1/|ws/)[a-z:/-]+)(?:[?]\S+)? Auth`).FindAllStringSubmatch(text, -1) {
		paths = append(paths, strings.TrimPrefix(m[1], c.Base))
	}
	for _, op := range c.Operations {
		ours = append(ours, op.Path)
	}
	ours = append(ours, c.Socket.Path)
	slices.Sort(paths)
	slices.Sort(ours)
	if diff := cmp.Diff(paths, ours); diff != "" {
		t.Errorf("paths, pages - contract +:\n%s", diff)
	}
	for _, op := range c.Operations {
		for _, want := range []json.RawMessage{op.Sample, object(t, op.Answer)} {
			if len(want) > 0 && !holds(text, want) {
				t.Errorf("%s: the pages have no %s", op.Name(), want)
			}
		}
		if op.Curl != "" && !strings.Contains(text, c.Base+op.Curl) {
			t.Errorf("%s: the pages have no example %s", op.Name(), op.Curl)
		}
		if !strings.Contains(text, op.Scope) {
			t.Errorf("%s: the pages have no scope %s", op.Name(), op.Scope)
		}
	}
	for what, words := range map[string][]string{"types": c.Types, "channels": c.Channels, "statuses": c.Statuses} {
		if !strings.Contains(text, strings.Join(words, " | ")) {
			t.Errorf("the pages do not list the %s %v", what, words)
		}
	}
	for _, q := range c.Socket.Query {
		if !strings.Contains(text, c.Socket.Path+"?"+q+"=") {
			t.Errorf("the pages' socket has no ?%s=", q)
		}
	}
}

// holds says whether a text has a JSON object somewhere, however it is spaced.
func holds(text string, object json.RawMessage) bool {
	var want any
	if json.Unmarshal(object, &want) != nil {
		return false
	}
	for i, r := range text {
		if r != '{' {
			continue
		}
		var got any
		if json.NewDecoder(strings.NewReader(text[i:])).Decode(&got) == nil && cmp.Equal(got, want) {
			return true
		}
	}
	return false
}

// object is an answer as JSON; that of the draft is no JSON on the page but for its key.
func object(t *testing.T, answer map[string]json.RawMessage) json.RawMessage {
	t.Helper()
	if answer == nil {
		return nil
	}
	text, err := json.Marshal(answer)
	must(t, err)
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
