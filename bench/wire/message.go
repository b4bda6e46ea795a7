package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Kind is what a server's frame is.
type Kind uint8

// The kinds.
const (
	Other Kind = iota // of no use here
	Media
	Mark
	Clear
	Ping
	Close
)

// A Message is one frame of a server's. Its bytes are lent: they stand in what was parsed.
type Message struct {
	Kind    Kind
	Payload []byte        // of Media: base64; of Ping: what a pong has to say
	Audio   time.Duration // of Media
	Name    []byte        // of Mark, as it stands in JSON
	Code    uint16        // of Close; 0: none was given
	Reason  []byte        // of Close
}

// longest is how large a server's frame may be.
const longest = 4 << 20

// Mistakes of a server's.
var (
	errMasked   = errors.New("the server's frame is masked")
	errTooLong  = fmt.Errorf("the server's frame has more than %d MiB", longest>>20)
	errFragment = errors.New("the server's message comes in fragments, which a generator does not put together")
)

// Parse reads the first frame of b, which is unmasked as servers send it; size is 0 when it is not whole. Messages that are written as most
// servers write theirs allocate nothing; all others go through encoding/json.
func Parse(b []byte) (m Message, size int, err error) {
	if len(b) < 2 {
		return m, 0, nil
	}
	n, head := int(b[1]), 2
	switch {
	case n > 127:
		return m, 0, errMasked
	case n == 126 && len(b) < 4, n == 127 && len(b) < 10:
		return m, 0, nil
	case n == 126:
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case n == 127:
		long := binary.BigEndian.Uint64(b[2:])
		if long > longest {
			return m, 0, errTooLong
		}
		n, head = int(long), 10
	}
	if len(b) < head+n {
		return m, 0, nil
	}
	body := b[head : head+n]
	switch b[0] {
	case opText:
		err = m.read(body)
	case opClose:
		m.Kind = Close
		if n >= 2 {
			m.Code, m.Reason = binary.BigEndian.Uint16(body), body[2:]
		}
	case opPing:
		m.Kind, m.Payload = Ping, body
	case 0x00, 0x01, 0x02, 0x80:
		err = errFragment
	}
	return m, head + n, err
}

// How most servers begin their messages, and where their values stand.
var (
	plainMedia = []byte(`{"event":"media","streamSid":"`)
	plainMark  = []byte(`{"event":"mark","streamSid":"`)
	plainClear = []byte(`{"event":"clear","streamSid":"`)
	payloadAt  = []byte(`"payload":"`)
	nameAt     = []byte(`"name":"`)
)

// read makes a text a Message.
func (m *Message) read(text []byte) error {
	switch {
	case bytes.HasPrefix(text, plainMedia):
		if payload := value(text, payloadAt); plain(payload) {
			return m.media(payload, text)
		}
	case bytes.HasPrefix(text, plainMark):
		if name := value(text, nameAt); plain(name) {
			m.Kind, m.Name = Mark, name
			return nil
		}
	case bytes.HasPrefix(text, plainClear):
		m.Kind = Clear
		return nil
	}
	var any struct {
		Event string `json:"event"`
		Media struct {
			Payload string `json:"payload"`
		} `json:"media"`
		Mark struct {
			Name string `json:"name"`
		} `json:"mark"`
	}
	if err := json.Unmarshal(text, &any); err != nil {
		return fmt.Errorf("read the server's message: %w: %.80q", err, text)
	}
	switch any.Event {
	case "media":
		return m.media([]byte(any.Media.Payload), text)
	case "mark":
		name, err := json.Marshal(any.Mark.Name) // as it has to be echoed
		if err != nil {
			return fmt.Errorf("read the server's mark: %w", err)
		}
		m.Kind, m.Name = Mark, name[1:len(name)-1]
	case "clear":
		m.Kind = Clear
	}
	return nil
}

func (m *Message) media(payload, text []byte) error {
	if len(payload) == 0 || len(payload)%4 != 0 {
		return fmt.Errorf("bad media message: %.80q", text)
	}
	samples := len(payload)/4*3 - bytes.Count(payload[len(payload)-2:], []byte("="))
	m.Kind, m.Payload, m.Audio = Media, payload, time.Duration(samples)*time.Second/8000
	return nil
}

// plain says that there is no escape in a value.
func plain(value []byte) bool { return bytes.IndexByte(value, '\\') < 0 }

// value is what stands between key and the next quote; nil if there is none.
func value(text, key []byte) []byte {
	i := bytes.Index(text, key)
	if i < 0 {
		return nil
	}
	text = text[i+len(key):]
	n := bytes.IndexByte(text, '"')
	return text[:max(n, 0)]
}
