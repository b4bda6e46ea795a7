package deepgram_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

func pieces(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// speak speaks text and returns all of its sound.
func speak(ctx context.Context, c *deepgram.Client, text ...string) (pcm []int16, err error) {
	for s, err := range c.Speak(ctx, pieces(text...), pipeline.Voice{Rate: 8000}) {
		if err != nil {
			return pcm, err
		}
		pcm = append(pcm, s.PCM...)
	}
	return pcm, nil
}

func TestSpeakSoundsLikeItsText(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{})
	const text = "Good morning, how are you? It is 3.50 in all. Bye"
	for _, rate := range []int{8000, 16000, 48000} {
		var got []int16
		for s, err := range c.Speak(t.Context(), pieces(strings.SplitAfter(text, "")...), pipeline.Voice{Rate: rate}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.PCM...)
		}
		want := providertest.Tones(text, rate)
		if len(got) != len(want) {
			t.Fatalf("%d Hz: %d samples, want %d", rate, len(got), len(want))
		}
		for i := range got {
			if d := int(got[i]) - int(want[i]); d > 300 || d < -300 { // mu-law's steps
				t.Fatalf("%d Hz: sample %d is %d, want %d", rate, i, got[i], want[i])
			}
		}
	}
}

func TestSpeakKeepsItsLine(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{}
	c := client(t, server)
	if err := c.Warm(t.Context(), pipeline.Voice{Rate: 8000}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := speak(t.Context(), c, "Hello there. ", "Goodbye now."); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Counts().Speaks.Load(); n != 1 {
		t.Errorf("%d sockets were opened for 5 utterances, want 1", n)
	}
	if n := server.Counts().Flushes.Load(); n != 10 {
		t.Errorf("%d flushes, want two an utterance", n)
	}
}

// TestSpeakRestsALineThatWasFlushedTooOften: Deepgram takes 20 Flushes a minute and warns after that.
func TestSpeakRestsALineThatWasFlushedTooOften(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{}
	c := client(t, server)
	for range 30 {
		if _, err := speak(t.Context(), c, "Hello there. ", "Goodbye now."); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Counts().Speaks.Load(); n < 2 || n > 4 {
		t.Errorf("%d sockets were opened, want 2 to 4", n)
	}
}

func TestSpeakClearsWhatIsCut(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{Pace: 1}
	c := client(t, server)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	bargeIn := errors.New("barge-in")
	var last error
	for s, err := range c.Speak(ctx, pieces("This is a long sentence of which hardly anything will be heard."), pipeline.Voice{Rate: 8000}) {
		if len(s.PCM) > 0 {
			cancel(bargeIn)
		}
		last = err
	}
	if !errors.Is(last, bargeIn) {
		t.Errorf("it ended with %v, want the cause of its end", last)
	}
	for server.Counts().Clears.Load() == 0 {
		<-time.After(time.Millisecond)
	}
	got, err := speak(t.Context(), c, "Yes.")
	if err != nil {
		t.Fatal(err)
	}
	if want := providertest.Tones("Yes.", 8000); len(got) != len(want) {
		t.Errorf("%d samples came after the cut, want %d of the new utterance alone", len(got), len(want))
	}
}

// TestSpeakMakesTheSocketWait: a caller that is slow to take a minute of sound loses none of it, and one that breaks off frees the line.
func TestSpeakMakesTheSocketWait(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{}
	c := client(t, server)
	text := strings.Repeat("An endless tale of woe and wonder. ", 30)
	voice := pipeline.Voice{Rate: 48000} // 96 kB a second: more than the kernel holds for us
	n, want := 0, len(providertest.Tones(text, voice.Rate))
	for s, err := range c.Speak(t.Context(), pieces(text), voice) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			<-time.After(100 * time.Millisecond)
		}
		n += len(s.PCM)
	}
	if n != want {
		t.Errorf("%d samples, want %d", n, want)
	}
	for _, err := range c.Speak(t.Context(), pieces(text), voice) {
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
		break
	}
	for deadline := time.Now().Add(time.Minute); c.IdleLines() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the line is not idle again after Clear")
		}
		<-time.After(time.Millisecond)
	}
	if n := server.Counts().Speaks.Load(); n != 1 {
		t.Errorf("%d sockets were opened, want 1", n)
	}
}

