package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// tally is what the readers of a round saw.
type tally struct {
	Messages int64 `json:"messages"`
	Interim  int64 `json:"interim"` // entries
	Final    int64 `json:"final"`
	Missed   int64 `json:"missed"`
	Failed   int64 `json:"failed"` // readers that were let go although they read
}

// beReaders is the readers' process. Each line of stdin is a round: "on" has all of them connect, and is answered by a line when they have; "off"
// has them go, and is answered by a tally.
func beReaders(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	lines, out := bufio.NewScanner(stdin), json.NewEncoder(stdout)
	var crowd []*reader
	var reading sync.WaitGroup
	var seen counts
	defer reading.Wait()
	leave := func() {
		for _, r := range crowd {
			r.gone.Store(true)
			_ = r.conn.Close()
		}
		crowd = nil
		reading.Wait()
	}
	defer leave()
	for lines.Scan() {
		if lines.Text() == "off" {
			leave()
			if err := out.Encode(seen.tally()); err != nil {
				return err
			}
			continue
		}
		seen = counts{}
		for i := range o.readers {
			r, err := connect(ctx, o.addr, i%o.calls)
			if err != nil {
				return err
			}
			crowd = append(crowd, r)
			if i >= o.stalled {
				reading.Go(func() { r.read(&seen) })
			}
		}
		if err := out.Encode("on"); err != nil {
			return err
		}
	}
	return nil
}

// counts are what they see, while they do.
type counts struct{ messages, interim, final, missed, failed atomic.Int64 }

func (c *counts) tally() tally {
	return tally{c.messages.Load(), c.interim.Load(), c.final.Load(), c.missed.Load(), c.failed.Load()}
}

// A reader watches one call.
type reader struct {
	conn *websocket.Conn
	gone atomic.Bool // it was told to go
}

func connect(ctx context.Context, addr string, call int) (*reader, error) {
	d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			err = tcp.SetReadBuffer(4 << 10)
		}
		return conn, err
	}}
	conn, _, err := d.DialContext(ctx, "ws://"+addr+"/ws/calls/"+sid(call), nil) //nolint:bodyclose // gorilla: it need not be closed
	if err != nil {
		return nil, fmt.Errorf("connect a reader: %w", err)
	}
	return &reader{conn: conn}, nil
}

// read counts what comes.
func (r *reader) read(seen *counts) {
	for {
		_, text, err := r.conn.ReadMessage()
		if err != nil {
			if !r.gone.Load() {
				seen.failed.Add(1)
			}
			return
		}
		var m struct {
			Type string `json:"type"`
			Data struct {
				Missed     int64 `json:"missed"`
				Transcript []struct {
					Final bool `json:"final"`
				} `json:"transcript"`
			} `json:"data"`
		}
		if err := json.Unmarshal(text, &m); err != nil {
			seen.failed.Add(1)
			return
		}
		seen.messages.Add(1)
		seen.missed.Add(m.Data.Missed)
		for _, l := range m.Data.Transcript {
			if l.Final {
				seen.final.Add(1)
			} else {
				seen.interim.Add(1)
			}
		}
	}
}
