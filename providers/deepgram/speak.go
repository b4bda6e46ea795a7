package deepgram

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/text"
	"parley/providers/wire"
)

const (
	speechPiece = 100 * time.Millisecond // the most that one Speech carries
	textPause   = 300 * time.Millisecond // without text, what was said so far is spoken
)

// Speak sends what is said clause by clause and yields its sound as it comes; Aura tells no word times. The first clause is flushed at once, for
// an early first sound, the rest at a pause of the text and at its end. When it is cut, by ctx or by the caller's break, the server is
// told to Clear and the line rests until it has. Flux (a voice whose name begins with flux-) speaks as text comes, each utterance as a turn that is
// flushed at its end, or interrupted. An error in it is yielded after what came before it was spoken.
//
// Text is pulled by a goroutine of its own while the line is opened. The sequence waits for it before it ends, so said must end
// when ctx does.
func (c *Client) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := utterance{client: c, feed: feed, yield: yield}
			if err := u.speak(ctx, v); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}

// Warm opens a line for v and leaves it idle, so that the first utterance of a call needs no handshake.
func (c *Client) Warm(ctx context.Context, v pipeline.Voice) error {
	enc, q, err := c.speakQuery(v)
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l, err := c.openLine(ctx, q, enc)
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l.release()
	return nil
}

// turnTaking says of a voice that it is Flux's, which has turns.
func turnTaking(voice string) bool { return strings.HasPrefix(voice, "flux-") }

func (c *Client) speakQuery(v pipeline.Voice) (wire.Encoding, url.Values, error) {
	if err := c.check(); err != nil {
		return wire.Encoding{}, nil, err
	}
	enc, err := encodingFor(v.Rate)
	if err != nil {
		return wire.Encoding{}, nil, err
	}
	q := url.Values{
		"model":       {or(v.Name, or(c.TTSModel, defaultTTSModel))},
		"encoding":    {encodingName(enc)},
		"sample_rate": {strconv.Itoa(enc.Rate)},
	}
	if v.Pace != 0 && v.Pace != 1 {
		q.Set("speed", strconv.FormatFloat(v.Pace, 'f', -1, 64))
	}
	return enc, q, nil
}
