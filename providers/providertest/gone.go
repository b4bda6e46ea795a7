package providertest

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// gone fails the test if a goroutine that was started on its behalf is left when all its other cleanups have run. It looks at no
// other test's goroutines: a goroutine inherits the profiler labels of the one that started it.
func gone(t *testing.T) {
	t.Helper()
	const key = "providertest"
	name := t.Name()
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels(key, name)))
	t.Cleanup(func() {
		pprof.SetGoroutineLabels(context.Background())
		left := ""
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			if left = labelled(key, name); left == "" {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
		t.Errorf("goroutines are left:\n%s", left)
	})
}

// labelled is the stacks of the goroutines with a profiler label.
func labelled(key, name string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	var left []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, `"`+key+`":"`+name+`"`) {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
