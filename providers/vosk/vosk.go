// Package vosk listens through a vosk-server of one's own: open-source recognition without a vendor.
//
//	Write ──▶ wire.Transcription ──▶ socket ──▶ one reply to each message: partial, or result ──▶ Results
//	Mark  ──▶ reset ──────────────────┘
//
// The server answers every message of audio, and every reset, with exactly one message, in order: so replies are counted, and the one that
// answers an Ended is known. It takes 16-bit linear PCM at the leg's own rate. Its words are in lower case, without punctuation.
//
// Wire facts: github.com/alphacep/vosk-server, websocket/asr_server.py (reset since commit c2e82f0; a server without it hangs up at the
// first Ended); results as vosk 0.3.45 writes them.
package vosk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	BaseURL = "ws://localhost:2700" // where vosk-server listens

	defaultDialLimit  = 4 * time.Second
	defaultFinalLimit = 2 * time.Second
	defaultCloseLimit = 2 * time.Second
)

// chunk is audio in a message. Each costs the server a look at all that it knows: half as many would be half the work.
const chunk = 100 * time.Millisecond

// Hears is what a Client makes of a vosk-server.
var Hears = providers.Abilities{Streams: true, Words: true, Cancels: true, Languages: "that of the server's model; there are models of 20 and more"}

// A Client is one vosk-server. It is a pipeline.Transcriber for any number of calls at once. It must not be copied or changed once used.
type Client struct {
	Key      string // sent as "Authorization: Bearer KEY", for a proxy before the server; the server itself asks for none
	BaseURL  string // empty: BaseURL
	STTModel string // path of a model on the server; empty: the one that it was started with

	// Exclusive makes Listening.Words all that the server understands. Vosk knows no words that are merely likely: without it they are not
	// told.
	Exclusive bool

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for its answer, then it gets the words known so far; default 2 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 2 s

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // default slog.Default()

	spare wire.Spare
}

var _ pipeline.Transcriber = (*Client)(nil)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if err := CheckModel(c.STTModel); err != nil {
		return fmt.Errorf("vosk: STTModel: %w", err)
	}
	_, err := c.address()
	return err
}

// CheckModel says what is wrong with the path of a model. None is as well.
func CheckModel(model string) error {
	if len(model) > 1000 || strings.ContainsFunc(model, unicode.IsControl) {
		return errors.New("it is no path: it is too long, or has control characters")
	}
	return nil
}

// Close does nothing: transcriptions are closed by their calls.
func (c *Client) Close() error { return nil }

// Transcribe opens a socket. ctx bounds the opening alone; the transcription lives until Close or until the socket is lost for good. A lost
// socket is dialled again, and what was not settled is sent again. Its errors are *wire.Error.
func (c *Client) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if o.Rate < 8000 || o.Rate > 48000 || o.Rate%50 != 0 {
		return nil, fmt.Errorf("vosk: rate %d is not within 8000 and 48000", o.Rate)
	}
	config, err := c.config(o)
	if err != nil {
		return nil, err
	}
	t, err := wire.Open(ctx, wire.Listening{
		Name: "vosk", Encoding: wire.Encoding{Width: 2, Rate: o.Rate}, Chunk: chunk, Exact: true, Lang: o.Lang,
		FinalLimit: cmp.Or(c.FinalLimit, defaultFinalLimit), CloseLimit: cmp.Or(c.CloseLimit, defaultCloseLimit),
		Spare: &c.spare, Log: c.log().With("provider", "vosk"),
	}, &dialect{client: c, config: config})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// config is what a socket is told first.
func (c *Client) config(o pipeline.Listening) ([]byte, error) {
	type config struct {
		Rate         int      `json:"sample_rate"`
		Words        bool     `json:"words"`
		Alternatives int      `json:"max_alternatives"`
		Phrases      []string `json:"phrase_list,omitempty"`
		Model        string   `json:"model,omitempty"`
	}
	told := config{Rate: o.Rate, Words: true, Model: c.STTModel}
	if c.Exclusive && len(o.Words) > 0 {
		for _, w := range o.Words {
			told.Phrases = append(told.Phrases, strings.ToLower(w))
		}
		told.Phrases = append(told.Phrases, unknown)
	}
	b, err := json.Marshal(struct {
		Config config `json:"config"`
	}{told})
	if err != nil {
		return nil, fmt.Errorf("vosk: encode config: %w", err)
	}
	return b, nil
}

func (c *Client) address() (string, error) {
	address, err := wire.Address(cmp.Or(c.BaseURL, BaseURL), "/", nil)
	if err != nil {
		return "", fmt.Errorf("vosk: %w", err)
	}
	return address, nil
}

func (c *Client) header() http.Header {
	if c.Key == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + c.Key}}
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

// failure puts an error of a socket in the server's words.
func (c *Client) failure(err error) error { return wire.AsError("vosk", err).Clean(c.Key) }
