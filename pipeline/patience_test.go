package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	t.Parallel()
	p := DefaultManners().Patience
	const hangover, between = 500 * ms, 425 * ms
	row := func(waits ...time.Duration) (all [5]time.Duration) { copy(all[:], waits); return all }
	for words, want := range map[completeness][5]time.Duration{ // not known, goes on, doubtful, finished, surely
		complete:   row(350*ms, 350*ms, 350*ms, 350*ms, 350*ms),
		claimed:    row(350*ms, 750*ms, 500*ms, 350*ms, 350*ms),
		unknown:    row(500*ms, 750*ms, 500*ms, between, between),
		unsettled:  row(750*ms, 750*ms, 750*ms, 500*ms, 500*ms),
		incomplete: row(2*time.Second, 2*time.Second, 2*time.Second, 2*time.Second, 1000*ms),
		piece:      row(3*time.Second, 3*time.Second, 3*time.Second, 3*time.Second, 3*time.Second),
	} {
		for sound, likely := range []float64{0, 0.01, 0.2, 0.9, 0.99} {
			if got := p.wait(words, cadenceOf(likely), hangover); got != want[sound] {
				t.Errorf("words %d, finished %.2f: %v, want %v", words, likely, got, want[sound])
			}
		}
	}
}

// However short the hangover or however small the differences between the limits, no wait leaves them.
func TestPatienceKeepsItsLimits(t *testing.T) {
	t.Parallel()
	for _, m := range []Manners{{Hangover: 100 * ms}, {Hangover: 5 * time.Second}, {Patience: Patience{Most: 500 * ms}}, {Patience: Patience{Least: 500 * ms}}} {
		m = m.WithDefaults()
		p := m.Patience
		for words := unknown; words <= piece; words++ {
			for sound := unjudged; sound <= surely; sound++ {
				if got := p.wait(words, sound, m.Hangover); got < p.Least || got > p.Entity || words != piece && got > p.Most {
					t.Errorf("%+v, hangover %v: words %d, sound %d: %v", p, m.Hangover, words, sound, got)
				}
			}
		}
	}
}

func TestPatienceIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    Manners
		want string
	}{
		{Manners{}, ""},
		{Manners{Hangover: 200 * ms}, ""},
		{Manners{Hangover: 4 * time.Second}, ""},
		{Manners{Patience: Patience{Least: 600 * ms}}, "Patience.Least is 600ms: want 100ms to 500ms"},
		{Manners{Patience: Patience{Most: 400 * ms}}, "Patience.Most is 400ms: want 500ms to 10s"},
		{Manners{Patience: Patience{Entity: time.Second}}, "Patience.Entity is 1s: want 2s to 15s"},
	} {
		if err := c.m.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.m.Patience, err, c.want)
		}
	}
}
