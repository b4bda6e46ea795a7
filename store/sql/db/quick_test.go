package db

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestQuickly: what is read quickly is what time.Parse reads; what it refuses is refused.
func TestQuickly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string {
				return time.UnixMicro(rapid.Int64Range(-62167219200e6, 253402300799e6).Draw(t, "us")).UTC().Format(layout)
			}),
			rapid.StringMatching(`[0-9]{4}-[0-3][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][.,][0-9]{6}[Zz]`),
			rapid.String(),
		).Draw(t, "text")
		want, err := time.Parse(layout, s)
		got, ok := quickly(s)
		if ok && (err != nil || !got.Equal(want) || got.Location() != want.Location()) {
			t.Fatalf("%q is %v, want %v, %v", s, got, want, err)
		}
		if !ok && err == nil && want.Format(layout) == s {
			t.Fatalf("%q is not read quickly", s)
		}
	})
}

// TestFigures: what is read quickly is what encoding/json reads, and whatever Value writes of plain names is.
func TestFigures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := Figures(rapid.MapOf(rapid.StringMatching(`[a-z_0-9]{0,12}`), rapid.Int64()).Draw(t, "figures"))
		v, err := f.Value()
		if err != nil {
			t.Fatal(err)
		}
		var got Figures
		if err := got.Scan(v); err != nil || len(f) > 0 && !cmp.Equal(got, f) {
			t.Fatalf("%v came back as %v, %v", f, got, err)
		}
		if s, _ := v.(string); len(f) > 0 {
			if _, ok := readFigures(s); !ok {
				t.Fatalf("%s is not read quickly", s)
			}
		}
		odd := rapid.OneOf(rapid.StringMatching(`\{("[a-z\\"]{0,3}": ?-?[0-9.e]{0,21},?){0,3}\}`), rapid.String()).Draw(t, "odd")
		if read, ok := readFigures(odd); ok && odd != "" {
			var want Figures
			if err := json.Unmarshal([]byte(odd), (*map[string]int64)(&want)); err != nil || !cmp.Equal(read, want) {
				t.Fatalf("%q is %v, want %v, %v", odd, read, want, err)
			}
		}
	})
}
