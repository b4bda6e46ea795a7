// Package rime speaks through Rime's voices.
//
//	text ──▶ clauses ──▶ /ws3, a context for each ──▶ line ──▶ its reader ──▶ sound and word times, bounded ──▶ Speak's sequence
//	                                                   ▲
//	                                             pool of idle lines of the same voice
//
// A line is a socket, which has one voice, as its address names it. The server speaks one context at a time: clauses that come meanwhile are
// spoken together when it has done so, in the context of the last. So a context that is heard of ends those before it, and "done" is said
// when nothing is left to be spoken. An utterance that is cut has what waits cleared; but what is being made cannot be stopped, and would delay
// the next, so the line ends, as Rime's own pages have it, and another is opened at once in its place. Telephone legs (8 kHz) receive mu-law,
// others PCM of their own rate.
//
// Wire facts: docs.rime.ai, docs/websockets, docs/websockets-segment, api-reference/coda/websockets-json and mistv2/websockets-json.
package rime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
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
	BaseURL      = "wss://users-ws.rime.ai"
	DefaultModel = "coda"
	DefaultVoice = "astra"

	defaultDialLimit  = 4 * time.Second
	defaultAudioLimit = 4 * time.Second
	defaultIdle       = 64
)

// Speaks is what a Client makes of Rime.
var Speaks = providers.Abilities{
	Streams: true, MuLaw: true, Words: true, Cancels: true, Languages: "6 with coda, by the voice; word times of some",
}

// A Client is one account at Rime. It is a pipeline.Synthesizer for any number of calls at once. It must not be copied or changed once used;
// Close it when the last call has ended.
type Client struct {
	Key     string
	BaseURL string // of ws or http; empty: BaseURL

	Model string // for an agent that names none: coda, mistv3, mistv2; empty: DefaultModel
	Voice string // name of the speaker of an agent that names none; empty: DefaultVoice

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	AudioLimit time.Duration // longest silence of a voice that owes sound; default 4 s
	Idle       int           // most idle sockets kept; default 64

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	voice speech.Sockets
}

var _ pipeline.Synthesizer = (*Client)(nil)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if c.Key == "" {
		return errors.New("rime: Key is empty")
	}
	if _, err := wire.Address(cmp.Or(c.BaseURL, BaseURL), "/", nil); err != nil {
		return fmt.Errorf("rime: %w", err)
	}
	if err := CheckModel(cmp.Or(c.Model, DefaultModel)); err != nil {
		return fmt.Errorf("rime: Model: %w", err)
	}
	if err := CheckVoice(cmp.Or(c.Voice, DefaultVoice)); err != nil {
		return fmt.Errorf("rime: Voice: %w", err)
	}
	return nil
}

// Close ends all sockets and waits for their goroutines.
func (c *Client) Close() error {
	c.voice.Close()
	return nil
}

// name is what names of voices and models are made of.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckModel says what is wrong with the name of a model.
func CheckModel(model string) error {
	if !name.MatchString(model) {
		return fmt.Errorf("%.100q is no model's name: want letters, digits, '.', '_' and '-'", model)
	}
	return nil
}

// CheckVoice says what is wrong with the name of a voice.
func CheckVoice(voice string) error {
	if !name.MatchString(voice) {
		return fmt.Errorf("%.100q is no voice's name: want letters, digits, '.', '_' and '-'", voice)
	}
	return nil
}

// address is where v is spoken.
func (c *Client) address(v pipeline.Voice, e wire.Encoding) (string, error) {
	voice, model := cmp.Or(v.Name, c.Voice, DefaultVoice), cmp.Or(v.Model, c.Model, DefaultModel)
	if err := errors.Join(CheckVoice(voice), CheckModel(model)); err != nil {
		return "", err
	}
	q := url.Values{
		"speaker": {voice}, "modelId": {model}, "segment": {"immediate"}, "audioFormat": {"pcm"}, "samplingRate": {strconv.Itoa(e.Rate)},
	}
	if e.Width == 1 {
		q.Set("audioFormat", "mulaw")
	}
	if lang := language(v.Lang, model); lang != "" {
		q.Set("lang", lang)
	}
	if v.Pace != 0 && v.Pace != 1 {
		q.Set("speedAlpha", strconv.FormatFloat(alpha(v.Pace, model), 'g', 4, 64))
	}
	return wire.Address(cmp.Or(c.BaseURL, BaseURL), "/ws3", q)
}

// early says of a model that it is one of the first Mists, which have words of their own.
func early(model string) bool {
	return model == "mist" || strings.HasPrefix(model, "mistv1") || strings.HasPrefix(model, "mistv2")
}

// language is Rime's word for a language; empty: the voice's own.
func language(tag, model string) string {
	lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if !early(model) {
		return lang
	}
	return map[string]string{"en": "eng", "es": "spa", "fr": "fra", "de": "ger", "hi": "hin"}[lang]
}

// alpha is Rime's speedAlpha: more is quicker, but of the first Mists slower.
func alpha(pace float64, model string) float64 {
	if early(model) {
		return 1 / pace
	}
	return pace
}

// dial opens a socket. No message that is sent is larger than its buffer: a larger one would be sent in fragments.
func (c *Client) dial(ctx context.Context, address string) (*websocket.Conn, error) {
	dialer := wire.Dialer{Limit: cmp.Or(c.DialLimit, defaultDialLimit), Biggest: 8192, NetDial: c.NetDial}
	conn, err := dialer.Dial(ctx, address, http.Header{"Authorization": {"Bearer " + c.Key}})
	if err != nil {
		return nil, c.failure(err)
	}
	return conn, nil
}
