package openai

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
	"parley/providers/wire"
)

// A Transport is a way in which speech is brought to a recogniser.
type Transport string

// The transports.
const (
	Sockets Transport = "realtime" // a socket of OpenAI's Realtime API, on which speech is sent as it is spoken
	Uploads Transport = "uploads"  // a request for each stretch of speech, as all compatible servers take them
)

// What an Audio does where its fields are zero.
const (
	DefaultSTTModel = "gpt-4o-transcribe"
	DefaultTTSModel = "gpt-4o-mini-tts"
	DefaultVoice    = "marin"

	defaultDialLimit   = 4 * time.Second
	defaultFinalLimit  = 3 * time.Second
	defaultUploadLimit = 8 * time.Second
	defaultCloseLimit  = 2 * time.Second
	defaultAudioLimit  = 5 * time.Second
)

// An Audio is the recogniser and the voice of OpenAI, or of a server that speaks the same: Whisper's and Kokoro's many servers, Groq. It may
// be used by any number of calls at once, and must not be copied or changed once used.
type Audio struct {
	BaseURL string // with or without /v1 at its end; empty: https://api.openai.com/v1
	Key     string // sent as a bearer token; empty: none, as local servers like it

	STTModel  string    // empty: DefaultSTTModel. On a socket gpt-live-transcribe tells words as they are spoken, others once they were
	Transport Transport // of what is heard; empty: Sockets at OpenAI itself, Uploads elsewhere
	Prompt    string    // tells the recogniser what it may hear; expected words are added to it
	WordTimes bool      // of Uploads: asks for the times of words (verbose_json), which whisper's models tell; there are no Partials then

	Model        string // of the voice, for an agent that names none; empty: DefaultTTSModel
	Voice        string // of an agent that names none; empty: DefaultVoice
	Instructions string // how it is to speak; gpt-4o-mini-tts heeds them

	DialLimit  time.Duration // longest wait for a socket; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for its words; default 3 s, of Uploads 8 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 2 s
	AudioLimit time.Duration // longest silence of a voice that owes sound; default 5 s

	// NetDial opens sockets; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
	HTTP    *http.Client // makes requests; nil: one of its own that keeps connections warm. A Timeout in it would cut long answers.

	Log *slog.Logger // default slog.Default()

	own   chat.Own
	reels wire.Spare
}

var (
	_ pipeline.Transcriber = (*Audio)(nil)
	_ pipeline.Synthesizer = (*Audio)(nil)
)

// What an Audio makes of OpenAI: by Sockets, by Uploads (with WordTimes also words), and as a voice.
var (
	Hears        = providers.Abilities{Streams: true, MuLaw: true, Cancels: true, Languages: "57 and more"}
	HearsUploads = providers.Abilities{Cancels: true, Languages: "57 and more"}
	Speaks       = providers.Abilities{Streams: true, Cancels: true, Languages: "57 and more"}
)

// Check says what is wrong with the Audio's fields; nil if it can be used.
func (a *Audio) Check() error {
	if _, err := a.endpoint("models"); err != nil {
		return err
	}
	if a.Transport != "" && a.Transport != Sockets && a.Transport != Uploads {
		return fmt.Errorf("openai: Transport is %q: want %s or %s", a.Transport, Sockets, Uploads)
	}
	return nil
}

// Close lets go of idle connections. Transcriptions are closed by their calls.
func (a *Audio) Close() error {
	a.own.Or(a.HTTP).CloseIdleConnections()
	return nil
}

// Warm opens a connection, so that the first words to be spoken do not wait for it. Any answer of the server's will do, except that it
// refuses the key: that comes back as an *Error.
func (a *Audio) Warm(ctx context.Context, _ pipeline.Voice) error {
	to, err := a.endpoint("models")
	if err != nil {
		return err
	}
	if err := a.wire().Warm(ctx, to); err != nil {
		return fmt.Errorf("openai: %w", err)
	}
	return nil
}

// endpoint is the URL of one of the API's resources.
func (a *Audio) endpoint(resource string) (string, error) {
	return (&Client{BaseURL: a.BaseURL}).endpoint(resource)
}

func (a *Audio) wire() chat.Wire {
	return chat.Wire{HTTP: a.own.Or(a.HTTP), Secret: a.Key, Sign: a.sign}
}

func (a *Audio) sign(h http.Header) {
	if a.Key != "" {
		h.Set("Authorization", "Bearer "+a.Key)
	}
}

// transport is how speech is brought to the recogniser.
func (a *Audio) transport() Transport {
	u, err := url.Parse(a.BaseURL)
	switch {
	case a.Transport != "":
		return a.Transport
	case a.BaseURL == "" || err == nil && strings.HasSuffix(u.Hostname(), ".openai.com"):
		return Sockets
	}
	return Uploads
}

func (a *Audio) log() *slog.Logger { return cmp.Or(a.Log, slog.Default()) }

func (a *Audio) sttModel() string { return cmp.Or(a.STTModel, DefaultSTTModel) }

// contextual says of a model of recognition that it takes words to expect, and languages, as lists. Others take one language, and words as a
// part of the prompt.
func contextual(model string) bool {
	return strings.HasPrefix(model, "gpt-transcribe") || strings.HasPrefix(model, "gpt-live-transcribe")
}

// prompt tells the recogniser what it may hear.
func (a *Audio) prompt(expected []string) string {
	prompt := a.Prompt
	if len(expected) > 0 && !contextual(a.sttModel()) {
		prompt = strings.TrimSpace(prompt + " Names: " + strings.Join(expected, ", "))
	}
	return prompt
}

// language is the one that OpenAI calls by two letters, mostly; empty: it is not known.
func language(o pipeline.Listening) string {
	lang, _, _ := strings.Cut(o.Lang, "-")
	return strings.ToLower(lang)
}

// Transcribe implements [pipeline.Transcriber]. ctx bounds the opening alone.
func (a *Audio) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	if a.transport() == Sockets {
		return a.listen(ctx, o)
	}
	return a.upload(ctx, o)
}
