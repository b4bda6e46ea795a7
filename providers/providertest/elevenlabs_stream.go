package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// elevenLabsRequest is a request for a voice. What it does not know it refuses.
type elevenLabsRequest struct {
	Text     string          `json:"text"`
	Model    string          `json:"model_id"`
	Language string          `json:"language_code"`
	Settings json.RawMessage `json:"voice_settings"`
	Before   string          `json:"previous_text"`
	After    string          `json:"next_text"`
}

// admitRequest refuses a request, as it refuses a handshake; nil: it has. What is admitted has the samples that are asked for.
func (e *ElevenLabs) admitRequest(w http.ResponseWriter, r *http.Request, trouble Trouble) *elevenLabsSocket {
	s := &elevenLabsSocket{e: e, trouble: trouble}
	q := r.URL.Query()
	q.Set("model_id", "in the body")
	if r.Method == http.MethodGet {
		q.Set("output_format", "ulaw_8000") // it is none of a voice
	}
	status, code, message := e.admit(&http.Request{URL: &url.URL{RawQuery: q.Encode()}, Header: r.Header}, s)
	if status == 0 {
		return s
	}
	e.counts.Refused.Add(1)
	_, _ = io.Copy(io.Discard, r.Body) // so that the connection can be used again
	writeAnswer(w, ModelAnswer{Status: status, Body: fmt.Sprintf(`{"detail":{"status":%q,"message":%q}}`, code, message)})
	return nil
}

// models tells which there are.
func (e *ElevenLabs) models(w http.ResponseWriter, r *http.Request) {
	if e.admitRequest(w, r, Trouble{}) != nil {
		writeAnswer(w, ModelAnswer{Body: `[{"model_id":"eleven_flash_v2_5"}]`})
	}
}

// stream speaks a request's text, in lines of sound with the times of its characters from the beginning.
func (e *ElevenLabs) stream(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if !e.running.begin() {
		return
	}
	defer e.running.done()
	trouble := e.Trouble
	if n := e.counts.strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
		trouble = Trouble{}
	}
	if trouble.Fault == Mute || trouble.Fault == Deaf {
		_, _ = io.Copy(io.Discard, r.Body) // a server that reads sees who leaves
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
		return
	}
	s := e.admitRequest(w, r, trouble)
	if s == nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	var ask elevenLabsRequest
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&ask); err != nil || ask.Model == "" || strings.TrimSpace(ask.Text) == "" {
		writeAnswer(w, ModelAnswer{Status: http.StatusUnprocessableEntity, Body: `{"detail":[{"msg":"text and model_id are needed"}]}`})
		return
	}
	if e.Asked != nil {
		e.Asked(r.URL.Path, r.URL.Query())
	}
	if e.Told != nil {
		e.Told(string(body))
	}
	e.counts.Texts.Add(1)
	playAnswer(ctx, w, r, e.streamed(ask.Text, s.width, s.rate, trouble), &ModelCounts{})
}

// streamed is the answer with a text's sound, as the trouble will have it.
func (e *ElevenLabs) streamed(text string, width, rate int, trouble Trouble) ModelAnswer {
	answer := ModelAnswer{Header: http.Header{"Content-Type": {"application/json"}}}
	switch trouble.Fault {
	case NeverAnswers:
		answer.Steps = []ModelStep{{Write: "\n", Then: ModelHang}}
		return answer
	case CloseEarly:
		return ModelAnswer{Header: answer.Header, Steps: []ModelStep{{Write: "\n", Then: ModelReset}}}
	case Garbage:
		return ModelAnswer{Header: answer.Header, Steps: []ModelStep{{Write: "{\"audio_base64\":\x00\n"}}}
	case Giant:
		return ModelAnswer{Header: answer.Header, Steps: []ModelStep{{Write: strings.Repeat("{", 5<<20)}}}
	}
	letters, pcm, piece := spell(text), Tones(text, rate), e.piece()
	most := int(piece * time.Duration(rate) / time.Second)
	for at := time.Duration(0); len(pcm) > 0; at += piece {
		n := min(most, len(pcm))
		line := fields{"audio_base64": wired(pcm[:n], width), "alignment": nil, "normalized_alignment": nil}
		pcm = pcm[n:]
		chars, starts, ends := []string{}, []float64{}, []float64{}
		for len(letters) > 0 && letters[0].at < at+piece {
			chars, starts, ends = append(chars, letters[0].char), append(starts, letters[0].at.Seconds()), append(ends, (letters[0].at+letters[0].long).Seconds())
			letters = letters[1:]
		}
		if len(chars) > 0 {
			line["alignment"] = fields{"characters": chars, "character_start_times_seconds": starts, "character_end_times_seconds": ends}
		}
		b, err := json.Marshal(line)
		if err != nil {
			panic(err) // it is texts and numbers
		}
		step := ModelStep{Write: string(b) + "\n"}
		if at == 0 {
			step.After = e.FirstAudio
		} else if e.Pace > 0 {
			step.After = time.Duration(float64(piece) / e.Pace)
		}
		if trouble.Fault == CutOff && at > 0 {
			step.Write, step.Then = step.Write[:len(step.Write)/2], ModelReset
		}
		answer.Steps = append(answer.Steps, step)
	}
	return answer
}
