// Package assemblyai listens through AssemblyAI's Universal streaming (v3).
//
//	Write ──▶ wire.Transcription ──▶ socket ──▶ Begin, Turn, Turn, ... ──▶ Results
//	Mark  ──▶ ForceEndpoint ──────────┘
//
// The call's own Ear decides where a stretch of speech ends: AssemblyAI's judgement is turned off as far as it can be, and at each Ended
// the turn is ended by force. A turn then ends twice, first as it was heard and then as it is written (format_turns); the second is taken,
// unless it takes long. Telephone legs (8 kHz) send mu-law, others linear PCM.
//
// Wire facts: assemblyai.com/docs, api-reference streaming-api, streaming turn-detection; the close codes are those of its npm package
// assemblyai 4.41.5 (src/utils/errors/streaming.ts). That a wrong key is told by closing with 1008 before Begin: AssemblyAI's
// assemblyai-node-sdk, issue 97.
package assemblyai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	BaseURL      = "wss://streaming.assemblyai.com" // AssemblyAI's own server; wss://streaming.eu.assemblyai.com keeps data in the EU
	DefaultModel = "universal-streaming-english"

	defaultDialLimit  = 4 * time.Second
	defaultFinalLimit = 2 * time.Second
	defaultCloseLimit = 2 * time.Second
)

const (
	chunk = 60 * time.Millisecond // three frames: the fewest that are the 50 ms which a message must have
	least = 50 * time.Millisecond

	turnSilence = 2 * time.Second // after which AssemblyAI itself ends a turn: words that the Ear did not hear
	mostTerms   = 100             // key terms, each of at most termLength bytes
	termLength  = 50
)

// Hears is what a Client makes of AssemblyAI.
var Hears = providers.Abilities{Streams: true, MuLaw: true, Words: true, Cancels: true, Languages: "English; with universal-streaming-multilingual also Spanish, French, German, Italian and Portuguese"}

// A Client is one account at one AssemblyAI server. It is a pipeline.Transcriber for any number of calls at once. It must not be copied
// or changed once used.
type Client struct {
	Key      string
	BaseURL  string // empty: BaseURL
	STTModel string // empty: DefaultModel

	ListenQuery url.Values // further parameters, such as filter_profanity=true; they win over the client's own

	DialLimit  time.Duration // longest wait for a socket and its Begin; default 4 s
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
	if c.Key == "" {
		return errors.New("assemblyai: Key is empty")
	}
	if err := CheckModel(cmp.Or(c.STTModel, DefaultModel)); err != nil {
		return fmt.Errorf("assemblyai: STTModel: %w", err)
	}
	if _, err := c.address(nil); err != nil {
		return err
	}
	return nil
}

var modelName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// CheckModel says what is wrong with the name of a model.
func CheckModel(model string) error {
	if !modelName.MatchString(model) {
		return fmt.Errorf("%.100q is no model's name: want letters, digits, dots and dashes", model)
	}
	return nil
}

// Close does nothing: transcriptions are closed by their calls.
func (c *Client) Close() error { return nil }

// Transcribe opens a socket and waits for its Begin. ctx bounds the opening alone; the transcription lives until Close or until the socket
// is lost for good. A lost socket is dialled again, and what was not settled is sent again. Its errors are *wire.Error.
func (c *Client) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	enc, err := wire.EncodingFor(o.Rate)
	if err != nil {
		return nil, fmt.Errorf("assemblyai: %w", err)
	}
	d := &dialect{client: c, query: c.query(o, enc), always: slices.Clone(o.Words)}
	t, err := wire.Open(ctx, wire.Listening{
		Name: "assemblyai", Encoding: enc, Chunk: chunk, Least: least, Lang: o.Lang,
		FinalLimit: cmp.Or(c.FinalLimit, defaultFinalLimit), CloseLimit: cmp.Or(c.CloseLimit, defaultCloseLimit),
		Spare: &c.spare, Log: c.log().With("provider", "assemblyai"),
	}, d)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// query is how a socket is opened.
func (c *Client) query(o pipeline.Listening, enc wire.Encoding) url.Values {
	q := url.Values{
		"sample_rate":                      {strconv.Itoa(enc.Rate)},
		"encoding":                         {"pcm_s16le"},
		"speech_model":                     {cmp.Or(c.STTModel, DefaultModel)},
		"format_turns":                     {"true"},
		"end_of_turn_confidence_threshold": {"1"}, // the Ear decides
		"max_turn_silence":                 {strconv.FormatInt(turnSilence.Milliseconds(), 10)},
	}
	if enc.Width == 1 {
		q.Set("encoding", "pcm_mulaw")
	}
	if terms := keyTerms(o.Words); len(terms) > 0 {
		text, err := json.Marshal(terms)
		if err == nil { // strings always encode
			q.Set("keyterms_prompt", string(text))
		}
	}
	for k, v := range c.ListenQuery {
		q[k] = v
	}
	return q
}

// keyTerms are the words that AssemblyAI takes.
func keyTerms(words []string) (terms []string) {
	for _, w := range words {
		if w != "" && len(w) <= termLength && len(terms) < mostTerms {
			terms = append(terms, w)
		}
	}
	return terms
}

func (c *Client) address(q url.Values) (string, error) {
	address, err := wire.Address(cmp.Or(c.BaseURL, BaseURL), "/v3/ws", q)
	if err != nil {
		return "", fmt.Errorf("assemblyai: %w", err)
	}
	return address, nil
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

// failure puts an error of a socket in AssemblyAI's words.
func (c *Client) failure(err error) error {
	e := wire.AsError("assemblyai", err)
	if e.Status == 0 {
		e.Status = statusOf(e.Close, e.Message)
	}
	var said struct{ Error string }
	if json.Unmarshal([]byte(e.Message), &said) == nil && said.Error != "" {
		e.Message = said.Error
	}
	return e.Clean(c.Key)
}

// statusOf is the status of HTTP that says the same as a close code or an error code; 0: none does.
func statusOf(code int, message string) int {
	switch code {
	case 4001:
		return http.StatusUnauthorized
	case 1008: // policy violation, of a wrong key and of other things
		if len(message) >= 12 && message[:12] == "Unauthorized" {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	case 4002, 4003: // no funds, and not for free accounts
		return http.StatusPaymentRequired
	case 3009, 4029, 4102: // too many at once, too fast, too many streams
		return http.StatusTooManyRequests
	case 3006, 3007, 4000, 4030, 4032, 4033, 4034, 4101: // bad parameters, audio and messages
		return http.StatusBadRequest
	case 3005, 3008, 4004, 4008, 4010, 4031, 4103: // its own trouble, and sessions that have ended
		return http.StatusServiceUnavailable
	}
	return 0
}
