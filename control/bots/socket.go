package bots

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"parley/control/envelope"
	"parley/control/socket"
)

// Sockets tell dashboards what happens to conversations, by WebSocket. Each is one request's goroutine, and one more; Close ends them. Its
// fields are set before the first Serve. It must not be copied.
type Sockets struct {
	Feed   *Feed
	Limits socket.Limits
	Log    *slog.Logger

	door socket.Door
}

// A Viewer is who wants to watch an organisation's conversations, and may.
type Viewer struct {
	Org   string
	Check func(context.Context) error // whether they still may
}

// Serve tells a viewer of conversations until the client goes or is too slow (1013), or the server stops (1001). Before the upgrade, errors
// are answered as those of the API are.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, v Viewer) {
	leave, ok := s.door.Enter(w, r)
	if !ok {
		return
	}
	defer leave()
	reader, err := s.Feed.Open(v.Org)
	switch {
	case errors.Is(err, ErrFull):
		envelope.Write(w, r, envelope.TooMany(ErrFull.Error(), time.Minute))
		return
	case err != nil:
		envelope.Write(w, r, envelope.Busy("conversations cannot be watched now", err))
		return
	}
	defer reader.Close()
	conn, err := s.door.Upgrade(w, r, s.Limits, v.Check)
	if err != nil {
		return
	}
	defer conn.Release()
	err = show(r.Context(), conn, reader)
	s.Log.DebugContext(r.Context(), "conversation socket closed", "org", v.Org, "reason", err)
}

// Close tells all clients that the server goes away, lets nobody in any more, and waits until all have gone.
func (s *Sockets) Close() { s.door.Close() }

// show writes events until the socket is to be closed, and returns why.
func show(ctx context.Context, conn *socket.Conn, reader *Reader) error {
	for {
		text, ok, err := socket.Next(ctx, conn, reader.Events)
		switch {
		case errors.Is(err, socket.ErrClosing):
			return conn.Close(websocket.CloseGoingAway, err.Error())
		case err != nil:
			return err
		case !ok:
			return conn.Close(websocket.CloseTryAgainLater, "too slow, or events are lost: read the lists anew")
		}
		if err := conn.Write(text); err != nil {
			return err
		}
	}
}
