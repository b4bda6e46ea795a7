// Package deepgram listens and speaks through Deepgram: listen v1 (Nova) and v2 (Flux) recognise, speak v1 (Aura) and v2 (Flux) speak.
//
//	Write ──▶ reel ──▶ send ──▶ socket ──▶ read ──▶ hear ──▶ outbox ──▶ Results
//	Mark  ──▶ Finalize ──┘        (Flux finds the ends of turns itself: it is asked only when it leaves an Ended waiting)
//
//	text ──▶ clauses ──▶ Speak, Flush ──▶ line ──▶ its reader ──▶ bounded audio ──▶ Speak's sequence
//	                                       ▲
//	                                 pool of idle lines
//
// A call's transcription owns its socket and two goroutines, one that sends and one that reads; both are gone when Close returns. A
// line, the socket of a voice, outlives one utterance: it waits in the Client's pool, kept alive by pings, so that the next
// utterance needs no handshake; its reader belongs to the Client. Telephone legs (8 kHz) send and receive mu-law, others linear16.
//
// Wire facts: developers.deepgram.com, reference listen-streaming, listen-flux and speak-streaming, docs audio-keep-alive, finalize,
// flux/state, flux/configure, flux/force-end-turn, flux/close-stream, tts-ws-flush, tts-ws-clear,
// flux-tts/client-messages and flux-tts/server-messages.
package deepgram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/pool"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	defaultBaseURL    = "wss://api.deepgram.com"
	defaultSTTModel   = "nova-3"
	defaultTTSModel   = "aura-2-thalia-en"
	defaultChunk      = 80 * time.Millisecond
	defaultDialLimit  = 4 * time.Second
	defaultFinalLimit = 2 * time.Second
	defaultAudioLimit = 4 * time.Second
	defaultCloseLimit = 2 * time.Second
	defaultIdle       = 512
)

// writeLimit bounds every write: a server that reads nothing for so long is gone.
const writeLimit = 3 * time.Second

// What a Client makes of Deepgram.
var (
	Hears  = providers.Abilities{Streams: true, MuLaw: true, Words: true, Turns: true, Cancels: true, Languages: "40 and more, with flux-general-en English; turns with flux-..."}
	Speaks = providers.Abilities{Streams: true, MuLaw: true, Cancels: true, Languages: "7, by the voice"}
)

// A Client is one account at one Deepgram server. It is a pipeline.Transcriber and a pipeline.Synthesizer for any number of calls at
// once. It must not be copied or changed once used; Close it when the last call has ended.
type Client struct {
	Key      string // sent as "Authorization: Token KEY"; empty for a self-hosted server that asks for none
	BaseURL  string // default wss://api.deepgram.com; ws:// for a self-hosted server on the same network
	STTModel string // default nova-3; flux-... finds the ends of turns itself, and leaves recordings (Listening.Patient) to the default
	TTSModel string // the voice of an agent that names none; default aura-2-thalia-en

	Chunk time.Duration // audio in one message of listen, 20 to 100 ms; default 80 ms, which costs least
	// Endpointing is the silence after which Deepgram itself ends an utterance; 0: never, the call's Ear decides. Of Flux it is the silence
	// after which a turn ends however unfinished its words are (eot_timeout_ms, 500 ms to 60 s); 0: 3 s.
	Endpointing time.Duration
	ListenQuery url.Values // further parameters of listen, such as redact=pci; they win over the client's own

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for Deepgram's answer, then it gets the words known so far; default 2 s
	AudioLimit time.Duration // longest silence of a voice that owes audio; default 4 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 2 s
	Idle       int           // most idle voice sockets kept, each for 10 s at most; default 512

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // default slog.Default()

	pool pool.Pool[*line]

	// What no call needs just now.
	reels   wire.Spare
	buffers sync.Pool // of *bytes.Buffer, for a message each
}

var (
	_ pipeline.Transcriber = (*Client)(nil)
	_ pipeline.Synthesizer = (*Client)(nil)
)

// An Error is Deepgram's refusal, or the reason it gave for closing a socket.
type Error struct {
	Op        string // "listen" or "speak"
	Status    int    // HTTP status of a refused handshake; 0: there was a connection
	Close     int    // WebSocket close code; 0: none
	Code      string // Deepgram's own, such as INVALID_AUTH, DATA-0000 or NET-0001; may be empty
	Message   string
	RequestID string // for Deepgram's support
}

// StatusCode is Status, for who sorts failures (providers.Class).
func (e *Error) StatusCode() int { return e.Status }

