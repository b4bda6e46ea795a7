package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFillerChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		manners Manners
		want    string // in the error; empty: it is good
	}{
		"the defaults":      {Manners{}, ""},
		"none":              {Manners{Filler: Filler{After: -1, Most: -1}}, ""},
		"too soon":          {Manners{Filler: Filler{After: ms}}, "Filler.After is 1ms: want 500ms to 3s"},
		"too late":          {Manners{Filler: Filler{After: 10000 * ms}}, "Filler.After is 10s: want 500ms to 3s"},
		"too many":          {Manners{Filler: Filler{Most: 99}}, "Filler.Most is 99: want -1 to 20"},
		"too many texts":    {Manners{Filler: Filler{Say: slices.Repeat([]string{"Wait."}, 51)}}, "Filler.Say has 51 texts: want at most 50"},
		"nothing to say":    {Manners{Filler: Filler{Say: []string{"Wait.", "..."}}}, `Filler.Say[1] is "..."`},
		"endless patience":  {Manners{Faults: Faults{Most: 1000}}, "Faults.Most is 1000: want 1 to 20"},
		"nothing to say at": {Manners{Faults: Faults{Say: "?"}}, `Faults.Say is "?"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			switch err := tt.manners.Validate(); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%q is not in: %v", tt.want, err)
			}
		})
	}
}

// Fillers are all used before one comes again, and none comes twice in a row, wherever the shuffle ends.
func TestFillersShuffled(t *testing.T) {
	t.Parallel()
	texts := []string{"a", "b", "c"}
	for _, call := range []string{"", "CA1", "CA2", "CA3", "CA4", "CA5"} {
		w := newWaiting(call)
		var got []string
		for range 30 {
			got = append(got, w.next(texts, 99))
		}
		for i := range got {
			if i > 0 && got[i] == got[i-1] {
				t.Errorf("%s: %q twice in a row in %q", call, got[i], got)
			}
		}
		for deck := range slices.Chunk(got, 3) {
			if slices.Sort(deck); !slices.Equal(deck, texts) {
				t.Errorf("%s: %q were drawn, want each once", call, deck)
			}
		}
	}
	w := newWaiting("")
	var said []string
	for range 3 {
		said = append(said, w.next([]string{"a"}, 2))
	}
	if want := []string{"a", "a", ""}; !slices.Equal(said, want) {
		t.Errorf("%q: one filler is said twice, and then it is the tone", said)
	}
}

// The tone is soft, and begins and ends without a click, at every rate.
func TestTone(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		pcm := tone(rate)
		if got, want := len(pcm), rate*220/1000; got != want {
			t.Errorf("%d Hz: %d samples, want %d", rate, got, want)
		}
		most := int16(0)
		for _, s := range pcm {
			most = max(most, s, -s)
		}
		if most < 1500 || most > 2000 || pcm[0] != 0 || max(pcm[len(pcm)-1], -pcm[len(pcm)-1]) > 100 {
			t.Errorf("%d Hz: peak %d, from %d to %d", rate, most, pcm[0], pcm[len(pcm)-1])
		}
	}
}

func TestWordEnd(t *testing.T) {
	t.Parallel()
	timed := &script{words: []Word{{Text: "One", Start: 0, End: 300 * ms}, {Text: "moment", Start: 400 * ms, End: 900 * ms}}}
	timed.text.WriteString("One moment.")
	weighed := &script{whole: true, length: 1000 * ms} // of no sound: by how long the words are
	weighed.text.WriteString("One two.")
	for _, tt := range []struct {
		script   *script
		at, want time.Duration
	}{
		{timed, 0, 300}, {timed, 299, 300}, {timed, 450, 900}, {timed, 950, 950},
		{weighed, 10, 500}, {weighed, 510, 1000}, {weighed, 1100, 1100},
	} {
		if got := tt.script.wordEnd(tt.at * ms); got != tt.want*ms {
			t.Errorf("%q at %v: %v, want %v", tt.script.text.String(), tt.at*ms, got, tt.want*ms)
		}
	}
}
