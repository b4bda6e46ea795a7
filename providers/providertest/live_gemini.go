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

	"github.com/gorilla/websocket"
)

// StartGeminiLive runs l as Google's Gemini Live on a loopback port until the test ends, and returns its base URL.
func StartGeminiLive(t testing.TB, l *Live) (baseURL string) {
	return l.start(t, "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", func(r *http.Request) (int, string) {
		if l.Key != "" && r.URL.Query().Get("key") != l.Key {
			return http.StatusUnauthorized, `{"error":{"code":401,"message":"API key not valid. Please pass a valid API key.","status":"UNAUTHENTICATED"}}`
		}
		return 0, ""
	}, func(ctx context.Context, s *liveSocket) {
		g := &geminiServer{liveSocket: s, open: map[string]bool{}}
		if l.Lasts > 0 {
			warning := time.AfterFunc(l.Lasts/2, func() { g.say(map[string]any{"goAway": map[string]any{"timeLeft": "10s"}}) })
			defer warning.Stop()
		}
		s.read(func(text []byte) bool { return bytes.Contains(text, []byte(`"audio":`)) }, func(text []byte) bool { return g.obey(ctx, text) })
	})
}

// A geminiServer is one session of Google's.
type geminiServer struct {
	*liveSocket
	ready, active bool
	buffered      int             // bytes of sound in this activity
	open          map[string]bool // calls that want results
	generation    int
}

// geminiOrder is a message of a client's. One of its fields is set.
type geminiOrder struct {
	Setup *struct {
		Model      string `json:"model"`
		Generation struct {
			Modalities []string `json:"responseModalities"`
		} `json:"generationConfig"`
		System struct {
			Parts []struct{ Text string }
		} `json:"systemInstruction"`
		Input struct {
			Detection struct {
				Disabled bool `json:"disabled"`
			} `json:"automaticActivityDetection"`
		} `json:"realtimeInputConfig"`
		Transcription *struct{} `json:"outputAudioTranscription"`
	} `json:"setup"`
	Content *struct {
		Turns []struct {
			Role  string
			Parts []struct{ Text string }
		} `json:"turns"`
		Complete bool `json:"turnComplete"`
	} `json:"clientContent"`
	Input *struct {
		Audio *struct {
			Data     string `json:"data"`
			MimeType string `json:"mimeType"`
		} `json:"audio"`
		Start *struct{} `json:"activityStart"`
		End   *struct{} `json:"activityEnd"`
	} `json:"realtimeInput"`
	Result *struct {
		Responses []struct {
			ID, Name string
			Response map[string]string
		} `json:"functionResponses"`
	} `json:"toolResponse"`
}

// wrong ends the session, as the server does with what it does not understand.
func (g *geminiServer) wrong(reason string) bool {
	g.live.counts.Wrong.Add(1)
	g.hangUp(websocket.CloseInvalidFramePayloadData, reason)
	return false
}

// obey does what a message says; false if the session ends with it.
func (g *geminiServer) obey(ctx context.Context, text []byte) bool {
	var o geminiOrder
	g.mu.Lock()
	defer g.mu.Unlock()
	switch err := json.Unmarshal(text, &o); {
	case err != nil:
		return g.wrong("Invalid JSON payload received.")
	case o.Setup != nil:
		s := o.Setup
		if g.ready || !strings.HasPrefix(s.Model, "models/") || !slices.Equal(s.Generation.Modalities, []string{"AUDIO"}) || len(s.System.Parts) != 1 || !s.Input.Detection.Disabled || s.Transcription == nil {
			return g.wrong("Request contains an invalid argument.")
		}
		g.ready = true
		g.say(map[string]any{"setupComplete": map[string]any{}})
	case !g.ready:
		return g.wrong("The setup comes first.")
	case o.Content != nil:
		g.interrupt()
		for _, turn := range o.Content.Turns {
			role := map[string]string{"user": "user", "model": "assistant"}[turn.Role]
			if role == "" || len(turn.Parts) == 0 {
				return g.wrong("Please use a valid role: user, model.")
			}
			for _, p := range turn.Parts {
				g.messages = append(g.messages, &liveMessage{LiveMessage: LiveMessage{Role: role, Text: p.Text}})
			}
		}
		if o.Content.Complete {
			return g.respond(ctx)
		}
	case o.Input != nil:
		return g.hear(ctx, &o)
	case o.Result != nil:
		for _, r := range o.Result.Responses {
			if !g.open[r.ID] || r.Name == "" {
				return g.wrong("There is no such function call.")
			}
			delete(g.open, r.ID)
			g.messages = append(g.messages, &liveMessage{LiveMessage: LiveMessage{Role: "tool", Text: r.Response["result"], CallID: r.ID}})
		}
		return len(g.open) > 0 || g.respond(ctx)
	default:
		return g.wrong("Request contains an invalid argument.")
	}
	return true
}

