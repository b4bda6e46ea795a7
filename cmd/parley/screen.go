package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

type callsLiveCmd struct {
	api

	Call string `arg:"" help:"Id of the call."`
	JSON bool   `name:"json" help:"Print the socket's messages as they come, one a line."`
}

// Run prints the call until it is over; it fails if the call did.
func (c *callsLiveCmd) Run(ctx context.Context, con console) error {
	var live struct {
		Token string `json:"temp_token"`
	}
	if err := c.ask(ctx, http.MethodGet, callPath(c.Call)+"/live", nil, &live); err != nil {
		return err
	}
	at, err := url.JoinPath(c.URL, "/ws/calls/"+url.PathEscape(c.Call)) // not the URL of the answer: it may not lead here
	if err != nil {
		return usageError{fmt.Errorf("--url: %w", err)}
	}
	at = "ws" + strings.TrimPrefix(at, "http") + "?session_token=" + url.QueryEscape(live.Token)
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 10 * time.Second}
	socket, answer, err := dialer.DialContext(ctx, at, nil) //nolint:bodyclose // gorilla: it need not be closed
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: %s", err, answer.Status)
		}
		return fmt.Errorf("connect to the call's socket: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	defer socket.Close() //nolint:errcheck // it is over
	show := &screen{w: con.out, json: c.JSON, fleeting: !c.JSON && terminal(con.out)}
	for {
		_, text, err := socket.ReadMessage()
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the call goes on: %w", ctx.Err())
		case websocket.IsCloseError(err, websocket.CloseNormalClosure):
			return show.end()
		case err != nil:
			return fmt.Errorf("read the call's socket: %w", err)
		}
		if err := show.message(text); err != nil {
			return err
		}
	}
}

// A liveMessage is what the socket sends.
type liveMessage struct {
	Type  string `json:"type"`
	Error string `json:"error"`
	Data  struct {
		Status     string     `json:"status"`
		Held       bool       `json:"held"`
		Muted      bool       `json:"muted"`
		Transcript []liveLine `json:"transcript"`
		Missed     int        `json:"missed"`
	} `json:"data"`
}

// standing is how the call stands, for people.
func (m liveMessage) standing() string {
	text := m.Data.Status
	if m.Data.Held {
		text += ", on hold"
	}
	if m.Data.Muted {
		text += ", muted"
	}
	return text
}

type liveLine struct {
	Role        string `json:"role"`
	Text        string `json:"text"`
	Interrupted bool   `json:"interrupted"`
	OffsetMS    int64  `json:"offset_ms"`
	Final       bool   `json:"final"`
}

// A screen shows a call. On a terminal, what is being said stands in the last line until it is final.
type screen struct {
	w        io.Writer
	json     bool
	fleeting bool
	status   string
}

// message shows one message.
func (s *screen) message(text []byte) error {
	var m liveMessage
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	s.status = cmp.Or(m.Data.Status, s.status)
	var err error
	switch {
	case s.json:
		_, err = fmt.Fprintf(s.w, "%s\n", text)
	case m.Type == "call_status_update":
		_, err = fmt.Fprintf(s.w, "%s-- %s\n", s.wipe(), m.standing())
	case m.Type == "error":
		return errors.New(m.Error)
	}
	for _, l := range m.Data.Transcript {
		if s.json || err != nil {
			break
		}
		_, err = io.WriteString(s.w, s.line(l))
	}
	return err
}

// line is a line of the transcript; empty, if it is not to be shown yet.
func (s *screen) line(l liveLine) string {
	at := time.Duration(l.OffsetMS) * time.Millisecond
	text := fmt.Sprintf("%02d:%02d %-6s %s", int(at.Minutes()), int(at.Seconds())%60, l.Role, printable(l.Text))
	switch {
	case l.Final && l.Interrupted:
		return s.wipe() + text + " --\n"
	case l.Final:
		return s.wipe() + text + "\n"
	case !s.fleeting:
		return ""
	}
	const width = 79 // a line that is wrapped cannot be wiped
	if r := []rune(text); len(r) > width {
		text = "…" + string(r[len(r)-width+1:])
	}
	return s.wipe() + text
}

// wipe clears the line that is being said.
func (s *screen) wipe() string {
	if s.fleeting {
		return "\r\x1b[K"
	}
	return ""
}

// printable is text without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

// end says how the call ended.
func (s *screen) end() error {
	if s.status == "failed" {
		return errors.New("the call failed")
	}
	return nil
}

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
