package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestQuick: the command works where there is no PESQ, shows each codec over each network, and finds what calls have clearly better.
func TestQuick(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-pesq", ""}, &out, &errs); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, codec := range codecs() {
		if n := strings.Count(out.String(), codec.name+" "); n != 2 {
			t.Errorf("%d lines are of %s, want 2:\n%s", n, codec.name, out.String())
		}
	}
}

// TestNoPython: a Python without the package is an error that names it.
func TestNoPython(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-pesq", "/bin/false"}, &out, &errs); err == nil || !strings.Contains(err.Error(), "/bin/false") {
		t.Errorf("%v", err)
	}
}
