package local_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/local"
	"parley/providers/providertest"
)

// once is a text that comes in one piece.
func once(text string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield(text, nil) }
}

// speak returns all that e says of text, and its words.
func speak(tb testing.TB, e *local.Engine, text string, v pipeline.Voice) (pcm []int16, words []pipeline.Word) {
	tb.Helper()
	for s, err := range e.Speak(tb.Context(), once(text), v) {
		if err != nil {
			tb.Fatal(err)
		}
		pcm = append(pcm, s.PCM...)
		words = append(words, s.Words...)
	}
	return pcm, words
}

// sayings are what a call centre says, and how it should be heard.
var sayings = []struct{ text, heard string }{
	{"Thanks for calling Northwind Clinic, your appointment is booked for Tuesday at half past ten.", ""},
	{"Your order will arrive between three and five in the afternoon.", ""},
	{"I'm sorry, I did not understand that. Could you say it again, please?", ""},
	{"Please hold the line while I connect you to a colleague.", ""},
	{"The total is $42.50, and it is due on March 3rd.", "The total is forty two dollars and fifty cents and it is due on march third"},
	{"We are open from 9:30 a.m. to 6 p.m., Monday to Friday.", "We are open from nine thirty am to six pm monday to friday"},
	{"Is there anything else that I can help you with today?", ""},
	{"Dr. Smith can see you at 10:15 tomorrow morning.", "Doctor Smith can see you at ten fifteen tomorrow morning"},
	{"To speak with a nurse, press two. To leave a message, press three.", ""},
	{"Your reference number is 4471; please write it down before you hang up.", "Your reference number is four four seven one please write it down before you hang up"},
}

func TestVoiceIsUnderstood(t *testing.T) {
	t.Parallel()
	e := whole(t)
	for name, most := range map[string]float64{"jenny": 0.10, "slt": 0.25} { // the plain voice is a makeshift
		var w providertest.WER
		for _, s := range sayings {
			pcm, _ := speak(t, e, s.text, pipeline.Voice{Rate: 8000, Name: name})
			c := call(t, e, 8000)
			c.pause(300 * time.Millisecond)
			c.say(telephone(pcm))
			c.pause(time.Second)
			got, want := text(c.finals()), s.heard
			if want == "" {
				want = s.text
			}
			if n := w.Add(want, got); n > 0 {
				t.Logf("%s: %d wrong: %q heard as %q", name, n, s.text, got)
			}
		}
		t.Logf("%s: word error rate %.1f %% of %d words", name, 100*w.Rate(), w.Words)
		if w.Rate() > most {
			t.Errorf("voice %s: %.1f %% of its words are misheard, want %.0f %% at most", name, 100*w.Rate(), 100*most)
		}
	}
}

func TestWordTimes(t *testing.T) {
	t.Parallel()
	e := whole(t)
	const said = "Thanks for calling, how can I help you today? We are open until 6 p.m. and on Saturdays."
	for _, rate := range []int{8000, 48000} {
		pcm, words := speak(t, e, said, pipeline.Voice{Rate: rate})
		var texts []string
		var last time.Duration
		for _, w := range words {
			if w.Start < last || w.End < w.Start {
				t.Errorf("%d Hz: %q from %v to %v after a word that ends at %v", rate, w.Text, w.Start, w.End, last)
			}
			last = w.End
			texts = append(texts, w.Text)
		}
		if got := strings.Join(texts, " "); got != said {
			t.Errorf("%d Hz: words %q, want those of the text: %q", rate, got, said)
		}
		if d := media.Samples(len(pcm), rate); last > d || last < d-50*time.Millisecond {
			t.Errorf("%d Hz: the last word ends at %v of %v", rate, last, d)
		}
	}
}

// The first clause sounds while the text still arrives.
func TestFirstClauseSoundsEarly(t *testing.T) {
	t.Parallel()
	e := whole(t)
	heard := make(chan struct{})
	text := func(yield func(string, error) bool) {
		if !yield("Thanks for calling, ", nil) {
			return
		}
		select {
		case <-heard: // the rest comes only then
		case <-t.Context().Done():
			return
		}
		yield("how can I help you?", nil)
	}
	n := 0
	for s, err := range e.Speak(t.Context(), text, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			close(heard)
		}
		if len(s.PCM) == 0 {
			t.Errorf("clause %d has no sound", n)
		}
	}
	if n != 2 {
		t.Errorf("%d clauses, want 2", n)
	}
}

func TestSpeakIsCancelled(t *testing.T) {
	t.Parallel()
	e := whole(t)
	cut := errors.New("barge-in")
	for _, name := range []string{"jenny", "slt"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		endless := func(yield func(string, error) bool) {
			for i := 0; ctx.Err() == nil && yield("Counting up to "+strings.Repeat("one ", i)+". ", nil); i++ {
			}
		}
		n := 0
		var last error
		for s, err := range e.Speak(ctx, endless, pipeline.Voice{Rate: 8000, Name: name}) {
			if last = err; err != nil {
				continue
			}
			if n++; n == 2 {
				cancel(cut)
			}
			_ = s
		}
		if !errors.Is(last, cut) || n > 3 {
			t.Errorf("%s: after %d clauses, error %v, want one that is %v at once", name, n, last, cut)
		}
		cancel(nil)
	}
	for range e.Speak(t.Context(), once("One. Two. Three. Four."), pipeline.Voice{Rate: 8000}) { // a taker that leaves
		break
	}
}

func TestSpeakPassesOnTheTextsError(t *testing.T) {
	t.Parallel()
	broken := errors.New("model gone")
	text := func(yield func(string, error) bool) {
		if yield("Well, let me see. ", nil) {
			yield("", broken)
		}
	}
	n := 0
	var last error
	for _, err := range whole(t).Speak(t.Context(), text, pipeline.Voice{Rate: 8000}) {
		n++
		last = err
	}
	if n != 2 || !errors.Is(last, broken) {
		t.Errorf("%d results, the last with error %v, want a clause and then %v", n, last, broken)
	}
}

func TestSpeakRefuses(t *testing.T) {
	t.Parallel()
	e := whole(t)
	for want, v := range map[string]pipeline.Voice{
		`Voice.Name is "bob"`: {Rate: 8000, Name: "bob"},
		`Voice.Lang is "fr"`:  {Rate: 8000, Lang: "fr"},
		"Voice.Pace is 9":     {Rate: 8000, Pace: 9},
		"Voice.Rate":          {Rate: 12345},
	} {
		var last error
		for _, err := range e.Speak(t.Context(), once("hello"), v) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", v, last, want)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	e := whole(t)
	for _, name := range []string{"jenny", "slt"} {
		const text = "This is a sentence of some length, long enough to tell one pace from the other."
		slow, _ := speak(t, e, text, pipeline.Voice{Rate: 8000, Name: name, Pace: 0.7})
		fast, _ := speak(t, e, text, pipeline.Voice{Rate: 8000, Name: name, Pace: 1.4})
		if ratio := float64(len(slow)) / float64(len(fast)); ratio < 1.4 || ratio > 2.6 { // a neural voice is never twice the same
			t.Errorf("%s: half the pace takes %.2f times as long, want about 2", name, ratio)
		}
	}
}

// A second time the same clause comes from the cache, sample for sample; the model itself varies.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	e := whole(t)
	v := pipeline.Voice{Rate: 8000}
	a, _ := speak(t, e, "Welcome to the cache.", v)
	b, _ := speak(t, e, "Welcome to the cache.", v)
	if !slices.Equal(a, b) {
		t.Error("the same text sounds different the second time: it was made anew")
	}
}
