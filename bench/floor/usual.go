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

// Usual is the baseline: what one writes from the libraries' examples.
type Usual struct {
	Stats Stats
}

// message is any message of the stream.
type message struct {
	Event          string        `json:"event"`
	SequenceNumber string        `json:"sequenceNumber,omitempty"`
	StreamSid      string        `json:"streamSid,omitempty"`
	Start          *startMessage `json:"start,omitempty"`
	Media          *mediaMessage `json:"media,omitempty"`
}

type startMessage struct {
	StreamSid        string            `json:"streamSid"`
	CallSid          string            `json:"callSid"`
	CustomParameters map[string]string `json:"customParameters"`
}

type mediaMessage struct {
	Track     string `json:"track,omitempty"`
	Chunk     string `json:"chunk,omitempty"`
	Timestamp string `json:"timestamp,omitempty"`
	Payload   string `json:"payload"`
}

// Serve answers streams on ln until ctx ends, then closes them all and waits for them.
func (u *Usual) Serve(ctx context.Context, ln net.Listener) error {
	table, voice := squares(), speech()
	return serveStreams(ctx, ln, http.NewServeMux(), "/", func(_ context.Context, conn *websocket.Conn) { u.read(conn, &table, voice) })
}

// serveStreams serves a mux on ln until ctx ends, and on it the streams at a path, which it closes then and waits for.
func serveStreams(ctx context.Context, ln net.Listener, mux *http.ServeMux, path string, talk func(context.Context, *websocket.Conn)) error {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex // no stream is added to all once ended
		ended bool
	)
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		mu.Lock()
		ended = true
		mu.Unlock()
		all.Wait()
	}()
	var upgrader websocket.Upgrader
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		late := ended
		if !late {
			all.Add(1)
		}
		mu.Unlock()
		if late {
			return
		}
		defer all.Done()
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		defer conn.Close()
		talk(ctx, conn)
	})
	server := &http.Server{Handler: mux}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// read takes messages until the stream ends; from the start message on, a goroutine speaks.
func (u *Usual) read(conn *websocket.Conn, table *[256]int64, voice []byte) {
	var speaker sync.WaitGroup
	defer speaker.Wait()
	done := make(chan struct{})
	defer close(done)
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			u.Stats.Bad.Add(1)
			continue
		}
		switch m.Event {
		case "start":
			speaker.Go(func() { u.speak(conn, m.StreamSid, voice, done) })
		case "media":
			law, err := base64.StdEncoding.DecodeString(m.Media.Payload)
			if err != nil {
				u.Stats.Bad.Add(1)
				continue
			}
			u.Stats.heard(energy(table, law))
		}
	}
}

// speak sends 20 ms every 20 ms until done.
func (u *Usual) speak(conn *websocket.Conn, sid string, voice []byte, done <-chan struct{}) {
	ticker := time.NewTicker(time.Second / ticksASec)
	defer ticker.Stop()
	for tick := 0; ; tick++ {
		select {
		case <-ticker.C:
		case <-done:
			return
		}
		from := tick % ticksASec * frameBytes
		payload := base64.StdEncoding.EncodeToString(voice[from : from+frameBytes])
		text, err := json.Marshal(message{Event: "media", StreamSid: sid, Media: &mediaMessage{Payload: payload}})
		if err != nil {
			return
		}
		if err := conn.WriteMessage(websocket.TextMessage, text); err != nil {
			return
		}
		u.Stats.Out.Add(1)
	}
}
