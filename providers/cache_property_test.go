package providers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"parley/pipeline"
	"parley/providers"
)

// few are words of which texts are made: few, so that texts are often alike, or one the beginning of the other.
var few = []string{"one", "one.", "two", "two?", "three!", "four"}

func aText(t *rapid.T, label string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(few), 1, 5).Draw(t, label), " ")
}

// cutUp is text in pieces, cut anywhere.
func cutUp(t *rapid.T, text string) (all []string) {
	for text != "" {
		n := rapid.IntRange(1, len(text)).Draw(t, "piece")
		all, text = append(all, text[:n]), text[n:]
	}
	return all
}

// wordwise is text in pieces, cut between words: a voice that speaks each piece as it comes says the same words.
func wordwise(t *rapid.T, text string) (all []string) {
	var piece strings.Builder
	for word := range strings.FieldsSeq(text) {
		piece.WriteString(word + " ")
		if rapid.Bool().Draw(t, "cut") {
			all = append(all, piece.String())
			piece.Reset()
		}
	}
	if piece.Len() > 0 {
		all = append(all, piece.String())
	}
	return all
}

// Whatever was prepared and forgotten, and however the text comes: the words are those of the text, in their order, at their times,
// and the cache stays within its limit.
func TestCacheSaysTheTextWhateverItKnows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := &voice{swift: true}
		c := &providers.Cache{Synthesizer: v, Limit: rapid.IntRange(1, 60_000).Draw(t, "limit")}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "prepare") {
				if err := c.Prepare(t.Context(), english, aText(t, "known"), aText(t, "known too")); err != nil {
					t.Fatal(err)
				}
			} else {
				text := aText(t, "text")
				h := listen(t.Context(), c, pieces(wordwise(t, text)...), english)
				if got := h.order(); h.err != nil || got != text {
					t.Fatalf("heard %q, %v, want %q", got, h.err, text)
				}
			}
			if s := c.Stats(); s.Bytes > c.Limit || s.Bytes < 0 || s.Texts == 0 && s.Bytes != 0 {
				t.Fatalf("stats %+v with a limit of %d", s, c.Limit)
			}
		}
	})
}

// order is the words by their times, each held against the sound there.
func (h heard) order() string {
	var said []string
	for _, w := range h.words {
		at := int(w.Start.Seconds() * float64(english.Rate))
		if at < len(h.pcm) && h.pcm[at] == sample(w.Text) {
			said = append(said, w.Text)
		}
	}
	return strings.Join(said, " ")
}

// However a text is cut up, what the voice gets is the end of it, in the pieces in which it came.
func TestCachePassesOnThePieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := &voice{swift: true}
		c := &providers.Cache{Synthesizer: v}
		if err := c.Prepare(t.Context(), english, aText(t, "known"), aText(t, "known too")); err != nil {
			t.Fatal(err)
		}
		made := len(v.uses())
		text := aText(t, "text")
		cut := cutUp(t, text)
		listen(t.Context(), c, pieces(cut...), english)
		passed := v.uses()[made:]
		if len(passed) > 1 {
			t.Fatalf("of %q the voice was asked for %q", cut, passed)
		}
		if len(passed) == 1 && !strings.HasSuffix(strings.Join(cut, "|"), passed[0]) {
			t.Fatalf("%q reached the voice as %q", cut, passed[0])
		}
	})
}

func TestCacheForgetsTheLeastUsed(t *testing.T) {
	t.Parallel()
	const each = 3*2*1600 + 1000 // of a text of three words, generously
	v := &voice{swift: true}
	c := &providers.Cache{Synthesizer: v, Limit: 3 * each}
	prepare(t, c, "one two three", "four five six", "seven eight nine")
	listen(t.Context(), c, pieces("one two three"), english) // used
	prepare(t, c, "ten eleven twelve")
	made := len(v.uses())
	for text, kept := range map[string]bool{"one two three": true, "seven eight nine": true, "ten eleven twelve": true, "four five six": false} {
		listen(t.Context(), c, pieces(text), english)
		if asked := len(v.uses()) > made; asked == kept {
			t.Errorf("%q: kept %v, want %v", text, !asked, kept)
		}
		made = len(v.uses())
	}
	prepare(t, c, strings.Repeat("long ", 40)) // more than all of it
	if s := c.Stats(); s.Bytes > c.Limit {
		t.Errorf("stats %+v with a limit of %d", s, c.Limit)
	}
}

// Calls, cuts, faults and errands at once: nobody hears a wrong sample, and nothing is left.
func TestCacheUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &voice{fails: func(use int) bool { return use%7 == 3 }}
		c := &providers.Cache{Synthesizer: v, Limit: 40_000}
		texts := []string{greeting, sorry, "One two three.", "Press one.", "Okay"}
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				for j := range 20 {
					text := texts[(i+j)%len(texts)]
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration((i*31+j*17)%400+1)*time.Millisecond)
					if i%4 == 0 {
						_ = c.Prepare(ctx, english, text)
					} else {
						h := listen(ctx, c, pieces(text), english)
						want, _ := sounds(text, 8000)
						if len(h.pcm) > len(want) || !slices.Equal(h.pcm, want[:len(h.pcm)]) || h.err == nil && len(h.pcm) != len(want) {
							t.Errorf("%q: %d samples, %v", text, len(h.pcm), h.err)
						}
					}
					cancel()
				}
			})
		}
		all.Wait()
		if v.live != 0 {
			t.Errorf("%d utterances are left", v.live)
		}
		if err := c.Prepare(t.Context(), english, "After all."); err != nil && !strings.Contains(err.Error(), errVoice.Error()) {
			t.Errorf("Prepare afterwards: %v", err)
		}
	})
}

// What is played from memory costs the same few allocations however long it is, and no copy.
func TestCachePlaysWithoutCopying(t *testing.T) {
	v := &voice{swift: true}
	c := &providers.Cache{Synthesizer: v}
	short, long := "Yes.", strings.TrimSpace(strings.Repeat("word ", 300))+"."
	prepare(t, c, short, long)
	var cost [2]float64
	for i, text := range []string{short, long} {
		cost[i] = testing.AllocsPerRun(100, func() {
			for _, err := range c.Speak(t.Context(), pieces(text), english) {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if cost[0] > 32 || cost[1] > cost[0]+2 {
		t.Errorf("%v allocations for a word, %v for 300", cost[0], cost[1])
	}
}

func BenchmarkCache(b *testing.B) {
	v := &voice{swift: true}
	c := &providers.Cache{Synthesizer: v}
	var texts []string
	for i := range 1000 {
		texts = append(texts, fmt.Sprintf("Good day, this is number %d, how can I help you?", i))
	}
	if err := c.Prepare(b.Context(), english, texts...); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		for _, err := range c.Speak(b.Context(), pieces(texts[i%len(texts)]), english) {
			if err != nil {
				b.Fatal(err)
			}
		}
		i++
	}
}

var _ pipeline.Synthesizer = (*providers.Cache)(nil)
