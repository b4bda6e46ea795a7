package carrier

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/media"
)

// This file is Asterisk, as far as a server of AudioSocket sees it (docs.asterisk.org, Channel Drivers, AudioSocket): a dialplan that announces the
// call, and a channel whose sound goes both ways over TCP, 20 ms at a time. It hears what it is sent at once, as app_audiosocket does.

// AudioSocket is the kind of such a call: URL is where it is announced, AuthToken the key of the API, Socket where it is connected to.
const AudioSocket Kind = "audiosocket"

// The kinds of its messages, whose header is that and two bytes of length.
const (
	socketHangup = 0x00
	socketID     = 0x01
	socketKey    = 0x03
	socketSound  = 0x10 // at 8 kHz
	socketHeader = 3
)

// A channel is Asterisk's: the caller's end of an AudioSocket as a media.Leg.
type channel struct {
	*ownWire
	conn net.Conn
	said []byte
}

// placeBySocket announces a call, and makes it.
func (c Call) placeBySocket(ctx context.Context) (*Result, error) {
	if c.Socket == "" {
		return nil, errors.New("socket is missing")
	}
	if err := c.defaults(); err != nil {
		return nil, err
	}
	var announced time.Duration
	result, err := c.PlaceBy(ctx, func(ctx context.Context) (media.Leg, error) {
		asked := time.Now()
		web := &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: c.dial}}
		defer web.CloseIdleConnections()
		id, err := c.announce(ctx, web)
		if err != nil {
			return nil, fmt.Errorf("announce call: %w", err)
		}
		announced = time.Since(asked)
		return c.channel(ctx, id)
	})
	if result != nil {
		result.Webhook = Millis(announced)
	}
	return result, err
}

// announce asks for a UUID, as CURL() of a dialplan does.
func (c *Call) announce(ctx context.Context, web *http.Client) (string, error) {
	form := url.Values{"from": {c.From}, "to": {c.To}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.real(c.URL), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "asterisk-libcurl-agent/1.0")
	r.Header.Set("Authorization", "Bearer "+c.AuthToken)
	answer, err := web.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", &StatusError{answer.StatusCode, fmt.Sprintf("%s: %s", answer.Status, strings.TrimSpace(string(text)))}
	}
	return string(text), nil
}

// channel connects the call that has a UUID, as text.
func (c *Call) channel(ctx context.Context, id string) (*channel, error) {
	name, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(name) != 16 || len(id) != 36 {
		return nil, fmt.Errorf("announced as %.64q: want a UUID", id)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.Socket)
	if err != nil {
		return nil, err
	}
	ch := &channel{ownWire: c.ownWire(id), conn: conn, said: make([]byte, socketHeader+2*slot)}
	if _, err := conn.Write(append([]byte{socketID, 0, 16}, name...)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	go ch.read()
	return ch, nil
}

// read hears the far end until it has gone.
func (ch *channel) read() {
	var header [socketHeader]byte
	payload := make([]byte, 1<<16)
	for {
		_, err := io.ReadFull(ch.conn, header[:])
		said := payload[:binary.BigEndian.Uint16(header[1:])]
		if err == nil {
			_, err = io.ReadFull(ch.conn, said)
		}
		if err == nil {
			err = ch.heard(header[0], said)
		}
		if err != nil {
			ch.end(err)
			return
		}
	}
}

// heard takes a message. Asterisk knows sound and a hang-up, and gives the call up for anything else.
func (ch *channel) heard(kind byte, said []byte) error {
	switch {
	case kind == socketHangup:
		return io.EOF
	case kind != socketSound || len(said) == 0 || len(said)%2 != 0:
		return fmt.Errorf("a message of kind %#02x with %d bytes: want sound at %d", kind, len(said), Rate)
	}
	pcm := make([]int16, len(said)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(said[2*i:]))
	}
	ch.sounds(pcm)
	return nil
}

// Send says 20 ms.
func (ch *channel) Send(f media.Frame) error {
	ch.said[0] = socketSound
	binary.BigEndian.PutUint16(ch.said[1:], uint16(2*len(f.PCM)))
	for i, s := range f.PCM {
		binary.LittleEndian.PutUint16(ch.said[socketHeader+2*i:], uint16(s))
	}
	_, err := ch.conn.Write(ch.said[:socketHeader+2*len(f.PCM)])
	return err
}

// Press presses a key.
func (ch *channel) Press(key rune, _ time.Duration) error {
	_, err := ch.conn.Write([]byte{socketKey, 0, 1, byte(key)})
	return err
}

// Hangup closes the socket, which is how Asterisk hangs up.
func (ch *channel) Hangup(media.Cause) error {
	err := ch.conn.Close()
	<-ch.done
	return err
}
