package openai

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/socket"
)

// spell is how much sound of the caller goes into one message; what is less waits for more, or for the end of their turn.
const spell = 60 * time.Millisecond

// lenient begins the ids of events that may be refused: what they want may be true already, as when an answer that is cancelled is over.
const lenient = "may_"

// maxGarbage is how many unreadable messages in a row end a session.
const maxGarbage = 5

// realtime is a session.
type realtime struct {
	socket *socket.Socket
	tired  *time.Timer

	mu      sync.Mutex
	sound   *realtimeSound
	waits   []byte // sound that is not sent yet
	written bool   // since the last commit or clear
	events  int

	items   map[int]*spokenItems // by key: what the server has for it
	heard   []int                // keys of sound that was committed, whose items are not known yet
	answers map[string]int       // key by response, of those that go on
	called  map[string]bool      // calls that were told
	created []int                // keys of answers that were asked for and have not begun
	asked   int                  // the key of an answer that is to be asked for when the one before is over; 0: none
	current int                  // the key of the answer that is wanted

	cancelled time.Time // when an answer was last cancelled
}

// cancelLimit is how long an answer that was cancelled may go on before the session counts as broken.
const cancelLimit = 2 * time.Second

// spokenItems are the items of one message.
type spokenItems struct {
	all  []*spokenItem
	gone bool
}

type spokenItem struct {
	id      string
	ms      float64 // of its sound
	sounded bool
}

// send sends an event. It holds the lock.
func (s *realtime) send(event map[string]any) error {
	message, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode %v: %w", event["type"], err)
	}
	return s.socket.Send(message)
}

// try sends an event that may be refused.
func (s *realtime) try(event map[string]any) error {
	s.events++
	event["event_id"] = fmt.Sprintf("%s%d", lenient, s.events)
	return s.send(event)
}

// Write implements [pipeline.Session].
func (s *realtime) Write(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = s.sound.encode(s.waits, pcm)
	most := int(spell.Seconds() * 8000)
	if !s.sound.law {
		most = int(spell.Seconds() * 2 * realtimeRate)
	}
	if len(s.waits) < most {
		return nil
	}
	return s.append()
}

// append sends the sound that waits.
func (s *realtime) append() error {
	if len(s.waits) == 0 {
		return nil
	}
	text := base64.StdEncoding.EncodeToString(s.waits)
	s.waits, s.written = s.waits[:0], true
	return s.socket.Send([]byte(`{"type":"input_audio_buffer.append","audio":"` + text + `"}`))
}

// Clear implements [pipeline.Session].
func (s *realtime) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = s.waits[:0]
	if !s.written {
		return nil
	}
	s.written = false
	return s.send(map[string]any{"type": "input_audio_buffer.clear"})
}

// Ask implements [pipeline.Session].
func (s *realtime) Ask(key int, edits []pipeline.Edit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy() && time.Since(s.cancelled) > cancelLimit {
		return &Error{Code: "connection", Message: "an answer that was cancelled does not end", Retryable: true}
	}
	for _, e := range edits {
		if err := s.edit(e); err != nil {
			return err
		}
	}
	s.current, s.asked = key, key
	s.items[key] = &spokenItems{}
	return s.create()
}

// create asks for the answer that is due, unless the server is still at another: it takes one at a time.
func (s *realtime) create() error {
	if s.asked == 0 || s.busy() {
		return nil
	}
	s.created = append(s.created, s.asked)
	s.asked = 0
	return s.send(map[string]any{"type": "response.create"})
}

// busy says whether the server is at an answer, as far as is known.
func (s *realtime) busy() bool { return len(s.answers) > 0 || len(s.created) > 0 }

// edit changes the server's conversation.
func (s *realtime) edit(e pipeline.Edit) error {
	switch e.Kind {
	case pipeline.Heard:
		if err := s.append(); err != nil {
			return err
		}
		s.written = false
		s.items[e.Key] = &spokenItems{}
		s.heard = append(s.heard, e.Key)
		return s.send(map[string]any{"type": "input_audio_buffer.commit"})
	case pipeline.Told:
		return s.tell(e.Key, e.Message)
	case pipeline.Cut:
		return s.cut(e.Key, float64(e.Message.Length)/float64(time.Millisecond))
	}
	items := s.items[e.Key]
	if items == nil {
		return nil
	}
	items.gone = true
	for _, i := range items.all {
		if err := s.drop(i.id); err != nil {
			return err
		}
	}
	return nil
}

// cut shortens what an answer has said to so many milliseconds.
func (s *realtime) cut(key int, left float64) error {
	items := s.items[key]
	if items == nil {
		return nil
	}
	for _, i := range items.all {
		if !i.sounded {
			continue
		}
		if left < i.ms {
			if err := s.try(map[string]any{"type": "conversation.item.truncate", "item_id": i.id, "content_index": 0, "audio_end_ms": int(max(left, 0))}); err != nil {
				return err
			}
		}
		left -= i.ms
	}
	return nil
}

