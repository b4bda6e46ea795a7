package gemini

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/socket"
)

// pieceOf is how many bytes of the caller's sound go into one message: half a second.
const pieceOf = liveHears

// maxGarbage is how many unreadable messages in a row end a session.
const maxGarbage = 5

// live is a session.
type live struct {
	socket *socket.Socket
	late   *time.Timer // ends a session that does not begin

	mu      sync.Mutex
	in, out *resample.Resampler
	pcm     []int16 // scratch
	sound   []byte  // of the caller, that may be asked about
	half    []byte  // of what is spoken: half of a sample that was torn
	ready   bool    // the server has taken the setup
	held    [][]byte
	names   map[string]string // of tools, by call
	open    map[string]bool   // calls that the server waits for

	key        int  // of the answer that is wanted; 0: none
	generating bool // there may be more of the last answer
	stale      bool // what comes is of an answer before
	unended    bool // the server will still say that an answer before is over
	said       bool // something has come of this one
	usage      pipeline.Usage
}

// send sends a message, as soon as the server is ready for any. It holds the lock.
func (s *live) send(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if !s.ready && len(s.held) < 10_000 {
		s.held = append(s.held, text)
		return nil
	}
	return s.socket.Send(text)
}

// Write implements [pipeline.Session].
func (s *live) Write(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pcm = s.in.Append(s.pcm[:0], pcm)
	for _, v := range s.pcm {
		s.sound = binary.LittleEndian.AppendUint16(s.sound, uint16(v))
	}
	return nil
}

// Clear implements [pipeline.Session].
func (s *live) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sound = s.sound[:0]
	s.in.Reset()
	return nil
}

// Ask implements [pipeline.Session].
func (s *live) Ask(key int, edits []pipeline.Edit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var told []content
	var results []functionResult
	heard := false
	last := len(edits) - 1
	for i, e := range edits {
		switch m := e.Message; {
		case e.Kind == pipeline.Heard:
			heard = true
		case e.Kind == pipeline.Told && m.Role == pipeline.ToolRole && s.open[m.CallID] && allResults(edits[i:]):
			results = append(results, functionResult{m.CallID, s.names[m.CallID], map[string]string{"result": m.Text}})
			delete(s.open, m.CallID)
		default:
			told = s.tell(told, e)
		}
	}
	s.key, s.said, s.half = key, false, nil
	s.out.Reset()
	s.stale = s.generating
	s.generating = true
	if len(told) > 0 {
		if err := s.send(map[string]any{"clientContent": map[string]any{"turns": told, "turnComplete": !heard && len(results) == 0}}); err != nil {
			return err
		}
	}
	switch {
	case heard:
		return s.speak()
	case len(results) > 0:
		s.unended = false // the answer that wanted them goes on
		return s.send(map[string]any{"toolResponse": map[string]any{"functionResponses": results}})
	case last < 0:
		return fmt.Errorf("nothing to answer")
	}
	return nil
}

// allResults says whether nothing follows but results: then the model goes on with them.
func allResults(edits []pipeline.Edit) bool {
	return !slices.ContainsFunc(edits, func(e pipeline.Edit) bool { return e.Kind != pipeline.Told || e.Message.Role != pipeline.ToolRole })
}

// tell adds what the model is told in words.
func (s *live) tell(told []content, e pipeline.Edit) []content {
	m := e.Message
	add := func(role string, p ...part) {
		if n := len(told); n > 0 && told[n-1].Role == role {
			told[n-1].Parts = append(told[n-1].Parts, p...)
			return
		}
		told = append(told, content{role, p})
	}
	note := func(text string) { add("user", part{Text: "[" + text + "]"}) }
	switch {
	case e.Kind == pipeline.Cut && m.Text == "":
		note("The caller interrupted you before they could hear your last words.")
	case e.Kind == pipeline.Cut:
		note(fmt.Sprintf("The caller interrupted you. Of your last words they heard only %q.", m.Text))
	case e.Kind == pipeline.Unsaid && m.Role == pipeline.Assistant:
		note("Nothing of your last words was heard. Do not refer to them.")
	case e.Kind == pipeline.Unsaid && m.Role == pipeline.Caller:
		note("The caller had not finished. What they said comes again, as a whole.")
	case e.Kind == pipeline.Unsaid: // a note that has lost its use
	case m.Role == pipeline.Caller:
		add("user", part{Text: m.Text})
	case m.Role == pipeline.Narrator:
		note(m.Text)
	case m.Role == pipeline.ToolRole && s.names[m.CallID] == "":
		note("A tool's result: " + m.Text)
	case m.Role == pipeline.ToolRole:
		note("The tool " + s.names[m.CallID] + " says: " + m.Text)
	default:
		if m.Text != "" {
			add("model", part{Text: m.Text})
		}
		for _, c := range m.Calls {
			s.names[c.ID] = c.Name
			add("model", part{Text: "[You used the tool " + c.Name + " with " + string(chat.Arguments(c)) + ".]"})
		}
	}
	return told
}

// speak lets the model hear the caller's turn, and answer.
func (s *live) speak() error {
	input := func(field string, value any) error {
		return s.send(map[string]any{"realtimeInput": map[string]any{field: value}})
	}
	if err := input("activityStart", struct{}{}); err != nil {
		return err
	}
	for piece := range slices.Chunk(s.sound, pieceOf) {
		if err := input("audio", map[string]any{"data": base64.StdEncoding.EncodeToString(piece), "mimeType": fmt.Sprintf("audio/pcm;rate=%d", liveHears)}); err != nil {
			return err
		}
	}
	s.sound = s.sound[:0]
	return input("activityEnd", struct{}{})
}

