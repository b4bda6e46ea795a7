package text

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPull(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	said := func(yield func(string, error) bool) {
		if yield("a", nil) && yield("b", nil) {
			yield("", lost)
		}
	}
	var got []Piece
	Pull(t.Context(), said, func(_ context.Context, feed <-chan Piece) {
		for p := range feed {
			got = append(got, p)
		}
	})
	want := []Piece{{Text: "a"}, {Text: "b"}, {Err: lost}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
}

// TestPullWaits: whoever leaves early ends ctx, and text is pulled no more when Pull has returned.
func TestPullWaits(t *testing.T) {
	t.Parallel()
	pulling := true
	inner := make(chan context.Context, 1)
	Pull(t.Context(), func(yield func(string, error) bool) {
		defer func() { pulling = false }()
		ctx := <-inner
		for yield("more", nil) {
			<-ctx.Done()
		}
	}, func(ctx context.Context, feed <-chan Piece) {
		inner <- ctx
		<-feed
	})
	if pulling {
		t.Error("text is still being pulled")
	}
}

func TestPullPanicsWithItsText(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != "a bug in the text" {
			t.Errorf("recovered %v, want the panic of the text, on this goroutine", got)
		}
	}()
	Pull(t.Context(), func(func(string, error) bool) { panic("a bug in the text") }, func(_ context.Context, feed <-chan Piece) {
		if _, ok := <-feed; ok {
			t.Error("a piece came")
		}
	})
}

func TestSpeakable(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": false, " \n": false, "...": false, "— !": false, "a": true, "½": true, "好": true, "(3)": true} {
		if Speakable(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
	}
}