// Error names what was asked, how it was refused, and Deepgram's words.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "deepgram %s:", e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, " HTTP %d", e.Status)
	}
	if e.Close != 0 {
		fmt.Fprintf(&b, " closed with %d", e.Close)
	}
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			b.WriteString(" " + s)
		}
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Hopeless says that asking again will be refused again: a wrong key, no credit, a bad parameter, audio that cannot be decoded.
func (e *Error) Hopeless() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout ||
		e.Close == websocket.ClosePolicyViolation
}

// Close ends all voice sockets and waits for their goroutines. Transcriptions are closed by their calls.
func (c *Client) Close() error {
	c.pool.Close()
	return nil
}

// check names the setting that cannot be used.
func (c *Client) check() error {
	if c.Chunk != 0 && (c.Chunk < 20*time.Millisecond || c.Chunk > 100*time.Millisecond) {
		return fmt.Errorf("deepgram: chunk %v is not within 20ms and 100ms", c.Chunk)
	}
	if c.Endpointing < 0 {
		return fmt.Errorf("deepgram: endpointing %v is negative", c.Endpointing)
	}
	if c.Endpointing > 0 && turnBased(c.STTModel) && (c.Endpointing < 500*time.Millisecond || c.Endpointing > time.Minute) {
		return fmt.Errorf("deepgram: endpointing %v of %s is not within 500ms and 1m", c.Endpointing, c.STTModel)
	}
	return nil
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// buffer is an empty one for a message. A socket has one only while it reads a message, so that the thousands that wait for one have none.
func (c *Client) buffer() *bytes.Buffer {
	b, ok := c.buffers.Get().(*bytes.Buffer)
	if !ok {
		return new(bytes.Buffer)
	}
	b.Reset()
	return b
}

// dial opens a socket for op, "listen" or "speak", at path. No message that is sent may be larger than biggest bytes: a larger one
// would be sent in fragments.
func (c *Client) dial(ctx context.Context, op, path string, q url.Values, biggest int) (*websocket.Conn, error) {
	address, err := wire.Address(or(c.BaseURL, defaultBaseURL), path, q)
	if err != nil {
		return nil, fmt.Errorf("deepgram: %w", err)
	}
	header := http.Header{}
	if c.Key != "" {
		header.Set("Authorization", "Token "+c.Key)
	}
	dialer := wire.Dialer{Limit: or(c.DialLimit, defaultDialLimit), Biggest: biggest, NetDial: c.NetDial}
	conn, err := dialer.Dial(ctx, address, header)
	var refused *wire.Refusal
	if errors.As(err, &refused) {
		return nil, refusal(op, refused)
	}
	if err != nil {
		return nil, fmt.Errorf("deepgram %s: %w", op, err)
	}
	return conn, nil
}

// refusal reads why the server did not upgrade.
func refusal(op string, r *wire.Refusal) *Error {
	e := &Error{Op: op, Status: r.Status, RequestID: r.Header.Get("Dg-Request-Id"), Message: r.Header.Get("Dg-Error")}
	var said struct {
		Code      string `json:"err_code"`
		Message   string `json:"err_msg"`
		RequestID string `json:"request_id"`
	}
	if json.Unmarshal(r.Body, &said) == nil {
		e.Code, e.RequestID = said.Code, or(said.RequestID, e.RequestID)
		e.Message = or(said.Message, e.Message)
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(wire.Printable(string(r.Body)))
	}
	return e
}

// broken puts the end of a socket in the house's words: Deepgram's own reason where it gave one.
func broken(op string, err error) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return fmt.Errorf("deepgram %s: %w", op, err)
	}
	e := &Error{Op: op, Close: closed.Code, Message: wire.Printable(closed.Text)}
	if code, rest, ok := strings.Cut(e.Message, ": "); ok && strings.Count(code, "-") == 1 && !strings.Contains(code, " ") {
		e.Code, e.Message = code, rest // "NET-0001: did not receive audio ..."
	}
	return e
}

// encodingName is what Deepgram calls an encoding.
func encodingName(e wire.Encoding) string {
	if e.Width == 1 {
		return "mulaw"
	}
	return "linear16"
}

// encodingFor is how audio of a rate is sent and received.
func encodingFor(rate int) (wire.Encoding, error) {
	enc, err := wire.EncodingFor(rate)
	if err != nil {
		return enc, fmt.Errorf("deepgram: %w", err)
	}
	return enc, nil
}
