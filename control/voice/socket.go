package voice

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"parley/control/envelope"
	"parley/control/live"
	"parley/control/socket"
	"parley/store"
)

// Sockets show calls while they go on, by WebSocket. Each is one request's goroutine, and one more; Close ends them. Its
// fields are set before the first Serve. It must not be copied.
type Sockets struct {
	Desk   *live.Desk
	Limits socket.Limits
	Log    *slog.Logger

	door socket.Door
}

// A Viewer is who wants to watch a call, and may.
type Viewer struct {
	Org, Call string
	Check     func(context.Context) error // whether they still may; nil: they may until the call is over
}

// Serve shows a viewer a call until that is over (1000), the client goes or is too slow, or the server stops (1001). Before the upgrade, errors
// are answered as those of the API are.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, v Viewer) {
	leave, ok := s.door.Enter(w, r)
	if !ok {
		return
	}
	defer leave()
	reader, err := s.Desk.Open(r.Context(), v.Org, v.Call)
	switch {
	case errors.Is(err, live.ErrFull):
		err = envelope.TooMany("too many readers of this call, or of all of the organisation's", time.Minute)
	case errors.Is(err, store.ErrNotFound):
		err = envelope.Missing("no such call")
	}
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
		return
	}
	defer reader.Close()
	conn, err := s.door.Upgrade(w, r, s.Limits, v.Check)
	if err != nil {
		return
	}
	defer conn.Release()
	t := &told{send: func(m message) error { return conn.Send(m) }}
	err = t.show(r.Context(), conn, reader)
	s.Log.DebugContext(r.Context(), "live socket closed", "call", v.Call, "missed", t.missed, "reason", err)
}

// Close tells all clients that the server goes away, lets nobody in any more, and waits until all have gone, which takes no longer than a
// client may take for a message.
func (s *Sockets) Close() { s.door.Close() }

// show tells of a call until the socket is to be closed, and returns why.
func (s *told) show(ctx context.Context, conn *socket.Conn, reader *live.Reader) error {
	for last := false; ; {
		u, news, more := reader.Take()
		if news {
			if err := s.tell(u); err != nil {
				return err
			}
		}
		switch {
		case u.Over:
			return conn.Close(websocket.CloseNormalClosure, "the call is over")
		case last:
			return conn.Close(websocket.CloseGoingAway, socket.ErrClosing.Error())
		}
		_, _, err := socket.Next(ctx, conn, more)
		if last = errors.Is(err, socket.ErrClosing); err != nil && !last { // the calls here are over by then, which is still to be told
			return err
		}
	}
}

// A Line is an entry of a live transcript.
type Line struct {
	Entry

	ID    string `json:"id"`
	Final bool   `json:"final"`
}

// message is anything that the socket sends.
type message struct {
	Type  string `json:"type"`
	Data  any    `json:"data,omitempty"`
	Error string `json:"error,omitempty"`
}

// What messages carry.
type (
	connectedData struct {
		CallID string       `json:"call_id"`
		Status store.Status `json:"status"`
		live.Stance
		Transcript []Line        `json:"transcript"`
		Timestamp  envelope.Time `json:"timestamp"`
	}
	transcriptData struct {
		CallID     string        `json:"call_id"`
		Transcript []Line        `json:"transcript"`
		Removed    []string      `json:"removed,omitempty"`
		Missed     int           `json:"missed,omitempty"`
		Timestamp  envelope.Time `json:"timestamp"`
	}
	statusData struct {
		CallID string       `json:"call_id"`
		Status store.Status `json:"status"`
		live.Stance
		Timestamp envelope.Time `json:"timestamp"`
	}
)

// told is how far a client has been told of a call.
type told struct {
	send   func(message) error
	begun  bool
	stance live.Stance
	missed int
}

// tell sends what has changed: that a call is over, last.
func (s *told) tell(u live.Update) error {
	now := envelope.Time(time.Now())
	lines := make([]Line, len(u.Entries))
	for i, e := range u.Entries {
		lines[i] = Line{showMessage(u.Call, e.Message), lineID(e.Key), e.Final}
	}
	status := func(final bool) error {
		for _, st := range u.Statuses {
			if st == store.Initiated || st.Final() != final { // that it is initiated, connected has said
				continue
			}
			if err := s.send(message{Type: typeStatus, Data: statusData{u.Call.ID, st, u.Stance, now}}); err != nil {
				return err
			}
		}
		return nil
	}
	changed := s.stance != u.Stance && s.begun && !u.Over
	s.stance = u.Stance
	if !s.begun {
		s.begun = true
		if err := s.send(message{Type: typeConnected, Data: connectedData{u.Call.ID, u.Call.Status, u.Stance, lines, now}}); err != nil {
			return err
		}
		return errors.Join(status(false), status(true))
	}
	s.missed += u.Missed
	if err := status(false); err != nil {
		return err
	}
	if changed {
		if err := s.send(message{Type: typeStatus, Data: statusData{u.Call.ID, u.Call.Status, u.Stance, now}}); err != nil {
			return err
		}
	}
	if len(u.Entries)+len(u.Gone)+u.Missed > 0 {
		removed := make([]string, len(u.Gone))
		for i, k := range u.Gone {
			removed[i] = lineID(k)
		}
		if err := s.send(message{Type: typeTranscript, Data: transcriptData{u.Call.ID, lines, removed, u.Missed, now}}); err != nil {
			return err
		}
	}
	return status(true)
}

// lineID names an entry: the third thing that the caller says is user-3.
func lineID(k live.Key) string { return Speaker(k.Role) + "-" + strconv.Itoa(k.N) }