func (s *realtime) drop(id string) error {
	return s.try(map[string]any{"type": "conversation.item.delete", "item_id": id})
}

// tell adds a message in words.
func (s *realtime) tell(key int, m pipeline.Message) error {
	items := &spokenItems{}
	s.items[key] = items
	add := func(item map[string]any) error {
		id := fmt.Sprintf("parley_%d_%d", key, len(items.all))
		item["id"] = id
		items.all = append(items.all, &spokenItem{id: id})
		return s.send(map[string]any{"type": "conversation.item.create", "item": item})
	}
	say := func(role, kind, text string) error {
		return add(map[string]any{"type": "message", "role": role, "content": []map[string]any{{"type": kind, "text": text}}})
	}
	switch m.Role {
	case pipeline.Caller:
		return say("user", "input_text", m.Text)
	case pipeline.Narrator:
		role := "system"
		if m.Quoted {
			role = "user"
		}
		return say(role, "input_text", "["+m.Text+"]")
	case pipeline.ToolRole:
		return add(map[string]any{"type": "function_call_output", "call_id": m.CallID, "output": m.Text})
	}
	if m.Text != "" {
		if err := say("assistant", "output_text", m.Text); err != nil {
			return err
		}
	}
	for _, c := range m.Calls {
		if err := add(map[string]any{"type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": string(chat.Arguments(c))}); err != nil {
			return err
		}
	}
	return nil
}

// Cancel implements [pipeline.Session].
func (s *realtime) Cancel() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.cancelled = 0, time.Now()
	if s.asked != 0 {
		s.asked = 0
		return nil
	}
	for id := range s.answers {
		return s.try(map[string]any{"type": "response.cancel", "response_id": id})
	}
	if len(s.created) > 0 { // it has no id yet
		return s.try(map[string]any{"type": "response.cancel"})
	}
	return nil
}

// Close implements [pipeline.Session].
func (s *realtime) Close() error {
	s.tired.Stop()
	return s.socket.Close()
}

// realtimeEvent is what the server sends.
type realtimeEvent struct {
	Type       string        `json:"type"`
	ResponseID string        `json:"response_id"`
	ItemID     string        `json:"item_id"`
	Delta      string        `json:"delta"`
	CallID     string        `json:"call_id"`
	Name       string        `json:"name"`
	Arguments  string        `json:"arguments"`
	Item       realtimeItem  `json:"item"`
	Response   realtimeReply `json:"response"`
	Error      struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		EventID string `json:"event_id"`
	} `json:"error"`
}

