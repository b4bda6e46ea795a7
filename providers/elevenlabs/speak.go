package elevenlabs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/text"
)

const (
	speechPiece = 100 * time.Millisecond // the most that one Speech carries
	textPause   = 300 * time.Millisecond // without text, what looks like the end of a sentence is spoken
	soundAhead  = 3 * time.Second        // in hand, beyond which text waits: an interruption would waste what is made of it
)

var _ pipeline.Synthesizer = (*Client)(nil)

// Speak sends what is said clause by clause, each to be spoken at once, the first as early as it makes sense; its sound is yielded as it
// comes, with its word times. No more is asked for while the caller is seconds behind. When it is cut, by ctx or by the caller's break,
// its context is closed: clauses that were not sent are never made, or charged. An error in what is said is yielded after what came before it was spoken. An error of ElevenLabs' is an *Error.
//
// Text is pulled by a goroutine of its own while the line is opened. The sequence waits for it before it ends, so said must end
// when ctx does.
func (c *Client) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	if c.Transport == Requests {
		return c.request(ctx, said, v)
	}
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := utterance{client: c, feed: feed, yield: yield}
			if err := u.speak(ctx, v); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}

// Warm opens a line for v, or a connection for requests, and leaves it idle, so that the first utterance of a call needs no handshake.
func (c *Client) Warm(ctx context.Context, v pipeline.Voice) error {
	if c.Transport == Requests {
		return c.warmRequests(ctx)
	}
	w, err := c.want(v)
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l, err := c.openLine(ctx, w)
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l.release()
	return nil
}

// A want is what a line is opened for, and a context on it.
type want struct {
	address  string // of the socket: its voice, model, language and format
	format   format
	settings json.RawMessage // of the voice; nil: as its owner has set it
}

// A format is how sound comes on the wire.
type format struct {
	name  string // ElevenLabs'
	width int    // bytes a sample
	rate  int
}

// formatFor is what is asked for a leg: mu-law where that is what the telephone carries anyway. There is no 48 kHz on the socket, so
// that is made of half of it.
func formatFor(rate int) (format, error) {
	switch rate {
	case 8000:
		return format{"ulaw_8000", 1, rate}, nil
	case 16000, 24000:
		return format{"pcm_" + strconv.Itoa(rate), 2, rate}, nil
	case 48000:
		return format{"pcm_24000", 2, 24000}, nil
	}
	return format{}, fmt.Errorf("elevenlabs: rate %d is none of 8000, 16000, 24000 and 48000", rate)
}

// bytes is the size of d of sound.
func (f format) bytes(d time.Duration) int {
	return int(d*time.Duration(f.rate)/time.Second) * f.width
}

// length is how long n bytes sound.
func (f format) length(n int) time.Duration {
	return time.Duration(n/f.width) * time.Second / time.Duration(f.rate)
}

// name is what ids of voices and models are made of. They are asked for in a URL, by the server's key.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

var errName = errors.New("want letters, digits, '.', '_' and '-'")

// CheckVoice says what is wrong with the id of a voice.
func CheckVoice(id string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%.100q is no voice's id: %w", id, errName)
	}
	return nil
}

// CheckModel says what is wrong with the name of a model.
func CheckModel(model string) error {
	switch {
	case !name.MatchString(model):
		return fmt.Errorf("%.100q is no model's name: %w", model, errName)
	case strings.HasPrefix(model, "eleven_v3"):
		return fmt.Errorf("%s does not speak on sockets where contexts follow one another: eleven_flash_v2_5, eleven_turbo_v2_5 and eleven_multilingual_v2 do", model)
	}
	return nil
}

// want is how v is asked for.
func (c *Client) want(v pipeline.Voice) (w want, err error) {
	if err := c.Check(); err != nil {
		return w, err
	}
	if w.format, err = formatFor(v.Rate); err != nil {
		return w, err
	}
	voice, model := cmp.Or(v.Name, c.Voice, DefaultVoice), cmp.Or(v.Model, c.Model, DefaultModel)
	if err := errors.Join(CheckVoice(voice), CheckModel(model)); err != nil {
		return w, fmt.Errorf("elevenlabs: %w", err)
	}
	q := url.Values{
		"model_id":           {model},
		"output_format":      {w.format.name},
		"auto_mode":          {"true"}, // nothing is held back until there is more: clauses are what is sent
		"sync_alignment":     {"true"}, // times with every piece of sound, not only with some
		"inactivity_timeout": {strconv.Itoa(int(inactivity.Seconds()))},
	}
	if lang := language(v.Lang, model); lang != "" {
		q.Set("language_code", lang)
	}
	if v.Timbre.Verbatim {
		q.Set("apply_text_normalization", "off")
	}
	u, err := c.base()
	if err != nil {
		return w, err
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u = u.JoinPath("v1/text-to-speech", voice, "multi-stream-input")
	u.RawQuery = q.Encode()
	w.address, w.settings = u.String(), settings(v)
	return w, nil
}

// language is the language that a model is told; empty: none, as some find it out by the text, or refuse to be told.
func language(tag, model string) string {
	lang, _, _ := strings.Cut(tag, "-")
	if !strings.HasSuffix(model, "_v2_5") {
		return ""
	}
	return strings.ToLower(lang)
}

// settings are what is set of a voice, in ElevenLabs' words; nil if nothing is.
func settings(v pipeline.Voice) json.RawMessage {
	set := map[string]any{}
	for name, share := range map[string]pipeline.Choice[float64]{
		"stability": v.Timbre.Stability, "similarity_boost": v.Timbre.Similarity, "style": v.Timbre.Style,
	} {
		if share.Made {
			set[name] = share.Value
		}
	}
	if v.Timbre.Boost.Made {
		set["use_speaker_boost"] = v.Timbre.Boost.Value
	}
	if v.Pace != 0 && v.Pace != 1 {
		set["speed"] = v.Pace
	}
	if len(set) == 0 {
		return nil
	}
	b, err := json.Marshal(set)
	if err != nil {
		return nil // a number that is none: the voice's own settings hold
	}
	return b
}
