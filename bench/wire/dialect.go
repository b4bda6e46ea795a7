package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	fast "github.com/segmentio/asm/base64"

	"parley/media/g711"
)

// A Dialect is how a carrier and a server speak on a stream. It keeps nothing of one: all streams share it. Its texts are JSON, in which $account,
// $call, $stream, $from and $to stand for what a Call has, $params for its Params, and $fields for what is in these; $numbers stands for those of a
// message that is counted as it is sent.
type Dialect struct {
	Name string // of the carrier, as in parley call --carrier
	// Clears says that the server can take back what it has sent and has not sounded.
	Clears bool
	// Forgets says that marks which a clear overtook do not come back.
	Forgets bool

	// Pieces says that servers send a message in frames of 20 ms, which come together.
	Pieces bool
	// Opens says that a stream begins when the server has said Opened.
	Opens bool

	uuids  bool // streams have names as of RFC 9562, not as Twilio's
	linear bool // sound is signed 16 bits, the lower byte first; else mu-law
	binary bool // the carrier's sound is binary frames; else base64 in text
	tcp    bool // of binary: it is AudioSocket's, over TCP and without a WebSocket

	hello            []string // what a stream begins with
	media, mediaTail string   // before and after 20 ms of sound
	counts           []count  // of media, at most three
	mark, markTail   string   // the echo of a mark, before and after its name; empty: the server has none
	key, keyTail     string   // a key, before and after its digit
	cleared          string   // is said to a clear; empty: nothing is
	stop             string   // is said when the caller hangs up; empty: the close frame says it

	sound, asks, forget, opened, leave phrase // the server's: sound in text, a mark, a clear, that the stream may begin, that it is to end
}

// A count is a number of a media message. The text has the one before the first, with so many digits that it never outgrows them.
type count struct {
	name string
	step int
}

// A phrase is a kind of a server's messages.
type phrase struct {
	word   string // that tells it; empty: there is no such
	begins string // as most servers write it
	before string // the value that it has
	kind   string // of sound, where the message says it
}

// OverTCP says that there is no WebSocket: a stream is a connection to a port.
func (d *Dialect) OverTCP() bool { return d.tcp }

// Close appends the answer to a server's end of a stream.
func (d *Dialect) Close(k Key, dst []byte, code uint16) []byte {
	if d.tcp {
		return dst
	}
	return k.Close(dst, code)
}

// size is how many bytes a number of samples takes in a frame.
func (d *Dialect) size(samples int) int {
	if d.linear {
		samples *= 2
	}
	if d.binary {
		return samples
	}
	return base64.StdEncoding.EncodedLen(samples)
}

// write writes at most Samples of mu-law as they stand in a frame, into size bytes.
func (d *Dialect) write(dst, law []byte) {
	var room [2 * Samples]byte
	codes := law
	if d.linear {
		var pcm [Samples]int16
		codes = room[:2*g711.Ulaw.Decode(pcm[:], law)]
		for i := range len(law) {
			binary.LittleEndian.PutUint16(codes[2*i:], uint16(pcm[i])) //nolint:gosec // the sign is in the top bit
		}
	}
	if d.binary {
		copy(dst, codes)
	} else {
		base64.StdEncoding.Encode(dst, codes)
	}
}

// Law is the sound of a Media message as mu-law: in room, which grows where it is too small, or in what the message lends.
func (d *Dialect) Law(room *[]byte, m *Message) ([]byte, error) {
	codes := m.Payload
	if m.Text {
		codes = grown(room, base64.StdEncoding.DecodedLen(len(m.Payload)))
		n, err := fast.StdEncoding.Decode(codes, m.Payload)
		if err != nil {
			return nil, fmt.Errorf("bad media message: payload: %w", err)
		}
		codes = codes[:n]
	}
	if !d.linear {
		return codes, nil
	}
	law := grown(room, len(codes)/2)
	var pcm [Samples]int16
	for done := 0; done < len(law); done += len(pcm) { // codes may be in room, too: what is written lies behind what is read
		n := min(len(pcm), len(law)-done)
		for i := range n {
			pcm[i] = int16(binary.LittleEndian.Uint16(codes[2*(done+i):])) //nolint:gosec // as above
		}
		g711.Ulaw.Encode(law[done:], pcm[:n])
	}
	return law, nil
}

// grown is n bytes of room.
func grown(room *[]byte, n int) []byte {
	if cap(*room) < n {
		*room = make([]byte, n)
	}
	return (*room)[:n]
}

// escaped is a value as it stands between the quotes of JSON.
func escaped(value string) string {
	text, _ := json.Marshal(value) // a string can always be written
	return string(text[1 : len(text)-1])
}
