package providers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers"
)

const (
	greeting = "Good day from Acme, how can I help you?"
	sorry    = "Sorry, say that again."
)

var english = pipeline.Voice{Name: "jenny", Lang: "en-US", Rate: 8000}

// stage runs f in a bubble, with a cache before a scripted voice.
func stage(t *testing.T, v *voice, f func(t *testing.T, c *providers.Cache)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, &providers.Cache{Synthesizer: v}) })
}

func prepare(t *testing.T, c *providers.Cache, texts ...string) {
	t.Helper()
	if err := c.Prepare(t.Context(), english, texts...); err != nil {
		t.Fatal(err)
	}
}

func TestCachePlaysWhatWasPrepared(t *testing.T) {
	t.Parallel()
	v := &voice{}
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		prepare(t, c, "  Good day from Acme,\n how can I help you? ", sorry)
		for range 3 {
			h := listen(t.Context(), c, pieces(greeting), english)
			pcm, words := sounds(greeting, 8000)
			if h.err != nil || h.first != 0 || !slices.Equal(h.pcm, pcm) {
				t.Errorf("error %v, first sound after %v, %d samples of %d", h.err, h.first, len(h.pcm), len(pcm))
			}
			if diff := cmp.Diff(words, h.words); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		}
		if got := v.uses(); !slices.Equal(got, []string{greeting, sorry}) {
			t.Errorf("the voice was asked for %q", got)
		}
		if s := c.Stats(); s.Texts != 2 || s.Played != 3 || s.Made != 2 || s.Bytes < 2*8000 {
			t.Errorf("stats %+v", s)
		}
	})
}

// What a cache does with text, by how it comes.
func TestCacheLooksUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text   []string
		voiced []string // what the voice is asked for, besides what was prepared
		first  time.Duration
	}{
		"whole":                              {[]string{greeting}, nil, 50 * time.Millisecond},
		"in sentences, as flows do":          {[]string{"Sales is closed. ", "Press one. "}, nil, 50 * time.Millisecond},
		"in pieces of words":                 {[]string{"Good day ", "from Ac", "me, how can I help you?"}, nil, 150 * time.Millisecond},
		"nothing known":                      {[]string{"The ", "weather is ", "fine."}, []string{"The |weather is |fine."}, 50*time.Millisecond + firstSound},
		"it begins like something known":     {[]string{"Good ", "evening."}, []string{"Good |evening."}, 100*time.Millisecond + firstSound},
		"it goes on after a known sentence":  {[]string{sorry, " I mean ", "it."}, []string{" I mean |it."}, 50 * time.Millisecond},
		"it goes on after no sentence":       {[]string{"Okay", ", I will", " see."}, []string{"Okay|, I will| see."}, 100*time.Millisecond + firstSound},
		"it ends without a full stop":        {[]string{"Okay"}, nil, 50 * time.Millisecond},
		"the same words, more of them":       {[]string{"Press one. Or two."}, []string{"Press one. Or two."}, 50*time.Millisecond + firstSound},
		"case is another text":               {[]string{"press one."}, []string{"press one."}, 50*time.Millisecond + firstSound},
		"blanks come first":                  {[]string{" ", "\n", "Press one."}, nil, 150 * time.Millisecond},
		"it breaks off within what is known": {[]string{"Good day "}, []string{"Good day "}, 50*time.Millisecond + firstSound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &voice{}
			stage(t, v, func(t *testing.T, c *providers.Cache) {
				known := []string{greeting, sorry, "Sales is closed.", "Press one.", "Okay"}
				prepare(t, c, known...)
				h := listen(t.Context(), c, streamed(tt.text...), english)
				whole := strings.Join(tt.text, "")
				if got, want := h.said(strings.Join(tt.text, " ")+" "+whole), strings.Join(strings.Fields(whole), " "); h.err != nil || got != want && len(tt.voiced) == 0 {
					t.Errorf("heard %q, %v, want %q", got, h.err, want)
				}
				if h.first != tt.first {
					t.Errorf("first sound after %v, want %v", h.first, tt.first)
				}
				if got := v.uses()[len(known):]; !slices.Equal(got, tt.voiced) {
					t.Errorf("the voice was asked for %q, want %q", got, tt.voiced)
				}
				inOrder(t, h)
			})
		})
	}
}

// inOrder holds the times of the words against where they are in the sound.
func inOrder(t *testing.T, h heard) {
	t.Helper()
	for _, w := range h.words {
		if at := int(w.Start.Seconds() * 8000); at >= len(h.pcm) || h.pcm[at] != sample(w.Text) || at > 0 && h.pcm[at-1] == sample(w.Text) {
			t.Errorf("word %q is not at %v", w.Text, w.Start)
		}
	}
}

