// Package wyoming listens and speaks through servers of the Wyoming protocol on one's own machines, such as wyoming-faster-whisper and
// wyoming-piper.
//
//	Began ──▶ stretch ──▶ transcribe, audio-start, audio-chunk ... ──▶ one connection ──▶ transcript ──▶ Results
//	Ended ──▶ audio-stop ──────────────────────────────────────────────┘
//
//	text ──▶ clauses ──▶ synthesize, or synthesize-start, -chunk, -stop ──▶ line ──▶ its reader ──▶ audio-chunk ──▶ Speak's sequence
//	                                                                       ▲
//	                                                                 pool of idle lines
//
// A server hears one stretch of speech at a time, and many hang up after it: each stretch has a connection of its own, which was opened
// before it was needed, and is sent while it is spoken. Servers that tell words before they tell all of them are understood; no server
// tells words' times. There is no way to take back what is to be spoken but to hang up: what the server is at work on, a sentence at most,
// is made and thrown away. Audio goes out at 16 kHz, which is what recognisers work at, and comes in at whatever rate the voice has.
//
// A transcription has one goroutine, and one more that reads while a stretch is heard; a line's reader belongs to the Client.
//
// Wire facts: github.com/OHF-Voice/wyoming, README; the events as package wyoming 1.10.2 writes them, and as wyoming-faster-whisper 3.8.1
// and wyoming-piper 2.5.2 take them.
package wyoming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/pool"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	HearURL  = "tcp://localhost:10300" // where wyoming-faster-whisper listens by convention
	SpeakURL = "tcp://localhost:10200" // and wyoming-piper

	defaultDialLimit  = 4 * time.Second
	defaultFinalLimit = 4 * time.Second
	defaultAudioLimit = 8 * time.Second
	defaultCloseLimit = 4 * time.Second
	defaultIdle       = 16
)

// What a Client makes of servers.
var (
	Hears  = providers.Abilities{Cancels: true, Languages: "those of the server's model"}
	Speaks = providers.Abilities{Streams: true, Cancels: true, Languages: "those of the server's voices"}
)

// A Client is one Wyoming server, or two, of which one listens and one speaks. It is a pipeline.Transcriber and a pipeline.Synthesizer for
// any number of calls at once. It must not be copied or changed once used; Close it when the last call has ended.
type Client struct {
	BaseURL  string // tcp://host:port, of both; empty: HearURL to listen, and SpeakURL to speak
	STTModel string // empty: the server's default
	Voice    string // of an agent that names none; empty: the server's default

	DialLimit  time.Duration // longest wait for a connection and the server's account of itself; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for its answer, then it gets the words known so far; default 4 s
	AudioLimit time.Duration // longest silence of a voice that owes sound; default 8 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 4 s
	Idle       int           // most idle connections of the voice kept; default 16

	// NetDial opens connections; nil: net.Dialer.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // default slog.Default()

	pool pool.Pool[*line]
}

var (
	_ pipeline.Transcriber = (*Client)(nil)
	_ pipeline.Synthesizer = (*Client)(nil)
)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if c.BaseURL != "" {
		if _, err := hostOf(c.BaseURL); err != nil {
			return err
		}
	}
	if err := CheckModel(c.STTModel); err != nil {
		return fmt.Errorf("wyoming: STTModel: %w", err)
	}
	if err := CheckVoice(c.Voice); err != nil {
		return fmt.Errorf("wyoming: Voice: %w", err)
	}
	return nil
}

// CheckModel says what is wrong with the name of a model. None is as well.
func CheckModel(model string) error { return checkName(model) }

// CheckVoice says what is wrong with the name of a voice. None is as well.
func CheckVoice(voice string) error { return checkName(voice) }

func checkName(s string) error {
	if len(s) > 200 || strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("it is no name: it is too long, or has control characters")
	}
	return nil
}

// Close ends all connections of the voice and waits for their goroutines. Transcriptions are closed by their calls.
func (c *Client) Close() error {
	c.pool.Close()
	return nil
}

// hostOf is where to dial.
func hostOf(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "tcp" || u.Port() == "" || u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("wyoming: base URL %q is not like tcp://host:port", base)
	}
	return u.Host, nil
}

// dial opens a connection to base and asks what the server can do.
func (c *Client) dial(ctx context.Context, base string) (*conn, info, error) {
	host, err := hostOf(base)
	if err != nil {
		return nil, info{}, err
	}
	limit := cmp.Or(c.DialLimit, defaultDialLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, wire.Late("answer", limit))
	defer cancel()
	dial := c.NetDial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, "tcp", host)
	if err == nil {
		k := newConn(raw)
		stopped := context.AfterFunc(ctx, func() { _ = raw.Close() })
		var i info
		if i, err = k.describe(); stopped() && err == nil {
			return k, i, nil
		}
		_ = raw.Close()
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, info{}, failure(fmt.Errorf("dial: %w", err))
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

// failure puts an error of a connection in the house's words.
func failure(err error) error { return wire.AsError("wyoming", err) }
