//go:build e2e

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/bench/carrier"
	"parley/media/wav"
	"parley/providers/providertest"
)

// A sentence is a recording and what is said in it.
type sentence struct{ file, text string }

// asteriskSentences are all of Debian's transcribed prompts of three words or more and under 16 s.
func asteriskSentences(t *testing.T) []sentence {
	t.Helper()
	var all []sentence
	for _, s := range providertest.Sentences(t) {
		if len(strings.Fields(s.Text)) < 3 {
			continue
		}
		if a, err := wav.ReadFile(s.Path); err != nil {
			t.Fatal(err)
		} else if a.Duration() < 16*time.Second {
			all = append(all, sentence{s.Path, s.Text})
		}
	}
	return all
}

// otherSpeakers are the recordings of other people that come with transcripts (pocketsphinx-testdata: read books and cards).
func otherSpeakers(t *testing.T) []sentence {
	t.Helper()
	var all []sentence
	for _, list := range []string{"librivox/transcription", "cards/cards.transcription"} {
		path := filepath.Join("/usr/share/pocketsphinx/test/data", list)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v: run make setup-test", err)
		}
		for line := range strings.Lines(string(text)) { // "<s> the words </s> (file)"
			words, file, ok := strings.Cut(strings.TrimSpace(line), "(")
			words = strings.NewReplacer("<s>", "", "</s>", "").Replace(words)
			if ok {
				all = append(all, sentence{filepath.Join(filepath.Dir(path), strings.TrimSuffix(file, ")")+".wav"), strings.TrimSpace(words)})
			}
		}
	}
	return all
}

// TestEndToEndWER speaks every recorded sentence into real calls, as 8 kHz mu-law in real time, and counts the words that the
// server understood wrong. Snapping is off, and words may take their time: a dozen callers at once on a busy machine are more than it
// can follow in 4 s, and this measures what is understood, not how soon. The list by file is written to bin/e2e.
//
// PARLEY_E2E_EVERY=n speaks every n-th of the professional speaker's alone, and asks for as many words less: make test has 3, to be done in a minute; make e2e and
// make soak speak all. No test runs beside it, for it fills both processors.
func TestEndToEndWER(t *testing.T) {
	every, least := 1, 2000 // words
	if s := os.Getenv("PARLEY_E2E_EVERY"); s != "" {
		var err error
		if every, err = strconv.Atoi(s); err != nil || every < 1 {
			t.Fatalf("PARLEY_E2E_EVERY is %q: want 1 or more", s)
		}
		least = 1800 / every // the sentences are not equally long
	}
	n := serve(t, "PARLEY_FLOW="+mustAbs(t, "testdata/listen.yaml"), "PARLEY_SNAP=false", "PARLEY_SILENCE=30s", "PARLEY_WORDS_WAIT=1m", "PARLEY_RECORD=false")
	until(t, time.Minute, "models are loaded", func() bool { return strings.Contains(n.log.String(), "recogniser") })
	var main, others providertest.WER
	var both errgroup.Group
	few, books := oneIn(every, asteriskSentences(t)), otherSpeakers(t)
	both.Go(func() (err error) { main, err = understand(t, n, "asterisk", atOnce-2, few); return err })
	both.Go(func() (err error) { others, err = understand(t, n, "others", 2, books); return err })
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("one professional US speaker: %.2f %% of %d words wrong", 100*main.Rate(), main.Words)
	t.Logf("other speakers: %.2f %% of %d words wrong", 100*others.Rate(), others.Words)
	if main.Words < least || main.Rate() >= 0.08 {
		t.Errorf("%.2f %% of %d words wrong: want under 8 %% of %d at least", 100*main.Rate(), main.Words, least)
	}
	if others.Words < 80 || others.Rate() >= 0.15 {
		t.Errorf("other speakers: %.2f %% of %d words wrong: want under 15 %% of 80 at least", 100*others.Rate(), others.Words)
	}
}

// oneIn is every n-th of the sentences.
func oneIn(n int, all []sentence) []sentence {
	var few []sentence
	for i := 0; i < len(all); i += n {
		few = append(few, all[i])
	}
	return few
}

// atOnce is how many callers speak at once, and aCall how many sentences each says at most before it hangs up.
const (
	atOnce = 12
	aCall  = 9
)

// understand places the calls of so many callers and counts. Each call says as many sentences as another, so that the last are not waited for alone.
func understand(t *testing.T, n *node, name string, callers int, all []sentence) (wer providertest.WER, err error) {
	rounds := (len(all) + callers*aCall - 1) / (callers * aCall)
	each := (len(all) + callers*rounds - 1) / (callers * rounds)
	var mu sync.Mutex
	var list []string
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(callers)
	for some := range slices.Chunk(all, each) {
		g.Go(func() error {
			steps := []string{"hear"}
			for _, s := range some {
				steps = append(steps, fmt.Sprintf("say %q", s.file), "hear quiet=300ms within=1m", "silent 1200ms")
			}
			r, err := n.place(ctx, append(steps, "hangup")...)
			if err != nil {
				return fmt.Errorf("%s: %w", some[0].file, err)
			}
			texts := wordsOf(r, n.record(r.CallSID))
			if len(texts) != len(some) {
				return fmt.Errorf("%s: %d of %d sentences were said: ended by %s, %v", some[0].file, len(texts), len(some), r.Ended, r.Warnings)
			}
			mu.Lock()
			defer mu.Unlock()
			for i, s := range some {
				errs := wer.Add(s.text, texts[i])
				list = append(list, fmt.Sprintf("%s\t%d\t%d\t%s\t%s", filepath.Base(s.file), errs, len(providertest.Words(s.text)), s.text, texts[i]))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return wer, err
	}
	slices.Sort(list)
	save(t, "wer-"+name+".tsv", "file\terrors\twords\tsaid\tunderstood\n"+strings.Join(list, "\n")+"\n")
	return wer, nil
}

// wordsOf is what the server understood of each thing said: the words that ended after it began, and before the next.
func wordsOf(r *carrier.Result, c callRow) []string {
	var said []carrier.Turn
	for _, turn := range r.Turns {
		if turn.Step != "" {
			said = append(said, turn)
		}
	}
	texts := make([]string, len(said))
	for _, m := range c.Transcript {
		if m.Role != "user" {
			continue
		}
		for i := len(said) - 1; i >= 0; i-- {
			if m.OffsetMS+m.DurationMS >= time.Duration(said[i].At).Milliseconds() {
				texts[i] = strings.TrimSpace(texts[i] + " " + m.Text)
				break
			}
		}
	}
	return texts
}

// save writes a result beside the binary, for people.
func save(t *testing.T, name, text string) {
	t.Helper()
	dir := mustAbs(t, "../../bin/e2e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
