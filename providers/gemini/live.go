package gemini

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/url"
	"strings"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
	"parley/providers/socket"
)

// What a Live does where its fields are empty.
const (
	DefaultLiveModel = "gemini-2.5-flash-native-audio-preview-09-2025"
	DefaultLiveVoice = "Puck"
)

// The one rate of the sound that the server is given, and of that which it speaks in.
const (
	liveHears  = 16000
	liveSpeaks = 24000
)

// A Live is a model of Google's that hears and speaks itself. It may be used by any number of calls at once, and must not be changed once
// used.
//
//	Write ──▶ kept ──▶ Ask ──▶ activityStart, audio, activityEnd ─┐                 ┌─▶ modelTurn, outputTranscription ──▶ Aloud
//	Told, Cut, Unsaid ──▶ clientContent ──────────────────────────┼─▶ one socket ───┼─▶ toolCall ──▶ Call
//	result of an open call ──▶ toolResponse ──────────────────────┘                 └─▶ generationComplete ──▶ Done
//
// What it was given it cannot be made to forget: so it is given the caller's sound when a turn is over, not before, and is told in notes
// what was not heard, or taken back. Its own detection of turns is off. A session that will end (goAway) is followed by one that is told
// in words what was heard; what resumption would bring back is what was said.
//
// Wire: https://ai.google.dev/api/live
type Live struct {
	BaseURL   string // https, http, wss or ws, without a path; empty: https://generativelanguage.googleapis.com
	Key       string
	Model     string // also with models/ before it; empty: DefaultLiveModel
	Voice     string // empty: DefaultLiveVoice
	MaxTokens int    // of one answer; 0: the model's default

	// DialLimit is the longest wait for a session; default 5 s.
	DialLimit time.Duration
	// NetDial opens connections; nil: as net/http does, by the environment's proxy.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ pipeline.Conversant = (*Live)(nil)

// Converses is what a Live can do. It answers piece by piece, but the caller's turn goes out as a whole.
var Converses = providers.Abilities{Languages: "the model's own"}

// Check says what is wrong with its fields; nil if it can be used.
func (l *Live) Check() error {
	if _, err := l.address(); err != nil {
		return err
	}
	return CheckModel(cmp.Or(l.Model, DefaultLiveModel))
}

// address is the socket's, with the key in it: this API has no other place for it.
func (l *Live) address() (string, error) {
	base := cmp.Or(l.BaseURL, "https://generativelanguage.googleapis.com")
	if rest, ok := strings.CutPrefix(base, "ws"); ok {
		base = "http" + rest
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("gemini: %w", err)
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	u.Path = version.ReplaceAllString(u.Path, "") + "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
	u.RawQuery = url.Values{"key": {l.Key}}.Encode()
	return u.String(), nil
}

// Converse implements [pipeline.Conversant]. Its errors wrap *chat.Error, as do those of its sessions.
func (l *Live) Converse(ctx context.Context, b pipeline.Briefing) (pipeline.Session, error) {
	to, err := l.address()
	if err != nil {
		return nil, err
	}
	in, err := resample.New(b.Rate, liveHears)
	if err != nil {
		return nil, fmt.Errorf("gemini: %w", err)
	}
	out, err := resample.New(liveSpeaks, b.Rate)
	if err != nil {
		return nil, fmt.Errorf("gemini: %w", err)
	}
	setup, err := json.Marshal(map[string]any{"setup": l.setup(b)})
	if err != nil {
		return nil, fmt.Errorf("gemini: encode the setup: %w", err)
	}
	conn, err := socket.Dial(ctx, socket.Target{URL: to, Secret: l.Key, NetDial: l.NetDial, Limit: l.DialLimit})
	if err != nil {
		return nil, fmt.Errorf("gemini: %w", err)
	}
	s := &live{socket: conn, in: in, out: out, names: map[string]string{}, open: map[string]bool{}}
	if err := conn.Send(setup); err != nil {
		return nil, errors.Join(fmt.Errorf("gemini: %w", err), conn.Close())
	}
	s.late = time.AfterFunc(cmp.Or(l.DialLimit, 5*time.Second), func() {
		conn.Fail(&chat.Error{Code: "connection", Message: "the session does not begin", Retryable: true})
	})
	return s, nil
}

// setup is what a session begins with.
func (l *Live) setup(b pipeline.Briefing) map[string]any {
	generation := map[string]any{
		"responseModalities": []string{"AUDIO"},
		"speechConfig":       map[string]any{"voiceConfig": map[string]any{"prebuiltVoiceConfig": map[string]any{"voiceName": cmp.Or(l.Voice, DefaultLiveVoice)}}},
	}
	if l.MaxTokens > 0 {
		generation["maxOutputTokens"] = l.MaxTokens
	}
	setup := map[string]any{
		"model":                    "models/" + strings.TrimPrefix(cmp.Or(l.Model, DefaultLiveModel), "models/"),
		"generationConfig":         generation,
		"systemInstruction":        map[string]any{"parts": []part{{Text: chat.Aloud(b.Agent)}}},
		"realtimeInputConfig":      map[string]any{"automaticActivityDetection": map[string]any{"disabled": true}},
		"outputAudioTranscription": map[string]any{},
		"contextWindowCompression": map[string]any{"slidingWindow": map[string]any{}},
	}
	if b.Agent != nil && len(b.Agent.Tools) > 0 {
		var ts []declaration
		for _, t := range b.Agent.Tools {
			ts = append(ts, declaration{t.Name, t.Description, t.Parameters})
		}
		setup["tools"] = []map[string]any{{"functionDeclarations": ts}}
	}
	return setup
}

// Outcomes implements [pipeline.Session].
func (s *live) Outcomes() iter.Seq2[pipeline.Outcome, error] {
	return func(yield func(pipeline.Outcome, error) bool) {
		garbage := 0
		for message, err := range s.socket.Messages() {
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
				yield(pipeline.Outcome{}, fmt.Errorf("gemini: %w", err))
				return
			}
		}
	}
}
