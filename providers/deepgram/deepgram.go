// Package deepgram listens and speaks through Deepgram: listen v1 (Nova) and v2 (Flux) recognise, speak v1 (Aura) speaks.
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
// flux/state, flux/configure, flux/force-end-turn, flux/close-stream, tts-ws-flush and tts-ws-clear.
package deepgram

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/g711"
	"parley/pipeline"
	"parley/providers/pool"
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

// readBuffer is a socket's, in bytes. Most messages are smaller, and larger ones are read past it.
const readBuffer = 1024

// messageLimit is the largest text message that is read; no sane answer comes near.
const messageLimit = 1 << 20

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
	reels   sync.Pool // of *reelBlock
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

// address is where to dial for path, with the query q.
func (c *Client) address(path string, q url.Values) (string, error) {
	u, err := url.Parse(or(c.BaseURL, defaultBaseURL))
	if err != nil {
		return "", fmt.Errorf("deepgram: base URL: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("deepgram: base URL %q does not begin with wss://, ws://, https:// or http://", c.BaseURL)
	}
	u = u.JoinPath(path)
	u.RawQuery = q.Encode()
	return u.String(), nil
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
	address, err := c.address(path, q)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if c.Key != "" {
		header.Set("Authorization", "Token "+c.Key)
	}
	limit := or(c.DialLimit, defaultDialLimit)
	dialer := websocket.Dialer{
		Proxy:           http.ProxyFromEnvironment,
		ReadBufferSize:  readBuffer,
		WriteBufferSize: max(biggest, 512),
	}
	if c.NetDial != nil {
		dialer.Proxy, dialer.NetDialContext = nil, c.NetDial
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	conn, answer, err := dialer.DialContext(ctx, address, header)
	if err == nil {
		conn.SetReadLimit(messageLimit)
		return conn, nil
	}
	if answer != nil {
		defer func() { _ = answer.Body.Close() }() // its beginning is in memory already
		return nil, refusal(op, answer)
	}
	if end, _ := ctx.Deadline(); timedOut(err) && time.Until(end) < 10*time.Millisecond {
		<-ctx.Done() // the connection's deadline is ctx's own, and may have come a moment earlier
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, fmt.Errorf("deepgram %s: dial: %w", op, err)
}

// refusal reads why the server did not upgrade. Gorilla has already limited the body.
func refusal(op string, answer *http.Response) *Error {
	e := &Error{Op: op, Status: answer.StatusCode, RequestID: answer.Header.Get("Dg-Request-Id"), Message: answer.Header.Get("Dg-Error")}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what could be read of it is what can be told
	var said struct {
		Code      string `json:"err_code"`
		Message   string `json:"err_msg"`
		RequestID string `json:"request_id"`
	}
	if json.Unmarshal(body, &said) == nil {
		e.Code, e.RequestID = said.Code, or(said.RequestID, e.RequestID)
		e.Message = or(said.Message, e.Message)
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(printable(string(body)))
	}
	return e
}

// broken puts the end of a socket in the house's words: Deepgram's own reason where it gave one.
func broken(op string, err error) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return fmt.Errorf("deepgram %s: %w", op, err)
	}
	e := &Error{Op: op, Close: closed.Code, Message: printable(closed.Text)}
	if code, rest, ok := strings.Cut(e.Message, ": "); ok && strings.Count(code, "-") == 1 && !strings.Contains(code, " ") {
		e.Code, e.Message = code, rest // "NET-0001: did not receive audio ..."
	}
	return e
}

// goodbye says that the other end closed the socket in good order.
func goodbye(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived)
}

// timedOut says that a read or write met its deadline.
func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// printable keeps a server's words from playing tricks in a log.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "?")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s[:min(len(s), 512)])
}

// An encoding is how samples are written on the wire.
type encoding struct {
	name  string // Deepgram's
	width int    // bytes a sample
	rate  int
}

// encodingFor picks mu-law where that is what the telephone carries anyway, and linear16 elsewhere.
func encodingFor(rate int) (encoding, error) {
	switch rate {
	case 8000:
		return encoding{name: "mulaw", width: 1, rate: rate}, nil
	case 16000, 24000, 48000:
		return encoding{name: "linear16", width: 2, rate: rate}, nil
	}
	return encoding{}, fmt.Errorf("deepgram: rate %d is none of 8000, 16000, 24000 and 48000", rate)
}

// bytes is the size of d of audio.
func (e encoding) bytes(d time.Duration) int {
	return int(d*time.Duration(e.rate)/time.Second) * e.width
}

// encode writes pcm to dst, which has room for it.
func (e encoding) encode(dst []byte, pcm []int16) {
	if e.width == 1 {
		g711.Ulaw.Encode(dst, pcm)
		return
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(s))
	}
}

// decode reads whole samples of src into dst and returns how many.
func (e encoding) decode(dst []int16, src []byte) int {
	if e.width == 1 {
		return g711.Ulaw.Decode(dst, src)
	}
	n := min(len(dst), len(src)/2)
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(src[2*i:]))
	}
	return n
}
