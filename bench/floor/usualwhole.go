package floor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// UsualWhole is the baseline of a whole call: gorilla/websocket and encoding/json on all three sockets, and a time.Ticker a call.
type UsualWhole struct {
	Conversation
	Stats Stats
}

// Serve answers calls on ln until ctx ends, then hangs up on all and waits for them.
func (u *UsualWhole) Serve(ctx context.Context, ln net.Listener) (err error) {
	if u.Conversation, err = u.withDefaults(); err != nil {
		return errors.Join(err, ln.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+voicePath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = w.Write(twiml(r.Host)) // a caller who has gone cannot be told
	})
	return serveStreams(ctx, ln, mux, "GET "+mediaPath, func(ctx context.Context, conn *websocket.Conn) {
		c := &usualCall{server: u, conn: conn}
		c.run(ctx)
	})
}

// A usualCall is one of UsualWhole's.
type usualCall struct {
	server        *UsualWhole
	conn          *websocket.Conn // the carrier's
	sid           string
	listen, speak *websocket.Conn
	heard         []byte // what the recogniser has not got

	mu    sync.Mutex
	voice []byte // what the carrier has not got
	asked int    // utterances that are not whole yet
}

// A result is what a recogniser says, of either version.
type result struct {
	SpeechFinal  bool   `json:"speech_final"`
	FromFinalize bool   `json:"from_finalize"`
	Event        string `json:"event"`
	Transcript   string `json:"transcript"`
	Channel      struct {
		Alternatives []struct {
			Transcript string `json:"transcript"`
		} `json:"alternatives"`
	} `json:"channel"`
}

// over is as turnOver.
func (r result) over() bool {
	said := r.Transcript
	if len(r.Channel.Alternatives) > 0 {
		said = r.Channel.Alternatives[0].Transcript
	}
	return said != "" && (r.SpeechFinal || r.FromFinalize || r.Event == "EndOfTurn")
}

// run is the call until the carrier's stream ends, or a vendor's does.
func (c *usualCall) run(ctx context.Context) {
	ctx, hangUp := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer hangUp()
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	for {
		_, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			c.server.Stats.Bad.Add(1)
			return
		}
		switch m.Event {
		case "start":
			c.sid = m.StreamSid
			err = c.begin(ctx, hangUp, &others)
		case "media":
			err = c.hear(m.Media.Payload)
		case "stop":
			return
		}
		if err != nil {
			c.server.Stats.Bad.Add(1)
			return
		}
	}
}

// begin connects to the vendors, asks for the greeting, and has others read what they say and send it on.
func (c *usualCall) begin(ctx context.Context, hangUp context.CancelFunc, others *sync.WaitGroup) (err error) {
	u := c.server
	header := http.Header{}
	if u.Key != "" {
		header.Set("Authorization", "Token "+u.Key)
	}
	dial := func(target string) (*websocket.Conn, error) {
		conn, _, err := websocket.DefaultDialer.DialContext(ctx, target, header) //nolint:bodyclose // gorilla: it need not be closed
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	if c.listen, err = dial(u.Listen); err != nil {
		return err
	}
	if c.speak, err = dial(u.Speak); err != nil {
		return err
	}
	u.Stats.Calls.Add(1)
	if err := c.ask(u.Greeting); err != nil {
		return err
	}
	for _, do := range []func(context.Context){c.converse, c.utter, c.send} {
		others.Go(func() {
			defer hangUp()
			do(ctx)
		})
	}
	return nil
}

// hear takes the payload of one media message.
func (c *usualCall) hear(payload string) error {
	law, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return err
	}
	c.server.Stats.In.Add(1)
	if c.heard = append(c.heard, law...); len(c.heard) < listenBytes || c.listen == nil {
		return nil
	}
	err = c.listen.WriteMessage(websocket.BinaryMessage, c.heard)
	c.heard = c.heard[:0]
	return err
}

// converse reads what the recogniser understands, and answers.
func (c *usualCall) converse(context.Context) {
	for {
		var r result
		if c.listen.ReadJSON(&r) != nil {
			return
		}
		if r.over() && c.ask(c.server.Answer) != nil {
			return
		}
	}
}

// ask has the voice say something.
func (c *usualCall) ask(text string) error {
	c.mu.Lock()
	c.asked++
	c.mu.Unlock()
	c.server.Stats.Turns.Add(1)
	err := c.speak.WriteJSON(map[string]string{"type": "Speak", "text": text})
	return errors.Join(err, c.speak.WriteJSON(map[string]string{"type": "Flush"}))
}

// utter reads what the voice makes.
func (c *usualCall) utter(context.Context) {
	for {
		kind, b, err := c.speak.ReadMessage()
		if err != nil {
			return
		}
		var m struct {
			Type string `json:"type"`
		}
		if kind == websocket.TextMessage && json.Unmarshal(b, &m) != nil {
			return
		}
		c.mu.Lock()
		if kind == websocket.BinaryMessage {
			c.voice = append(c.voice, b...)
		} else if m.Type == "Flushed" {
			c.asked--
		}
		c.mu.Unlock()
	}
}

// send sends 20 ms every 20 ms, if there is so much, until the call ends.
func (c *usualCall) send(ctx context.Context) {
	ticker := time.NewTicker(time.Second / ticksASec)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		law := c.next()
		if law == nil {
			continue
		}
		text, err := json.Marshal(message{Event: "media", StreamSid: c.sid, Media: &mediaMessage{Payload: base64.StdEncoding.EncodeToString(law)}})
		if err != nil {
			return
		}
		if err := c.conn.WriteMessage(websocket.TextMessage, text); err != nil {
			return
		}
		c.server.Stats.Out.Add(1)
	}
}

// next is the next 20 ms, the last of an utterance filled up with silence; nil: there are none.
func (c *usualCall) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.voice) < frameBytes && (c.asked > 0 || len(c.voice) == 0) {
		return nil
	}
	n := min(len(c.voice), frameBytes)
	law := append(make([]byte, 0, frameBytes), c.voice[:n]...)
	for len(law) < frameBytes {
		law = append(law, 0xFF) // silence
	}
	c.voice = c.voice[n:]
	return law
}
