package providertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An OpenAIAudio is a stand-in for OpenAI's speech over real sockets, for tests and load: requests for a voice, uploads for a recogniser, and
// realtime transcription. It understands nothing: it answers each stretch of sound with the next of Transcripts, and it speaks in tones (see
// Tones). Its fields must not change while it runs.
//
//	POST /v1/audio/speech ──▶ tones, 24 kHz, paced
//	POST /v1/audio/transcriptions ──▶ form ──▶ stretch (energy) ──▶ JSON, or events
//	GET /v1/realtime?intent=transcription ──▶ appended sound ──▶ stretch ──commit──▶ deltas, completed
type OpenAIAudio struct {
	Key         string        // wanted as bearer token; empty: any, or none
	Transcripts []string      // what stretches of sound turn out to say, over and over: of a socket's, or of all uploads; default DefaultTranscript
	Delay       time.Duration // between a commit or an upload and its words
	FirstAudio  time.Duration // between a request and its first sound
	Pace        float64       // of the voice, as a multiple of real time; 0: all at once
	Hear        Trouble       // of uploads and of realtime
	Speak       Trouble
	Asked       func(path string, body []byte) // told of each request that was admitted, and of each message of a socket, by any goroutine; nil: nobody is
	Swapped     bool                           // of realtime: of two commits that wait, the second is completed first
	Live        bool                           // of realtime: deltas come as speech does, as of gpt-live-transcribe, and not after the commit

	counts  OpenAIAudioCounts
	running handlers
	ears    earServer
}

// OpenAIAudioCounts is what a fake of OpenAI's speech has seen. They are read with Load at any time.
type OpenAIAudioCounts struct {
	ModelCounts
	Speeches, Uploads, Sockets atomic.Int64 // that were admitted
	Spoken                     atomic.Int64 // bytes of text
	Appends, Commits           atomic.Int64
	Heard                      atomic.Int64 // samples that were appended or uploaded
	hearStrikes, speakStrikes  atomic.Int64
}

// Counts is what it has seen so far.
func (o *OpenAIAudio) Counts() *OpenAIAudioCounts { return &o.counts }

// StartOpenAIAudio runs o on a loopback port until the test ends, and returns its base URL.
func StartOpenAIAudio(t testing.TB, o *OpenAIAudio) (baseURL string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- o.Run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run fake OpenAI: %v", err)
		}
	})
	return "http://" + ln.Addr().String() + "/v1"
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (o *OpenAIAudio) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	handle := func(pattern string, strikes *atomic.Int64, trouble Trouble, f func(context.Context, http.ResponseWriter, *http.Request, Trouble)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !o.running.begin() {
				return
			}
			defer o.running.done()
			suffered := trouble
			if n := strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
				suffered = Trouble{}
			}
			o.counts.Requests.Add(1)
			if o.admitted(ctx, w, r, suffered) {
				f(ctx, w, r, suffered)
			}
		})
	}
	handle("POST /v1/audio/speech", &o.counts.speakStrikes, o.Speak, o.speak)
	handle("POST /v1/audio/transcriptions", &o.counts.hearStrikes, o.Hear, o.upload)
	mux.HandleFunc("GET /v1/realtime", func(w http.ResponseWriter, r *http.Request) { o.transcribe(ctx, w, r) })
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) {
		o.counts.Models.Add(1)
		if o.admitted(ctx, w, r, Trouble{}) {
			writeAnswer(w, OpenAIAnswer{Body: `{"object":"list","data":[{"id":"fake","object":"model"}]}`})
		}
	})
	defer o.ears.running.end()
	return serveModel(ctx, ln, mux, &o.counts.ModelCounts, &o.running)
}