func TestSpeakReplacesALineThatDiedIdle(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{Speak: providertest.Trouble{Fault: providertest.CloseEarly, Times: 1}}
	c := client(t, server)
	if err := c.Warm(t.Context(), pipeline.Voice{Rate: 8000}); err != nil { // this one will close at the first text
		t.Fatal(err)
	}
	got, err := speak(t.Context(), c, "Hello there. ", "Goodbye now.")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(len(providertest.Tones("Hello there. Goodbye now.", 8000)), len(got)); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	if n := server.Counts().Speaks.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
}

func TestSpeakFlushesAtAPauseOfTheText(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{})
	const before = "One moment please. Let me look that up."
	sounded := make(chan struct{})
	text := func(yield func(string, error) bool) {
		if yield(before, nil) {
			<-sounded // a tool takes its time
			yield(" Here it is.", nil)
		}
	}
	n, want := 0, len(providertest.Tones(before, 8000))
	for s, err := range c.Speak(t.Context(), text, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(s.PCM)
		if n == want {
			close(sounded)
		}
	}
	if want += len(providertest.Tones("Here it is.", 8000)); n != want {
		t.Errorf("%d samples, want %d", n, want)
	}
}

// TestSpeakEndsAfterAPause: a line that was flushed often lets a pause of the text pass, and what was said before it is spoken at the end
// all the same.
func TestSpeakEndsAfterAPause(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{}
	c := client(t, server)
	for range 7 {
		if _, err := speak(t.Context(), c, "Hello there. ", "Goodbye now."); err != nil {
			t.Fatal(err)
		}
	}
	const words = "One moment please. Let me look that up."
	text := func(yield func(string, error) bool) {
		if yield(words, nil) {
			<-time.After(time.Second) // a tool takes its time, and has nothing to say
		}
	}
	n := 0
	for s, err := range c.Speak(t.Context(), text, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(s.PCM)
	}
	if want := len(providertest.Tones(words, 8000)); n != want {
		t.Errorf("%d samples, want %d", n, want)
	}
	if got := server.Counts().Speaks.Load(); got != 1 {
		t.Errorf("%d lines: this is not about one that was flushed often", got)
	}
}

func TestSpeakTroubles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		trouble providertest.Trouble
		fails   string
	}{
		{providertest.Trouble{Fault: providertest.Mute}, "no answer within 300ms"},
		{providertest.Trouble{Fault: providertest.Deaf}, "no sound for 300ms"},
		{providertest.Trouble{Fault: providertest.NeverAnswers}, "no sound for 300ms"},
		{providertest.Trouble{Fault: providertest.CutOff}, "deepgram speak:"},
		{providertest.Trouble{Fault: providertest.Garbage}, "no sound for 300ms"},
		{providertest.Trouble{Fault: providertest.Giant}, "read limit exceeded"},
		{providertest.Trouble{Fault: providertest.CloseEarly, Close: 1011, Reason: "NET-0000: lost"}, "closed with 1011 NET-0000 lost"},
	} {
		t.Run(string(tt.trouble.Fault), func(t *testing.T) {
			t.Parallel()
			c := client(t, &providertest.Deepgram{Speak: tt.trouble})
			c.AudioLimit, c.DialLimit = 300*time.Millisecond, 300*time.Millisecond
			_, err := speak(t.Context(), c, "Hello there. ", "Goodbye now.")
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %v, want %q", err, tt.fails)
			}
		})
	}
}

func TestSpeakPanicsWithItsText(t *testing.T) {
	t.Parallel()
	c := client(t, &providertest.Deepgram{})
	defer func() {
		if got := recover(); got != "a bug in the text" {
			t.Errorf("recovered %v, want the panic of the text, on this goroutine", got)
		}
	}()
	text := func(func(string, error) bool) { panic("a bug in the text") }
	for range c.Speak(t.Context(), text, pipeline.Voice{Rate: 8000}) {
	}
}
