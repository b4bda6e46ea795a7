package local_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/echo"
	"parley/media/vad"
	"parley/pipeline"
	"parley/providers/local"
	"parley/providers/providertest"
)

// settled is how much of the agent's speech the canceller has to learn from before the caller speaks.
const settled = 3 * 8000

// noEcho is the level of an echo that there is not, in dB.
const noEcho = -100

// agentSpeech is recorded speech of so many samples, at -24 dBFS, half a second of silence between sentences.
func agentSpeech(tb testing.TB, n int) (pcm []int16) {
	tb.Helper()
	for _, p := range sentences(tb)[40:] {
		pcm = append(append(pcm, loud(p.pcm, -24)...), make([]int16, 4000)...)
		if len(pcm) >= n {
			return pcm[:n]
		}
	}
	tb.Fatalf("%d samples of recorded speech, want %d", len(pcm), n)
	return nil
}

// loud is pcm at a level in dBFS.
func loud(pcm []int16, level float64) []int16 {
	gain := math.Pow(10, (level-vad.Level(pcm))/20)
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(min(max(gain*float64(v), -32768), 32767))
	}
	return out
}

// returned is what a line brings back while far sounds: its echo, through 30 ms of decaying reflections, so many dB quieter and so late,
// the caller from a sample on, and noise at -60 dBFS; all of it by mu-law.
func returned(far []int16, level float64, late time.Duration, caller []int16, from int) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	taps := make([]float64, 240)
	power := 0.0
	for i := range taps {
		taps[i] = random.NormFloat64() * math.Exp(-6*float64(i)/float64(len(taps)))
		power += taps[i] * taps[i]
	}
	gain := math.Pow(10, level/20) / math.Sqrt(power)
	sum := make([]float64, len(far)+len(taps)+8000)
	for i, v := range far {
		for k, tap := range taps {
			sum[i+k+int(late.Seconds()*8000)] += gain * tap * float64(v)
		}
	}
	for i, v := range caller {
		sum[from+i] += float64(v)
	}
	pcm := make([]int16, len(far))
	for i := range pcm {
		pcm[i] = int16(min(max(sum[i]+30*random.NormFloat64(), -32768), 32767))
	}
	return telephone(pcm)
}

