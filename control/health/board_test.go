package health

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVendors(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	use := func(failures int, of int) (all []Use) {
		for i := range of {
			u := Use{Provider: "acme", Kind: "llm", First: time.Duration(i+1) * 10 * time.Millisecond}
			if i < failures {
				u.Failure, u.First = "overloaded", 0
			}
			all = append(all, u)
		}
		return all
	}
	for name, tt := range map[string]struct {
		uses []Use
		age  time.Duration
		want Vendor
	}{
		"not used":       {want: Vendor{State: Idle}},
		"used long ago":  {uses: use(5, 5), age: Window + time.Second, want: Vendor{State: Idle}},
		"works":          {uses: use(0, 20), want: Vendor{State: Works, P50: 100 * time.Millisecond, P95: 190 * time.Millisecond}},
		"one in ten":     {uses: use(1, 10), want: Vendor{State: Works, Failed: 0.1, P50: 60 * time.Millisecond, P95: 100 * time.Millisecond, Failure: "overloaded", FailedAt: now}},
		"half":           {uses: use(2, 4), want: Vendor{State: Troubled, Failed: 0.5, P50: 30 * time.Millisecond, P95: 40 * time.Millisecond, Failure: "overloaded", FailedAt: now}},
		"more than half": {uses: use(3, 3), want: Vendor{State: Fails, Failed: 1, Failure: "overloaded", FailedAt: now}},
		"many uses":      {uses: append(use(200, 200), use(0, remembered)...), want: Vendor{State: Works, P50: 640 * time.Millisecond, P95: 1220 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b Board
			b.Expect("acme", "llm")
			for _, u := range tt.uses {
				b.Used(u, now.Add(-tt.age))
			}
			tt.want.Provider, tt.want.Kind = "acme", "llm"
			if diff := cmp.Diff([]Vendor{tt.want}, b.Vendors(now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	var b Board
	b.Expect("b", "tts")
	b.Expect("b", "llm")
	b.Expect("a", "llm")
	b.Used(Use{Provider: "c", Kind: "stt"}, time.Now())
	var got []string
	for _, v := range b.Vendors(time.Now()) {
		got = append(got, v.Kind+" "+v.Provider)
	}
	if want := "[stt c llm a llm b tts b]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
