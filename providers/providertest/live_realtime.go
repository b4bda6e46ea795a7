package providertest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media/g711"
)

// StartRealtime runs l as OpenAI's Realtime on a loopback port until the test ends, and returns its base URL.
func StartRealtime(t testing.TB, l *Live) (baseURL string) {
	return l.start(t, "/v1/realtime", func(r *http.Request) (int, string) {
		if l.Key != "" && r.Header.Get("Authorization") != "Bearer "+l.Key {
			return http.StatusUnauthorized, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`
		}
		if r.URL.Query().Get("model") == "" {
			return http.StatusBadRequest, `{"error":{"message":"You must provide a model parameter.","type":"invalid_request_error","param":null,"code":"missing_model"}}`
		}
		return 0, ""
	}, func(ctx context.Context, s *liveSocket) {
		r := &realtimeServer{liveSocket: s}
		r.tell("session.created", map[string]any{"session": map[string]any{"type": "realtime", "id": "sess_1"}})
		s.read(func(text []byte) bool { return bytes.Contains(text, []byte("input_audio_buffer.append")) }, func(text []byte) bool { return r.obey(ctx, text) })
	})
}

// A realtimeServer is one session of OpenAI's.
type realtimeServer struct {
	*liveSocket
	law      bool
	ready    bool // it has had its settings
	buffered int  // bytes of sound
	response string
	cut      bool // the response was cancelled
}

// realtimeOrder is a message of a client's.
type realtimeOrder struct {
	Type       string          `json:"type"`
	EventID    string          `json:"event_id"`
	Audio      string          `json:"audio"`
	ItemID     string          `json:"item_id"`
	ContentIdx *int            `json:"content_index"`
	AudioEnd   *int64          `json:"audio_end_ms"`
	ResponseID string          `json:"response_id"`
	Session    json.RawMessage `json:"session"`
	Item       struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Role    string `json:"role"`
		Content []struct{ Type, Text string }
		CallID  string `json:"call_id"`
		Name    string `json:"name"`
		Args    string `json:"arguments"`
		Output  string `json:"output"`
	} `json:"item"`
}

// tell sends an event.
func (r *realtimeServer) tell(kind string, fields map[string]any) {
	if r.live.Beta {
		kind = strings.NewReplacer("response.output_audio", "response.audio", "response.output_text", "response.text").Replace(kind)
	}
	event := map[string]any{"type": kind, "event_id": r.id("event")}
	for k, v := range fields {
		event[k] = v
	}
	r.say(event)
}

// wrong refuses a message. It says which.
func (r *realtimeServer) wrong(o *realtimeOrder, code, message string) bool {
	r.live.counts.Wrong.Add(1)
	var id any
	if o.EventID != "" {
		id = o.EventID
	}
	r.tell("error", map[string]any{"error": map[string]any{"type": "invalid_request_error", "code": code, "message": message, "param": nil, "event_id": id}})
	return true
}

// obey does what a message says; false if the session ends with it.
func (r *realtimeServer) obey(ctx context.Context, text []byte) bool {
	var o realtimeOrder
	r.mu.Lock()
	defer r.mu.Unlock()
	if json.Unmarshal(text, &o) != nil {
		return r.wrong(&o, "invalid_json", "The message is not understood.")
	}
	if !r.ready && o.Type != "session.update" {
		return r.wrong(&o, "no_session", "The session has no settings.")
	}
	switch o.Type {
	case "session.update":
		return r.update(&o)
	case "input_audio_buffer.append":
		data, err := base64.StdEncoding.DecodeString(o.Audio)
		if err != nil {
			return r.wrong(&o, "invalid_audio", "The audio is no base64.")
		}
		r.live.counts.Sound.Add(int64(len(data)))
		r.buffered += len(data)
	case "input_audio_buffer.clear":
		r.buffered = 0
		r.tell("input_audio_buffer.cleared", nil)
	case "input_audio_buffer.commit":
		return r.commit(&o)
	case "conversation.item.create":
		return r.create(&o)
	case "conversation.item.delete", "conversation.item.truncate":
		return r.change(&o)
	case "response.create":
		return r.respond(ctx, &o)
	case "response.cancel":
		if r.cancel == nil || o.ResponseID != "" && o.ResponseID != r.response {
			return r.wrong(&o, "response_cancel_not_active", "Cancellation failed: no active response found")
		}
		r.live.counts.Cancelled.Add(1)
		r.cut = true
		r.cancel()
	default:
		return r.wrong(&o, "unknown_event", "There is no event "+o.Type)
	}
	return true
}

// update takes the session's settings.
func (r *realtimeServer) update(o *realtimeOrder) bool {
	var s struct {
		Type         string
		Instructions string
		Modalities   []string `json:"output_modalities"`
		Audio        struct {
			Input struct {
				Format    struct{ Type string }
				Detection *json.RawMessage `json:"turn_detection"`
			}
			Output struct {
				Format struct{ Type string }
				Voice  string
			}
		}
	}
	err := json.Unmarshal(o.Session, &s)
	in, out := s.Audio.Input.Format.Type, s.Audio.Output.Format.Type
	switch {
	case err != nil, s.Type != "realtime", s.Instructions == "", !slices.Equal(s.Modalities, []string{"audio"}), s.Audio.Output.Voice == "":
		return r.wrong(o, "invalid_session", "The session's settings are not understood.")
	case in != out, in != "audio/pcmu" && in != "audio/pcm":
		return r.wrong(o, "invalid_format", "The formats are "+in+" and "+out)
	case s.Audio.Input.Detection != nil, !bytes.Contains(o.Session, []byte(`"turn_detection":null`)):
		return r.wrong(o, "server_vad", "This server has no detection of turns: it must be null.")
	}
	r.law, r.ready = in == "audio/pcmu", true
	r.tell("session.updated", map[string]any{"session": o.Session})
	return true
}

// length is how long so many bytes of sound are.
func (r *realtimeServer) length(bytes int) time.Duration {
	if r.law {
		return time.Duration(bytes) * time.Second / 8000
	}
	return time.Duration(bytes) * time.Second / 48000
}

// commit makes a message of the sound so far.
func (r *realtimeServer) commit(o *realtimeOrder) bool {
	heard := r.length(r.buffered)
	if r.buffered = 0; heard < 100*time.Millisecond {
		return r.wrong(o, "input_audio_buffer_commit_empty", "Error committing input audio buffer: the buffer is too small.")
	}
	id := r.id("item")
	r.messages = append(r.messages, &liveMessage{LiveMessage{Role: "user", Sound: heard}, id})
	r.tell("input_audio_buffer.committed", map[string]any{"item_id": id, "previous_item_id": nil})
	r.tell("conversation.item.added", map[string]any{"item": map[string]any{"id": id, "type": "message", "role": "user"}})
	return true
}

// create adds a message in words.
func (r *realtimeServer) create(o *realtimeOrder) bool {
	i := o.Item
	m := LiveMessage{Role: i.Role, CallID: i.CallID}
	kinds := map[string]string{"user": "input_text", "system": "input_text", "assistant": "output_text"}
	switch {
	case i.Type == "message" && len(i.Content) == 1 && kinds[i.Role] == i.Content[0].Type:
		m.Text = i.Content[0].Text
	case i.Type == "function_call" && i.Name != "" && i.CallID != "":
		m.Role, m.Text = "assistant", i.Name+" "+i.Args
	case i.Type == "function_call_output" && slices.ContainsFunc(r.messages, func(m *liveMessage) bool { return m.CallID == i.CallID && m.Role == "assistant" }):
		m.Role, m.Text = "tool", i.Output
	default:
		return r.wrong(o, "invalid_item", "The item is not understood.")
	}
	if i.ID == "" || len(i.ID) > 32 || r.find(i.ID) >= 0 {
		return r.wrong(o, "invalid_id", "The item's id is "+i.ID)
	}
	r.messages = append(r.messages, &liveMessage{m, i.ID})
	r.tell("conversation.item.added", map[string]any{"item": map[string]any{"id": i.ID, "type": i.Type}})
	return true
}

func (r *realtimeServer) find(id string) int {
	return slices.IndexFunc(r.messages, func(m *liveMessage) bool { return m.id == id })
}

// change deletes or truncates a message.
func (r *realtimeServer) change(o *realtimeOrder) bool {
	at := r.find(o.ItemID)
	if at < 0 {
		return r.wrong(o, "item_not_found", "There is no item "+o.ItemID)
	}
	if o.Type == "conversation.item.delete" {
		r.messages = slices.Delete(r.messages, at, at+1)
		r.tell("conversation.item.deleted", map[string]any{"item_id": o.ItemID})
		return true
	}
	m := r.messages[at]
	end := time.Duration(-1)
	if o.AudioEnd != nil {
		end = time.Duration(*o.AudioEnd) * time.Millisecond
	}
	if m.Role != "assistant" || o.ContentIdx == nil || end < 0 || end > m.Sound {
		return r.wrong(o, "invalid_truncation", "Audio content is shorter than that.")
	}
	m.Text, m.Sound = heardOfTones(m.Text, end), end
	r.tell("conversation.item.truncated", map[string]any{"item_id": o.ItemID, "content_index": 0, "audio_end_ms": *o.AudioEnd})
	return true
}

// heardOfTones is how much of a text in tones has sounded after d.
func heardOfTones(text string, d time.Duration) string {
	var heard []string
	for _, w := range strings.Fields(text) {
		if d -= TonesLength(w); d < 0 {
			break
		}
		heard = append(heard, w)
	}
	return strings.Join(heard, " ")
}

// respond begins an answer.
func (r *realtimeServer) respond(ctx context.Context, o *realtimeOrder) bool {
	if r.cancel != nil {
		return r.wrong(o, "conversation_already_has_active_response", "Conversation already has an active response.")
	}
	if r.strikes() {
		return r.trouble.Fault == NeverAnswers
	}
	if r.trouble.Fault == Complain {
		r.tell("error", map[string]any{"error": map[string]any{"type": "server_error", "code": r.trouble.Reason, "message": "There is a trouble.", "param": nil, "event_id": nil}})
		return true
	}
	answer := r.live.answer(r.turn())
	ctx, r.cancel = context.WithCancel(ctx)
	r.response, r.cut = r.id("resp"), false
	response := map[string]any{"id": r.response, "object": "realtime.response", "status": "in_progress", "output": []any{}}
	r.tell("response.created", map[string]any{"response": response})
	r.work.Go(func() { r.answer(ctx, r.response, answer) })
	return true
}

// answer makes an answer, until it is cancelled.
func (r *realtimeServer) answer(ctx context.Context, response string, a LiveAnswer) {
	tokens := 0
	if r.thinks(ctx) && a.Text != "" {
		r.voice(ctx, response, a.Text)
		tokens += len(strings.Fields(a.Text))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Call != nil && !r.cut {
		r.call(response, a.Call)
	}
	done := map[string]any{"id": response, "object": "realtime.response", "status": "completed", "status_details": nil, "output": []any{},
		"usage": map[string]any{"total_tokens": 120 + tokens, "input_tokens": 120, "output_tokens": tokens, "input_token_details": map[string]any{"cached_tokens": 64}}}
	if r.cut {
		done["status"], done["status_details"] = "cancelled", map[string]any{"type": "cancelled", "reason": "client_cancelled"}
	}
	r.cancel()
	r.cancel = nil
	r.tell("response.done", map[string]any{"response": done})
}

// voice says a text.
func (r *realtimeServer) voice(ctx context.Context, response, text string) {
	r.mu.Lock()
	if r.cut {
		r.mu.Unlock()
		return
	}
	m := &liveMessage{LiveMessage{Role: "assistant"}, r.id("item")}
	r.messages = append(r.messages, m)
	of := map[string]any{"response_id": response, "item_id": m.id, "output_index": 0, "content_index": 0}
	with := func(k string, v any) map[string]any {
		fields := map[string]any{k: v}
		for k, v := range of {
			fields[k] = v
		}
		return fields
	}
	r.tell("response.output_item.added", map[string]any{"response_id": response, "output_index": 0, "item": map[string]any{"id": m.id, "type": "message", "role": "assistant", "status": "in_progress", "content": []any{}}})
	r.tell("response.content_part.added", with("part", map[string]any{"type": "audio", "transcript": ""}))
	rate := 24000
	if r.law {
		rate = 8000
	}
	r.mu.Unlock()
	words := strings.SplitAfter(text, " ")
	r.speak(ctx, Tones(text, rate), rate, func(share float64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for ; len(words) > 0 && float64(len(m.Text)) < share*float64(len(text)); words = words[1:] {
			m.Text += words[0]
			r.tell("response.output_audio_transcript.delta", with("delta", words[0]))
		}
	}, func(pcm []int16) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var data []byte
		if r.law {
			data = make([]byte, len(pcm))
			g711.Ulaw.Encode(data, pcm)
		} else {
			for _, v := range pcm {
				data = binary.LittleEndian.AppendUint16(data, uint16(v))
			}
		}
		m.Sound += r.length(len(data))
		r.tell("response.output_audio.delta", with("delta", base64.StdEncoding.EncodeToString(data)))
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell("response.output_audio.done", of)
	r.tell("response.output_audio_transcript.done", with("transcript", m.Text))
	r.tell("response.output_item.done", map[string]any{"response_id": response, "output_index": 0, "item": map[string]any{"id": m.id, "type": "message", "role": "assistant", "status": "completed"}})
}

// call asks for a tool.
func (r *realtimeServer) call(response string, c *Piece) {
	id := r.id("item")
	r.messages = append(r.messages, &liveMessage{LiveMessage{Role: "assistant", Text: c.Name + " " + c.Args, CallID: c.ID}, id})
	item := map[string]any{"id": id, "type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": "", "status": "in_progress"}
	r.tell("response.output_item.added", map[string]any{"response_id": response, "output_index": 1, "item": item})
	of := map[string]any{"response_id": response, "item_id": id, "output_index": 1, "call_id": c.ID}
	delta := map[string]any{"delta": c.Args}
	done := map[string]any{"arguments": c.Args}
	if !r.live.Beta {
		done["name"] = c.Name
	}
	for k, v := range of {
		delta[k], done[k] = v, v
	}
	r.tell("response.function_call_arguments.delta", delta)
	r.tell("response.function_call_arguments.done", done)
	r.tell("response.output_item.done", map[string]any{"response_id": response, "output_index": 1,
		"item": map[string]any{"id": id, "type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": c.Args, "status": "completed"}})
}
