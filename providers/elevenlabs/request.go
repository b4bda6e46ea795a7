package elevenlabs

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/speech"
	"parley/providers/wire"
)

const (
	longestLine  = 4 << 20                // bytes of a line of an answer: no sane one comes near
	requestAgain = 150 * time.Millisecond // before the second try
)

// request speaks by requests, which are told what was said before and what comes next, so that one sounds like the other's neighbour.
//
//	clauses ──▶ POST {base}/v1/text-to-speech/{voice}/stream/with-timestamps ──▶ lines of sound and characters' times
func (c *Client) request(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	w, err := c.want(v)
	if err != nil {
		return func(yield func(pipeline.Speech, error) bool) { yield(pipeline.Speech{}, err) }
	}
	return speech.Requests{
		Encoding: wire.Encoding{Width: w.format.width, Rate: w.format.rate}, Rate: v.Rate, AudioLimit: cmp.Or(c.AudioLimit, defaultAudioLimit),
		Ask: func(ctx context.Context, words speech.Wanted) (speech.Sound, error) {
			return c.ask(ctx, words, w.format, v)
		},
		Retry: again, Broken: brokenRequest,
	}.Speak(ctx, said)
}

// again says whether a request is worth a second try.
func again(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*Error](err)
	return requestAgain, ok && !e.Hopeless() && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// brokenRequest is an error of a request as an *Error.
func brokenRequest(what string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return lost(fmt.Errorf("%s: %w", what, err))
}

// An asking is the body of a request.
type asking struct {
	Text     string          `json:"text"`
	Model    string          `json:"model_id"`
	Language string          `json:"language_code,omitempty"`
	Settings json.RawMessage `json:"voice_settings,omitempty"`
	Before   string          `json:"previous_text,omitempty"`
	After    string          `json:"next_text,omitempty"`
}

// ask asks for words to be spoken.
func (c *Client) ask(ctx context.Context, words speech.Wanted, f format, v pipeline.Voice) (speech.Sound, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	to := base.JoinPath("v1/text-to-speech", cmp.Or(v.Name, c.Voice, DefaultVoice), "stream/with-timestamps")
	to.RawQuery = url.Values{"output_format": {f.name}}.Encode()
	model := cmp.Or(v.Model, c.Model, DefaultModel)
	body, err := json.Marshal(asking{
		Text: words.Words, Model: model, Language: language(v.Lang, model), Settings: settings(v), Before: words.Before, After: words.After,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	res, err := c.wire().Send(ctx, http.MethodPost, to.String(), body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close() //nolint:errcheck // read-only
		return nil, declined(res, c.Key)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, longestLine)
	return &reading{body: res.Body, lines: lines}, nil
}

func (c *Client) wire() chat.Wire {
	return chat.Wire{
		HTTP: speech.Unmoved(c.own.Or(c.HTTP)), Secret: c.Key,
		Sign:    func(h http.Header) { h.Set("xi-api-key", c.Key) },
		Prepare: func(r *http.Request) { r.Header.Set("Accept", "*/*") },
	}
}

// warmRequests opens a connection. Any answer will do, except that the key is refused.
func (c *Client) warmRequests(ctx context.Context) error {
	base, err := c.base()
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	res, err := c.wire().Send(ctx, http.MethodGet, base.JoinPath("v1/models").String(), nil)
	if err != nil {
		return fmt.Errorf("warm voice: %w", brokenRequest("the request failed", err))
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return fmt.Errorf("warm voice: %w", declined(res, c.Key))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, longestLine)) // a connection can be used again only when it was read to the end
	return nil
}

// A reading is sound and times, a piece on each line. It implements speech.Sound.
type reading struct {
	body  io.Closer
	lines *bufio.Scanner
	words words
}

// Close implements speech.Sound.
func (a *reading) Close() error { return a.body.Close() }

// Next implements speech.Sound.
func (a *reading) Next() ([]byte, []pipeline.Word, error) {
	for a.lines.Scan() {
		if len(a.lines.Bytes()) == 0 {
			continue
		}
		audio, spelt, err := decodeLine(a.lines.Bytes())
		if err != nil {
			return nil, nil, err
		}
		return audio, a.words.add(nil, spelt, 0), nil
	}
	if err := a.lines.Err(); err != nil {
		return nil, nil, err
	}
	return nil, a.words.finish(nil), io.EOF
}

// decodeLine reads a line of an answer: sound, and when characters are said, from the answer's beginning.
func decodeLine(line []byte) ([]byte, *times, error) {
	type spelt struct {
		Chars  []string  `json:"characters"`
		Starts []float64 `json:"character_start_times_seconds"`
		Ends   []float64 `json:"character_end_times_seconds"`
	}
	var m struct {
		Audio     []byte `json:"audio_base64"`
		Alignment *spelt `json:"alignment"`
		Spoken    *spelt `json:"normalized_alignment"`
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return nil, nil, fmt.Errorf("decode line: %w", err)
	}
	s := cmp.Or(m.Alignment, m.Spoken)
	if s == nil {
		return m.Audio, &times{}, nil
	}
	t := &times{Chars: s.Chars}
	for i := range min(len(s.Starts), len(s.Ends)) {
		start, end := wire.Seconds(s.Starts[i]).Milliseconds(), wire.Seconds(s.Ends[i]).Milliseconds()
		t.Starts, t.Durations = append(t.Starts, int(start)), append(t.Durations, int(max(end-start, 0)))
	}
	return m.Audio, t, nil
}
