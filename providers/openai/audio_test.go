package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
	"parley/providers/providertest"
)

const secret = "sk-secret"

var phone = pipeline.Voice{Lang: "en-US", Rate: 8000}

// audio is an Audio of a fake server; both end with the test.
func audio(t testing.TB, server *providertest.OpenAIAudio, as openai.Transport) *openai.Audio {
	t.Helper()
	server.Key = secret
	a := &openai.Audio{BaseURL: providertest.StartOpenAIAudio(t, server), Key: secret, Transport: as, Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return a
}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
		return audio(t, &providertest.OpenAIAudio{}, "")
	})
}

func TestUploadsTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return audio(t, &providertest.OpenAIAudio{}, openai.Uploads)
	})
}

// said is text that arrives as given.
func said(text ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range text {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// speak speaks text to its end, or to an error.
func speak(ctx context.Context, a *openai.Audio, v pipeline.Voice, text ...string) (length time.Duration, err error) {
	n := 0
	for s, err := range a.Speak(ctx, said(text...), v) {
		if err != nil {
			return media.Samples(n, v.Rate), err
		}
		n += len(s.PCM)
	}
	return media.Samples(n, v.Rate), nil
}

// TestSpeechAsks: what goes over the wire is what the reference says, clause by clause, and all that is said sounds.
func TestSpeechAsks(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	server := &providertest.OpenAIAudio{Asked: func(_ string, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, string(body))
	}}
	a := audio(t, server, "")
	a.Instructions = "calm"
	v := pipeline.Voice{Rate: 16000, Pace: 1.25, Name: "cedar"}
	got, err := speak(t.Context(), a, v, "Hello Ana. ", "How are ", "you?")
	if want := providertest.TonesLength("Hello Ana. How are you?"); err != nil || (got-want).Abs() > 10*time.Millisecond {
		t.Errorf("it sounds for %v, %v; want %v", got, err, want)
	}
	want := []string{
		`{"model":"gpt-4o-mini-tts","voice":"cedar","input":"Hello Ana.","instructions":"calm","response_format":"pcm","speed":1.25}`,
		`{"model":"gpt-4o-mini-tts","voice":"cedar","input":"How are you?","instructions":"calm","response_format":"pcm","speed":1.25}`,
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestVoicesOfOnesOwn are asked for by their ids, and others by name.
func TestVoicesOfOnesOwn(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	a := audio(t, &providertest.OpenAIAudio{Asked: func(_ string, body []byte) { asked <- string(body) }}, "")
	a.Model = "tts-1"
	v := phone
	v.Name = "voice_1234"
	if _, err := speak(t.Context(), a, v, "Hello."); err != nil {
		t.Fatal(err)
	}
	if got, want := <-asked, `{"model":"tts-1","voice":{"id":"voice_1234"},"input":"Hello.","response_format":"pcm"}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// TestNextClauseIsAskedForWhileOnePlays: the second request is made while the first one's sound comes, and no third before that has ended.
func TestNextClauseIsAskedForWhileOnePlays(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	server := &providertest.OpenAIAudio{Pace: 4, Asked: func(_ string, body []byte) {
		var ask struct{ Input string }
		_ = json.Unmarshal(body, &ask) // the server has read it
		asked <- ask.Input
	}}
	a := audio(t, server, "")
	long := strings.Repeat("very ", 70)
	text := []string{"This is the first. ", "This is " + long + "second. ", "This is " + long + "third. ", "End."}
	n := 0
	for s, err := range a.Speak(t.Context(), said(text...), phone) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(s.PCM)
		if len(asked) < 2 {
			continue
		}
		if first, second := <-asked, <-asked; first != "This is the first." || !strings.HasSuffix(second, "second.") {
			t.Errorf("asked for %q and %q", first, second)
		}
		break
	}
	if got, most := media.Samples(n, 8000), providertest.TonesLength(text[0]); got >= most || len(asked) > 0 {
		t.Errorf("the second was asked for after %v of %v, and %d more", got, most, len(asked))
	}
}

// TestCutSpeechIsCancelled: a request of an utterance that nobody wants any more ends at the server.
func TestCutSpeechIsCancelled(t *testing.T) {
	t.Parallel()
	server := &providertest.OpenAIAudio{Pace: 1}
	a := audio(t, server, "")
	for _, err := range a.Speak(t.Context(), said(strings.Repeat("This is a long story. ", 10)), phone) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	for deadline := time.Now().Add(time.Minute); server.Counts().Abandoned.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the server speaks on")
		}
		<-time.After(time.Millisecond)
	}
}

// TestSpeechTroubles: whatever the server does, it comes to an error that says what and why, soon, without the key.
func TestSpeechTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		class   string
		says    string
	}{
		{trouble{Fault: providertest.Refuse}, providers.Auth, "status 401: fake_trouble: Unauthorized"},
		{trouble{Fault: providertest.Refuse, Status: 429}, providers.Quota, "status 429"},
		{trouble{Fault: providertest.Refuse, Status: 404}, providers.Refused, "status 404"},
		{trouble{Fault: providertest.Refuse, Status: 500}, providers.Unavailable, "status 500"},
		{trouble{Fault: providertest.Mute}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.Deaf}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.NeverAnswers}, providers.Late, "no sound for 300ms"},
		{trouble{Fault: providertest.CutOff}, providers.Connection, "the sound broke off"},
		{trouble{Fault: providertest.CloseEarly}, providers.Connection, "the request failed"},
		{trouble{Fault: providertest.Garbage}, providers.Other, "text/html came where samples were asked for"},
		{trouble{Fault: providertest.WrongCodec}, providers.Other, "MP3 came where samples were asked for"},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status), func(t *testing.T) {
			t.Parallel()
			a := audio(t, &providertest.OpenAIAudio{Speak: tt.trouble}, "")
			a.AudioLimit = 300 * time.Millisecond
			_, err := speak(t.Context(), a, phone, "Hello there. ", "Goodbye now.")
			var e *openai.Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "openai: ") || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if got := providers.Class(err); got != tt.class {
				t.Errorf("%v is %s, want %s", err, got, tt.class)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the key is told: %v", err)
			}
		})
	}
}

// TestSpeechIsAskedForAgain: what may pass is tried once more, unless there was sound.
func TestSpeechIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, trouble := range []providertest.Trouble{{Fault: providertest.Refuse, Status: 503, Times: 1}, {Fault: providertest.CloseEarly, Times: 1}} {
		a := audio(t, &providertest.OpenAIAudio{Speak: trouble}, "")
		if got, err := speak(t.Context(), a, phone, "Hello."); err != nil || got < 100*time.Millisecond {
			t.Errorf("%s: it sounds for %v, %v", trouble.Fault, got, err)
		}
	}
}

func TestSlowVoiceIsWaitedFor(t *testing.T) {
	t.Parallel()
	a := audio(t, &providertest.OpenAIAudio{Speak: providertest.Trouble{Fault: providertest.Drip}}, "")
	got, err := speak(t.Context(), a, phone, "Hi.")
	if want := providertest.TonesLength("Hi."); err != nil || (got-want).Abs() > 10*time.Millisecond {
		t.Errorf("it sounds for %v, %v; want %v", got, err, want)
	}
}

// A caller is a transcription with its media clock.
type caller struct {
	pipeline.Transcription
	t       *testing.T
	rate    int
	at      time.Duration
	results chan result
}

type result struct {
	pipeline.Transcript
	err error
}

func call(t *testing.T, a *openai.Audio, rate int) *caller {
	t.Helper()
	tr, err := a.Transcribe(t.Context(), pipeline.Listening{Rate: rate, Lang: "en-US", Words: []string{"Parley", "Ana"}})
	if err != nil {
		t.Fatalf("Transcribe: %v", err)
	}
	k := &caller{Transcription: tr, t: t, rate: rate, results: make(chan result, 1000)}
	go func() {
		defer close(k.results)
		for r, err := range tr.Results() {
			k.results <- result{r, err}
		}
	}()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return k
}

// hear writes sound; a transcription that has failed does not hear it.
func (k *caller) hear(pcm []int16) {
	k.t.Helper()
	for n := k.rate / 50; len(pcm) >= n; pcm = pcm[n:] {
		_ = k.Write(media.Frame{PCM: pcm[:n], Rate: k.rate, At: k.at}) // what it has understood, or that it failed, the test sees by its results
		k.at += media.FrameTime
	}
}

func (k *caller) silent(d time.Duration) { k.hear(make([]int16, int(d.Seconds()*float64(k.rate)))) }

// say is a stretch of speech, with the Ear's marks. The Ear is sure a little late.
func (k *caller) say(n int, words string) {
	k.t.Helper()
	pcm := providertest.Tones(words, k.rate)
	began := k.at
	k.hear(pcm[:k.rate/10])
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Began, N: n, At: began, Sure: true})
	k.hear(pcm[k.rate/10:])
	end := k.at
	k.silent(200 * time.Millisecond)
	_ = k.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n, At: end})
}

// next is the next result of a kind.
func (k *caller) next(kind pipeline.TranscriptKind) pipeline.Transcript {
	k.t.Helper()
	for {
		r := k.any()
		if r.err != nil {
			k.t.Fatalf("Results ended with %v", r.err)
		}
		if r.Kind == kind {
			return r.Transcript
		}
	}
}

func (k *caller) any() result {
	k.t.Helper()
	select {
	case r, ok := <-k.results:
		if !ok {
			k.t.Fatal("Results ended")
		}
		return r
	case <-time.After(time.Minute):
		k.t.Fatal("no result within 20 s")
	}
	return result{}
}

// fails is the error that Results ends with.
func (k *caller) fails() error {
	k.t.Helper()
	for {
		if r := k.any(); r.err != nil {
			return r.err
		}
	}
}

// TestUploadsAreStretches: each stretch is a file with a little of what was before it, and its words are told as they come.
func TestUploadsAreStretches(t *testing.T) {
	t.Parallel()
	forms := make(chan string, 10)
	server := &providertest.OpenAIAudio{Transcripts: []string{"Yes, please.", "No."}, Asked: func(_ string, body []byte) { forms <- string(body) }}
	k := call(t, audio(t, server, openai.Uploads), 8000)
	k.silent(5 * time.Second)
	k.say(1, "hello there")
	if got := k.next(pipeline.Final); got.Text != "Yes, please." || got.Edge != 1 || got.Lang != "en-US" {
		t.Errorf("got %+v", got)
	}
	form := <-forms
	for _, want := range []string{"\"model\"\r\n\r\ngpt-4o-transcribe\r\n", "\"language\"\r\n\r\nen\r\n", "\"prompt\"\r\n\r\nNames: Parley, Ana\r\n",
		"\"stream\"\r\n\r\ntrue\r\n", "\"response_format\"\r\n\r\njson\r\n", "filename=\"speech.wav\"", "RIFF"} {
		if !strings.Contains(form, want) {
			t.Errorf("%q is not in the form", want)
		}
	}
	most := providertest.TonesLength("hello there") + 600*time.Millisecond
	if heard := media.Samples(int(server.Counts().Heard.Load()), 8000); heard > most || heard < most-400*time.Millisecond {
		t.Errorf("%v were uploaded, want at most the stretch and what is around it, %v", heard, most)
	}
	k.say(2, "no")
	if got := k.next(pipeline.Final); got.Text != "No." || got.Edge != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestWordTimes: where they are asked for, words have times of the call.
func TestWordTimes(t *testing.T) {
	t.Parallel()
	server := &providertest.OpenAIAudio{Transcripts: []string{"Yes, please."}}
	a := audio(t, server, openai.Uploads)
	a.STTModel, a.WordTimes = "whisper-1", true
	k := call(t, a, 16000)
	k.at = time.Minute
	k.silent(time.Second)
	began := k.at
	k.say(1, "hello there")
	end := k.at
	got := k.next(pipeline.Final)
	if len(got.Words) != 2 || got.Words[0].Text != "Yes," {
		t.Fatalf("got %+v", got)
	}
	if w := got.Words; (w[0].Start-began).Abs() > 40*time.Millisecond || w[1].End > end || w[1].Start < w[0].End {
		t.Errorf("words %+v, spoken from %v to %v", w, began, end)
	}
}

// TestUploadTroubles: every Ended is answered in time, or Results fails; nothing hangs.
func TestUploadTroubles(t *testing.T) {
	t.Parallel()
	type trouble = providertest.Trouble
	for _, tt := range []struct {
		trouble trouble
		fails   string // at once; "": the Ended is answered without words
	}{
		{trouble{Fault: providertest.Refuse}, "status 401"},
		{trouble{Fault: providertest.Refuse, Status: 400}, "status 400"},
		{trouble{Fault: providertest.Refuse, Status: 429}, ""},
		{trouble{Fault: providertest.Refuse, Status: 500}, ""},
		{trouble{Fault: providertest.Mute}, ""},
		{trouble{Fault: providertest.Deaf}, ""},
		{trouble{Fault: providertest.NeverAnswers}, ""},
		{trouble{Fault: providertest.Drip}, ""},
		{trouble{Fault: providertest.CutOff}, ""},
		{trouble{Fault: providertest.Garbage}, ""},
		{trouble{Fault: providertest.Giant}, ""},
		{trouble{Fault: providertest.CloseEarly}, ""},
	} {
		t.Run(fmt.Sprint(tt.trouble.Fault, tt.trouble.Status), func(t *testing.T) {
			t.Parallel()
			a := audio(t, &providertest.OpenAIAudio{Hear: tt.trouble}, openai.Uploads)
			a.FinalLimit, a.CloseLimit = 500*time.Millisecond, 300*time.Millisecond
			k := call(t, a, 8000)
			k.say(1, "hello there")
			if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
				t.Errorf("got %+v, want Ended 1 without words", got)
			}
			if tt.fails == "" {
				k.say(2, "again") // and a recogniser that fails twice has failed
			}
			err := k.fails()
			if !strings.HasPrefix(err.Error(), "openai: transcribe: ") || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %q", err, tt.fails)
			}
			if err := k.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err == nil {
				t.Error("Write succeeded on a failed transcription")
			}
		})
	}
}

// TestUploadsGoOn: a failure that passes is not the end.
func TestUploadsGoOn(t *testing.T) {
	t.Parallel()
	a := audio(t, &providertest.OpenAIAudio{Hear: providertest.Trouble{Fault: providertest.Garbage, Times: 2}}, openai.Uploads)
	k := call(t, a, 8000)
	k.say(1, "hello there")
	if got := k.next(pipeline.Final); got.Edge != 1 || got.Text != "" {
		t.Errorf("got %+v, want Ended 1 without words", got)
	}
	k.say(2, "hello there")
	if got := k.next(pipeline.Final); got.Edge != 2 || got.Text != providertest.DefaultTranscript {
		t.Errorf("got %+v", got)
	}
}

// TestLiteralTranscriptions plays answers as servers write them.
func TestLiteralTranscriptions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kind, answer, want string }{
		"OpenAI": {"application/json", `{"text":"I need help.","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19,` +
			`"input_token_details":{"audio_tokens":14,"text_tokens":0}}}`, "I need help."},
		"whisper": {"application/json", `{"task":"transcribe","language":"english","duration":2.1,"text":" I need help.","segments":[{"id":0,"seek":0,"start":0.0,"end":2.1,` +
			`"text":" I need help.","tokens":[1],"temperature":0.0,"avg_logprob":-0.2,"compression_ratio":0.9,"no_speech_prob":0.01}],"words":[{"word":"I","start":0.1,"end":0.2}]}`, "I need help."},
		"a stream": {"text/event-stream; charset=utf-8", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I need\"}\n\n" +
			"data: {\"type\":\"transcript.text.done\",\"text\":\"I need help.\",\"usage\":{}}\n\n", "I need help."},
		"a clone's stream": {"text/event-stream", "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I need help.\"}\n\ndata: [DONE]\n\n", "I need help."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				_, _ = w.Write([]byte(tt.answer))
			}))
			t.Cleanup(server.Close)
			k := call(t, &openai.Audio{BaseURL: server.URL}, 8000) // a server that is not OpenAI's is sent uploads
			k.say(1, "hello")
			if got := k.next(pipeline.Final); got.Text != tt.want || got.Lang != "en-US" {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
}

func TestAudioCheck(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]*openai.Audio{"BaseURL": {BaseURL: "ftp://x"}, "Transport": {Transport: "pigeon"}} {
		err := a.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
		if _, terr := a.Transcribe(t.Context(), pipeline.Listening{Rate: 8000}); terr == nil {
			t.Errorf("%s: Transcribe succeeded", want)
		}
	}
	if _, err := (&openai.Audio{Transport: openai.Uploads}).Transcribe(t.Context(), pipeline.Listening{Rate: 11025}); err == nil || !strings.Contains(err.Error(), "rate 11025") {
		t.Errorf("got %v", err)
	}
	if _, err := speak(t.Context(), &openai.Audio{}, pipeline.Voice{Rate: 7}, "Hi."); err == nil || !strings.Contains(err.Error(), "7 samples") {
		t.Errorf("got %v", err)
	}
	if err := audio(t, &providertest.OpenAIAudio{}, "").Warm(t.Context(), phone); err != nil {
		t.Errorf("Warm: %v", err)
	}
}
