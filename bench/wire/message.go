package wire

import (
	"bytes"
	"cmp"
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
	Opened
	Leave // wants Stop, and nothing after it
	Ping
	Close
)

// A Message is one frame of a server's. Its bytes are lent: they stand in what was parsed.
type Message struct {
	Kind    Kind
	Text    bool          // of Media: Payload is base64
	Code    uint16        // of Close and Leave; 0: none was given
	Payload []byte        // of Media: its sound; of Ping: what a pong has to say
	Audio   time.Duration // of Media
	Name    []byte        // of Mark, as it stands in JSON
	Reason  []byte        // of Close and Leave
	Number  int64         // of a text, where a dialect counts them
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
func (d *Dialect) Parse(b []byte) (m Message, size int, err error) {
	if d.tcp {
		return d.parseSocket(b)
	}
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
		err = d.read(&m, body)
	case opSound:
		if d.binary {
			err = d.heard(&m, body)
		}
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

// read makes a text a Message.
func (d *Dialect) read(m *Message, text []byte) error {
	switch {
	case d.sound.begun(text):
		if payload := value(text, d.sound.before); plain(payload) {
			return d.media64(m, payload, text)
		}
	case d.asks.begun(text):
		if name := value(text, d.asks.before); plain(name) {
			m.Kind, m.Name = Mark, name
			return nil
		}
	case d.forget.begun(text):
		m.Kind = Clear
		return nil
	}
	return d.readJSON(m, text)
}

// begun says whether a text is of the kind, and written as most servers write it.
func (p *phrase) begun(text []byte) bool {
	return p.begins != "" && len(text) >= len(p.begins) && string(text[:len(p.begins)]) == p.begins
}

// anything is all that servers say, whatever the dialect.
type anything struct {
	Event   string `json:"event"`
	Action  string `json:"action"`
	Command string `json:"command"`
	Type    string `json:"type"`
	Media   struct {
		Payload     string `json:"payload"`
		ContentType string `json:"contentType"`
		SampleRate  int    `json:"sampleRate"`
	} `json:"media"`
	Mark struct {
		Name string `json:"name"`
	} `json:"mark"`
	Name          string `json:"name"`
	CorrelationID string `json:"correlation_id"`
	Payload       struct {
		Mark string `json:"mark"`
	} `json:"payload"`
	Seq        int64 `json:"seq"`
	Parameters struct {
		Reason string `json:"reason"`
		Info   string `json:"info"`
	} `json:"parameters"`
	Data struct {
		Kind  string `json:"audioDataType"`
		Rate  int    `json:"sampleRate"`
		Sound string `json:"audioData"`
	} `json:"data"`
}

// readJSON makes a text a Message, however it is written.
func (d *Dialect) readJSON(m *Message, text []byte) error {
	var any anything
	if err := json.Unmarshal(text, &any); err != nil {
		return fmt.Errorf("read the server's message: %w: %.80q", err, text)
	}
	m.Number = any.Seq
	switch cmp.Or(any.Event, any.Action, any.Command, any.Type) {
	case "": // it is of no dialect, or says nothing
	case d.sound.word:
		if kind, rate := cmp.Or(any.Media.ContentType, any.Data.Kind, d.sound.kind), cmp.Or(any.Media.SampleRate, any.Data.Rate, 8000); kind != d.sound.kind || rate != 8000 {
			return fmt.Errorf("bad media message: %s at %d: want %s at 8000: %.80q", kind, rate, d.sound.kind, text)
		}
		return d.media64(m, []byte(cmp.Or(any.Media.Payload, any.Data.Sound)), text)
	case d.asks.word:
		name, err := json.Marshal(cmp.Or(any.Mark.Name, any.Name, any.CorrelationID, any.Payload.Mark)) // as it has to be echoed
		if err != nil {
			return fmt.Errorf("read the server's mark: %w", err)
		}
		m.Kind, m.Name = Mark, name[1:len(name)-1]
	case d.forget.word:
		m.Kind = Clear
	case d.opened.word:
		m.Kind = Opened
	case d.leave.word:
		m.Kind, m.Code, m.Reason = Leave, 1000, []byte(any.Parameters.Info)
		if any.Parameters.Reason != "completed" {
			m.Code = 1011
		}
	}
	return nil
}

// media64 takes sound in text.
func (d *Dialect) media64(m *Message, payload, text []byte) error {
	if len(payload) == 0 || len(payload)%4 != 0 {
		return fmt.Errorf("bad media message: %.80q", text)
	}
	m.Payload, m.Text = payload, true
	return d.lasts(m, len(payload)/4*3-bytes.Count(payload[len(payload)-2:], []byte("=")))
}

// heard takes sound in a binary frame.
func (d *Dialect) heard(m *Message, codes []byte) error {
	m.Payload = codes
	return d.lasts(m, len(codes))
}

// lasts makes m so many bytes of sound.
func (d *Dialect) lasts(m *Message, n int) error {
	samples := n
	if d.linear {
		samples = n / 2
	}
	if n == 0 || d.linear && n%2 != 0 {
		return fmt.Errorf("bad media message: %d bytes of sound", n)
	}
	m.Kind, m.Audio = Media, time.Duration(samples)*time.Second/8000
	return nil
}

// plain says that there is no escape in a value.
func plain(value []byte) bool { return bytes.IndexByte(value, '\\') < 0 }

// value is what stands between key and the next quote; nil if there is none.
func value(text []byte, key string) []byte {
	i := bytes.Index(text, []byte(key))
	if i < 0 {
		return nil
	}
	text = text[i+len(key):]
	n := bytes.IndexByte(text, '"')
	return text[:max(n, 0)]
}
