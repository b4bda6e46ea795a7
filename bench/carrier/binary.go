package carrier

import (
	"encoding/binary"
	"fmt"

	"github.com/gorilla/websocket"
)

// A wire is how a carrier says what Twilio says where its sound is binary frames.
type wire struct {
	first   func(s *session) any                 // what it says first; nil: nothing
	heard   func(text []byte) (fromAgent, error) // reads a text of the server's
	marked  func(s *session, name string) any    // a mark has been reached; nil: it tells of none
	cleared func() any                           // a clear was obeyed; nil: it does not say so
	forgets bool                                 // marks that a clear has dropped do not come back
	pressed func(s *session, key string) any
	gone    func() any // the caller has hung up; nil: the socket's close says it
}

// fromAgent is what a text of the server's is: a mark, a clear, sound, or what is of no interest.
type fromAgent struct {
	event string // mark, clear, media or empty
	mark  string
	sound []byte
}

// A layout is how sound is written in binary frames: mu-law, or signed 16 bits with the lower byte first, at a multiple of Rate.
type layout struct {
	linear bool
	times  int // Rate
}

// encode appends a frame of the caller's to dst. Samples between those of Rate are on a straight line.
func (l layout) encode(dst []byte, law []byte) []byte {
	if !l.linear {
		return append(dst, law...)
	}
	pcm := decodeMulaw(make([]int16, 0, len(law)), law)
	for i, s := range pcm {
		next := pcm[min(i+1, len(pcm)-1)]
		for n := range l.times {
			between := int(s) + (int(next)-int(s))*n/l.times
			dst = binary.LittleEndian.AppendUint16(dst, uint16(int16(between))) //nolint:gosec // it is between two that fit
		}
	}
	return dst
}

// decode is the agent's sound at Rate: of several samples their mean.
func (l layout) decode(codes []byte) ([]int16, error) {
	if !l.linear {
		return decodeMulaw(make([]int16, 0, len(codes)), codes), nil
	}
	if len(codes)%(2*l.times) != 0 {
		return nil, fmt.Errorf("%d bytes: want whole samples of %d bytes, %d at once", len(codes), 2, l.times)
	}
	pcm := make([]int16, 0, len(codes)/(2*l.times))
	for ; len(codes) > 0; codes = codes[2*l.times:] {
		sum := 0
		for n := range l.times {
			sum += int(int16(binary.LittleEndian.Uint16(codes[2*n:]))) //nolint:gosec // the sign is in the top bit
		}
		pcm = append(pcm, int16(sum/l.times)) //nolint:gosec // a mean fits
	}
	return pcm, nil
}

// bytes is how many a frame of 20 ms has.
func (l layout) bytes() int {
	if l.linear {
		return 2 * l.times * slot
	}
	return slot
}

// takeBinary does what a message of such a server's says.
func (s *session) takeBinary(a arrival) {
	said := fromAgent{event: "media", sound: a.text}
	if !a.binary {
		var err error
		if said, err = s.d.wire.heard(a.text); err != nil {
			s.bad("%v", err)
			return
		}
	}
	switch said.event {
	case "media":
		s.takeSound(said.sound)
	case "mark":
		s.playout.mark(said.mark)
		s.sound(s.start)
	case "clear":
		s.takeClear()
	}
}

func (s *session) takeSound(codes []byte) {
	if len(codes) == 0 || len(codes)%s.layout.bytes() != 0 {
		s.bad("sound of %d bytes: want whole frames of %d", len(codes), s.layout.bytes())
		return
	}
	pcm, err := s.layout.decode(codes)
	if err != nil {
		s.bad("sound: %v", err)
		return
	}
	s.received(pcm)
}

// speakBinary sends the frame that has just been spoken.
func (s *session) speakBinary() {
	s.socket.SetWriteDeadline(s.start.Add(s.due() + writeWait))
	_ = s.socket.WriteMessage(websocket.BinaryMessage, s.layout.encode(nil, s.frame)) // if it does not go out the reader will say why
}
