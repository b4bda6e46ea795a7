// Package azure speaks through Azure's voices.
//
//	text ──▶ clauses ──▶ SSML ──▶ POST {region}.tts.speech.microsoft.com/cognitiveservices/v1 ──▶ samples, as they come ──▶ Speak's sequence
//
// Each clause is a request, the next made while one plays. Telephone legs (8 kHz) receive mu-law, others PCM of their own rate. There are no word
// times: Azure tells them on sockets alone, of which only its SDKs' code tells how they speak.
//
// Wire facts: learn.microsoft.com/azure/ai-services/speech-service, rest-text-to-speech and speech-synthesis-markup-structure.
package azure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
	"parley/providers/speech"
	"parley/providers/wire"
)

// What a Client does where its fields are zero.
const (
	DefaultVoice = "en-US-AvaMultilingualNeural" // speaks the language that it reads

	defaultAudioLimit = 5 * time.Second
)

// Speaks is what a Client makes of Azure.
var Speaks = providers.Abilities{Streams: true, MuLaw: true, Cancels: true, Languages: "140 and more, by the voice"}

// A Client is one Speech resource at Azure. It is a pipeline.Synthesizer for any number of calls at once. It must not be copied or changed
// once used.
type Client struct {
	Key     string
	Bearer  bool   // Key is a token, as issueToken and Entra give them, and sent as one
	Region  string // of the resource, such as westeurope
	BaseURL string // of another cloud, a private endpoint or a container; empty: that of Region

	Voice string // of an agent that names none; empty: DefaultVoice

	AudioLimit time.Duration // longest silence of a voice that owes sound; default 5 s

	HTTP *http.Client // makes requests; nil: one of its own that keeps connections warm. A Timeout in it would cut long answers.

	own chat.Own
}

var _ pipeline.Synthesizer = (*Client)(nil)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if c.Key == "" {
		return errors.New("azure: Key is empty")
	}
	if err := CheckVoice(cmp.Or(c.Voice, DefaultVoice)); err != nil {
		return fmt.Errorf("azure: Voice: %w", err)
	}
	_, err := c.endpoint("")
	return err
}

// Close lets go of idle connections.
func (c *Client) Close() error {
	c.own.Or(c.HTTP).CloseIdleConnections()
	return nil
}

// Names that go into markup and addresses.
var (
	voiceName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:._-]{0,99}$`)
	regionName = regexp.MustCompile(`^[a-z0-9]{2,40}$`)
	langTag    = regexp.MustCompile(`^[A-Za-z0-9]{2,8}(-[A-Za-z0-9]{1,8})*$`)
)

// CheckVoice says what is wrong with the name of a voice.
func CheckVoice(name string) error {
	if !voiceName.MatchString(name) {
		return fmt.Errorf("%.100q is no voice's name: want one such as %s", name, DefaultVoice)
	}
	return nil
}

// endpoint is the URL of one of the API's resources.
func (c *Client) endpoint(resource string) (string, error) {
	base := c.BaseURL
	if base == "" {
		if !regionName.MatchString(c.Region) {
			return "", fmt.Errorf("azure: Region %.50q is none: want one such as westeurope", c.Region)
		}
		base = "https://" + c.Region + ".tts.speech.microsoft.com"
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("azure: %w", err)
	}
	return u.JoinPath("cognitiveservices", resource).String(), nil
}

// formats are Azure's words for samples, by their rate.
var formats = map[int]string{
	8000:  "raw-8khz-8bit-mono-mulaw",
	16000: "raw-16khz-16bit-mono-pcm",
	24000: "raw-24khz-16bit-mono-pcm",
	48000: "raw-48khz-16bit-mono-pcm",
}

// Speak implements [pipeline.Synthesizer]: each clause is spoken by a request of its own, and what is cut is cancelled. An error of Azure's
// is a *wire.Error.
func (c *Client) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	enc, err := wire.EncodingFor(v.Rate)
	voice := cmp.Or(v.Name, c.Voice, DefaultVoice)
	if err = errors.Join(c.Check(), err, CheckVoice(voice)); err != nil {
		return func(yield func(pipeline.Speech, error) bool) { yield(pipeline.Speech{}, fmt.Errorf("azure: %w", err)) }
	}
	return speech.Requests{
		Encoding: enc, Rate: v.Rate, AudioLimit: cmp.Or(c.AudioLimit, defaultAudioLimit),
		Ask: func(ctx context.Context, w speech.Wanted) (speech.Sound, error) {
			return c.ask(ctx, markup(w.Words, voice, v), enc)
		},
		Retry: wire.Again, Broken: c.failure,
	}.Speak(ctx, said)
}

// markup is words as SSML.
func markup(words, voice string, v pipeline.Voice) []byte {
	lang := v.Lang
	if !langTag.MatchString(lang) {
		lang = "en-US"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="%s"><voice name="%s">`, lang, voice)
	paced := v.Pace != 0 && v.Pace != 1
	if paced {
		fmt.Fprintf(&b, `<prosody rate="%+.0f%%">`, (v.Pace-1)*100)
	}
	_ = xml.EscapeText(&b, []byte(words)) // a buffer takes all
	if paced {
		b.WriteString("</prosody>")
	}
	b.WriteString("</voice></speak>")
	return b.Bytes()
}

