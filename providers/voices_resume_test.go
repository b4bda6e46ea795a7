package providers_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
)

// A speaker speaks whole texts with a beat for each letter and each gap, in pieces of 100 ms, and breaks as it is told to.
type speaker struct {
	beat    time.Duration
	untimed bool          // it tells no times of words
	breaks  time.Duration // of sound, when it fails; 0: never
	stalls  time.Duration // of sound, when it falls silent; 0: never
	pace    float64       // as a multiple of real time; 0: at once
	uses    int
}

func (s *speaker) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		s.uses++
		all := ""
		for piece, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			all += piece
		}
		pcm, words := s.sound(all, v.Rate)
		const piece = 100 * time.Millisecond
		made := time.Duration(0)
		for part := range slices.Chunk(pcm, v.Rate/10) {
			if s.breaks > 0 && made+piece > s.breaks {
				part = part[:min(len(part), int(max(0, s.breaks-made))*v.Rate/int(time.Second))]
			}
			sp := pipeline.Speech{PCM: part, Words: words}
			words = nil
			if len(part) > 0 && !yield(sp, nil) {
				return
			}
			if made += media.Samples(len(part), v.Rate); s.breaks > 0 && made >= s.breaks {
				yield(pipeline.Speech{}, errVoice)
				return
			}
			wait := time.Duration(0)
			if s.pace > 0 {
				wait = time.Duration(float64(piece) / s.pace)
			}
			if s.stalls > 0 && made >= s.stalls {
				wait = time.Hour
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				yield(pipeline.Speech{}, context.Cause(ctx))
				return
			}
		}
	}
}

// sound is how it says text: of each word its own sample, and a gap.
func (s *speaker) sound(text string, rate int) (pcm []int16, words []pipeline.Word) {
	for _, word := range strings.Fields(text) {
		from := media.Samples(len(pcm), rate)
		letters := 0
		for _, r := range word {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		for range int(time.Duration(letters)*s.beat) * rate / int(time.Second) {
			pcm = append(pcm, sample(word))
		}
		if !s.untimed {
			words = append(words, pipeline.Word{Text: word, Start: from, End: media.Samples(len(pcm), rate)})
		}
		pcm = append(pcm, make([]int16, int(s.beat)*rate/int(time.Second))...)
	}
	return pcm, words
}

const long = "Your appointment with Doctor Miller has been moved from Tuesday morning to Thursday afternoon, because another patient asked us kindly."

// once fails unless the words that were said are words of the text, each at most once and in its order; it returns how many were not.
func once(t rapid.TB, text, said string) (missing int) {
	t.Helper()
	rest := strings.Fields(text)
	for _, w := range strings.Fields(said) {
		i := slices.Index(rest, w)
		if i < 0 {
			t.Fatalf("%q was said a second time, or out of order, in %q", w, said)
		}
		missing += i
		rest = rest[i+1:]
	}
	return missing + len(rest)
}

func TestVoicesGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first   speaker
		missing int           // words, at most
		silent  time.Duration // between two pieces of sound, at most, beyond what had not been heard by then
	}{
		"dies":                     {speaker{beat: 60 * time.Millisecond, breaks: 2345 * time.Millisecond}, 0, 0},
		"dies, and told no times":  {speaker{beat: 60 * time.Millisecond, breaks: 2345 * time.Millisecond, untimed: true}, 2, 0},
		"dies late, without times": {speaker{beat: 60 * time.Millisecond, breaks: 6 * time.Second, untimed: true}, 4, 0},
		"stalls":                   {speaker{beat: 60 * time.Millisecond, stalls: 2 * time.Second, pace: 1}, 0, providers.DefaultStall},
		"stalls, far ahead":        {speaker{beat: 60 * time.Millisecond, stalls: 2 * time.Second, pace: 50}, 0, 0},
		"drips":                    {speaker{beat: 60 * time.Millisecond, pace: 0.25}, 0, 400 * time.Millisecond},
		"is a little slow":         {speaker{beat: 60 * time.Millisecond, pace: 0.9}, 0, 120 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				second := &speaker{beat: 60 * time.Millisecond}
				f := &providers.Voices{All: []pipeline.Synthesizer{&c.first, second}}
				var h heard
				var till time.Time
				silent := time.Duration(0)
				for sp, err := range f.Speak(t.Context(), pieces(long), pipeline.Voice{Rate: 8000}) {
					if err != nil {
						t.Fatal(err)
					}
					if now := time.Now(); !till.IsZero() && len(sp.PCM) > 0 {
						silent = max(silent, now.Sub(till))
						till = maxTime(till, now)
					} else if till.IsZero() {
						till = now
					}
					till = till.Add(media.Samples(len(sp.PCM), 8000))
					h.pcm, h.words = append(h.pcm, sp.PCM...), append(h.words, sp.Words...)
				}
				said := h.said(long)
				if missing := once(t, long, said); missing > c.missing {
					t.Errorf("%d words are missing, want %d at most: %q", missing, c.missing, said)
				}
				if silent > c.silent {
					t.Errorf("silent for %v, want %v at most", silent, c.silent)
				}
				for _, w := range h.words[max(0, len(h.words)-3):] { // that the second says, on the utterance's own clock
					if at := int(w.Start.Seconds() * 8000); h.pcm[at+40] != sample(w.Text) {
						t.Errorf("%q does not sound at %v", w.Text, w.Start)
					}
				}
			})
		})
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestVoicesSayNothingTwice: whenever a voice dies, whatever its pace and whether or not it tells times of words, and however often.
func TestVoicesSayNothingTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var all []pipeline.Synthesizer
		timed := true
		for range rapid.IntRange(1, 3).Draw(rt, "voices") {
			s := &speaker{
				beat:    time.Duration(rapid.IntRange(50, 80).Draw(rt, "beat")) * time.Millisecond,
				untimed: rapid.Bool().Draw(rt, "untimed"),
				breaks:  time.Duration(rapid.IntRange(1, 9000).Draw(rt, "breaks")) * time.Millisecond,
			}
			timed = timed && !s.untimed
			all = append(all, s)
		}
		all = append(all, &speaker{beat: 60 * time.Millisecond})
		f := &providers.Voices{All: all}
		h := listen(t.Context(), f, pieces(strings.SplitAfter(long, " ")...), pipeline.Voice{Rate: 8000})
		if h.err != nil {
			rt.Fatal(h.err)
		}
		said := h.said(long)
		if missing := once(rt, long, said); timed && missing > 0 {
			rt.Fatalf("%d words are missing although all times were told: %q", missing, said)
		}
	})
}