// Cancel implements [pipeline.Session]. The server goes on until it is told something else: what comes of it is not passed on.
func (s *live) Cancel() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = 0
	return nil
}

// Close implements [pipeline.Session].
func (s *live) Close() error {
	s.late.Stop()
	return s.socket.Close()
}

// liveMessage is what the server sends.
type liveMessage struct {
	SetupComplete *struct{} `json:"setupComplete"`
	Content       *struct {
		ModelTurn struct {
			Parts []struct {
				Inline *struct {
					MimeType string `json:"mimeType"`
					Data     string `json:"data"`
				} `json:"inlineData"`
			} `json:"parts"`
		} `json:"modelTurn"`
		Transcription struct {
			Text string `json:"text"`
		} `json:"outputTranscription"`
		GenerationComplete bool `json:"generationComplete"`
		TurnComplete       bool `json:"turnComplete"`
		Interrupted        bool `json:"interrupted"`
	} `json:"serverContent"`
	ToolCall *struct {
		Calls []functionCall `json:"functionCalls"`
	} `json:"toolCall"`
	Cancellation struct {
		IDs []string `json:"ids"`
	} `json:"toolCallCancellation"`
	Usage *struct {
		Prompt     int `json:"promptTokenCount"`
		Response   int `json:"responseTokenCount"`
		Candidates int `json:"candidatesTokenCount"`
		Cached     int `json:"cachedContentTokenCount"`
	} `json:"usageMetadata"`
	GoAway *struct{} `json:"goAway"`
}

// hear takes a message of the server's.
func (s *live) hear(message []byte, garbage *int) ([]pipeline.Outcome, error) {
	var m liveMessage
	if json.Unmarshal(message, &m) != nil {
		if *garbage++; *garbage >= maxGarbage {
			return nil, &chat.Error{Code: "garbage", Message: chat.Clip(string(message)), Retryable: true}
		}
		return nil, nil
	}
	*garbage = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := m.Usage; u != nil {
		s.usage.Input, s.usage.Output, s.usage.Cached = s.usage.Input+u.Prompt, s.usage.Output+u.Response+u.Candidates, s.usage.Cached+u.Cached
	}
	for _, id := range m.Cancellation.IDs {
		delete(s.open, id)
	}
	switch {
	case m.SetupComplete != nil:
		return nil, s.begin()
	case m.GoAway != nil:
		return []pipeline.Outcome{{Ends: true}}, nil
	case m.ToolCall != nil:
		return s.calls(m.ToolCall.Calls)
	case m.Content != nil:
		return s.take(&m)
	}
	return nil, nil
}

// begin sends what has waited for the server.
func (s *live) begin() error {
	s.late.Stop()
	s.ready = true
	for _, text := range s.held {
		if err := s.socket.Send(text); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

// take takes what the model says. The end of an answer before this one comes at any time: a turn is only complete when it would have been
// heard.
func (s *live) take(m *liveMessage) (outcomes []pipeline.Outcome, err error) {
	c := m.Content
	if !s.stale {
		add := func(a pipeline.Aloud) {
			s.said = true
			if s.key != 0 {
				outcomes = append(outcomes, pipeline.Outcome{Key: s.key, Delta: pipeline.Delta{Aloud: &a}})
			}
		}
		if t := c.Transcription.Text; t != "" {
			add(pipeline.Aloud{Text: t})
		}
		for _, p := range c.ModelTurn.Parts {
			if p.Inline == nil {
				continue
			}
			pcm, err := s.decode(p.Inline.Data)
			if err != nil {
				return nil, err
			}
			add(pipeline.Aloud{PCM: pcm})
		}
	}
	switch {
	case c.Interrupted:
		s.stale, s.unended = false, !c.TurnComplete
	case c.GenerationComplete && s.stale:
		s.stale, s.unended = false, !c.TurnComplete
	case c.GenerationComplete:
		s.unended = !c.TurnComplete
		outcomes = append(outcomes, s.done("stop")...)
	case c.TurnComplete && s.stale:
		s.stale = false
	case c.TurnComplete && s.unended && !s.said:
		s.unended = false
	case c.TurnComplete && s.generating:
		outcomes = append(outcomes, s.done("stop")...)
	}
	return outcomes, nil
}

// done is the end of an answer, and what was used since the one before: the server may tell that late.
func (s *live) done(finish string) []pipeline.Outcome {
	key, u := s.key, s.usage
	s.generating, s.key = false, 0
	if key == 0 {
		return nil
	}
	s.usage = pipeline.Usage{}
	return []pipeline.Outcome{{Key: key, Delta: pipeline.Delta{Usage: &u}}, {Key: key, Delta: pipeline.Delta{Finish: finish}, Done: true}}
}

// calls: the model wants tools, and waits for them.
func (s *live) calls(calls []functionCall) (outcomes []pipeline.Outcome, err error) {
	if s.stale {
		return nil, nil
	}
	for _, c := range calls {
		b := chat.Building{ID: c.ID, Name: c.Name}
		if err := b.Write(string(c.Args)); err != nil {
			return nil, err
		}
		call, err := b.Call()
		if err != nil {
			return nil, err
		}
		s.names[call.ID], s.open[call.ID] = call.Name, true
		if s.key != 0 {
			outcomes = append(outcomes, pipeline.Outcome{Key: s.key, Delta: pipeline.Delta{Call: call}})
		}
	}
	return append(outcomes, s.done("tool_calls")...), nil
}

// decode is sound of the server's at the leg's rate.
func (s *live) decode(text string) ([]int16, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, &chat.Error{Code: "garbage", Err: err, Retryable: true}
	}
	data = append(s.half, data...)
	s.half = append([]byte(nil), data[len(data)&^1:]...)
	samples := make([]int16, len(data)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return s.out.Append(nil, samples), nil
}
