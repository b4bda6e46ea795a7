//go:build e2e

package main

import (
	"testing"
	"time"

	"parley/media"
	"parley/media/webrtc"
	"parley/providers/providertest"
)

// TestEndToEndWhatsAppCall: a person calls a bot over WhatsApp: the call is answered by WebRTC, the agent is heard, and it ends when the person hangs up.
func TestEndToEndWhatsAppCall(t *testing.T) {
	t.Parallel()
	c := chattingAs(t, "whatsapp", "PARLEY_STT=local", "PARLEY_TTS=local", "PARLEY_WEBRTC_UDP=127.0.0.1:0")
	meta, err := webrtc.NewPeers(webrtc.PeerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	far, err := meta.Offer(t.Context(), media.Info{ID: "meta"})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	const ana = "16505551234"
	id := c.meta.Ring(ana, far.SDP())
	of := func(more map[string]any) []byte {
		call := map[string]any{"id": id, "from": ana, "to": providertest.FakeDisplay, "direction": "USER_INITIATED"}
		for k, v := range more {
			call[k] = v
		}
		return c.meta.Hook("calls", map[string]any{"calls": []any{call}})
	}
	c.hear(of(map[string]any{"event": "connect", "session": map[string]any{"sdp_type": "offer", "sdp": far.SDP()}}))
	var answer string
	until(t, 30*time.Second, "the call is answered", func() bool {
		for _, a := range c.meta.Acts() {
			if a.Call == id && a.Action == "pre_accept" {
				answer = a.SDP
			}
		}
		return answer != ""
	})
	if err := far.Answered(answer); err != nil {
		t.Fatal(err)
	}
	leg, err := far.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() { // until the agent speaks
		for {
			p, err := leg.Receive()
			loud := 0
			for _, s := range p.Frame.PCM {
				loud = max(loud, int(s), -int(s))
			}
			if err != nil || loud > 1000 {
				heard <- err
				return
			}
		}
	}()
	frame := time.NewTicker(media.FrameTime)
	defer frame.Stop()
	for late := time.After(2 * time.Minute); ; {
		select {
		case <-frame.C:
			if err := leg.Send(media.Frame{PCM: make([]int16, 320), Rate: 16000}); err != nil {
				t.Fatal(err)
			}
			continue
		case err = <-heard:
		case <-late:
			t.Fatal("the agent is not heard")
		}
		break
	}
	if err != nil {
		t.Fatal(err)
	}
	c.hear(of(map[string]any{"event": "terminate", "status": "COMPLETED"}))
	var calls []callRow
	until(t, 30*time.Second, "the call is over", func() bool {
		c.into(c.api("GET", "/api/v1/calls", nil), &calls)
		return len(calls) == 1 && calls[0].Status == "completed"
	})
	if calls[0].From != "+"+ana || calls[0].To != "+"+providertest.FakeDisplay || calls[0].CarrierID != id || calls[0].Cause != "caller" {
		t.Errorf("call %+v", calls[0])
	}
}
