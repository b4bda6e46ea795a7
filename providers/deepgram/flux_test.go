package deepgram_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// flux is a Client of a fake server that listens with Flux.
func flux(t *testing.T, server *providertest.Deepgram) *deepgram.Client {
	t.Helper()
	c := client(t, server)
	c.STTModel = "flux-general-en"
	return c
}

func TestFluxTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return flux(t, &providertest.Deepgram{Key: "secret"})
	})
}

// silent writes a stretch of silence.
func (k *caller) silent(d time.Duration) {
	k.t.Helper()
	for end := k.at + d; k.at < end; k.at += media.FrameTime {
		if err := k.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000, At: k.at}); err != nil && !errors.Is(err, pipeline.ErrBehind) && !k.mayFail {
			k.t.Fatalf("Write: %v", err)
		}
	}
}

// turns are the results up to the Final of Ended n, without repetitions of a kind.
func (k *caller) turns(n int) (kinds []pipeline.TranscriptKind, last map[pipeline.TranscriptKind]pipeline.Transcript) {
	k.t.Helper()
	last = map[pipeline.TranscriptKind]pipeline.Transcript{}
	for {
		select {
		case r, ok := <-k.results:
			if !ok || r.err != nil {
				k.t.Fatalf("Results ended with %v", r.err)
			}
			if len(kinds) == 0 || kinds[len(kinds)-1] != r.Kind {
				kinds = append(kinds, r.Kind)
			}
			if last[r.Kind] = r.Transcript; r.Kind == pipeline.Final && r.Edge == n {
				return kinds, last
			}
		case <-time.After(time.Minute):
			k.t.Fatalf("Ended %d was not answered within 20 s", n)
		}
	}
}

func TestFluxEndsTheTurn(t *testing.T) {
	t.Parallel()
	k := call(t, flux(t, &providertest.Deepgram{Transcripts: []string{"Yes, please."}}))
	k.at = 5 * time.Second
	began := k.at
	k.began(1)
	k.say("hello there")
	end := k.at
	k.silent(480 * time.Millisecond)
	turn := k.next(pipeline.EndOfTurn)
	if turn.Text != "Yes, please." || turn.Edge != 0 || turn.Lang != "en-US" || turn.Finished < 0.5 {
		t.Errorf("got %+v", turn)
	}
	if len(turn.Words) != 2 || turn.Words[0].Start < began || turn.Words[1].End > end {
		t.Errorf("words %+v, want two between %v and %v", turn.Words, began, end)
	}
	if err := k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: end}); err != nil {
		t.Fatal(err)
	}
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
		t.Errorf("got %+v, want the answer to Ended 1 without the words, which were told", got)
	}
}

func TestFluxTellsEagerEnds(t *testing.T) {
	t.Parallel()
	k := call(t, flux(t, &providertest.Deepgram{Transcripts: []string{"One two three."}, Hangover: time.Second}))
	k.began(1)
	k.say("hello there")
	k.silent(640 * time.Millisecond)
	if got := k.next(pipeline.EagerEnd); got.Text != "One two three." || got.Finished <= 0 || got.Finished >= 1 {
		t.Errorf("EagerEnd %+v", got)
	}
	k.say("again")
	k.next(pipeline.TurnResumed)
	end := k.at
	k.silent(1200 * time.Millisecond)
	if err := k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: end}); err != nil {
		t.Fatal(err)
	}
	kinds, last := k.turns(1)
	if got := last[pipeline.EndOfTurn].Text; got != "One two three." || last[pipeline.Final].Text != "" {
		t.Errorf("the turn was %q, and the Final %q", got, last[pipeline.Final].Text)
	}
	if n := len(kinds); n < 3 || kinds[n-2] != pipeline.EndOfTurn || kinds[n-3] != pipeline.EagerEnd {
		t.Errorf("kinds %v, want EagerEnd, EndOfTurn and Final last", kinds)
	}
}

