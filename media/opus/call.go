package opus

import (
	"errors"
	"fmt"
)

// Clock is how many ticks of RTP timestamps a second has, whatever the rate of the sound (RFC 7587, section 4.1).
const Clock = clock

// EncoderOptions say how an Encoder codes.
type EncoderOptions struct {
	Rate   int  // samples a second: 8,000, 12,000, 16,000, 24,000 or 48,000
	Bits   int  // a second, 6,000 to 510,000; zero: 16,000 up to 12,000 samples a second, else 24,000
	Effort int  // of the processor, 1 to 10; zero: 5, from where on speech gains little
	FEC    bool // sends each frame once more with the next, of fewer bits, if Loss is not zero
	Loss   int  // percentage of packets that are expected not to arrive, 0-100
	DTX    bool // sends next to nothing in silence
}

// An Encoder makes RTP payloads of mono speech. It is for one goroutine at a time, and must be closed.
type Encoder struct {
	enc     encoder
	options EncoderOptions
}

// NewEncoder checks the options and makes an Encoder.
func NewEncoder(o EncoderOptions) (*Encoder, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open opus encoder: %w", err)
	}
	e := &Encoder{options: o}
	if _, err := e.enc.open(o.Rate, 1, o.Bits, o.Effort); err != nil {
		return nil, fmt.Errorf("open opus encoder: %w", err)
	}
	if err := e.enc.call(o.FEC, o.Loss, o.DTX); err != nil {
		e.enc.close()
		return nil, fmt.Errorf("open opus encoder: %w", err)
	}
	return e, nil
}

func (o EncoderOptions) check() error {
	switch {
	case o.Bits != 0 && (o.Bits < 6000 || o.Bits > 510_000):
		return fmt.Errorf("bits of %d a second, want 6000 to 510000", o.Bits)
	case o.Effort < 0 || o.Effort > 10:
		return fmt.Errorf("effort of %d, want 1 to 10", o.Effort)
	case o.Loss < 0 || o.Loss > 100:
		return fmt.Errorf("loss of %d %%, want 0 to 100", o.Loss)
	}
	return checkRate(o.Rate)
}

// Encode makes a payload of 10, 20, 40 or 60 ms, and returns its length. 0: it need not be sent, as the far end knows that it is silent (DTX);
// its timestamps and no sequence number pass. 400 bytes are room enough for any bits up to 64,000 a second at 40 ms.
func (e *Encoder) Encode(payload []byte, pcm []int16) (int, error) {
	if len(payload) == 0 || len(pcm) == 0 {
		return 0, errors.New("encode opus: no sound, or no room for the payload")
	}
	n, err := e.enc.encode(pcm, payload)
	if err != nil {
		return 0, fmt.Errorf("encode opus: %w", err)
	}
	if n <= silent && e.options.DTX {
		return 0, nil
	}
	return n, nil
}

// silent is the most bytes of a payload that says no more than that there is silence (opus_encode's documentation).
const silent = 2

// Expect sets the percentage of packets that are expected not to arrive, 0-100, as the far end reports it.
func (e *Encoder) Expect(loss int) error {
	e.options.Loss = max(0, min(loss, 100))
	if err := e.enc.call(e.options.FEC, e.options.Loss, e.options.DTX); err != nil {
		return fmt.Errorf("tune opus encoder: %w", err)
	}
	return nil
}

// Close frees the encoder. It may be called again.
func (e *Encoder) Close() { e.enc.close() }

// A Decoder decodes one stream, to mono. It is for one goroutine at a time, must be closed, and serves media/jitter.
type Decoder struct {
	dec  decoder
	rate int
}

// NewDecoder makes a Decoder to 8,000, 12,000, 16,000, 24,000 or 48,000 samples a second, whatever the far end's rate.
func NewDecoder(rate int) (*Decoder, error) {
	if err := checkRate(rate); err != nil {
		return nil, fmt.Errorf("open opus decoder: %w", err)
	}
	d := &Decoder{rate: rate}
	if err := d.dec.open(rate); err != nil {
		return nil, fmt.Errorf("open opus decoder: %w", err)
	}
	return d, nil
}

// Clock is how many ticks of RTP timestamps a second has.
func (*Decoder) Clock() int { return Clock }

// Rate is how many samples a second it makes.
func (d *Decoder) Rate() int { return d.rate }

// Decode decodes a payload, of 120 ms at most, and returns how many samples it made. It is an error if they do not fit.
func (d *Decoder) Decode(pcm []int16, payload []byte) (int, error) {
	if len(payload) == 0 || len(pcm) == 0 {
		return 0, errors.New("decode opus: an empty payload, or no room for the sound")
	}
	n, err := d.dec.decode(pcm, payload, false)
	if err != nil {
		return 0, fmt.Errorf("decode opus: %w", err)
	}
	return n, nil
}

// Recover is the frame before next, which did not arrive, as next holds it once more; false: it does not, or it does not fit. Decode(next) is to
// follow.
func (d *Decoder) Recover(pcm []int16, next []byte) (int, bool) {
	if len(next) == 0 {
		return 0, false
	}
	n := d.dec.twice(next, d.rate)
	if n == 0 || n > len(pcm) {
		return 0, false
	}
	n, err := d.dec.decode(pcm[:n], next, true)
	return n, err == nil
}

// Conceal goes on where nothing has arrived, fading to the noise behind the speech. It fills pcm in steps of 2.5 ms, 120 ms at most, and returns
// how many samples; false: there is no room for a step.
func (d *Decoder) Conceal(pcm []int16) (int, bool) {
	n := min(len(pcm)/(d.rate/400), 48) * (d.rate / 400)
	if n == 0 {
		return 0, false
	}
	n, err := d.dec.decode(pcm[:n], nil, false)
	return n, err == nil
}

// Close frees the decoder. It may be called again.
func (d *Decoder) Close() { d.dec.close() }
