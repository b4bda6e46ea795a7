package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/stream"
)

const frame = 20 * time.Millisecond

// silence is what every caller sends: a frame of mu-law.
var silence = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 160)))

// sid names a call; the server has its sockets under the same name.
func sid(i int) string { return fmt.Sprintf("CA%032d", i) }

// A caller is one call's far end, by a carrier's media stream.
type caller struct {
	conn *websocket.Conn
	sid  string
	seen func(lateness time.Duration)

	mu    sync.Mutex
	marks []mark // to be echoed when the audio before them has sounded
}

type mark struct {
	name string
	due  time.Time
}

// dial connects a call.
func dial(ctx context.Context, addr string, i int, seen func(time.Duration)) (*caller, error) {
	params, err := admit(ctx, addr, sid(i))
	if err != nil {
		return nil, err
	}
	at := "ws://" + addr + "/twilio/media"
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, at, http.Header{"X-Twilio-Signature": {stream.Sign(secret, at, nil)}}) //nolint:bodyclose // gorilla: it need not be closed
	if err != nil {
		return nil, fmt.Errorf("connect a call: %w", err)
	}
	c := &caller{conn: conn, sid: "MZ" + sid(i)[2:], seen: seen}
	start := fmt.Sprintf(`{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC%032d","streamSid":%q,"callSid":%q,"tracks":["inbound"],`+
		`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":%s},"streamSid":%q}`, 0, c.sid, sid(i), params, c.sid)
	for _, text := range []string{`{"event":"connected","protocol":"Call","version":"1.0.0"}`, start} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return nil, fmt.Errorf("start a call: %w", err)
		}
	}
	return c, nil
}

// admit asks the voice webhook for a call's stream, as Twilio would, and returns its <Parameter>s as JSON.
func admit(ctx context.Context, addr, call string) (string, error) {
	form := url.Values{"CallSid": {call}, "AccountSid": {"AC" + strings.Repeat("0", 32)}, "From": {"+15550100001"}, "To": {"+15550100002"}}
	target := "http://" + addr + "/twilio/voice"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", stream.Sign(secret, target, form))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("ask the voice webhook: %w", err)
	}
	defer answer.Body.Close()
	var doc struct {
		Parameters []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"Connect>Stream>Parameter"`
	}
	if err := xml.NewDecoder(answer.Body).Decode(&doc); answer.StatusCode != http.StatusOK || err != nil {
		return "", fmt.Errorf("voice webhook: %s: %w", answer.Status, err)
	}
	params := make(map[string]string)
	for _, v := range doc.Parameters {
		params[v.Name] = v.Value
	}
	text, err := json.Marshal(params)
	return string(text), err
}

// send sends frames, and echoes marks, until the call is over.
func (c *caller) send(ctx context.Context) {
	defer c.conn.Close()
	tick := time.NewTicker(frame)
	defer tick.Stop()
	began := time.Now()
	for sent := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		for ; time.Duration(sent)*frame < now.Sub(began); sent++ {
			text := fmt.Sprintf(`{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":%q},"streamSid":%q}`,
				sent+2, sent+1, sent*20, silence, c.sid)
			if c.conn.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
				return
			}
		}
		for _, name := range c.sounded(now) {
			if c.conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"event":"mark","sequenceNumber":"1","streamSid":%q,"mark":{"name":%q}}`, c.sid, name)) != nil {
				return
			}
		}
	}
}

// sounded are the marks whose time has come.
func (c *caller) sounded(now time.Time) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.marks) > 0 && !c.marks[0].due.After(now) {
		names = append(names, c.marks[0].name)
		c.marks = c.marks[1:]
	}
	return names
}

// receive judges when the agent's audio comes, until the call is over.
func (c *caller) receive() {
	var reply struct {
		line  time.Time     // when audio at offset 0 should have come, by the best of its messages
		audio time.Duration // that has come
	}
	plays := time.Time{} // until when the audio that is here sounds
	for {
		_, text, err := c.conn.ReadMessage()
		now := time.Now()
		if err != nil {
			return
		}
		var m struct {
			Event string `json:"event"`
			Media struct {
				Payload []byte `json:"payload"`
			} `json:"media"`
			Mark struct {
				Name string `json:"name"`
			} `json:"mark"`
		}
		if json.Unmarshal(text, &m) != nil {
			continue
		}
		switch m.Event {
		case "media":
			if now.After(plays) { // the carrier had nothing left: another reply
				reply.line, reply.audio, plays = now, 0, now
			} else {
				line := now.Add(-reply.audio)
				if line.Before(reply.line) {
					reply.line = line
				}
				c.seen(line.Sub(reply.line))
			}
			length := time.Duration(len(m.Media.Payload)) * time.Second / 8000
			reply.audio, plays = reply.audio+length, plays.Add(length)
		case "mark":
			c.mu.Lock()
			c.marks = append(c.marks, mark{m.Mark.Name, plays})
			c.mu.Unlock()
		case "clear":
			plays = time.Time{}
			c.mu.Lock()
			for i := range c.marks {
				c.marks[i].due = now
			}
			c.mu.Unlock()
		}
	}
}
