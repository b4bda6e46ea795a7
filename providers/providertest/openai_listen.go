package providertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// An openAIEar is one socket of realtime transcription. What the client commits is an item; its words come by its id.
//
//	session.created ◀── , session.update ──▶ session.updated, append ... commit ──▶ committed, delta ..., completed
type openAIEar struct {
	ear
	o        *OpenAIAudio
	ready    bool // the session was updated
	pending  int  // samples since the last commit
	items    int
	previous any // id of the last item; nil: none
	held     any // a completion that waits for the next, if they are swapped
}

// transcribe serves a socket of realtime transcription.
func (o *OpenAIAudio) transcribe(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	s := &openAIEar{ear: ear{trouble: o.Hear, script: o.Transcripts, delay: o.Delay}, o: o}
	o.ears.listen(ctx, w, r, &s.ear, func() (int, string) {
		switch {
		case o.Key != "" && r.Header.Get("Authorization") != "Bearer "+o.Key:
			return http.StatusUnauthorized, OpenAIRefuse(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+r.Header.Get("Authorization")).Body
		case r.URL.Query().Get("intent") != "transcription" || r.URL.Query().Has("model"):
			return http.StatusBadRequest, OpenAIRefuse(http.StatusBadRequest, "invalid_request_error", "intent is missing").Body
		}
		return 0, ""
	}, func() {
		o.counts.Sockets.Add(1)
		if s.trouble.Fault == Deaf || s.greet("session.created", fields{"session": fields{"type": "transcription", "id": "sess_" + s.request}}) == nil {
			s.attend(ctx, func([]byte) error { return s.wrong("", "invalid_message", "binary messages are not supported") }, s.obey)
		}
	})
}

// tell sends an event.
func (s *openAIEar) tell(kind string, with fields) error {
	return s.say(s.event(kind, with), 0)
}

// greet tells an event of the opening, which no trouble strikes.
func (s *openAIEar) greet(kind string, with fields) error {
	text, err := json.Marshal(s.event(kind, with))
	if err != nil {
		return err
	}
	return s.post.send(websocket.TextMessage, text, 0)
}

// event is one with what all have.
func (s *openAIEar) event(kind string, with fields) fields {
	e := fields{"type": kind, "event_id": fmt.Sprintf("event_%s_%d", s.request, s.items)}
	for k, v := range with {
		e[k] = v
	}
	return e
}

// wrong tells of an error in what the client said.
func (s *openAIEar) wrong(about, code, message string) error {
	var event any
	if about != "" {
		event = about
	}
	return s.tell("error", fields{"error": fields{"type": "invalid_request_error", "code": code, "message": message, "param": nil, "event_id": event}})
}

// openAIOrder is a message of a client's.
type openAIOrder struct {
	Type    string `json:"type"`
	Event   string `json:"event_id"`
	Audio   string `json:"audio"`
	Session struct {
		Type  string `json:"type"`
		Audio struct {
			Input struct {
				Format struct {
					Type string `json:"type"`
					Rate int    `json:"rate"`
				} `json:"format"`
				Transcription struct {
					Model string `json:"model"`
				} `json:"transcription"`
				Turns json.RawMessage `json:"turn_detection"`
			} `json:"input"`
		} `json:"audio"`
	} `json:"session"`
}

// obey does what a message says.
func (s *openAIEar) obey(message []byte) error {
	var m openAIOrder
	if json.Unmarshal(message, &m) != nil {
		return s.wrong("", "invalid_json", "The message is no JSON.")
	}
	if s.o.Asked != nil && m.Type != "input_audio_buffer.append" {
		s.o.Asked("/v1/realtime", message)
	}
	switch m.Type {
	case "session.update":
		return s.update(&m)
	case "input_audio_buffer.append":
		sound, err := base64.StdEncoding.DecodeString(m.Audio)
		if err != nil || !s.ready {
			return s.wrong(m.Event, "invalid_value", "The audio is no base64, or came too early.")
		}
		return s.append(sound)
	case "input_audio_buffer.commit":
		return s.commit(m.Event)
	default:
		return s.wrong(m.Event, "invalid_value", "There is no event "+m.Type)
	}
}