// admitted refuses who has the wrong key, and whom the trouble wants refused, or never answered.
func (o *OpenAIAudio) admitted(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble) bool {
	switch {
	case trouble.Fault == Refuse:
		o.counts.Refused.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // so that the connection can be used again
		status := trouble.Status
		if status == 0 {
			status = http.StatusUnauthorized
		}
		writeAnswer(w, OpenAIRefuse(status, "fake_trouble", http.StatusText(status)))
		return false
	case trouble.Fault == Mute:
		_, _ = io.Copy(io.Discard, r.Body) // a server that reads sees who leaves
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return false
	case o.Key != "" && r.Header.Get("Authorization") != "Bearer "+o.Key:
		o.counts.Refused.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		writeAnswer(w, OpenAIRefuse(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+r.Header.Get("Authorization")))
		return false
	}
	return true
}

// refuse answers what makes no sense.
func (o *OpenAIAudio) refuse(w http.ResponseWriter, format string, args ...any) {
	o.counts.Refused.Add(1)
	writeAnswer(w, OpenAIRefuse(http.StatusBadRequest, "invalid_request_error", fmt.Sprintf(format, args...)))
}

// openAISpeech is a request for a voice. What it does not know it refuses.
type openAISpeech struct {
	Model        string          `json:"model"`
	Voice        json.RawMessage `json:"voice"`
	Input        string          `json:"input"`
	Instructions string          `json:"instructions"`
	Format       string          `json:"response_format"`
	Speed        *float64        `json:"speed"`
	Stream       string          `json:"stream_format"`
}

// speak says a text in tones.
func (o *OpenAIAudio) speak(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	var ask openAISpeech
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	switch err := strict.Decode(&ask); {
	case err != nil || ask.Model == "" || len(ask.Voice) == 0 || strings.TrimSpace(ask.Input) == "":
		o.refuse(w, "model, voice and input are needed (%v)", err)
		return
	case len(ask.Input) > 4096:
		o.refuse(w, "input is longer than 4096 characters")
		return
	case ask.Format != "pcm":
		o.refuse(w, "response_format is %q", ask.Format)
		return
	case ask.Speed != nil && (*ask.Speed < 0.25 || *ask.Speed > 4):
		o.refuse(w, "speed is %v", *ask.Speed)
		return
	}
	o.counts.Speeches.Add(1)
	o.counts.Spoken.Add(int64(len(ask.Input)))
	if o.Asked != nil {
		o.Asked(r.URL.Path, body)
	}
	if playAnswer(ctx, w, r, voicedAnswer(ask.Input, "audio/pcm", 2, 24000, trouble, o.FirstAudio, o.Pace), &o.counts.ModelCounts); trouble.Fault == CloseEarly {
		panic(http.ErrAbortHandler)
	}
}

// voicedAnswer is an answer with a text's sound, as the trouble will have it.
func voicedAnswer(text, kind string, width, rate int, trouble Trouble, first time.Duration, pace float64) ModelAnswer {
	answer := ModelAnswer{Header: http.Header{"Content-Type": {kind}}}
	sound := wired(Tones(text, rate), width)
	switch trouble.Fault {
	case WrongRate:
		sound = wired(Tones(text, 2*rate), width)
	case WrongCodec:
		sound = append([]byte("ID3\x04\x00\x00"), sound...)
	case Garbage:
		return ModelAnswer{Header: http.Header{"Content-Type": {"text/html"}}, Steps: []ModelStep{{Write: "<html>Bad gateway</html>"}}}
	case Deaf, NeverAnswers:
		return ModelAnswer{Header: answer.Header, Steps: []ModelStep{{Write: "\x00\x00", Then: ModelHang}}}
	case CloseEarly:
		return ModelAnswer{Header: answer.Header}
	case Drip:
		pace = 0.25
	}
	piece := rate / 10 * width
	for at := 0; at < len(sound); at += piece {
		step := ModelStep{Write: string(sound[at:min(at+piece, len(sound))])}
		if at == 0 {
			step.After = first
		} else if pace > 0 {
			step.After = time.Duration(float64(100*time.Millisecond) / pace)
		}
		if trouble.Fault == CutOff && at >= piece {
			step.Write, step.Then = step.Write[:len(step.Write)/2+1], ModelReset
		}
		answer.Steps = append(answer.Steps, step)
	}
	return answer
}

// words is what the nth stretch of sound says.
func (o *OpenAIAudio) words(n int64) []string {
	if len(o.Transcripts) == 0 {
		return strings.Fields(DefaultTranscript)
	}
	return strings.Fields(o.Transcripts[n%int64(len(o.Transcripts))])
}