func TestFluxIsForced(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hangover time.Duration
		fault    providertest.Fault
		turn     string // told as the end of the turn
		final    string // begins the Final
	}{
		"and obeys":   {time.Hour, providertest.NoFault, providertest.DefaultTranscript, ""},
		"and is deaf": {0, providertest.NeverAnswers, "", "I would"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &providertest.Deepgram{Hangover: tt.hangover, Listen: providertest.Trouble{Fault: tt.fault}}
			c := flux(t, server)
			c.FinalLimit = 100 * time.Millisecond
			k := call(t, c)
			k.began(1)
			k.say("hello wonderful")
			for k.next(pipeline.Partial).Text != "I would" {
			}
			k.ended(1)
			_, last := k.turns(1)
			if got := last[pipeline.EndOfTurn].Text; got != tt.turn {
				t.Errorf("the turn was %q, want %q", got, tt.turn)
			}
			if got := last[pipeline.Final].Text; !strings.HasPrefix(got, tt.final) || (tt.final == "") != (got == "") {
				t.Errorf("the Final was %q, want %q", got, tt.final)
			}
			if n := server.Counts().Forced.Load(); n != 1 {
				t.Errorf("the turn was forced to end %d times, want once", n)
			}
		})
	}
}

// TestFluxIsNotForcedWhereTheCallerGoesOn: an Ended that Flux does not take for the end of the turn is answered when the caller speaks again.
func TestFluxIsNotForcedWhereTheCallerGoesOn(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{Hangover: 2 * time.Second}
	k := call(t, flux(t, server))
	k.began(1)
	k.say("hello there")
	k.next(pipeline.Partial)
	k.ended(1)
	k.began(2)
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
		t.Errorf("got %+v, want the answer to Ended 1, without words", got)
	}
	k.say("and on")
	k.ended(2)
	k.silent(400 * time.Millisecond) // and the rest comes as nothing is written
	if _, last := k.turns(2); last[pipeline.EndOfTurn].Text != providertest.DefaultTranscript {
		t.Errorf("got %+v, want one turn of both", last)
	}
	if n := server.Counts().Turns.Load(); n != 1 {
		t.Errorf("%d turns, want one", n)
	}
}

// TestFluxIsGivenSilence: when audio stops in the middle of a turn, it ends all the same.
func TestFluxIsGivenSilence(t *testing.T) {
	t.Parallel()
	k := call(t, flux(t, &providertest.Deepgram{}))
	k.began(1)
	k.say("hello there")
	if got := k.next(pipeline.EndOfTurn); got.Text != providertest.DefaultTranscript {
		t.Errorf("got %+v", got)
	}
}

// TestFluxTroubles plays each of the server's bad habits: every Ended is answered in time, or Results fails; nothing hangs.
func TestFluxTroubles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault providertest.Trouble
		fails string // of the error, if it fails
	}{
		{providertest.Trouble{Fault: providertest.Deaf}, ""},
		{providertest.Trouble{Fault: providertest.Drip}, ""},
		{providertest.Trouble{Fault: providertest.CutOff}, "deepgram listen:"},
		{providertest.Trouble{Fault: providertest.Garbage}, "unreadable messages"},
		{providertest.Trouble{Fault: providertest.Giant}, "read limit exceeded"},
		{providertest.Trouble{Fault: providertest.CloseEarly, Close: 1008, Reason: "DATA-0000: cannot decode"}, "closed with 1008 DATA-0000 cannot decode"},
		{providertest.Trouble{Fault: providertest.CloseEarly, Close: 1011, Reason: "NET-0000: lost"}, "closed with 1011 NET-0000 lost"},
	} {
		t.Run(string(tt.fault.Fault)+tt.fault.Reason, func(t *testing.T) {
			t.Parallel()
			c := flux(t, &providertest.Deepgram{Listen: tt.fault})
			c.FinalLimit, c.CloseLimit = 300*time.Millisecond, 300*time.Millisecond
			k := call(t, c)
			k.mayFail = tt.fails != ""
			k.began(1)
			k.say("hello there")
			k.silent(600 * time.Millisecond)
			_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: k.at}) // it may have failed by now
			if tt.fails != "" {
				if err := k.fails(); !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v, want %q", err, tt.fails)
				}
				return
			}
			if got := k.next(pipeline.Final); got.Edge != 1 {
				t.Errorf("got %+v, want the answer to Ended 1", got)
			}
		})
	}
}

