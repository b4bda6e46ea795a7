package providertest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/providers/providertest"
)

func TestWER(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		said, recognised string
		errors, words    int
	}{
		{"Please enter your password.", "please enter your password", 0, 4},
		{"Please enter your password.", "please center your password", 1, 4},
		{"Please enter your password.", "enter your password now", 2, 4},
		{"Please enter your password.", "", 4, 4},
		{"", "hello", 1, 0},
		{"Press 1, or 15.", "press one or fifteen", 0, 4},
		{"Your code is 2934Z", "your code is two nine three four Z.", 0, 8},
		{"voicemail is full", "voice mail is full", 0, 3},
		{"the voice mail is full", "the voicemail is full", 0, 5},
		{"don’t panic: it's 50%", "do not panic, it is fifty percent", 0, 7},
		{"forty two dollars and fifty cents at ten fifteen", "$42.50 at 10:15", 0, 9},
		{"I'm sorry, you're late. Press *", "I am sorry you are late press star", 0, 8},
	} {
		var w providertest.WER
		w.Add(tt.said, tt.recognised)
		if got, want := w, (providertest.WER{Errors: tt.errors, Words: tt.words}); got != want {
			t.Errorf("%q recognised as %q: got %+v, want %+v", tt.said, tt.recognised, got, want)
		}
	}
	if got := (providertest.WER{Errors: 1, Words: 8}).Rate(); got != 0.125 {
		t.Errorf("rate of 1 error in 8 words: got %v, want 0.125", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	got := providertest.Words("At 5 a.m., dial 0044 -- or 21. It's OKAY!")
	want := []string{"at", "five", "am", "dial", "zero", "zero", "four", "four", "or", "twenty", "one", "it", "is", "ok"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}
