package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestHouse holds the arrows of the floor plan: who may import whom.
func TestHouse(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "parley/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for n := 0; ; n++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			if n < 10 {
				t.Fatalf("go list named %d packages: the test looks at the wrong place", n)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
		for _, to := range p.Imports {
			if reason := forbidden(p.ImportPath, to); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, reason)
			}
		}
	}
}

// forbidden says why a package may not import another, or nothing.
func forbidden(from, to string) string {
	if !strings.HasPrefix(to, "parley/") {
		return ""
	}
	a, b := room(from), room(to)
	switch {
	case b == "cmd":
		return "nothing imports the wiring"
	case a == "media" && b != "media":
		return "media is a leaf"
	case a == "store" && b != "store":
		return "store is a leaf"
	case a == "pipeline" && b != "pipeline" && b != "media":
		return "the pipeline knows media alone"
	case a == "providers" && b != "providers" && b != "pipeline" && b != "media":
		return "providers stand on pipeline and media"
	case a == "control" && b != "control" && b != "pipeline" && b != "media" && b != "store":
		return "control stands on media, pipeline and store"
	case b == "bench" && a != "bench" && a != "cmd":
		return "only cmd may use the harness"
	case a == "providers" && b == "providers" && vendor(from) && vendor(to):
		return "a vendor does not know another"
	case leg(from) && leg(to) && from != to:
		return "a leg does not know another"
	case to == "parley/media/legtest" && from != "parley/pipeline/score" && a != "bench":
		return "legtest is for tests, scores and benchmarks"
	}
	return ""
}

// room is the top-level directory of a package.
func room(path string) string {
	return strings.SplitN(strings.TrimPrefix(path, "parley/"), "/", 2)[0]
}

// vendor tells a vendor's folder from what vendors share.
func vendor(path string) bool {
	switch path {
	case "parley/providers/providertest", "parley/providers/pool", "parley/providers/text", "parley/providers/chat", "parley/providers/wire",
		"parley/providers/speech", "parley/providers/message", "parley/providers/socket",
		"parley/providers/callapi":
		return false
	}
	return strings.HasPrefix(path, "parley/providers/")
}

// leg tells the packages that hold carriers' legs.
func leg(path string) bool {
	switch path {
	case "parley/media/stream", "parley/media/sip", "parley/media/webrtc":
		return true
	}
	return false
}

// TestHouseSpeaks checks that the rules above refuse what they should.
func TestHouseSpeaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		bad      bool
	}{
		{"parley/media", "parley/pipeline", true},
		{"parley/media/stream", "parley/media", false},
		{"parley/media/sip", "parley/media/stream", true},
		{"parley/pipeline", "parley/providers/local", true},
		{"parley/pipeline/flow", "parley/pipeline", false},
		{"parley/providers/openai", "parley/providers/deepgram", true},
		{"parley/providers/deepgram", "parley/providers/pool", false},
		{"parley/providers/local", "parley/media/vad", false},
		{"parley/control/records", "parley/providers/local", true},
		{"parley/control/records", "parley/pipeline", false},
		{"parley/cmd/parley", "parley/providers/local", false},
		{"parley/media/stream", "parley/media/legtest", true},
		{"parley/store", "parley/media", true},
	} {
		if got := forbidden(c.from, c.to) != ""; got != c.bad {
			t.Errorf("%s -> %s: forbidden %v, want %v", c.from, c.to, got, c.bad)
		}
	}
}