// The silence between two sentences from memory is that of speech, though each was made alone.
func TestCacheKeepsThePauseBetweenSentences(t *testing.T) {
	t.Parallel()
	stage(t, &voice{}, func(t *testing.T, c *providers.Cache) {
		prepare(t, c, "One.", "Two.")
		h := listen(t.Context(), c, pieces("One. ", "Two."), english)
		if got, want := len(h.pcm), 8000*(200+300+200)/1000; got != want {
			t.Errorf("%d samples, want %d", got, want)
		}
		inOrder(t, h)
	})
}

func TestCacheKeepsVoicesApart(t *testing.T) {
	t.Parallel()
	v := &voice{}
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		prepare(t, c, sorry)
		for _, other := range []pipeline.Voice{
			{Name: "alan", Lang: "en-US", Rate: 8000}, {Name: "jenny", Lang: "en-GB", Rate: 8000},
			{Name: "jenny", Lang: "en-US", Rate: 16000}, {Name: "jenny", Lang: "en-US", Rate: 8000, Pace: 1.2},
		} {
			made := len(v.uses())
			want, _ := sounds(sorry, other.Rate)
			for i := range 2 { // the first makes it, the second finds it
				h := listen(t.Context(), c, pieces(sorry), other)
				if h.err != nil || !slices.Equal(h.pcm, want) {
					t.Errorf("%+v: %d samples, %v, want %d", other, len(h.pcm), h.err, len(want))
				}
				if first := time.Duration(1-i) * firstSound; h.first != first {
					t.Errorf("%+v: first sound after %v, want %v", other, h.first, first)
				}
			}
			if got := len(v.uses()); got != made+1 {
				t.Errorf("%+v: the voice was asked %d times", other, got-made)
			}
		}
	})
}

// Many calls at once have one synthesis, and each hears all of it as it comes; those that leave take nothing from the others.
func TestCacheMakesOnceForAll(t *testing.T) {
	t.Parallel()
	v := &voice{fails: func(use int) bool { return use == 0 }} // at Prepare
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		if err := c.Prepare(t.Context(), english, greeting); !errors.Is(err, errVoice) {
			t.Fatalf("Prepare: %v", err)
		}
		want, _ := sounds(greeting, 8000)
		came := make(chan heard)
		for i := range 20 {
			go func() {
				ctx := t.Context()
				if i%2 == 0 { // cut at all stages, the first of all among them
					var cancel func()
					ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(i+1)*13*time.Millisecond, pipeline.ErrBargeIn)
					defer cancel()
				}
				came <- listen(ctx, c, pieces(greeting), english)
			}()
		}
		cut := 0
		for range 20 {
			switch h := <-came; {
			case errors.Is(h.err, pipeline.ErrBargeIn):
				cut++
			case h.err != nil || h.first != firstSound || !slices.Equal(h.pcm, want):
				t.Errorf("%d samples after %v, %v", len(h.pcm), h.first, h.err)
			}
		}
		if cut < 5 || len(v.uses()) != 2 {
			t.Errorf("%d were cut, the voice was asked %d times, want 2", cut, len(v.uses()))
		}
	})
}

// What failed, was cut or was silent is not kept, and says why.
func TestCacheKeepsNothingBroken(t *testing.T) {
	t.Parallel()
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		v := &voice{fails: func(use int) bool { return use < 2 }}
		stage(t, v, func(t *testing.T, c *providers.Cache) {
			if err := c.Prepare(t.Context(), english, greeting, sorry); !errors.Is(err, errVoice) || !strings.Contains(err.Error(), "Good day") || !strings.Contains(err.Error(), "Sorry") {
				t.Errorf("Prepare: %v", err)
			}
			for i := range 2 {
				if h := listen(t.Context(), c, pieces(greeting), english); h.err != nil || h.first != time.Duration(1-i)*firstSound {
					t.Errorf("first sound after %v, %v", h.first, h.err)
				}
			}
		})
	})
	t.Run("failed under a call", func(t *testing.T) {
		t.Parallel()
		v := &voice{fails: func(use int) bool { return use < 2 }}
		stage(t, v, func(t *testing.T, c *providers.Cache) {
			_ = c.Prepare(t.Context(), english, greeting)
			h := listen(t.Context(), c, pieces(greeting), english)
			if word, _ := sounds("Good", 8000); !errors.Is(h.err, errVoice) || !slices.Equal(h.pcm, word) {
				t.Errorf("%d samples, %v: want those before the fault, and the fault", len(h.pcm), h.err)
			}
		})
	})
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		v := &voice{fails: func(use int) bool { return use == 0 }}
		stage(t, v, func(t *testing.T, c *providers.Cache) {
			_ = c.Prepare(t.Context(), english, greeting)
			for range c.Speak(t.Context(), pieces(greeting), english) {
				break
			}
			if v.live != 0 {
				t.Error("the voice still speaks after the break")
			}
			if h := listen(t.Context(), c, pieces(greeting), english); h.first != firstSound || h.err != nil {
				t.Errorf("first sound after %v, %v", h.first, h.err)
			}
		})
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		stage(t, &voice{silent: true}, func(t *testing.T, c *providers.Cache) {
			if err := c.Prepare(t.Context(), english, greeting); err == nil || !strings.Contains(err.Error(), "no sound") {
				t.Errorf("Prepare: %v", err)
			}
		})
	})
	t.Run("panicked", func(t *testing.T) {
		t.Parallel()
		stage(t, &voice{panics: true}, func(t *testing.T, c *providers.Cache) {
			if err := c.Prepare(t.Context(), english, greeting); err == nil || !strings.Contains(err.Error(), "the voice is broken") {
				t.Errorf("Prepare: %v", err)
			}
			defer func() {
				if crash := recover(); crash != "the voice is broken" {
					t.Errorf("on the caller's goroutine: %v", crash)
				}
			}()
			listen(t.Context(), c, pieces(greeting), english)
		})
	})
}

