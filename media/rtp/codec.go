package rtp

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/media/g711"
	"parley/media/g722"
	"parley/media/jitter"
	"parley/media/opus"
)

// A Codec is what signalling has agreed on, in the words of SDP.
type Codec struct {
	Name  string        // PCMU, PCMA, G722 or opus, in letters of either size
	PT    uint8         // payload type: 0-127
	Clock int           // ticks of timestamps a second, as rtpmap has them; zero: the codec's own
	Ptime time.Duration // how much sound the far end wants in a packet, a multiple of 10 ms up to 60; zero: 20 ms
	Fmtp  string        // the parameters of the codec, as in a=fmtp
}

// A coder makes payloads of sound. It is used by one goroutine at a time.
type coder interface {
	// encode codes pcm, of the codec's rate, and returns how much of payload that took; 0: this need not be sent.
	encode(payload []byte, pcm []int16) (int, error)
	// least is of how many samples all that is coded must be a multiple.
	least() int
}

// A coding is all that there is to know of a codec in use.
type coding struct {
	name    string
	clock   int // of timestamps
	rate    int // samples a second
	decoder jitter.Decoder
	coder   coder
	ie, bpl float64 // how it impairs, and how it bears loss: ITU-T G.113, appendix I
	closed  func()  // nil: there is nothing to free
}

// open makes a codec ready.
func (c Codec) open() (*coding, error) {
	var of *coding
	switch strings.ToUpper(c.Name) {
	case "PCMU":
		of = companded("PCMU", g711.Ulaw)
	case "PCMA":
		of = companded("PCMA", g711.Alaw)
	case "G722":
		of = wideband()
	case "OPUS":
		var err error
		if of, err = interactive(c.Fmtp); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("codec name %q: want PCMU, PCMA, G722 or opus", c.Name)
	}
	if c.Clock != 0 && c.Clock != of.clock {
		of.close()
		return nil, fmt.Errorf("codec clock of %d ticks a second: %s has %d", c.Clock, of.name, of.clock)
	}
	return of, nil
}

// check says what is wrong with the numbers of a codec.
func (c Codec) check() error {
	switch {
	case c.PT > 127 || c.PT >= 64 && c.PT <= 95: // those would be taken for RTCP (RFC 5761, section 4)
		return fmt.Errorf("codec payload type %d: want one from 0 to 63 or 96 to 127", c.PT)
	case c.Ptime < 0 || c.Ptime > 60*time.Millisecond || c.Ptime%(10*time.Millisecond) != 0:
		return fmt.Errorf("codec ptime of %v: want a multiple of 10 ms up to 60", c.Ptime)
	}
	return nil
}

// close frees what the codec has taken.
func (c *coding) close() {
	if c != nil && c.closed != nil {
		c.closed()
	}
}

// law is G.711, both ways.
type law struct{ g711.Law }

func companded(name string, of g711.Law) *coding {
	return &coding{name: name, clock: 8000, rate: 8000, decoder: law{of}, coder: law{of}, ie: 0, bpl: 25.1}
}

func (law) Clock() int { return 8000 }
func (law) Rate() int  { return 8000 }

func (l law) Decode(pcm []int16, payload []byte) (int, error) { return l.Law.Decode(pcm, payload), nil }

func (law) Recover([]int16, []byte) (int, bool) { return 0, false }
func (law) Conceal([]int16) (int, bool)         { return 0, false }

func (l law) encode(payload []byte, pcm []int16) (int, error) {
	return l.Encode(payload, pcm), nil
}

func (law) least() int { return 1 }

// adpcm is G.722, both ways.
type adpcm struct {
	encoder g722.Encoder
	decoder g722.Decoder
}

// wideband is G.722. Its impairment is counted by the scale of telephones, on which it has none: no rating is above that of G.711.
func wideband() *coding {
	c := new(adpcm)
	return &coding{name: "G722", clock: 8000, rate: 16000, decoder: c, coder: c, ie: 0, bpl: 14}
}

func (*adpcm) Clock() int { return 8000 } // by an old mistake: RFC 3551, section 4.5.2
func (*adpcm) Rate() int  { return 16000 }

func (a *adpcm) Decode(pcm []int16, payload []byte) (int, error) {
	return a.decoder.Decode(pcm, payload), nil
}

func (*adpcm) Recover([]int16, []byte) (int, bool) { return 0, false }
func (*adpcm) Conceal([]int16) (int, bool)         { return 0, false }

func (a *adpcm) encode(payload []byte, pcm []int16) (int, error) {
	return a.encoder.Encode(payload, pcm), nil
}

func (*adpcm) least() int { return 2 }

const (
	opusRate = 16000 // all that recognisers hear, and what telephones can say with Opus
	opusLoss = 5     // percentage that the far end is taken to miss when it asks for FEC
)

// packets is an Opus encoder as a coder.
type packets struct{ *opus.Encoder }

func (p packets) encode(payload []byte, pcm []int16) (int, error) { return p.Encode(payload, pcm) }

func (packets) least() int { return opusRate / 50 }

// interactive is Opus as the far end wants it (RFC 7587, section 6.1).
func interactive(fmtp string) (*coding, error) {
	options := opus.EncoderOptions{Rate: opusRate}
	for parameter := range strings.SplitSeq(fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch n, err := strconv.Atoi(strings.TrimSpace(value)); {
		case err != nil: // of another kind, or none of ours
		case strings.EqualFold(name, "useinbandfec") && n == 1:
			options.FEC, options.Loss = true, opusLoss
		case strings.EqualFold(name, "usedtx") && n == 1:
			options.DTX = true
		case strings.EqualFold(name, "maxaveragebitrate"):
			options.Bits = max(6000, min(n, 64000))
		}
	}
	encoder, err := opus.NewEncoder(options)
	if err != nil {
		return nil, err
	}
	decoder, err := opus.NewDecoder(opusRate)
	if err != nil {
		encoder.Close()
		return nil, err
	}
	return &coding{
		name: "opus", clock: opus.Clock, rate: opusRate, decoder: decoder, coder: packets{encoder}, ie: 0, bpl: 20,
		closed: func() { encoder.Close(); decoder.Close() },
	}, nil
}

// like says whether what was made for one codec serves another.
func (c Codec) like(o Codec) bool {
	return strings.EqualFold(c.Name, o.Name) && c.Fmtp == o.Fmtp
}
