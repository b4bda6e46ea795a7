package providers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// speaks is a voice made of a function.
type speaks func(ctx context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool)

func (s speaks) Speak(ctx context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) { s(ctx, text, yield) }
}

func TestVoices(t *testing.T) {
	t.Parallel()
	const text = "Good morning dear caller."
	sick := map[string]speaks{
		"refuses": func(_ context.Context, _ iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			yield(pipeline.Speech{}, errVoice)
		},
		"fails after two pieces": func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			n := 0
			for range text {
				if n++; n == 2 {
					break
				}
			}
			yield(pipeline.Speech{}, errVoice)
		},
		"ends without a sound": func(_ context.Context, text iter.Seq2[string, error], _ func(pipeline.Speech, error) bool) {
			for range text {
				continue
			}
		},
		"hangs": func(ctx context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			for range text {
				continue
			}
			<-ctx.Done()
			yield(pipeline.Speech{}, context.Cause(ctx))
		},
		"hangs without a word": func(ctx context.Context, text iter.Seq2[string, error], _ func(pipeline.Speech, error) bool) {
			for range text {
				break
			}
			<-ctx.Done()
		},
		"has times and no sound": func(ctx context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			for range text {
				yield(pipeline.Speech{Words: []pipeline.Word{{Text: "Good"}}}, nil)
			}
			<-ctx.Done()
		},
	}
	for name, first := range sick {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				second := &voice{}
				var told []int
				f := &providers.Voices{
					All: []pipeline.Synthesizer{first, second, &voice{panics: true}},
					Failed: func(voice, next int, err error) {
						if err == nil {
							t.Error("a failure without an error")
						}
						told = append(told, voice, next)
					},
				}
				h := listen(t.Context(), f, streamed("Good morning ", "dear ", "caller."), pipeline.Voice{Rate: 8000})
				if h.err != nil || h.said(text) != text || len(h.words) != 4 {
					t.Errorf("%q, %d word times, error %v: want all of the text from the second voice", h.said(text), len(h.words), h.err)
				}
				if most := 150*time.Millisecond + providers.DefaultPatience + firstSound; h.first > most {
					t.Errorf("first sound after %v, want %v at most", h.first, most)
				}
				if diff := cmp.Diff([]int{0, 1}, told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				// The first voice rests, and is tried again afterwards.
				for _, want := range []int{0, 1} {
					told = nil
					if h := listen(t.Context(), f, pieces(text), pipeline.Voice{Rate: 8000}); h.err != nil || h.said(text) != text {
						t.Errorf("%q, error %v", h.said(text), h.err)
					}
					if len(told) != 2*want {
						t.Errorf("told %v: want %d failures", told, want)
					}
					time.Sleep(providers.DefaultRest)
				}
			})
		})
	}
}

// What is not the voice's fault, or comes too late to be mended, is passed on.
func TestVoicesPassesOn(t *testing.T) {
	t.Parallel()
	errText := errors.New("the model failed")
	broken := func(yield func(string, error) bool) { _ = yield("Good ", nil) && yield("", errText) }
	early := func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		for range text {
			pcm, words := sounds("Good", 8000)
			_ = yield(pipeline.Speech{Words: words}, nil) && yield(pipeline.Speech{PCM: pcm}, nil)
			return
		}
	}
	fails := func(int) bool { return true }
	breaks := func(_ context.Context, _ iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		yield(pipeline.Speech{}, errVoice)
	}
	for name, c := range map[string]struct {
		voices []pipeline.Synthesizer
		text   iter.Seq2[string, error]
		said   string
		words  int
		err    error
	}{
		"well":                    {[]pipeline.Synthesizer{&voice{}, nil}, pieces("Good day."), "Good day.", 2, nil},
		"one voice":               {[]pipeline.Synthesizer{speaks(breaks)}, pieces("Good day."), "", 0, errVoice},
		"the text fails":          {[]pipeline.Synthesizer{&voice{silent: true}, nil}, broken, "", 0, errText},
		"no text":                 {[]pipeline.Synthesizer{&voice{}, nil}, pieces(), "", 0, nil},
		"no words":                {[]pipeline.Synthesizer{&voice{silent: true}, nil}, pieces(" ... "), "", 0, nil},
		"times before their word": {[]pipeline.Synthesizer{speaks(early), nil}, pieces("Good"), "Good", 1, nil},
		"all fail": {[]pipeline.Synthesizer{speaks(func(context.Context, iter.Seq2[string, error], func(pipeline.Speech, error) bool) {}), &voice{fails: fails}},
			pieces("Good day all of you."), "Good day", 2, errVoice},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := listen(t.Context(), &providers.Voices{All: c.voices}, c.text, pipeline.Voice{Rate: 8000})
				if h.said("Good day day. all of you.") != c.said || !errors.Is(h.err, c.err) || len(h.words) != c.words {
					t.Errorf("%q, %d word times, error %v; want %q, %d and %v", h.said("Good day day. all of you."), len(h.words), h.err, c.said, c.words, c.err)
				}
			})
		})
	}
}