// An error of the text comes last, also behind what was played from memory.
func TestCachePassesTheTextsError(t *testing.T) {
	t.Parallel()
	lost := errors.New("the model was lost")
	for _, before := range [][]string{nil, {sorry}, {"Sorry, "}, {"Some", "thing else."}, {sorry, " And more."}} {
		stage(t, &voice{}, func(t *testing.T, c *providers.Cache) {
			prepare(t, c, sorry)
			text := func(yield func(string, error) bool) {
				for _, s := range before {
					if !yield(s, nil) {
						return
					}
				}
				yield("", lost)
			}
			h := listen(t.Context(), c, text, english)
			if want := strings.Join(strings.Fields(strings.Join(before, "")), " "); !errors.Is(h.err, lost) || len(before) == 1 && h.said(want) != want {
				t.Errorf("%q: heard %q, %v", before, h.said(want), h.err)
			}
		})
	}
}

// Nothing is made ahead while a call waits for its voice, and what was begun is given up and made later.
func TestCachePreparesBehindTheCalls(t *testing.T) {
	t.Parallel()
	v := &voice{}
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		prepared := make(chan error)
		go func() { prepared <- c.Prepare(t.Context(), english, greeting, sorry) }()
		go func() { prepared <- c.Prepare(t.Context(), english, "One.", "Two.", "Three.") }()
		time.Sleep(firstSound / 2)
		for range 10 {
			if h := listen(t.Context(), c, pieces("A call speaks."), english); h.first != firstSound || h.err != nil {
				t.Errorf("a call's first sound came after %v, %v", h.first, h.err)
			}
			v.mu.Lock()
			if v.most > 2 { // the call itself, and one that was just given up or begun after its first sound
				t.Errorf("%d utterances at once", v.most)
			}
			v.mu.Unlock()
		}
		for range 2 {
			if err := <-prepared; err != nil {
				t.Error(err)
			}
		}
		made := len(v.uses())
		for _, text := range []string{greeting, sorry, "One.", "Two.", "Three."} {
			if h := listen(t.Context(), c, pieces(text), english); h.first != 0 {
				t.Errorf("%q was not prepared", text)
			}
		}
		if len(v.uses()) != made {
			t.Error("something was made again")
		}
	})
}

// A call that asks for what is just being made ahead takes it over: it is not given up.
func TestCacheJoinsWhatIsBeingPrepared(t *testing.T) {
	t.Parallel()
	v := &voice{}
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		prepared := make(chan error)
		go func() { prepared <- c.Prepare(t.Context(), english, greeting) }()
		time.Sleep(firstSound / 2)
		if h := listen(t.Context(), c, pieces(greeting), english); h.first != firstSound/2 || h.err != nil {
			t.Errorf("first sound after %v, %v", h.first, h.err)
		}
		if err := <-prepared; err != nil || len(v.uses()) != 1 {
			t.Errorf("Prepare: %v; the voice was asked %d times", err, len(v.uses()))
		}
	})
}

func TestCachePrepareStops(t *testing.T) {
	t.Parallel()
	v := &voice{}
	stage(t, v, func(t *testing.T, c *providers.Cache) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), firstSound/2, errors.New("shut down"))
		defer cancel()
		began := time.Now()
		err := c.Prepare(ctx, english, greeting, sorry)
		if err == nil || err.Error() != "shut down" || time.Since(began) != firstSound/2 || v.live != 0 {
			t.Errorf("Prepare: %v after %v; %d utterances are left", err, time.Since(began), v.live)
		}
	})
}

func TestCachePrepareNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	stage(t, &voice{}, func(t *testing.T, c *providers.Cache) {
		if err := c.Prepare(t.Context(), pipeline.Voice{}, greeting); err == nil || !strings.Contains(err.Error(), "Voice.Rate") {
			t.Errorf("without a rate: %v", err)
		}
		if err := c.Prepare(t.Context(), english, strings.Repeat("long ", 1000), "", " ... ", greeting); err == nil || !strings.Contains(err.Error(), "4999 bytes") {
			t.Errorf("a long text: %v", err)
		}
		if h := listen(t.Context(), c, pieces(greeting), english); h.first != 0 {
			t.Error("the text beside the long one was not prepared")
		}
	})
}
