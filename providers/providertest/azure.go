package providertest

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// An Azure is a stand-in for Azure's voices over real sockets, for tests and load. It speaks in tones (see Tones). Its fields must not change
// while it runs.
type Azure struct {
	Key        string        // wanted as subscription key or as bearer token; empty: any
	FirstAudio time.Duration // between a request and its first sound
	Pace       float64       // as a multiple of real time; 0: all at once
	Speak      Trouble
	Asked      func(r *http.Request, body []byte) // told of each request that was admitted, by any goroutine; nil: nobody is

	counts  ModelCounts
	strikes atomic.Int64
	running handlers
}

// Counts is what it has seen so far. Models are requests for the list of voices.
func (a *Azure) Counts() *ModelCounts { return &a.counts }

// StartAzure runs a on a loopback port until the test ends, and returns its base URL.
func StartAzure(t testing.TB, a *Azure) (baseURL string) {
	t.Helper()
	return "http://" + startEar(t, a.Run)
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (a *Azure) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cognitiveservices/v1", func(w http.ResponseWriter, r *http.Request) {
		if !a.running.begin() {
			return
		}
		defer a.running.done()
		a.counts.Requests.Add(1)
		trouble := a.Speak
		if n := a.strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
			trouble = Trouble{}
		}
		if a.admitted(ctx, w, r, trouble) {
			a.speak(ctx, w, r, trouble)
		}
	})
	mux.HandleFunc("GET /cognitiveservices/voices/list", func(w http.ResponseWriter, r *http.Request) {
		a.counts.Models.Add(1)
		if a.admitted(ctx, w, r, Trouble{}) {
			writeAnswer(w, ModelAnswer{Body: `[{"ShortName":"en-US-AvaMultilingualNeural","Locale":"en-US"}]`})
		}
	})
	return serveModel(ctx, ln, mux, &a.counts, &a.running)
}

// admitted refuses who has the wrong key, and whom the trouble wants refused, or never answered.
func (a *Azure) admitted(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble) bool {
	key := r.Header.Get("Ocp-Apim-Subscription-Key")
	if key == "" {
		key = r.Header.Get("Authorization")
	}
	status, message := 0, ""
	switch {
	case trouble.Fault == Mute:
		_, _ = io.Copy(io.Discard, r.Body) // a server that reads sees who leaves
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return false
	case trouble.Fault == Refuse && trouble.Status != 0:
		status = trouble.Status // without words, as Azure does
	case trouble.Fault == Refuse || a.Key != "" && key != a.Key && key != "Bearer "+a.Key:
		status, message = http.StatusUnauthorized, fmt.Sprintf(`{"error":{"code":"401","message":"Access denied due to invalid subscription key %s"}}`, key)
	default:
		return true
	}
	a.counts.Refused.Add(1)
	_, _ = io.Copy(io.Discard, r.Body) // so that the connection can be used again
	writeAnswer(w, ModelAnswer{Status: status, Body: message})
	return false
}

// azureFormats are the samples of which Azure knows the name: bytes of one, and how many there are in a second.
var azureFormats = map[string][2]int{
	"raw-8khz-8bit-mono-mulaw": {1, 8000}, "raw-16khz-16bit-mono-pcm": {2, 16000}, "raw-24khz-16bit-mono-pcm": {2, 24000}, "raw-48khz-16bit-mono-pcm": {2, 48000},
}

// speak says what the markup holds, in tones.
func (a *Azure) speak(ctx context.Context, w http.ResponseWriter, r *http.Request, trouble Trouble) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	var ssml struct {
		XMLName xml.Name `xml:"http://www.w3.org/2001/10/synthesis speak"`
		Version string   `xml:"version,attr"`
		Lang    string   `xml:"lang,attr"`
		Voice   struct {
			Name    string `xml:"name,attr"`
			Text    string `xml:",chardata"`
			Prosody struct {
				Text string `xml:",chardata"`
			} `xml:"prosody"`
		} `xml:"voice"`
	}
	err = xml.Unmarshal(body, &ssml)
	format, known := azureFormats[r.Header.Get("X-Microsoft-OutputFormat")]
	text := ssml.Voice.Text + ssml.Voice.Prosody.Text
	if err != nil || !known || ssml.Version != "1.0" || ssml.Lang == "" || ssml.Voice.Name == "" || text == "" ||
		r.Header.Get("Content-Type") != "application/ssml+xml" || r.UserAgent() == "" {
		a.counts.Refused.Add(1)
		writeAnswer(w, ModelAnswer{Status: http.StatusBadRequest, Body: "the request is not understood: " + strconv.Quote(fmt.Sprint(err))})
		return
	}
	if a.Asked != nil {
		a.Asked(r, body)
	}
	answer := voicedAnswer(text, "audio/basic", format[0], format[1], trouble, a.FirstAudio, a.Pace)
	if playAnswer(ctx, w, r, answer, &a.counts); trouble.Fault == CloseEarly {
		panic(http.ErrAbortHandler)
	}
}