// TestVoicesWaitForTheText: neither a model that pauses nor a caller who takes the sound slowly is a voice's failure.
func TestVoicesWaitForTheText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(yield func(string, error) bool) {
			for _, s := range []string{"Good morning. ", "And now ", "let me look that up for you, ", "please."} {
				if !yield(s, nil) {
					return
				}
				time.Sleep(4 * time.Second)
			}
		}
		f := &providers.Voices{All: []pipeline.Synthesizer{&voice{}, &voice{panics: true}}}
		h := listen(t.Context(), f, slow, pipeline.Voice{Rate: 8000})
		if text := "Good morning. And now let me look that up for you, please."; h.err != nil || h.said(text) != text {
			t.Errorf("%q, error %v", h.said(text), h.err)
		}
		for _, err := range f.Speak(t.Context(), pieces(long), pipeline.Voice{Rate: 8000}) {
			if err != nil {
				t.Error(err)
			}
			time.Sleep(3 * time.Second)
		}
	})
}

// TestVoicesProbe: one that failed is asked in the background, and speaks again when it has answered.
func TestVoicesProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ill atomic.Bool
		ill.Store(true)
		first := speaks(func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			if ill.Load() {
				yield(pipeline.Speech{}, errVoice)
				return
			}
			for range text {
				continue
			}
			pcm, _ := sounds("first", 8000)
			yield(pipeline.Speech{PCM: pcm}, nil)
		})
		f := &providers.Voices{All: []pipeline.Synthesizer{first, &voice{}}, Probe: time.Second}
		who := func() string {
			return listen(t.Context(), f, pieces("Hello"), pipeline.Voice{Rate: 8000}).said("Hello first")
		}
		if got := who(); got != "Hello" {
			t.Errorf("the second voice said %q", got)
		}
		time.Sleep(time.Minute)
		if got := who(); got != "Hello" {
			t.Errorf("the first is ill, and %q was said", got)
		}
		ill.Store(false)
		time.Sleep(time.Minute + 5*time.Second)
		if got := who(); got != "first" {
			t.Errorf("the first is well again, and %q was said", got)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}
