package providertest

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/g711"
)

// soundsKept is how many texts' sounds are kept. A load run says the same few over and over.
const soundsKept = 256

// A sound is a text as the voice speaks it, cut into messages that are framed already: it can be sent to any number of sockets at once.
type sound struct {
	pieces []piece
	length time.Duration // of one piece
}

type piece struct {
	wire   []byte
	framed *websocket.PreparedMessage
}

// sounds are the sounds that were made so far.
type sounds struct {
	mu   sync.Mutex
	made map[soundKey]*sound
}

type soundKey struct {
	text        string
	rate, width int
}

// sound is how text sounds at rate.
func (d *Deepgram) sound(text string, rate, width int) (*sound, error) {
	s, key := &d.sounds, soundKey{text, rate, width}
	s.mu.Lock()
	known := s.made[key]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	voice := Tones
	if d.Hooks.Voice != nil {
		voice = d.Hooks.Voice
	}
	made, err := cut(voice(text, rate), rate, width, d.piece())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil || len(s.made) >= soundsKept {
		s.made = map[soundKey]*sound{}
	}
	s.made[key] = made
	return made, nil
}

// piece is how much sound is in a message.
func (d *Deepgram) piece() time.Duration {
	if d.Piece > 0 {
		return d.Piece
	}
	return voicePiece
}

// cut makes messages of pcm.
func cut(pcm []int16, rate, width int, length time.Duration) (*sound, error) {
	s := &sound{length: length}
	for most := max(int(length*time.Duration(rate)/time.Second), 1); len(pcm) > 0; {
		n := min(most, len(pcm))
		wire := wired(pcm[:n], width)
		framed, err := websocket.NewPreparedMessage(websocket.BinaryMessage, wire)
		if err != nil {
			return nil, err
		}
		s.pieces = append(s.pieces, piece{wire, framed})
		pcm = pcm[n:]
	}
	return s, nil
}

// wired is pcm as mu-law, or as linear16 if a sample is two bytes wide.
func wired(pcm []int16, width int) []byte {
	wire := make([]byte, len(pcm)*width)
	if width == 1 {
		g711.Ulaw.Encode(wire, pcm)
		return wire
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(wire[2*i:], uint16(s))
	}
	return wire
}
