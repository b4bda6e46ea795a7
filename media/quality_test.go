package media_test

import (
	"testing"
	"time"

	"parley/media"
)

// gauged is a leg that knows its quality; before stands before it.
type (
	gauged struct {
		media.Leg
		quality media.Quality
	}
	before struct{ media.Leg }
)

func (m gauged) Quality() media.Quality { return m.quality }

func (b before) Unwrap() media.Leg { return b.Leg }

// TestQualityOf: what a leg knows is found behind others, and a way that nothing has travelled has no quality.
func TestQualityOf(t *testing.T) {
	t.Parallel()
	heard := media.Quality{MOS: 4.2, Received: 100, Made: 3}
	for name, c := range map[string]struct {
		leg  media.Leg
		want bool
	}{
		"itself":          {gauged{quality: heard}, true},
		"behind two":      {before{before{gauged{quality: heard}}}, true},
		"only sent":       {gauged{quality: media.Quality{Sent: 1}}, true},
		"nothing as yet":  {gauged{}, false},
		"none":            {before{}, false},
		"no leg":          {nil, false},
		"none behind one": {before{before{}}, false},
	} {
		if q, ok := media.QualityOf(c.leg); ok != c.want || ok && q.Sent == 0 && q != heard {
			t.Errorf("%s: %+v, %v", name, q, ok)
		}
	}
	if d := heard.Concealed(); d != 60*time.Millisecond {
		t.Errorf("three frames that were made up sound for %v", d)
	}
}
