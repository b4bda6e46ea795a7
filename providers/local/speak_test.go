package local_test

import (
	"iter"
	"testing"
	"time"

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
	for _, name := range []string{"jenny", "slt"} {
		var w providertest.WER
		for _, s := range sayings {
			t0 := time.Now()
			pcm, _ := speak(t, e, s.text, pipeline.Voice{Rate: 8000, Name: name})
			took := time.Since(t0)
			c := call(t, e, 8000)
			c.pause(300 * time.Millisecond)
			c.say(telephone(pcm))
			c.pause(time.Second)
			got := text(c.finals())
			want := s.heard
			if want == "" {
				want = s.text
			}
			k := w.Add(want, got)
			t.Logf("%d (%v for %v) %q heard as %q", k, took, time.Duration(len(pcm))*time.Second/8000, s.text, got)
		}
		t.Logf("%s: WER %.1f %%", name, 100*w.Rate())
		if w.Rate() > 0.10 {
			t.Errorf("voice %s: %.1f %% of its words are misheard, want 10 %% at most", name, 100*w.Rate())
		}
	}
}
