package dialer_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/dialer"
	"parley/pipeline"
	"parley/store"
)

// TestObserve: what carriers answer, how calls that do not come about end, and how late tasks are begun is told, each once.
func TestObserve(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked, settled, late := map[string]int{}, map[string]int{}, []time.Duration(nil)
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Observe = dialer.Observe{
			Begun:   func(d time.Duration) { mu.Lock(); defer mu.Unlock(); late = append(late, d) },
			Asked:   func(outcome string) { mu.Lock(); defer mu.Unlock(); asked[outcome]++ },
			Settled: func(cause string) { mu.Lock(); defer mu.Unlock(); settled[cause]++ },
		}
	})
	tries := 0
	d.carrier.place = func(_ int, o pipeline.Order) (pipeline.PlacedState, error) {
		switch {
		case strings.HasSuffix(o.To, "1"):
			return "", &pipeline.Refusal{Code: 21211, Message: "no such number"}
		case strings.HasSuffix(o.To, "2"):
			if tries++; tries == 1 {
				return "", fmt.Errorf("%w: no route", pipeline.ErrUntaken)
			}
			return pipeline.PlacedBusy, nil
		}
		return pipeline.PlacedNoAnswer, errors.New("the line broke")
	}
	hour := func(task *store.Task) { task.Scheduled = time.Now().Add(-time.Hour) }
	for i, task := range []store.Task{d.task("+12125550001"), d.task("+12125550002"), d.task("+12125550003", hour)} {
		if now, _ := d.ended(task); now.Status != store.Failed {
			t.Errorf("task %d is %s", i, now.Status)
		}
	}
	d.stop() // what was done has been told
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(map[string]int{"refused": 1, "untaken": 1, "placed": 1, "lost": 1}, asked); diff != "" {
		t.Errorf("carriers' answers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"unplaced": 1, "busy": 1, "no_answer": 1}, settled); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
	for outcome := range maps.Keys(asked) {
		if !slices.Contains(dialer.Outcomes(), outcome) {
			t.Errorf("%s is none of the outcomes", outcome)
		}
	}
	if slices.Sort(late); len(late) != 3 || late[2] < time.Hour-time.Minute || late[2] > time.Hour+time.Minute || late[1] > time.Minute {
		t.Errorf("tasks were begun late by %v", late)
	}
	if n := d.InHand(); n != 0 {
		t.Errorf("%d are in hand", n)
	}
}