// update obeys a session.update, once.
func (s *openAIEar) update(m *openAIOrder) error {
	in := &m.Session.Audio.Input
	switch {
	case in.Format.Type == "audio/pcmu":
		s.rate, s.width = 8000, 1
	case in.Format.Type == "audio/pcm" && in.Format.Rate == 24000:
		s.rate, s.width = 24000, 2
	default:
		return s.wrong(m.Event, "invalid_value", "The format is not supported.")
	}
	if m.Session.Type != "transcription" || in.Transcription.Model == "" || strings.HasPrefix(in.Transcription.Model, "no-") || string(in.Turns) != "null" {
		return s.wrong(m.Event, "invalid_model", "The model "+in.Transcription.Model+" is not supported.")
	}
	s.ready = true
	return s.greet("session.updated", fields{"session": fields{"type": "transcription"}})
}

// append takes sound. Live, words come with it.
func (s *openAIEar) append(sound []byte) error {
	s.o.counts.Appends.Add(1)
	s.o.counts.Heard.Add(int64(len(sound) / s.width))
	s.pending += len(sound) / s.width
	if s.trouble.Fault == Complain {
		if err := s.tell("error", fields{"error": fields{"type": "server_error", "code": "session_expired", "message": s.trouble.Reason, "param": nil, "event_id": nil}}); err != nil {
			return err
		}
		s.hangUp(1001, s.trouble.Reason)
		return net.ErrClosed
	}
	before := s.told
	words, err := s.listenTo(sound)
	if err != nil || !s.o.Live || len(words) == 0 {
		return err
	}
	return s.delta(s.item(), words[before:], before == 0)
}

// item is the id of the one that the next commit makes.
func (s *openAIEar) item() string { return fmt.Sprintf("item_%s_%d", s.request, s.items) }

// delta tells more words of an item.
func (s *openAIEar) delta(item string, words []string, first bool) error {
	text := strings.Join(words, " ")
	if !first {
		text = " " + text
	}
	return s.say(s.event("conversation.item.input_audio_transcription.delta", fields{"item_id": item, "content_index": 0, "delta": text}), s.answerAfter())
}

// commit makes an item of what was appended, and tells its words.
func (s *openAIEar) commit(event string) error {
	s.o.counts.Commits.Add(1)
	s.counts.Asks.Add(1)
	if s.pending < s.rate/10 {
		return s.wrong(event, "input_audio_buffer_commit_empty", fmt.Sprintf("Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has %.2fms of audio.",
			1000*s.seconds(s.pending)))
	}
	s.pending = 0
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	item := s.item()
	if err := s.tell("input_audio_buffer.committed", fields{"item_id": item, "previous_item_id": s.previous}); err != nil {
		return err
	}
	s.previous = item
	s.items++
	told := s.told
	words, _ := s.settle()
	if len(words) > 0 && !s.o.Live {
		told = 0
	}
	for i := told; i < len(words) && !s.o.Swapped; i++ {
		if err := s.delta(item, words[i:i+1], i == 0); err != nil {
			return err
		}
	}
	completed := s.event("conversation.item.input_audio_transcription.completed", fields{"item_id": item, "content_index": 0, "transcript": strings.Join(words, " "),
		"usage": fields{"type": "tokens", "input_tokens": 26, "output_tokens": 5, "total_tokens": 31}})
	if s.o.Swapped && s.held == nil {
		s.held = completed
		return nil
	}
	err := s.final(s.answerAfter(), completed)
	if s.held != nil && err == nil {
		err, s.held = s.final(s.answerAfter(), s.held), nil
	}
	return err
}