type realtimeItem struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type realtimeReply struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Details struct {
		Reason string `json:"reason"`
		Error  struct {
			Type    string `json:"type"`
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"status_details"`
	Usage struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Details struct {
			Cached int `json:"cached_tokens"`
		} `json:"input_token_details"`
	} `json:"usage"`
}

// hear takes a message of the server's.
func (s *realtime) hear(message []byte, garbage *int) ([]pipeline.Outcome, error) {
	var e realtimeEvent
	if json.Unmarshal(message, &e) != nil {
		if *garbage++; *garbage >= maxGarbage {
			return nil, &Error{Code: "garbage", Message: chat.Clip(string(message)), Retryable: true}
		}
		return nil, nil
	}
	*garbage = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	outcomes, err := s.take(&e)
	select {
	case <-s.tired.C:
		outcomes = append(outcomes, pipeline.Outcome{Ends: true})
	default:
	}
	return outcomes, err
}

func (s *realtime) take(e *realtimeEvent) ([]pipeline.Outcome, error) {
	key := s.answers[cmp.Or(e.ResponseID, e.Response.ID)]
	one := func(d pipeline.Delta) []pipeline.Outcome { return []pipeline.Outcome{{Key: key, Delta: d}} }
	switch e.Type {
	case "error":
		return nil, s.fault(e)
	case "input_audio_buffer.committed":
		return nil, s.committed(e.ItemID)
	case "response.created":
		return nil, s.began(e.Response.ID)
	case "response.output_item.added":
		return nil, s.added(key, e.Item.ID)
	case "response.output_audio.delta", "response.audio.delta":
		return s.sounds(key, e)
	case "response.output_audio_transcript.delta", "response.audio_transcript.delta":
		return one(pipeline.Delta{Aloud: &pipeline.Aloud{Text: e.Delta}}), nil
	case "response.output_text.delta", "response.text.delta": // it writes, all the same: the agent's own voice speaks that
		return one(pipeline.Delta{Text: e.Delta}), nil
	case "response.function_call_arguments.done":
		return s.calls(key, e.CallID, e.Name, e.Arguments)
	case "response.output_item.done":
		if e.Item.Type == "function_call" {
			return s.calls(key, e.Item.CallID, e.Item.Name, e.Item.Arguments)
		}
	case "response.done":
		return s.done(key, &e.Response)
	}
	return nil, nil
}

// fault is what an error of the server's means.
func (s *realtime) fault(e *realtimeEvent) error {
	if strings.HasPrefix(e.Error.EventID, lenient) {
		return nil
	}
	return &Error{Status: realtimeStatus(e.Error.Type, e.Error.Code), Code: e.Error.Code, Type: e.Error.Type, Message: chat.Clip(e.Error.Message), Retryable: true}
}

// realtimeStatus is what HTTP would say in place of an error's words.
func realtimeStatus(kind, code string) int {
	switch words := kind + " " + code; {
	case strings.Contains(words, "expired"), strings.Contains(words, "server_error"):
		return http.StatusServiceUnavailable
	case strings.Contains(words, "rate_limit"), strings.Contains(words, "quota"):
		return http.StatusTooManyRequests
	case strings.Contains(words, "authentication"), strings.Contains(words, "api_key"):
		return http.StatusUnauthorized
	}
	return 0 // what it does not like of one session may be well in the next
}

// committed: sound has become an item.
func (s *realtime) committed(id string) error {
	if len(s.heard) == 0 {
		return nil
	}
	key := s.heard[0]
	s.heard = s.heard[1:]
	return s.added(key, id)
}

// added: a message has an item more.
func (s *realtime) added(key int, id string) error {
	items := s.items[key]
	if items == nil || id == "" {
		return nil
	}
	items.all = append(items.all, &spokenItem{id: id})
	if items.gone {
		return s.drop(id)
	}
	return nil
}

// began: the server is at an answer. One that was cancelled before it had a name is cancelled again.
func (s *realtime) began(id string) error {
	key := 0
	if len(s.created) > 0 {
		key, s.created = s.created[0], s.created[1:]
	}
	s.answers[id] = key
	if key != s.current || key == 0 {
		return s.try(map[string]any{"type": "response.cancel", "response_id": id})
	}
	return nil
}

// sounds: there is more sound of an answer.
func (s *realtime) sounds(key int, e *realtimeEvent) ([]pipeline.Outcome, error) {
	items := s.items[key]
	if items == nil {
		return nil, nil
	}
	var item *spokenItem
	for _, i := range items.all {
		if i.id == e.ItemID {
			item = i
		}
	}
	if item == nil {
		item = &spokenItem{id: e.ItemID}
		items.all = append(items.all, item)
	}
	pcm, ms, err := s.sound.decode(e.Delta, !item.sounded)
	if err != nil {
		return nil, &Error{Code: "garbage", Err: err, Retryable: true}
	}
	item.ms, item.sounded = item.ms+ms, true
	return []pipeline.Outcome{{Key: key, Delta: pipeline.Delta{Aloud: &pipeline.Aloud{PCM: pcm}}}}, nil
}

// calls: the model wants a tool. The server says so twice.
func (s *realtime) calls(key int, id, name, arguments string) ([]pipeline.Outcome, error) {
	if name == "" || s.called[id] {
		return nil, nil
	}
	s.called[id] = true
	b := chat.Building{ID: id, Name: name}
	if err := b.Write(arguments); err != nil {
		return nil, err
	}
	call, err := b.Call()
	if err != nil {
		return nil, err
	}
	return []pipeline.Outcome{{Key: key, Delta: pipeline.Delta{Call: call}}}, nil
}

// done: an answer is over. The next may be asked for.
func (s *realtime) done(key int, r *realtimeReply) ([]pipeline.Outcome, error) {
	delete(s.answers, r.ID)
	if err := s.create(); err != nil {
		return nil, err
	}
	d := r.Details
	if r.Status == "failed" {
		return nil, &Error{Status: realtimeStatus(d.Error.Type, d.Error.Code), Code: d.Error.Code, Type: d.Error.Type, Message: chat.Clip(d.Error.Message), Retryable: true}
	}
	finish := map[string]string{"completed": "stop", "incomplete": map[string]string{"max_output_tokens": "length"}[d.Reason]}[r.Status]
	if finish == "" {
		finish = d.Reason
	}
	u := pipeline.Usage{Input: r.Usage.Input, Output: r.Usage.Output, Cached: r.Usage.Details.Cached}
	return []pipeline.Outcome{{Key: key, Delta: pipeline.Delta{Usage: &u}}, {Key: key, Delta: pipeline.Delta{Finish: finish}, Done: true}}, nil
}
