package providertest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// A Cartesia is a stand-in for Cartesia's Ink and Sonic over real sockets, for tests and load. It understands nothing: it answers each stretch
// of sound with the next of Transcripts, and it speaks in tones (see Tones), with the times of words. Its fields must not change while it
// runs.
type Cartesia struct {
	Key         string        // wanted in the X-API-Key header; empty: any
	Transcripts []string      // what each call's stretches of sound turn out to say, over and over; default DefaultTranscript
	Delay       time.Duration // between finalize, or the end of a turn, and its answer
	Hangover    time.Duration // silence after which a turn is over, and after half of which likely so; default 300 ms
	FirstAudio  time.Duration // between a text and its first sound
	Pace        float64       // of the voice, as a multiple of real time; 0: all at once
	Hear        Trouble
	Speak       Trouble
	Asked       func(path string, query url.Values) // told of each connection that was admitted, by any goroutine; nil: nobody is
	Told        func(message string)                // told of each message to the voice, by any goroutine; nil: nobody is

	Turned atomic.Int64 // turns that ended
	earServer
	voices earServer
}

// Voices is what its voice has seen so far: Asks are texts to speak, Goodbyes contexts that were cancelled, Audio messages of sound.
func (c *Cartesia) Voices() *EarCounts { return c.voices.Counts() }

// StartCartesia runs c on a loopback port until the test ends, and returns its base URL.
func StartCartesia(t testing.TB, c *Cartesia) (baseURL string) {
	t.Helper()
	return "ws://" + startEar(t, c.Run)
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (c *Cartesia) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stt/websocket", func(w http.ResponseWriter, r *http.Request) { c.listenOn(ctx, w, r, false) })
	mux.HandleFunc("GET /stt/turns/websocket", func(w http.ResponseWriter, r *http.Request) { c.listenOn(ctx, w, r, true) })
	mux.HandleFunc("GET /tts/websocket", func(w http.ResponseWriter, r *http.Request) { c.speakOn(ctx, w, r) })
	defer c.voices.running.end()
	return c.serveEars(ctx, ln, mux)
}

// known refuses who has the wrong key, or speaks no version.
func (c *Cartesia) known(r *http.Request) (status int, body string) {
	if c.Key != "" && r.Header.Get("X-Api-Key") != c.Key {
		return cartesiaRefusal(http.StatusUnauthorized, "unauthorized", "Invalid API key: "+r.Header.Get("X-Api-Key"))
	}
	if r.Header.Get("Cartesia-Version") == "" {
		return cartesiaRefusal(http.StatusBadRequest, "invalid_version", "Cartesia-Version is missing")
	}
	return 0, ""
}

// cartesiaRefusal is an error as Cartesia tells it.
func cartesiaRefusal(status int, code, message string) (int, string) {
	return status, string(refusal(status, fields{"error_code": code, "title": http.StatusText(status), "message": message, "request_id": "fake"}).Body)
}
