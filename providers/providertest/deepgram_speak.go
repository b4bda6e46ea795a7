package providertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"parley/media/g711"
)

// How the fake voice speaks.
const (
	voicePiece  = 100 * time.Millisecond // of audio in a message
	flushLimit  = 20                     // Flushes in flushWindow
	flushWindow = time.Minute
	speakLimit  = 2000 // characters of one Speak
)

// A deepgramVoice is one speak socket. One goroutine reads; another speaks and is the one that writes.
type deepgramVoice struct {
	*deepgramSocket
	d        *Deepgram
	cleared  atomic.Int64 // Clears read: what belongs to an older number is not spoken
	text     strings.Builder
	sequence int
	flushes  []time.Time
	pcm      []int16
	wire     []byte
}

// An order is a text message of the client's.
type order struct {
	kind, text string
	cleared    int64
}

// speak serves one voice.
func (d *Deepgram) speak(ctx context.Context, s *deepgramSocket) {
	ctx, cancel := context.WithCancel(ctx)
	v := &deepgramVoice{deepgramSocket: s, d: d}
	n := int(voicePiece * time.Duration(s.rate) / time.Second)
	v.pcm, v.wire = make([]int16, n), make([]byte, n*s.width)
	orders := make(chan order, 256)
	spoken := make(chan struct{})
	go func() {
		defer close(spoken)
		v.run(ctx, orders)
		_ = s.Close() // the reader is done too
	}()
	v.read(ctx, orders)
	cancel()
	<-spoken
}

// read hands on what the client says; a Clear is known at once.
func (v *deepgramVoice) read(ctx context.Context, orders chan<- order) {
	defer close(orders)
	buf := make([]byte, 0, 1024)
	for {
		kind, message, err := v.next(buf, 0)
		if err != nil {
			return
		}
		buf = message
		var m struct{ Type, Text string }
		if kind != websocket.TextMessage || json.Unmarshal(bytes.TrimSpace(message), &m) != nil {
			v.hangUp(websocket.ClosePolicyViolation, "DATA-0000: not a text message of JSON")
			return
		}
		if m.Type == "Clear" {
			v.cleared.Add(1)
		}
		select {
		case orders <- order{m.Type, m.Text, v.cleared.Load()}:
		case <-ctx.Done():
			return
		}
	}
}

// run obeys orders until the socket or ctx ends.
func (v *deepgramVoice) run(ctx context.Context, orders <-chan order) {
	err := v.say([]byte(`{"type":"Metadata","request_id":"` + v.request + `","model_name":"fake","model_version":"1","model_uuid":"fake"}`))
	for o := range orders {
		if err == nil {
			err = v.obey(ctx, o)
		}
		if err != nil {
			return
		}
	}
}

func (v *deepgramVoice) obey(ctx context.Context, o order) error {
	switch o.kind {
	case "Speak":
		v.d.counts.Texts.Add(1)
		if v.trouble.Fault == CloseEarly {
			v.closeEarly()
			return websocket.ErrCloseSent
		}
		if utf8.RuneCountInString(o.text) > speakLimit {
			return v.warn("MESSAGE_TOO_LONG", "text exceeds the limit of 2000 characters")
		}
		v.text.WriteString(o.text)
	case "Flush":
		v.d.counts.Flushes.Add(1)
		if v.trouble.Fault == NeverAnswers {
			return nil
		}
		return v.flush(ctx, o)
	case "Clear":
		v.d.counts.Clears.Add(1)
		v.text.Reset()
		if v.trouble.Fault == NeverAnswers {
			return nil
		}
		return v.answer("Cleared")
	case "Close":
		v.d.counts.Closes.Add(1)
		v.hangUp(websocket.CloseNormalClosure, "")
		return websocket.ErrCloseSent
	}
	return nil
}

func (v *deepgramVoice) answer(kind string) error {
	b := []byte(`{"type":"` + kind + `","sequence_id":` + strconv.Itoa(v.sequence) + `}`)
	v.sequence++
	return v.say(b)
}

func (v *deepgramVoice) warn(code, about string) error {
	return v.say([]byte(`{"type":"Warning","description":"` + about + `","code":"` + code + `"}`))
}

// flush speaks what was gathered, unless a Clear overtakes it.
func (v *deepgramVoice) flush(ctx context.Context, o order) error {
	now := time.Now()
	for len(v.flushes) > 0 && now.Sub(v.flushes[0]) >= flushWindow {
		v.flushes = v.flushes[1:]
	}
	if len(v.flushes) >= flushLimit {
		return v.warn("FLUSH_LIMIT", "too many Flush messages within 60 seconds")
	}
	v.flushes = append(v.flushes, now)
	text := v.text.String()
	v.text.Reset()
	if strings.TrimSpace(text) != "" {
		sleep(ctx, v.d.FirstAudio)
		if err := v.sound(ctx, text, o.cleared); err != nil {
			return err
		}
	}
	if v.cleared.Load() != o.cleared {
		return nil
	}
	return v.answer("Flushed")
}

// sound sends the tones of text, paced, until a Clear has been read.
func (v *deepgramVoice) sound(ctx context.Context, text string, cleared int64) error {
	tones := toneReader{words: strings.Fields(text), rate: v.rate}
	pace := v.d.Pace
	switch v.trouble.Fault {
	case WrongRate:
		tones.rate *= 2
	case Drip:
		pace = 0.25
	}
	start := time.Now()
	for sent := time.Duration(0); v.cleared.Load() == cleared; sent += voicePiece {
		if pace > 0 {
			sleep(ctx, time.Until(start.Add(time.Duration(float64(sent)/pace))))
		}
		n := tones.read(v.pcm)
		if n == 0 {
			return nil
		}
		if v.trouble.Fault == CutOff {
			n /= 2
		}
		if err := v.write(websocket.BinaryMessage, v.encode(v.pcm[:n])); err != nil {
			return err
		}
		if v.trouble.Fault == CutOff {
			return v.Close()
		}
	}
	return nil
}

func (v *deepgramVoice) encode(pcm []int16) []byte {
	if v.width == 1 {
		return v.wire[:g711.Ulaw.Encode(v.wire, pcm)]
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(v.wire[2*i:], uint16(s))
	}
	return v.wire[:2*len(pcm)]
}