// cancelled is near without the echo of far.
func cancelled(tb testing.TB, far, near []int16) []int16 {
	tb.Helper()
	c, err := echo.New(8000, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	out := append([]int16(nil), near...)
	for at := 0; at+160 <= len(out); at += 160 {
		c.Far(media.Samples(at, 8000), far[at:at+160])
		c.Near(media.Frame{PCM: out[at : at+160], Rate: 8000, At: media.Samples(at, 8000)})
	}
	return out
}

// spoken is the share of hops that Silero calls speech, of those in which the agent sounds or has just sounded.
func spoken(tb testing.TB, e *local.Engine, far, pcm []int16) float64 {
	tb.Helper()
	verdicts, err := e.Verdicts(tb.Context(), pcm)
	if err != nil {
		tb.Fatal(err)
	}
	of, speech := 0, 0
	for i := 3; i < len(verdicts); i++ {
		if vad.Level(far[(i-3)*256:(i+1)*256]) < -45 {
			continue
		}
		if of++; verdicts[i] > 0.5 {
			speech++
		}
	}
	return float64(speech) / float64(of)
}

// TestEchoIsNoSpeech holds the canceller to what it is for: the agent's own voice, back from a loudspeaker, is not taken for a caller's, from the first word on.
func TestEchoIsNoSpeech(t *testing.T) {
	t.Parallel()
	e := whole(t)
	far := agentSpeech(t, 60*8000)
	for _, level := range []float64{-10, -20, -30} {
		for _, late := range []time.Duration{60 * time.Millisecond, 160 * time.Millisecond} {
			t.Run(fmt.Sprintf("%.0f dB, %v", level, late), func(t *testing.T) {
				t.Parallel()
				near := returned(far, level, late, nil, 0)
				before, after := spoken(t, e, far, near), spoken(t, e, far, cancelled(t, far, near))
				t.Logf("called speech: %.0f %% of the echo as it came, %.1f %% when it was cancelled", 100*before, 100*after)
				if before < 0.7 || after > 0.02 {
					t.Errorf("speech: %.0f %% before, want 70 at least; %.1f %% after, want 2 at most", 100*before, 100*after)
				}
			})
		}
	}
}

// TestCallerIsHeardOverTheAgent is about callers who talk while the agent does: their speech must still be found, and understood.
func TestCallerIsHeardOverTheAgent(t *testing.T) {
	t.Parallel()
	e := whole(t)
	for _, level := range []float64{-10, -20, -30, noEcho} {
		var alone, with, without providertest.WER
		found, of := 0, 0
		for _, p := range sentences(t)[:12] {
			caller := loud(p.pcm, -24)
			n := (settled + len(caller) + 8000) / 160 * 160
			far := agentSpeech(t, n)
			near := returned(far, level, 60*time.Millisecond, caller, settled)
			clear := cancelled(t, far, near)
			end := settled + len(caller)
			alone.Add(p.text, understood(t, e, telephone(caller)))
			without.Add(p.text, understood(t, e, near[settled:end]))
			with.Add(p.text, understood(t, e, clear[settled:end]))
			f, o := both(t, e, telephone(caller), clear[settled:end])
			found, of = found+f, of+o
		}
		share := float64(found) / float64(of)
		t.Logf("echo at %.0f dB: word errors %.1f %% alone, %.1f %% over the agent, %.1f %% cancelled (%d words); %.0f %% of the caller's speech is found",
			level, 100*alone.Rate(), 100*without.Rate(), 100*with.Rate(), alone.Words, 100*share)
		if with.Rate() > max(without.Rate(), alone.Rate())+0.1 || with.Rate() > 0.3 {
			t.Errorf("echo at %.0f dB: %.1f %% word errors, %.1f %% without the canceller", level, 100*with.Rate(), 100*without.Rate())
		}
		if share < 0.9 {
			t.Errorf("echo at %.0f dB: %.0f %% of the caller's speech is found", level, 100*share)
		}
	}
}

// both counts the hops of alone that Silero calls speech, and those of them that it calls speech in pcm, too.
func both(tb testing.TB, e *local.Engine, alone, pcm []int16) (found, of int) {
	tb.Helper()
	clear, err := e.Verdicts(tb.Context(), alone)
	if err != nil {
		tb.Fatal(err)
	}
	got, err := e.Verdicts(tb.Context(), pcm)
	if err != nil {
		tb.Fatal(err)
	}
	for i, p := range clear {
		if p <= 0.5 {
			continue
		}
		if of++; got[i] > 0.5 {
			found++
		}
	}
	return found, of
}

// understood is what the recogniser makes of a stretch of speech.
func understood(tb testing.TB, e *local.Engine, pcm []int16) string {
	tb.Helper()
	tr, err := e.Transcribe(tb.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		tb.Fatal(err)
	}
	mark := func(edge pipeline.Edge) {
		if err := tr.Mark(edge); err != nil {
			tb.Fatal(err)
		}
	}
	mark(pipeline.Edge{Kind: pipeline.Began, N: 1})
	for i := 0; i+160 <= len(pcm); i += 160 {
		_ = tr.Write(media.Frame{PCM: pcm[i : i+160], Rate: 8000, At: media.Samples(i, 8000)})
	}
	mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: media.Samples(len(pcm), 8000)})
	if err := tr.Close(); err != nil {
		tb.Fatal(err)
	}
	var said []string
	for r, err := range tr.Results() {
		if err != nil {
			tb.Fatal(err)
		}
		if r.Kind == pipeline.Final {
			said = append(said, r.Text)
		}
	}
	return strings.Join(said, " ")
}
