//go:build e2e

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// visitor is a page that calls, with pion's own peer connection.
type visitor struct {
	n     *node
	pc    *webrtc.PeerConnection
	data  *webrtc.DataChannel
	sound chan time.Time // of the first packet
	told  chan visitMessage
	heard []visitMessage // those that were taken from told
	token string
	url   string
	at    time.Time // when the answer was there
}

type visitMessage struct {
	Type  string `json:"type"`
	Error string `json:"error"`
	Data  struct {
		CallID     string `json:"call_id"`
		State      string `json:"state"`
		Why        string `json:"why"`
		Said       string `json:"said"`
		Transcript []struct {
			Role, Text string
		} `json:"transcript"`
	} `json:"data"`
}

// post sends an offer.
func (v *visitor) post(offer string) *http.Response {
	v.n.t.Helper()
	req, err := http.NewRequestWithContext(v.n.t.Context(), http.MethodPost, v.n.url+"/webrtc/whip", strings.NewReader(offer))
	if err != nil {
		v.n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+v.token)
	a, err := http.DefaultClient.Do(req)
	if err != nil {
		v.n.t.Fatal(err)
	}
	v.n.t.Cleanup(func() { _ = a.Body.Close() })
	return a
}

// visit opens a call with the default agent.
func (n *node) visit() *visitor {
	t := n.t
	t.Helper()
	v := &visitor{n: n, sound: make(chan time.Time, 1), told: make(chan visitMessage, 1024)}
	var token struct{ Token string }
	n.into(n.api(http.MethodPost, "/api/v1/webrtc/tokens", map[string]any{"ttl_seconds": 30}), &token)
	v.token = token.Token
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	var err error
	if v.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.pc.Close() })
	mouth, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "microphone", "page")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.pc.AddTrack(mouth); err != nil {
		t.Fatal(err)
	}
	v.pc.OnTrack(func(*webrtc.TrackRemote, *webrtc.RTPReceiver) { // pion calls it with the first packet
		v.sound <- time.Now()
	})
	if v.data, err = v.pc.CreateDataChannel("parley", nil); err != nil {
		t.Fatal(err)
	}
	v.data.OnMessage(func(m webrtc.DataChannelMessage) {
		var got visitMessage
		if err := json.Unmarshal(m.Data, &got); err != nil {
			t.Errorf("the page was told %q: %v", m.Data, err)
		}
		v.told <- got
	})
	offer, err := v.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-done
	a := v.post(v.pc.LocalDescription().SDP)
	answer, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusCreated {
		t.Fatalf("the offer: %d %s %v", a.StatusCode, answer, err)
	}
	v.at, v.url = time.Now(), a.Header.Get("Location")
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
	return v
}

// finds is the first message that is wanted, of all that were told and will be: two of them may come either way round.
func (v *visitor) finds(what string, wanted func(visitMessage) bool) visitMessage {
	v.n.t.Helper()
	late := time.After(2 * time.Minute)
	for i := 0; ; i++ {
		for i == len(v.heard) {
			select {
			case m := <-v.told:
				v.heard = append(v.heard, m)
			case <-late:
				v.n.t.Fatalf("the page was not told: %s; but %+v", what, v.heard)
			}
		}
		if wanted(v.heard[i]) {
			return v.heard[i]
		}
	}
}

func (v *visitor) say(text string) {
	v.n.t.Helper()
	if err := v.data.SendText(text); err != nil {
		v.n.t.Fatal(err)
	}
}

// TestEndToEndPages has pages call an agent of the real program: sound soon after the answer, the transcript, states and turns on the channel,
// typed words, hanging up, and the record; and no token opens two calls.
func TestEndToEndPages(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_RECORD=false")
	for i := range 3 { // the first waits for the voice, the last has the greeting at hand
		v := n.visit()
		select {
		case at := <-v.sound:
			t.Logf("call %d: the first sound came %v after the answer", i+1, at.Sub(v.at).Round(time.Millisecond))
		case <-time.After(2 * time.Minute):
			t.Fatal("the agent was not heard")
		}
		call := v.finds("its call", func(m visitMessage) bool { return m.Type == "connected" }).Data.CallID
		v.finds("that the agent speaks", func(m visitMessage) bool { return m.Data.State == "speaking" })
		v.finds("what the agent says", func(m visitMessage) bool {
			return m.Type == "transcript_update" && len(m.Data.Transcript) > 0 && m.Data.Transcript[0].Text != ""
		})
		v.finds("a turn", func(m visitMessage) bool { return m.Type == "turn" && m.Data.Why == "greeting" })
		v.say(`{"type":"nonsense"}`)
		v.finds("that it talks nonsense", func(m visitMessage) bool { return m.Type == "error" && strings.Contains(m.Error, "nonsense") })
		v.say(`{"type":"text","text":"What are your opening hours?"}`)
		v.finds("an answer to typed words", func(m visitMessage) bool {
			return m.Type == "turn" && m.Data.Why == "words" && m.Data.Said == "What are your opening hours?"
		})
		if a := v.post(v.pc.LocalDescription().SDP); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("the token opens another call: %d", a.StatusCode)
		}
		v.say(`{"type":"command","command":"hang_up"}`)
		until(t, time.Minute, "the call is recorded", func() bool {
			var row struct{ Status, Cause, Leg, Direction string }
			n.into(n.api(http.MethodGet, "/api/v1/calls/"+call, nil), &row)
			return row.Status == "completed" && row.Cause == "caller" && row.Direction == "inbound"
		})
	}
}