// hear takes a piece of the caller's activity.
func (g *geminiServer) hear(ctx context.Context, o *geminiOrder) bool {
	in := o.Input
	switch {
	case in.Start != nil && !g.active:
		g.interrupt()
		g.active, g.buffered = true, 0
	case in.Audio != nil && g.active && in.Audio.MimeType == "audio/pcm;rate=16000":
		data, err := base64.StdEncoding.DecodeString(in.Audio.Data)
		if err != nil {
			return g.wrong("Base64 decoding failed.")
		}
		g.live.counts.Sound.Add(int64(len(data)))
		g.buffered += len(data)
	case in.End != nil && g.active:
		g.active = false
		g.messages = append(g.messages, &liveMessage{LiveMessage: LiveMessage{Role: "user", Sound: time.Duration(g.buffered) * time.Second / 32000}})
		return g.respond(ctx)
	default:
		return g.wrong("Explicit activity control is not as it should be.")
	}
	return true
}

// interrupt ends the answer in progress.
func (g *geminiServer) interrupt() {
	if len(g.open) > 0 {
		var ids []string
		for id := range g.open {
			ids = append(ids, id)
		}
		clear(g.open)
		g.say(map[string]any{"toolCallCancellation": map[string]any{"ids": ids}})
	}
	if g.cancel == nil {
		return
	}
	g.live.counts.Cancelled.Add(1)
	g.cancel()
	g.cancel = nil
	g.say(map[string]any{"serverContent": map[string]any{"interrupted": true}})
	g.say(map[string]any{"serverContent": map[string]any{"turnComplete": true}})
}

// respond begins an answer.
func (g *geminiServer) respond(ctx context.Context) bool {
	g.interrupt()
	if g.strikes() {
		return g.trouble.Fault == NeverAnswers
	}
	if g.trouble.Fault == Complain {
		g.hangUp(websocket.CloseInternalServerErr, "Internal error encountered: "+g.trouble.Reason)
		return false
	}
	answer := g.live.answer(g.turn())
	ctx, g.cancel = context.WithCancel(ctx)
	g.generation++
	generation := g.generation
	g.work.Go(func() { g.answer(ctx, generation, answer) })
	return true
}

// answer makes an answer, until it is interrupted.
func (g *geminiServer) answer(ctx context.Context, generation int, a LiveAnswer) {
	tell := func(content map[string]any) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.generation == generation && ctx.Err() == nil {
			g.say(map[string]any{"serverContent": content})
		}
	}
	if !g.thinks(ctx) {
		return
	}
	m := &liveMessage{LiveMessage: LiveMessage{Role: "assistant"}}
	words := strings.SplitAfter(a.Text, " ")
	if a.Text != "" {
		g.mu.Lock()
		g.messages = append(g.messages, m)
		g.mu.Unlock()
		g.speak(ctx, Tones(a.Text, 24000), 24000, func(share float64) {
			for ; len(words) > 0 && float64(len(m.Text)) < share*float64(len(a.Text)); words = words[1:] {
				g.mu.Lock()
				m.Text += words[0]
				g.mu.Unlock()
				tell(map[string]any{"outputTranscription": map[string]any{"text": words[0]}})
			}
		}, func(pcm []int16) {
			var data []byte
			for _, v := range pcm {
				data = binary.LittleEndian.AppendUint16(data, uint16(v))
			}
			tell(map[string]any{"modelTurn": map[string]any{"parts": []map[string]any{{"inlineData": map[string]any{"mimeType": "audio/pcm;rate=24000", "data": base64.StdEncoding.EncodeToString(data)}}}}})
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.generation != generation || ctx.Err() != nil {
		return
	}
	g.cancel()
	g.cancel = nil
	used := map[string]any{"promptTokenCount": 120, "responseTokenCount": len(strings.Fields(a.Text)), "totalTokenCount": 120 + len(strings.Fields(a.Text))}
	if c := a.Call; c != nil {
		g.open[c.ID] = true
		g.messages = append(g.messages, &liveMessage{LiveMessage: LiveMessage{Role: "assistant", Text: c.Name + " " + c.Args, CallID: c.ID}})
		g.say(map[string]any{"toolCall": map[string]any{"functionCalls": []map[string]any{{"id": c.ID, "name": c.Name, "args": json.RawMessage(c.Args)}}}, "usageMetadata": used})
		return
	}
	g.say(map[string]any{"serverContent": map[string]any{"generationComplete": true}, "usageMetadata": used})
	g.say(map[string]any{"serverContent": map[string]any{"turnComplete": true}})
}
