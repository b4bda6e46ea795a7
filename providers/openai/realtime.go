package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
	"parley/providers/socket"
)

// What a Realtime does where its fields are empty.
const (
	DefaultRealtimeModel = "gpt-realtime"
	DefaultRealtimeVoice = "marin"

	defaultLasts = 55 * time.Minute
)

// A Realtime is a model of OpenAI's that hears and speaks itself. It may be used by any number of calls at once, and must not be changed
// once used.
//
//	Write ──▶ input_audio_buffer.append ─┐                          ┌─▶ output_audio.delta, its transcript ──▶ Aloud
//	Ask ──▶ commit, item.create, ────────┼─▶ one socket a session ──┼─▶ function_call ──▶ Call
//	        truncate, delete ──▶ response.create                    └─▶ response.done ──▶ Usage, Done
//
// Legs of 8 kHz are heard and spoken to in mu-law, as the telephone has it; others in PCM of 24 kHz. Its own detection of turns is off.
//
// Wire: https://platform.openai.com/docs/api-reference/realtime; names of events from before it was generally available are understood.
type Realtime struct {
	BaseURL   string // https, http, wss or ws, with or without /v1 at its end; empty: https://api.openai.com/v1
	Key       string
	Model     string  // empty: DefaultRealtimeModel
	Voice     string  // empty: DefaultRealtimeVoice
	Pace      float64 // 0.25 to 1.5; 0: the model's
	MaxTokens int     // of one answer; 0: the model's default

	// Lasts is how long a session may last: then another takes its place between two answers. Default 55 min: the server ends it after 60.
	Lasts time.Duration
	// DialLimit is the longest wait for a session; default 5 s.
	DialLimit time.Duration
	// NetDial opens connections; nil: as net/http does, by the environment's proxy.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ pipeline.Conversant = (*Realtime)(nil)

// Converses is what a Realtime can do.
var Converses = providers.Abilities{Streams: true, MuLaw: true, Cancels: true, Languages: "the model's own"}

// Check says what is wrong with its fields; nil if it can be used.
func (r *Realtime) Check() error {
	if _, err := r.address(); err != nil {
		return err
	}
	if r.Pace != 0 && (r.Pace < 0.25 || r.Pace > 1.5) {
		return fmt.Errorf("openai: Pace is %v: want 0.25 to 1.5", r.Pace)
	}
	return nil
}

// address is the socket's.
func (r *Realtime) address() (string, error) {
	base := cmp.Or(r.BaseURL, "https://api.openai.com/v1")
	if rest, ok := strings.CutPrefix(base, "ws"); ok {
		base = "http" + rest
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("openai: %w", err)
	}
	if !version.MatchString(u.Path) {
		u.Path += "/v1"
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u.Path += "/realtime"
	u.RawQuery = url.Values{"model": {cmp.Or(r.Model, DefaultRealtimeModel)}}.Encode()
	return u.String(), nil
}

// Converse implements [pipeline.Conversant]. Its errors wrap *Error, as do those of its sessions.
func (r *Realtime) Converse(ctx context.Context, b pipeline.Briefing) (pipeline.Session, error) {
	to, err := r.address()
	if err != nil {
		return nil, err
	}
	sound, err := newRealtimeSound(b.Rate)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	header := http.Header{}
	if r.Key != "" {
		header.Set("Authorization", "Bearer "+r.Key)
	}
	conn, err := socket.Dial(ctx, socket.Target{URL: to, Header: header, Secret: r.Key, NetDial: r.NetDial, Limit: r.DialLimit})
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	s := &realtime{socket: conn, sound: sound, items: map[int]*spokenItems{}, answers: map[string]int{}, called: map[string]bool{}}
	if err := s.send(r.update(b, sound.format())); err != nil {
		return nil, errors.Join(fmt.Errorf("openai: %w", err), conn.Close())
	}
	s.tired = time.NewTimer(cmp.Or(r.Lasts, defaultLasts))
	return s, nil
}

// update is the session's settings.
func (r *Realtime) update(b pipeline.Briefing, format map[string]any) map[string]any {
	output := map[string]any{"format": format, "voice": cmp.Or(r.Voice, DefaultRealtimeVoice)}
	if r.Pace != 0 {
		output["speed"] = r.Pace
	}
	session := map[string]any{
		"type": "realtime", "instructions": chat.Aloud(b.Agent), "output_modalities": []string{"audio"},
		"audio": map[string]any{"input": map[string]any{"format": format, "turn_detection": nil}, "output": output},
	}
	if r.MaxTokens > 0 {
		session["max_output_tokens"] = r.MaxTokens
	}
	if b.Agent != nil && len(b.Agent.Tools) > 0 {
		var ts []realtimeTool
		for _, t := range b.Agent.Tools {
			ts = append(ts, realtimeTool{"function", t.Name, t.Description, chat.Parameters(t)})
		}
		session["tools"], session["tool_choice"] = ts, "auto"
	}
	return map[string]any{"type": "session.update", "session": session}
}

type realtimeTool struct {
	Type        string          `json:"type"` // function
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

// Outcomes implements [pipeline.Session].
func (s *realtime) Outcomes() iter.Seq2[pipeline.Outcome, error] {
	return func(yield func(pipeline.Outcome, error) bool) {
		messages, stop := iter.Pull2(s.socket.Messages())
		defer stop()
		garbage := 0
		for {
			message, err, ok := messages()
			if !ok {
				return
			}
			var outcomes []pipeline.Outcome
			if err == nil {
				outcomes, err = s.hear(message, &garbage)
			}
			for _, o := range outcomes {
				if !yield(o, nil) {
					return
				}
			}
			if err != nil {
				yield(pipeline.Outcome{}, fmt.Errorf("openai: %w", err))
				return
			}
		}
	}
}