// upload tells what an uploaded file says.
func (o *OpenAIAudio) upload(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 25<<20))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.ParseMultipartForm(25 << 20); err != nil {
		o.refuse(w, "this is no form: %v", err)
		return
	}
	file, _, err := r.FormFile("file")
	if err != nil || r.FormValue("model") == "" {
		o.refuse(w, "file and model are needed (%v)", err)
		return
	}
	wav, err := io.ReadAll(file)
	if err != nil {
		return
	}
	heard, err := hearWAV(wav)
	if err != nil {
		o.refuse(w, "file: %v", err)
		return
	}
	n := o.counts.Uploads.Add(1) - 1
	o.counts.Heard.Add(int64(heard.pos))
	if o.Asked != nil {
		o.Asked(r.URL.Path, body)
	}
	var said []string
	if heard.onset >= 0 {
		said = o.words(n)
	}
	answer := ModelAnswer{Header: http.Header{"Content-Type": {"application/json"}}, Steps: []ModelStep{{Write: written(heard, said, r.FormValue("response_format") == "verbose_json")}}}
	if r.FormValue("stream") == "true" {
		answer = streamed(said)
	}
	after := o.Delay
	switch trouble.Fault {
	case Garbage:
		answer.Steps = []ModelStep{{Write: `{"text":` + "\x00\xff"}}
	case Giant:
		answer.Steps = []ModelStep{{Write: `{"text":"` + strings.Repeat("a", 8<<20) + `"}`}}
	case Deaf, NeverAnswers:
		answer.Steps = []ModelStep{{Write: " ", Then: ModelHang}}
	case CutOff:
		answer.Steps[0].Write = answer.Steps[0].Write[:len(answer.Steps[0].Write)/2]
		answer.Steps[0].Then = ModelReset
	case Drip:
		after += dripDelay
	case CloseEarly:
		panic(http.ErrAbortHandler)
	}
	answer.Steps[0].After = after
	playAnswer(ctx, w, r, answer, &o.counts.ModelCounts)
}

// written is an answer in one piece.
func written(heard *stretch, said []string, verbose bool) string {
	answer := fields{"text": strings.Join(said, " ")}
	if verbose {
		words := []fields{}
		for i, word := range said {
			from, to := heard.spread(i, len(said))
			words = append(words, fields{"word": word, "start": from, "end": to})
		}
		answer["task"], answer["language"], answer["duration"], answer["words"] = "transcribe", "english", heard.seconds(heard.pos), words
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // as in event
	}
	return string(text)
}

// streamed is an answer word by word.
func streamed(said []string) ModelAnswer {
	var steps []ModelStep
	for i, word := range said {
		if i > 0 {
			word = " " + word
		}
		steps = append(steps, event("", fields{"type": "transcript.text.delta", "delta": word}))
	}
	return ModelAnswer{Steps: append(steps, event("", fields{"type": "transcript.text.done", "text": strings.Join(said, " "),
		"usage": fields{"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}}))}
}

// hearWAV is what there is to hear in a WAV file of one channel of 16 bits.
func hearWAV(wav []byte) (*stretch, error) {
	if len(wav) < 44 || string(wav[:4]) != "RIFF" || string(wav[8:16]) != "WAVEfmt " || string(wav[36:40]) != "data" {
		return nil, errors.New("this is no WAV file")
	}
	rate, data := int(binary.LittleEndian.Uint32(wav[24:])), wav[44:]
	if int(binary.LittleEndian.Uint32(wav[40:])) != len(data) || int(binary.LittleEndian.Uint32(wav[4:])) != len(wav)-8 {
		return nil, errors.New("its sizes are wrong")
	}
	if len(data) < rate/10*2 {
		return nil, errors.New("audio file is too short, the minimum is 0.1 seconds: " + strconv.Itoa(len(data)) + " bytes")
	}
	s := &stretch{rate: rate, width: 2, onset: -1}
	s.hear(data)
	return s, nil
}
