//go:build e2e

package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/media/webrtc"
	"parley/providers/providertest"
)

// TestEndToEndWhatsAppCall: a person calls a bot's number on WhatsApp: Meta's offer is answered and accepted, the bot's agent hears and answers, the
// call is recorded like any other, and it ends when Meta says so.
func TestEndToEndWhatsAppCall(t *testing.T) {
	t.Parallel()
	deepgram := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "k", Transcripts: []string{"I would like to book a table."}})
	c := chatting(t, "DEEPGRAM_API_KEY=k", "DEEPGRAM_BASE_URL="+deepgram, "PARLEY_WEBRTC_UDP=127.0.0.1:0", "PARLEY_CREDENTIALS_ALLOW=127.0.0.0/8")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(c.log.String(), "speech models loaded") })
	meta, err := webrtc.NewPeers(webrtc.PeerOptions{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	far, err := meta.Offer(t.Context(), media.Info{ID: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	id := c.meta.Ring("16505551234", far.SDP())
	told := func(event string, more map[string]any) []byte {
		call := map[string]any{"id": id, "from": "16505551234", "to": providertest.FakeDisplay, "event": event, "direction": "USER_INITIATED"}
		for k, v := range more {
			call[k] = v
		}
		return c.meta.Hook("calls", map[string]any{"calls": []any{call}})
	}
	offer := told("connect", map[string]any{"session": map[string]any{"sdp_type": "offer", "sdp": far.SDP()}})
	c.hear(offer)
	c.hear(offer) // Meta tells things twice
	state := func(want string) func() bool {
		return func() bool { now, _ := c.meta.Call(id); return now.State == want }
	}
	until(t, 20*time.Second, "the call is answered", state("pre_accept"))
	answered, _ := c.meta.Call(id)
	if err := far.Answered(answered.Answer); err != nil {
		t.Fatal(err)
	}
	leg, err := far.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	until(t, 20*time.Second, "the call is accepted", state("accept"))
	var loud atomic.Int64
	over := make(chan error, 1)
	go func() {
		for {
			p, err := leg.Receive()
			if err != nil {
				over <- err
				return
			}
			for _, s := range p.Frame.PCM {
				if s > 1000 {
					loud.Add(1)
					break
				}
			}
		}
	}()
	until(t, 20*time.Second, "the agent is heard", func() bool { return loud.Load() > 20 }) // it greets
	asked := c.model.Counts().Requests.Load()
	speech := legtest.Speech(16000, 1500*time.Millisecond, 7)
	for end := time.Now().Add(30 * time.Second); c.model.Counts().Requests.Load() == asked && time.Now().Before(end); {
		frame := make([]int16, 320)
		speech = speech[copy(frame, speech):]
		if err := leg.Send(media.Frame{PCM: frame, Rate: 16000}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // as a microphone does
	}
	before := loud.Load()
	until(t, 20*time.Second, "the agent is heard", func() bool { return loud.Load() > before+20 })
	c.hear(told("terminate", map[string]any{"status": "COMPLETED"}))
	row := c.record(id)
	if row.Status != "completed" || row.From != "+16505551234" || !strings.Contains(row.text("user"), "book a table") || !strings.Contains(row.text("agent"), "You said") {
		t.Errorf("the call's record is %+v", row)
	}
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Error("the far end is not told that the call is over")
	}
	for _, a := range c.meta.Acts() {
		if a.Action == "terminate" {
			t.Error("Meta is told of an end that it has told us of")
		}
	}
}
