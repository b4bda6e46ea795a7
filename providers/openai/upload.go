package openai

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/chat"
)

// maxWords is how much of an answer is read: far more than anybody says in a stretch.
const maxWords = 4 << 20

// words are what was understood of a stretch, with times from its first sample.
type words struct {
	text  string
	words []pipeline.Word
	lang  string
}

// hopeless says that asking again will be refused again until somebody does something.
func hopeless(err error) bool {
	e := chat.AsError(err)
	return e != nil && (e.Kind() == chat.Auth || e.Kind() == chat.Quota || e.Kind() == chat.BadRequest)
}

// transcribe uploads a stretch of 16-bit samples, and once more if that may help. partial is told the words so far. With an error come the
// words that there were.
//
// Wire: https://platform.openai.com/docs/api-reference/audio/createTranscription
func (a *Audio) transcribe(ctx context.Context, o pipeline.Listening, rate int, sound []byte, partial func(string)) (words, error) {
	w, err := a.tryTranscribe(ctx, o, rate, sound, partial)
	if wait, again := chat.Retry(err); again && w.text == "" {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			w, err = a.tryTranscribe(ctx, o, rate, sound, partial)
		case <-ctx.Done():
		}
	}
	if err != nil {
		return w, fmt.Errorf("openai: transcribe: %w", err)
	}
	return w, nil
}

func (a *Audio) tryTranscribe(ctx context.Context, o pipeline.Listening, rate int, sound []byte, partial func(string)) (w words, err error) {
	to, err := a.endpoint("audio/transcriptions")
	if err != nil {
		return w, err
	}
	body, kind, err := a.form(o, rate, sound)
	if err != nil {
		return w, fmt.Errorf("encode the request: %w", err)
	}
	server := a.wire()
	server.Prepare = func(r *http.Request) {
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Accept", "*/*")
	}
	broken := func(what string, err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &Error{Code: "connection", Message: what, Retryable: ctx.Err() == nil, Err: err}
	}
	res, err := server.Send(ctx, http.MethodPost, to, body)
	if err != nil {
		return w, broken("the request failed", err)
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return w, server.Refused(res)
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		w, err = readEvents(io.LimitReader(res.Body, maxWords), partial)
	} else {
		var answer []byte
		if answer, err = io.ReadAll(io.LimitReader(res.Body, maxWords)); err == nil {
			return readWords(answer)
		}
	}
	if e := chat.AsError(err); err != nil && e == nil {
		err = broken("the answer broke", err)
	}
	return w, err
}

// form is the request: a WAV file and what is asked of it.
func (a *Audio) form(o pipeline.Listening, rate int, sound []byte) (body []byte, kind string, err error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	model := a.sttModel()
	fields := [][2]string{{"model", model}}
	lang, lists := language(o), contextual(model)
	switch {
	case lang != "" && lists:
		fields = append(fields, [2]string{"languages[]", lang})
	case lang != "":
		fields = append(fields, [2]string{"language", lang})
	}
	for _, w := range o.Words {
		if lists {
			fields = append(fields, [2]string{"keywords[]", w})
		}
	}
	if prompt := a.prompt(o.Words); prompt != "" {
		fields = append(fields, [2]string{"prompt", prompt})
	}
	switch {
	case a.WordTimes:
		fields = append(fields, [2]string{"response_format", "verbose_json"}, [2]string{"timestamp_granularities[]", "word"})
	case streams(model):
		fields = append(fields, [2]string{"response_format", "json"}, [2]string{"stream", "true"})
	default:
		fields = append(fields, [2]string{"response_format", "json"})
	}
	for _, f := range fields {
		if err := m.WriteField(f[0], f[1]); err != nil {
			return nil, "", err
		}
	}
	file, err := m.CreateFormFile("file", "speech.wav")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(append(wavHeader(rate, len(sound)), sound...)); err != nil {
		return nil, "", err
	}
	if err := m.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), m.FormDataContentType(), nil
}

// streams says whether a model tells words before it has heard all: whisper's does not, and clones that are asked to may refuse.
func streams(model string) bool {
	return strings.HasPrefix(model, "gpt-") && strings.Contains(model, "transcribe")
}

// wavHeader is what comes before so many bytes of 16-bit samples in a WAV file.
func wavHeader(rate, bytes int) []byte {
	h := append([]byte("RIFF"), make([]byte, 4)...)
	binary.LittleEndian.PutUint32(h[4:], uint32(36+bytes))
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, 1) // PCM
	h = binary.LittleEndian.AppendUint16(h, 1) // mono
	h = binary.LittleEndian.AppendUint32(h, uint32(rate))
	h = binary.LittleEndian.AppendUint32(h, uint32(2*rate))
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, uint32(bytes))
}

// readWords takes words out of a whole answer.
func readWords(answer []byte) (words, error) {
	var a struct {
		Text     string `json:"text"`
		Language string `json:"language"`
		Words    []struct {
			Word  string  `json:"word"`
			Start float64 `json:"start"`
			End   float64 `json:"end"`
		} `json:"words"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return words{}, &Error{Code: "garbage", Message: "the answer is no JSON", Err: err}
	}
	if len(a.Error) > 0 && string(a.Error) != "null" {
		return words{}, chat.ServerError(answer)
	}
	w := words{text: strings.TrimSpace(a.Text)}
	if len(a.Language) == 2 || len(a.Language) == 3 { // whisper tells its name in English
		w.lang = a.Language
	}
	var last time.Duration
	for _, said := range a.Words {
		text := strings.TrimSpace(said.Word)
		if text == "" {
			continue
		}
		start := max(seconds(said.Start), last)
		w.words = append(w.words, pipeline.Word{Text: text, Start: start, End: max(seconds(said.End), start)})
		last = start
	}
	return w, nil
}

// readEvents takes words out of an answer as it comes.
func readEvents(from io.Reader, partial func(string)) (w words, err error) {
	events := chat.NewEvents(from)
	for {
		data, err := events.Next()
		switch {
		case errors.Is(err, io.EOF):
			return w, &Error{Code: "truncated", Message: "the stream ended before the answer did", Retryable: true}
		case err != nil:
			return w, err
		}
		var e struct {
			Type  string          `json:"type"`
			Delta string          `json:"delta"`
			Text  string          `json:"text"`
			Error json.RawMessage `json:"error"`
		}
		switch err := json.Unmarshal(data, &e); {
		case string(data) == "[DONE]":
			return w, nil
		case err != nil:
			return w, &Error{Code: "garbage", Message: "an event is no JSON", Err: err}
		case len(e.Error) > 0 && string(e.Error) != "null":
			return w, chat.ServerError(data)
		case e.Type == "transcript.text.done":
			w.text = strings.TrimSpace(e.Text)
			return w, nil
		case e.Delta != "":
			w.text += e.Delta
			partial(strings.TrimSpace(w.text))
		}
	}
}

// seconds is s as a Duration: never negative, and never more than the longest of calls.
func seconds(s float64) time.Duration {
	const longest = 1e6
	return time.Duration(min(max(s, 0), longest) * float64(time.Second))
}