// Somebody who stops listening ends the voice, and no other is asked.
func TestVoicesCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(200*time.Millisecond, func() { cancel(errEnough) })
		f := &providers.Voices{All: []pipeline.Synthesizer{&voice{silent: true}, nil}}
		if h := listen(ctx, f, streamed(slices.Repeat([]string{"more "}, 100)...), pipeline.Voice{Rate: 8000}); !errors.Is(h.err, errEnough) {
			t.Errorf("error %v, want %v", h.err, errEnough)
		}
		f = &providers.Voices{All: []pipeline.Synthesizer{&voice{}, nil}}
		for range f.Speak(t.Context(), pieces("Good day."), pipeline.Voice{Rate: 8000}) {
			break
		}
	})
}

// A text that comes slowly is not the voice's fault.
func TestVoicesIsPatientWithTheText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(yield func(string, error) bool) {
			for _, s := range []string{"Good ", "morning ", "dear ", "caller."} {
				time.Sleep(providers.DefaultPatience - media.Samples(1, 8000))
				if !yield(s, nil) {
					return
				}
			}
		}
		whole := speaks(func(_ context.Context, text iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
			all := ""
			for s := range text {
				all += s
			}
			pcm, words := sounds(all, 8000)
			yield(pipeline.Speech{PCM: pcm, Words: words}, nil)
		})
		h := listen(t.Context(), &providers.Voices{All: []pipeline.Synthesizer{whole, nil}}, slow, pipeline.Voice{Rate: 8000})
		if h.err != nil || h.said("Good morning dear caller.") != "Good morning dear caller." {
			t.Errorf("%q, error %v", h.said("Good morning dear caller."), h.err)
		}
	})
}

// TestVoicesIsASynthesizer holds it to the contract, with a real client and a fake vendor behind a voice that is gone.
func TestVoicesIsASynthesizer(t *testing.T) {
	t.Parallel()
	gone := speaks(func(_ context.Context, _ iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
		yield(pipeline.Speech{}, errVoice)
	})
	for name, order := range map[string]bool{"the first speaks": true, "the second speaks": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
				server := &providertest.Deepgram{Key: "secret"}
				well := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
				t.Cleanup(func() {
					if err := well.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				if order {
					return &providers.Voices{All: []pipeline.Synthesizer{well, gone}}
				}
				return &providers.Voices{All: []pipeline.Synthesizer{gone, well}}
			})
		})
	}
}

// An asked voice keeps how it was asked to speak, and fails.
type asked struct{ how pipeline.Voice }

func (a *asked) Speak(_ context.Context, _ iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	a.how = v
	return func(yield func(pipeline.Speech, error) bool) { yield(pipeline.Speech{}, errVoice) }
}

// TestVoicesAsks: what belongs to the first voice, its name, model and timbre, is not asked of the others.
func TestVoicesAsks(t *testing.T) {
	t.Parallel()
	first, second := &asked{}, &asked{}
	f := &providers.Voices{All: []pipeline.Synthesizer{first, second}}
	v := pipeline.Voice{Name: "n", Model: "m", Lang: "en", Rate: 8000, Pace: 1.1, Timbre: pipeline.Timbre{Boost: pipeline.Choice[bool]{Made: true}}}
	if h := listen(t.Context(), f, pieces("Good day."), v); !errors.Is(h.err, errVoice) {
		t.Errorf("error %v", h.err)
	}
	if want := (pipeline.Voice{Lang: "en", Rate: 8000, Pace: 1.1}); first.how != v || second.how != want {
		t.Errorf("asked for %+v and %+v, want %+v and %+v", first.how, second.how, v, want)
	}
}

// TestLockedOut: a voice that knows our key no more is asked for a word seldom, since that takes a person to mend; one that is merely ill, often.
func TestLockedOut(t *testing.T) {
	t.Parallel()
	for status, c := range map[int]struct {
		least, most int32         // uses in an hour
		back        time.Duration // until it is noticed that it is well again
	}{401: {5, 5, 15 * time.Minute}, 500: {50, 70, time.Minute}} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var uses atomic.Int32
				var well atomic.Bool
				first := speaks(func(_ context.Context, _ iter.Seq2[string, error], yield func(pipeline.Speech, error) bool) {
					if uses.Add(1); !well.Load() {
						yield(pipeline.Speech{}, statusError(status))
						return
					}
					yield(pipeline.Speech{PCM: make([]int16, 160)}, nil)
				})
				f := &providers.Voices{All: []pipeline.Synthesizer{first, &voice{}}, Probe: 5 * time.Second}
				say := func() { listen(t.Context(), f, pieces("Good ", "day."), pipeline.Voice{Rate: 8000}) }
				say()
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := uses.Load(); n < c.least || n > c.most {
					t.Errorf("it was asked %d times within an hour", n)
				}
				well.Store(true)
				time.Sleep(c.back)
				synctest.Wait()
				before := uses.Load()
				if say(); uses.Load() != before+1 {
					t.Errorf("it is well again, and was asked %d times", uses.Load()-before)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
