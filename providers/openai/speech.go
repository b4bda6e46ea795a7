package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/speech"
	"parley/providers/wire"
)

// speechRate is that of pcm, in samples a second; there is no other.
const speechRate = 24000

// Speak has what is said spoken clause by clause, each by a request of its own, the next while one plays; its sound is yielded as it comes.
// There are no word times. When it is cut, by ctx or by the caller's break, the requests are cancelled. An error in what is said is yielded
// after what came before it was spoken. Errors of the server's wrap *Error. The sequence ends when said does, so said must end when ctx does.
//
// Wire: https://platform.openai.com/docs/api-reference/audio/createSpeech
func (a *Audio) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return speech.Requests{
		Encoding: wire.Encoding{Width: 2, Rate: speechRate}, Rate: v.Rate, AudioLimit: cmp.Or(a.AudioLimit, defaultAudioLimit),
		Ask:   func(ctx context.Context, w speech.Wanted) (speech.Sound, error) { return a.ask(ctx, w.Words, v) },
		Retry: chat.Retry, Broken: brokenSpeech,
	}.Speak(ctx, said)
}

// ask asks for words to be spoken.
func (a *Audio) ask(ctx context.Context, words string, v pipeline.Voice) (speech.Sound, error) {
	to, body, err := a.speechRequest(words, v)
	if err != nil {
		return nil, err
	}
	w := a.wire()
	w.Prepare = func(r *http.Request) { r.Header.Set("Accept", "*/*") }
	res, err := w.Send(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close() //nolint:errcheck // read-only
		return nil, w.Refused(res)
	}
	return &speech.Samples{Answer: res, Piece: speechRate / 10 * 2}, nil
}

// brokenSpeech is an error of a request as an *Error.
func brokenSpeech(what string, err error) error {
	e := chat.AsError(err)
	wrong, isWrong := errors.AsType[*speech.NoSoundError](err)
	switch {
	case e != nil:
	case isWrong:
		e = &Error{Code: "garbage", Message: wrong.Error()}
	default:
		e = &Error{Code: "connection", Message: what, Retryable: !errors.Is(err, context.DeadlineExceeded), Err: err}
	}
	return fmt.Errorf("openai: %w", e)
}

// speechRequest asks for words to be spoken.
func (a *Audio) speechRequest(words string, v pipeline.Voice) (to string, body []byte, err error) {
	if to, err = a.endpoint("audio/speech"); err != nil {
		return "", nil, err
	}
	ask := struct {
		Model        string  `json:"model"`
		Voice        any     `json:"voice"`
		Input        string  `json:"input"`
		Instructions string  `json:"instructions,omitempty"`
		Format       string  `json:"response_format"`
		Speed        float64 `json:"speed,omitempty"`
	}{
		Model: cmp.Or(v.Model, a.Model, DefaultTTSModel), Voice: cmp.Or(v.Name, a.Voice, DefaultVoice), Input: strings.TrimSpace(words),
		Instructions: a.Instructions, Format: "pcm",
	}
	if id := cmp.Or(v.Name, a.Voice); strings.HasPrefix(id, "voice_") { // one that was made for the account
		ask.Voice = map[string]string{"id": id}
	}
	if v.Pace != 1 {
		ask.Speed = v.Pace
	}
	if body, err = json.Marshal(ask); err != nil {
		return "", nil, fmt.Errorf("encode the request: %w", err)
	}
	return to, body, nil
}