// ask asks for markup to be spoken.
func (c *Client) ask(ctx context.Context, ssml []byte, enc wire.Encoding) (speech.Sound, error) {
	to, err := c.endpoint("v1")
	if err != nil {
		return nil, err
	}
	w := c.wire()
	w.Prepare = func(r *http.Request) {
		r.Header.Set("Content-Type", "application/ssml+xml")
		r.Header.Set("Accept", "*/*")
		r.Header.Set("X-Microsoft-OutputFormat", formats[enc.Rate])
	}
	res, err := w.Send(ctx, http.MethodPost, to, ssml)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res)
	}
	return &speech.Samples{Answer: res, Piece: enc.Bytes(100 * time.Millisecond)}, nil
}

// Warm opens a connection, so that the first words to be spoken do not wait for it. Any answer will do, except that the key is refused.
func (c *Client) Warm(ctx context.Context, _ pipeline.Voice) error {
	err := c.Check()
	if err == nil {
		err = c.list(ctx)
	}
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	return nil
}

// list asks for the list of voices, which needs the key and costs nothing.
func (c *Client) list(ctx context.Context) error {
	to, err := c.endpoint("voices/list")
	if err != nil {
		return err
	}
	res, err := c.wire().Send(ctx, http.MethodGet, to, nil)
	if err != nil {
		return c.failure("the request failed", err)
	}
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return c.failure("", refusal(res))
	}
	defer res.Body.Close()                                      //nolint:errcheck // read-only
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<20)) // a connection can be used again only when it was read to the end
	return nil
}

func (c *Client) wire() chat.Wire {
	return chat.Wire{HTTP: speech.Unmoved(c.own.Or(c.HTTP)), Secret: c.Key, Sign: func(h http.Header) {
		h.Set("User-Agent", "parley") // which Azure wants
		if c.Bearer {
			h.Set("Authorization", "Bearer "+c.Key)
			return
		}
		h.Set("Ocp-Apim-Subscription-Key", c.Key)
	}}
}

// refusal is an answer without sound. Some have no words but their status.
func refusal(res *http.Response) error {
	defer res.Body.Close()                                //nolint:errcheck // read-only
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // what could be read of it is what can be told
	var said struct {
		Error struct{ Code, Message string }
	}
	e := &wire.Error{Vendor: "azure", Status: res.StatusCode, Message: string(body)}
	if json.Unmarshal(body, &said) == nil && said.Error.Message != "" {
		e.Message = said.Error.Message
	}
	if strings.TrimSpace(e.Message) == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	return e
}

// failure is an error of a request as a *wire.Error.
func (c *Client) failure(what string, err error) error {
	e := wire.AsError("azure", err)
	if e.Status == 0 && e.Message == "" {
		e.Message = what
	}
	return e.Clean(c.Key)
}
