package pipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCallersWords: of what the caller said, those words have times that the recogniser was sure of, as they stand in the record. A secret's
// have none.
func TestCallersWords(t *testing.T) {
	t.Parallel()
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	word := func(text string, from float64) Word {
		return Word{Text: text, Start: at(from), End: at(from + 0.2), Confidence: 0.9}
	}
	d := &dialog{}
	d.times(Transcript{Kind: Final, Words: []Word{word("the", 1), word("old", 1.3)}})
	d.times(Transcript{Kind: Partial, Words: []Word{word("what", 5)}})
	d.times(Transcript{Kind: Final, Words: []Word{word("what", 5), word("is", 5.3), {Text: "about", Start: at(5.5), End: at(5.6)}}})
	d.times(Transcript{Kind: EndOfTurn, Words: []Word{word("what", 5), word("is", 5.3), word("the", 5.7), word("time", 6)}})
	want := []Word{word("What", 5), word("is", 5.3), word("the", 5.7), word("time?", 6)}
	if diff := cmp.Diff(want, d.timesOf(&turn{said: "What is about the time?", from: at(5.1)})); diff != "" {
		t.Error(diff)
	}
	if got := d.timesOf(&turn{said: "What is", from: at(5.1), secret: true}); got != nil {
		t.Errorf("a secret has %+v", got)
	}
	if got := d.timesOf(&turn{said: "What is", from: at(9)}); got != nil {
		t.Errorf("what was said before has %+v", got)
	}
	d.expect.Masked = true
	before := len(d.caller.timed)
	if d.times(Transcript{Kind: Final, Words: []Word{word("seven", 9)}}); len(d.caller.timed) != before {
		t.Errorf("of a secret there is %+v", d.caller.timed)
	}
	d.expect.Masked = false
	for i := range 2 * mostTimed {
		d.times(Transcript{Kind: Final, Words: []Word{word("more", 10+float64(i))}})
	}
	if len(d.caller.timed) != mostTimed {
		t.Errorf("%d wait", len(d.caller.timed))
	}
}