func TestFluxIsDialledAgain(t *testing.T) {
	t.Parallel()
	server := &providertest.Deepgram{
		Transcripts: []string{"All of it."},
		Listen:      providertest.Trouble{Fault: providertest.CutOff, Times: 1},
	}
	k := call(t, flux(t, server))
	k.began(1)
	k.say("hello wonderful") // the socket breaks after 300 ms of it
	end := k.at
	k.silent(480 * time.Millisecond)
	got := k.next(pipeline.EndOfTurn)
	if got.Text != "All of it." {
		t.Fatalf("got %+v, want what was said, heard on the second socket", got)
	}
	if n := server.Counts().Listens.Load(); n != 2 {
		t.Errorf("%d sockets were opened, want 2", n)
	}
	if first, last := got.Words[0].Start, got.Words[2].End; first > 40*time.Millisecond || last < end-200*time.Millisecond {
		t.Errorf("the words span %v to %v, want 0 to about %v", first, last, end)
	}
}

func TestFluxIsAskedFor(t *testing.T) {
	t.Parallel()
	live := pipeline.Listening{Rate: 8000, Lang: "de-DE", Words: []string{"Parley", "Ana"}}
	asked := deepgram.FluxQuery(&deepgram.Client{STTModel: "flux-general-multi"}, live)
	want := map[string][]string{
		"model": {"flux-general-multi"}, "encoding": {"mulaw"}, "sample_rate": {"8000"}, "eager_eot_threshold": {"0.5"}, "eot_timeout_ms": {"3000"},
		"language_hint": {"de"}, "keyterm": {"Parley", "Ana"},
	}
	if diff := cmp.Diff(want, map[string][]string(asked)); diff != "" {
		t.Errorf("the query (-want +got):\n%s", diff)
	}
	c := &deepgram.Client{STTModel: "flux-general-en", Endpointing: time.Second, ListenQuery: map[string][]string{"eot_threshold": {"0.8"}}}
	if asked = deepgram.FluxQuery(c, live); asked.Has("language_hint") || asked.Get("eot_timeout_ms") != "1000" || asked.Get("eot_threshold") != "0.8" {
		t.Errorf("the query is %v", asked)
	}
	recording := live
	recording.Patient = true
	if asked = deepgram.ListenQuery(c, recording); asked.Get("model") != "nova-3" {
		t.Errorf("a recording is heard by %s, want nova-3", asked.Get("model"))
	}
	for model, only := range map[string]bool{"": false, "nova-3": false, "flux-general-en": true, "flux-general-multi": false} {
		if got := deepgram.EnglishOnly(model); got != only {
			t.Errorf("EnglishOnly(%q) = %v", model, got)
		}
	}
	c.Endpointing = 100 * time.Millisecond
	if _, err := c.Transcribe(t.Context(), live); err == nil || !strings.Contains(err.Error(), "endpointing 100ms of flux-general-en") {
		t.Errorf("got %v, want an error that names endpointing", err)
	}
}

// TestFluxIsToldWhatToExpect: key terms change in the middle of a call, and are told again to a new socket.
func TestFluxIsToldWhatToExpect(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	server := &providertest.Deepgram{
		Listen: providertest.Trouble{Fault: providertest.CutOff, Times: 1},
		Hooks:  providertest.DeepgramHooks{Configured: func(terms []string) { told <- strings.Join(terms, " ") }},
	}
	k := call(t, flux(t, server)) // which expects "Parley" throughout
	k.mayFail = true
	k.Expect([]string{"yes", "no"})
	k.Expect([]string{"yes", "no"})
	k.say("hello wonderful") // the socket breaks after 300 ms of it
	k.next(pipeline.EndOfTurn)
	k.Expect(nil)
	for _, want := range []string{"yes no Parley", "yes no Parley", "Parley"} {
		select {
		case got := <-told:
			if got != want {
				t.Errorf("it was told %q, want %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("it was not told %q within 20 s", want)
		}
	}
}
