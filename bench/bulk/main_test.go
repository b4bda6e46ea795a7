package main

import (
	"strings"
	"testing"
)

// TestQuick: all works.
func TestQuick(t *testing.T) {
	t.Parallel()
	var out, problems strings.Builder
	if err := run(t.Context(), []string{"-quick"}, &out, &problems); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &problems)
	}
	if got := strings.Count(out.String(), "MiB"); got != 8 {
		t.Errorf("the table has %d figures of memory:\n%s", got, &out)
	}
}
