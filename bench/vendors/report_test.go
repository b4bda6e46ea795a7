package vendors_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
	"parley/bench/stamp"
	"parley/bench/vendors"
	"parley/media"
	"parley/media/g711"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/elevenlabs"
	"parley/providers/providertest"
)

// start runs vendors in a process of their own until the test ends.
func start(t testing.TB, o vendors.Options) *vendors.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := vendors.Start(context.WithoutCancel(t.Context()), o, exe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// client is the product's own way to them.
func client(t testing.TB, p *vendors.Process, model string) *deepgram.Client {
	c := &deepgram.Client{BaseURL: p.Deepgram, STTModel: model}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestStampsCross: what a carrier stamps is found at the recogniser's socket, and what the voice stamps in the sound that is to be played.
func TestStampsCross(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"nova-3", "flux-general-en"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			p := start(t, vendors.Options{Stamps: true})
			c := client(t, p, model)
			tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
			if err != nil {
				t.Fatal(err)
			}
			before, sent := stamp.Now(), stampedSpeech(t, tr)
			if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: sent}); err != nil {
				t.Fatal(err)
			}
			for r, err := range tr.Results() {
				if err != nil {
					t.Fatal(err)
				}
				if r.Kind == pipeline.Final && r.Edge == 1 {
					break
				}
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
			if at := spokenStamp(t, c); at < before || at > stamp.Now() {
				t.Errorf("the voice's stamp says %v, and it is %v", at, stamp.Now())
			}
			r, err := p.Report()
			if err != nil {
				t.Fatal(err)
			}
			path, gathered := r.Times[report.FrameToSTT], r.Times[report.FrameToSTTGathered]
			if path.N != 10 || gathered.N != 10 || r.Counts.Found != 40 || path.P50 > gathered.P50 || path.Histogram == "" {
				t.Errorf("frame_to_stt %+v, gathered %+v; want ten messages of four frames each", path, gathered)
			}
			if r.Counts.Stamped != 1 || r.Counts.Utterances != 1 || r.Counts.Listens != 1 || r.Counts.Heard < 10 || r.Seconds <= 0 || r.CPU <= 0 {
				t.Errorf("report %+v", r)
			}
			if err := p.Reset(); err != nil {
				t.Fatal(err)
			}
			if r, err = p.Report(); err != nil || r.Counts.Found != 0 || len(r.Times) != 0 || r.Seconds > 60 {
				t.Errorf("after a reset: %+v, %v", r, err)
			}
		})
	}
}

// stampedSpeech writes 800 ms of speech whose frames have stamps, and returns where it ends.
func stampedSpeech(t *testing.T, tr pipeline.Transcription) (end time.Duration) {
	t.Helper()
	law, pcm := make([]byte, 160), make([]int16, 160)
	speech := providertest.Tones("forty frames of speech", 8000)
	for i := range 40 {
		g711.Ulaw.Encode(law, speech[i*160:])
		stamp.Put(law, stamp.Now())
		g711.Ulaw.Decode(pcm, law)
		if err := tr.Write(media.Frame{PCM: pcm, Rate: 8000, At: end}); err != nil {
			t.Fatal(err)
		}
		end += media.FrameTime
	}
	return end
}

// spokenStamp is the stamp at the beginning of what a voice says.
func spokenStamp(t *testing.T, c pipeline.Synthesizer) time.Duration {
	t.Helper()
	var law []byte
	for s, err := range c.Speak(t.Context(), func(yield func(string, error) bool) { yield("Hello.", nil) }, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		wire := make([]byte, len(s.PCM))
		g711.Ulaw.Encode(wire, s.PCM)
		law = append(law, wire...)
	}
	at, next := stamp.Find(law)
	if next != stamp.Len {
		t.Fatalf("the stamp ends at %d, want it to be the first sound", next)
	}
	return at
}

// TestElevenLabsIsThere: its voice speaks as Deepgram's does, with the same key, delay, stamps and report.
func TestElevenLabsIsThere(t *testing.T) {
	t.Parallel()
	p := start(t, vendors.Options{Key: "secret", Stamps: true, FirstAudio: 50 * time.Millisecond})
	c := &elevenlabs.Client{Key: "secret", BaseURL: p.ElevenLabs}
	t.Cleanup(func() { _ = c.Close() })
	began := stamp.Now()
	at := spokenStamp(t, c)
	if took := at - began; took < 50*time.Millisecond || took > 20*time.Second {
		t.Errorf("the voice began after %v, want 50ms or a little more", took)
	}
	r, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	want := vendors.Counts{Open: 1, Speaks: 1, Utterances: 1, Stamped: 1, Spoken: 4} // messages of 100 ms, of 360
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	stranger := &elevenlabs.Client{Key: "another", BaseURL: p.ElevenLabs}
	if err := stranger.Warm(t.Context(), pipeline.Voice{Rate: 8000}); err == nil {
		t.Error("any key will do")
	}
}

// TestAnswersAsTold: how long an answer is, and what the voice sounds like.
func TestAnswersAsTold(t *testing.T) {
	t.Parallel()
	const begin = 120 * time.Millisecond
	p := start(t, vendors.Options{Words: 7, Speech: true, Piece: 40 * time.Millisecond, Delays: vendors.Delays{FirstToken: vendors.Fixed(begin)}, Seed: 7})
	began := time.Now()
	said := complete(t, p.OpenAI, "")
	if took := time.Since(began); took < begin {
		t.Errorf("the model answered after %v, want %v", took, begin)
	}
	if n := strings.Count(said, `"content":"`) - 1; n != 7 { // the first is empty
		t.Errorf("the answer has %d words, want 7", n)
	}
	c := client(t, p, "")
	var pcm []int16
	for s, err := range c.Speak(t.Context(), func(yield func(string, error) bool) { yield("Hello there.", nil) }, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, s.PCM...)
	}
	tones := providertest.Tones("Hello there.", 8000)
	same := 0
	for i := range min(len(pcm), len(tones)) {
		if pcm[i] == tones[i] {
			same++
		}
	}
	if len(pcm) != len(tones) || same > len(tones)/2 {
		t.Errorf("%d samples, %d of them as the tones; want %d, and few", len(pcm), same, len(tones))
	}
	r, err := p.Report()
	if err != nil || r.Counts.Requests != 1 || r.Counts.Spoken != int64((len(tones)+319)/320) {
		t.Errorf("report %+v, %v", r, err)
	}
}

// TestServeAnswersEachLine: whoever holds the other end of its input is answered line by line.
func TestServeAnswersEachLine(t *testing.T) {
	t.Parallel()
	in, tell := io.Pipe()
	out, heard := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- vendors.Serve(t.Context(), vendors.Options{}, in, heard) }()
	lines := json.NewDecoder(out)
	read := func(into any) {
		t.Helper()
		if err := lines.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var at vendors.Addresses
	if read(&at); at.Deepgram == "" || at.ElevenLabs == "" || at.OpenAI == "" {
		t.Errorf("addresses %+v", at)
	}
	var answer struct {
		Error  string
		Report *vendors.Report
	}
	for _, line := range []string{"what\n", "reset\n", "report\n"} {
		if _, err := tell.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		answer.Error, answer.Report = "", nil
		read(&answer)
		if (answer.Error != "") != (line == "what\n") || (answer.Report != nil) != (line == "report\n") {
			t.Errorf("%q was answered with %+v", line, answer)
		}
	}
	_ = tell.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := vendors.Run(t.Context(), vendors.Options{Words: -1}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "words") {
		t.Errorf("got %v, want an error that names words", err)
	}
}
