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
	c := chatting(t, "DEEPGRAM_API_KEY=k", "DEEPGRAM_BASE_URL="+deepgram, "PARLEY_WEBRTC_UDP=127.0.0.1:0", "PARLEY_CREDENTIALS_ALLOW=127.0.0.0/8",
		"PARLEY_MAX_CALLS=1")
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
	until(t, time.Minute, "the call is answered", state("pre_accept"))
	answered, _ := c.meta.Call(id)
	if err := far.Answered(answered.Answer); err != nil {
		t.Fatal(err)
	}
	leg, err := far.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "the call is accepted", state("accept"))
	loud, over := overhear(leg)
	until(t, time.Minute, "the agent is heard", func() bool { return loud.Load() > 20 })                                        // it greets
	c.hear(told("connect", map[string]any{"timestamp": "1", "session": map[string]any{"sdp_type": "offer", "sdp": far.SDP()}})) // another webhook tells it again
	asked := c.model.Counts().Requests.Load()
	speech := legtest.Speech(16000, 1500*time.Millisecond, 7)
	for end := time.Now().Add(time.Minute); c.model.Counts().Requests.Load() == asked && time.Now().Before(end); {
		frame := make([]int16, 320)
		speech = speech[copy(frame, speech):]
		if err := leg.Send(media.Frame{PCM: frame, Rate: 16000}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // as a microphone does
	}
	before := loud.Load()
	until(t, time.Minute, "the agent is heard", func() bool { return loud.Load() > before+20 })
	c.hear(told("terminate", map[string]any{"status": "COMPLETED"}))
	row := c.record(id)
	if row.Status != "completed" || row.From != "+16505551234" || !strings.Contains(row.text("user"), "book a table") || !strings.Contains(row.text("agent"), "You said") {
		t.Errorf("the call's record is %+v", row)
	}
	select {
	case <-over:
	case <-time.After(time.Minute):
		t.Error("the far end is not told that the call is over")
	}
	for _, a := range c.meta.Acts() {
		if a.Action == "terminate" || a.Action == "reject" {
			t.Errorf("Meta is told %s of a call that is held, and then of its end that it has told us of", a.Action)
		}
	}
	c.conversed(row, "+16505551234")
}

// conversed wants a call to be one conversation, of the chatter's bot, with what was said and the contact.
func (c *chatter) conversed(row callRow, with string) {
	c.t.Helper()
	var all []struct {
		ID       string   `json:"id"`
		Bot      string   `json:"bot_id"`
		Channel  string   `json:"channel"`
		External string   `json:"external_id"`
		Contact  string   `json:"contact_id"`
		Status   string   `json:"status"`
		Seconds  *float64 `json:"duration_seconds"`
	}
	c.bare("GET", "/api/v1/conversations?channel=voice", nil, &all)
	if len(all) != 1 || all[0].ID != row.ID || all[0].Bot != c.bot || all[0].External != with || all[0].Contact == "" || all[0].Status != "completed" ||
		all[0].Seconds == nil || *all[0].Seconds <= 0 {
		c.t.Fatalf("conversations of calls: %+v", all)
	}
	if said := c.messages(all[0].ID); len(said) < 2 {
		c.t.Errorf("messages of the call's conversation: %+v", said)
	}
}

// overhear counts the loud packets that come by a leg, until it is over.
func overhear(leg *webrtc.Leg) (loud *atomic.Int64, over <-chan error) {
	loud = &atomic.Int64{}
	ended := make(chan error, 1)
	go func() {
		for {
			p, err := leg.Receive()
			if err != nil {
				ended <- err
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
	return loud, ended
}
