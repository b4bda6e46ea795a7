// Package elevenlabs speaks and listens through ElevenLabs, and fetches conversations that its agents held.
//
//	text ──▶ clauses ──▶ a context of its own ──▶ line ──▶ its reader ──▶ sound and word times, bounded ──▶ Speak's sequence
//	                                               ▲
//	                                         pool of idle lines
//
//	Conversation(id) ──▶ GET {base}/v1/convai/conversations/{id} ──▶ transcript, analysis, metadata
//	                       └── again on 429, 5xx or a broken connection: three tries in all
//
// A line is a socket of one voice, model and format on which contexts follow one another: one for each utterance. An utterance that is
// cut closes its context, and the line serves the next one at once: what still comes of the old context is known by its id, and dropped.
// A line outlives its utterances in the Client's pool, kept alive, so that the next one needs no handshake; its reader belongs to the
// Client. Telephone legs (8 kHz) get mu-law, others PCM. Words are timed by the characters' times that come with the sound.
//
// Wire facts: elevenlabs.io/docs, api-reference text-to-speech multi-stream-input (with its AsyncAPI specification), guide
// multi-context-web-socket, resources errors; api-reference conversations get.
package elevenlabs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"parley/providers/chat"
	"parley/providers/pool"
)

// What a Client does where its fields are zero.
const (
	BaseURL      = "https://api.elevenlabs.io" // ElevenLabs' own server; it has others that keep data in one region
	DefaultVoice = "JBFqnCBsd6RMkjVDRZzb"      // George, with whom ElevenLabs' own quickstart speaks
	DefaultModel = "eleven_flash_v2_5"         // the quickest; it speaks 32 languages

	defaultDialLimit  = 4 * time.Second
	defaultAudioLimit = 4 * time.Second
	defaultIdle       = 64
)

// A Transport is a way in which a voice is asked.
type Transport string

// The transports.
const (
	Sockets  Transport = "socket" // on which contexts follow one another
	Requests Transport = "http"   // one for each clause, for networks and plans without sockets
)

// A Client speaks to ElevenLabs with one account's key. It is a pipeline.Synthesizer for any number of calls at once. It may be used by
// any number of goroutines, and must not be copied or changed once used; Close it if it has spoken.
type Client struct {
	Key     string
	BaseURL string       // https or http, or wss or ws, which are the same to it; empty: BaseURL
	HTTP    *http.Client // fetches conversations, and speaks by Requests; nil: one of its own. It follows no redirects, which would take the key along

	Transport Transport // empty: Sockets

	Voice string // id of the voice of an agent that names none; empty: DefaultVoice
	Model string // of an agent that names none; empty: DefaultModel

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	AudioLimit time.Duration // longest silence of a voice that owes sound; default 4 s
	Idle       int           // most idle sockets kept; default 64

	// NetDial opens the voice's connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	pool     pool.Pool[*line]
	contexts atomic.Uint64 // so far
	own      chat.Own
}

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if _, err := c.base(); err != nil {
		return err
	}
	if c.Key == "" {
		return errors.New("elevenlabs: Key is empty")
	}
	if err := CheckVoice(cmp.Or(c.Voice, DefaultVoice)); err != nil {
		return fmt.Errorf("elevenlabs: Voice: %w", err)
	}
	if err := CheckModel(cmp.Or(c.Model, DefaultModel)); err != nil {
		return fmt.Errorf("elevenlabs: Model: %w", err)
	}
	if c.Transport != "" && c.Transport != Sockets && c.Transport != Requests {
		return fmt.Errorf("elevenlabs: Transport is %q: want %s or %s", c.Transport, Sockets, Requests)
	}
	return nil
}

// base is the server's address, for requests.
func (c *Client) base() (*url.URL, error) {
	u, err := url.Parse(cmp.Or(c.BaseURL, BaseURL))
	if err == nil {
		u.Scheme = map[string]string{"http": "http", "https": "https", "ws": "http", "wss": "https"}[u.Scheme]
	}
	if err != nil || u.Host == "" || u.Scheme == "" {
		return nil, errors.New("elevenlabs: BaseURL is no https, http, wss or ws URL")
	}
	return u, nil
}

// Close ends all sockets and idle connections of the voice, and waits for their goroutines.
func (c *Client) Close() error {
	c.pool.Close()
	c.own.Or(c.HTTP).CloseIdleConnections()
	return nil
}
