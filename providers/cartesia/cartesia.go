// Package cartesia listens through Cartesia's Ink and speaks through its Sonic.
//
//	Write ──▶ wire.Transcription ──▶ /stt/turns/websocket ──▶ turn.update, turn.eager_end, turn.end ──▶ Results
//	                         └─────▶ /stt/websocket (ink-whisper) ──▶ transcript ... flush_done ───────┘
//	Mark  ──▶ finalize ──────────────────┘        (ink-2 finds the ends of turns itself, and is not asked)
//
//	text ──▶ clauses ──▶ a context of its own ──▶ line ──▶ its reader ──▶ sound and word times, bounded ──▶ Speak's sequence
//	                                               ▲
//	                                         pool of idle lines
//
// A line is a socket on which contexts follow one another: one for each utterance. An utterance that is cut cancels its context, and the line
// serves the next one at once: what still comes of the old context is known by its id, and dropped. A line outlives its utterances in the
// Client's pool, so that the next one needs no handshake; its reader belongs to the Client. Telephone legs (8 kHz) send and receive mu-law,
// others PCM of their own rate.
//
// Wire facts: docs.cartesia.ai, api-reference stt/websocket, stt/turns/websocket and tts/websocket, use-the-api tts-websocket/contexts and
// buffering, concurrency-limits-and-timeouts, stt/word-timestamps; the npm package @cartesia/cartesia-js 4.2.0.
package cartesia

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/speech"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	BaseURL         = "wss://api.cartesia.ai"
	Turns           = "ink-2"       // hears English, and finds the ends of turns itself
	Whisper         = "ink-whisper" // hears the languages of Whisper
	DefaultTTSModel = "sonic-3"
	DefaultVoice    = "f786b574-daa5-4673-aa0c-cbe3e8534c02" // Katie

	defaultDialLimit  = 4 * time.Second
	defaultFinalLimit = 2 * time.Second
	defaultCloseLimit = 2 * time.Second
	defaultAudioLimit = 4 * time.Second
	defaultIdle       = 64
)

// version is the API's that this package speaks.
const version = "2026-03-01"

// What a Client makes of Cartesia. Of ink-whisper words have times, and turns do not end by themselves.
var (
	Hears  = providers.Abilities{Streams: true, MuLaw: true, Turns: true, Cancels: true, Languages: "English; with ink-whisper also 98 others"}
	Speaks = providers.Abilities{Streams: true, MuLaw: true, Words: true, Cancels: true, Languages: "42"}
)

// A Client is one account at Cartesia. It is a pipeline.Transcriber and a pipeline.Synthesizer for any number of calls at once. It must not
// be copied or changed once used; Close it when the last call has ended.
type Client struct {
	Key     string
	BaseURL string // of ws or http; empty: BaseURL

	STTModel string // empty: Turns for English, Whisper for other languages and for recordings
	// Endpointing is the silence after which a turn ends however unfinished its words are, 640 ms to 11.2 s; 0: Cartesia's own 5.6 s.
	Endpointing time.Duration
	ListenQuery url.Values // further parameters, such as turn_end_threshold=0.3; they win over the client's own

	Model string // of the voice, for an agent that names none; empty: DefaultTTSModel
	Voice string // id of the voice of an agent that names none; empty: DefaultVoice

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for its answer, then it gets the words known so far; default 2 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 2 s
	AudioLimit time.Duration // longest silence of a voice that owes sound; default 4 s
	Idle       int           // most idle voice sockets kept; default 64

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // default slog.Default()

	spare wire.Spare
	voice speech.Sockets
}

var (
	_ pipeline.Transcriber = (*Client)(nil)
	_ pipeline.Synthesizer = (*Client)(nil)
)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if c.Key == "" {
		return errors.New("cartesia: Key is empty")
	}
	if _, err := c.address("/", nil); err != nil {
		return err
	}
	if c.Endpointing != 0 && (c.Endpointing < 640*time.Millisecond || c.Endpointing > 11200*time.Millisecond) {
		return fmt.Errorf("cartesia: Endpointing %v is not within 640ms and 11.2s", c.Endpointing)
	}
	for field, err := range map[string]error{
		"STTModel": CheckModel(cmp.Or(c.STTModel, Turns)), "Model": CheckModel(cmp.Or(c.Model, DefaultTTSModel)), "Voice": CheckVoice(cmp.Or(c.Voice, DefaultVoice)),
	} {
		if err != nil {
			return fmt.Errorf("cartesia: %s: %w", field, err)
		}
	}
	return nil
}

// Close ends all voice sockets and waits for their goroutines. Transcriptions are closed by their calls.
func (c *Client) Close() error {
	c.voice.Close()
	return nil
}

// name is what ids of voices and models are made of.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckModel says what is wrong with the name of a model.
func CheckModel(model string) error {
	if !name.MatchString(model) {
		return fmt.Errorf("%.100q is no model's name: want letters, digits, '.', '_' and '-'", model)
	}
	return nil
}

// CheckVoice says what is wrong with the id of a voice.
func CheckVoice(id string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%.100q is no voice's id: want letters, digits, '.', '_' and '-'", id)
	}
	return nil
}

// EnglishOnly says whether a model of recognition understands no other language.
func EnglishOnly(model string) bool { return turnBased(model) && model == Turns }

// turnBased says whether a model finds the ends of turns itself.
func turnBased(model string) bool { return !strings.HasPrefix(model, Whisper) }

func (c *Client) address(path string, q url.Values) (string, error) {
	address, err := wire.Address(cmp.Or(c.BaseURL, BaseURL), path, q)
	if err != nil {
		return "", fmt.Errorf("cartesia: %w", err)
	}
	return address, nil
}

// dial opens a socket. No message that is sent may be larger than biggest bytes: a larger one would be sent in fragments.
func (c *Client) dial(ctx context.Context, path string, q url.Values, biggest int) (*websocket.Conn, error) {
	address, err := c.address(path, q)
	if err != nil {
		return nil, err
	}
	dialer := wire.Dialer{Limit: cmp.Or(c.DialLimit, defaultDialLimit), Biggest: biggest, NetDial: c.NetDial}
	conn, err := dialer.Dial(ctx, address, http.Header{"X-Api-Key": {c.Key}, "Cartesia-Version": {version}})
	if err != nil {
		return nil, c.failure(err)
	}
	return conn, nil
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

// encodingName is Cartesia's word for how samples are written.
func encodingName(e wire.Encoding) string {
	if e.Width == 1 {
		return "pcm_mulaw"
	}
	return "pcm_s16le"
}
