// Package g722 is ITU-T G.722 at 64 kbit/s: speech up to 7 kHz in the bytes that G.711 takes for 3.4 kHz.
//
//	              ┌─ 0-4 kHz ─▶ ADPCM, 6 bits ─┐
//	PCM ──▶ split ┤                            ├──▶ one byte for two samples ──▶ the same backwards ──▶ PCM
//	16 kHz        └─ 4-8 kHz ─▶ ADPCM, 2 bits ─┘
//
// A band's decoder runs within its encoder, so both ends adapt alike from the codes alone. It is the recommendation's (11/88, revised
// 9/2012) algorithm to the bit. Sound comes out 22 samples (1.4 ms) late. RTP calls the clock 8,000 although it is 16,000 that are
// sampled, by an old mistake (RFC 3551, section 4.5.2): 20 ms are 160 bytes, 160 ticks and 320 samples. Everything works in the
// caller's buffers and allocates nothing. The package imports nothing of the house.
package g722

// What RTP and sound count in.
const (
	Clock = 8000  // ticks of RTP timestamps a second
	Rate  = 16000 // samples a second
)

// An Encoder codes one stream; its zero value is ready. It is for one goroutine at a time.
type Encoder struct {
	low, high band
	window    [history + 2*block]int32 // samples: those that the split still needs, then what is new
}

// A Decoder decodes one stream; its zero value is ready. It is for one goroutine at a time.
type Decoder struct {
	low, high band
	window    [history + 2*block]int32 // sums and differences of both bands, by turns
}

const (
	history = taps - 2 // samples before a pair of which the filter of its bands needs
	block   = 80       // codes that are looked at together
)

// Encode codes two samples of pcm in each byte of dst, as many as dst has room for, and returns how many bytes. Of an odd number of
// samples the last is left out.
func (e *Encoder) Encode(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm)/2)
	for done := 0; done < n; {
		k := min(block, n-done)
		for i, s := range pcm[2*done : 2*(done+k)] {
			e.window[history+i] = int32(s)
		}
		for i := range k {
			low, high := split(e.window[2*i : 2*i+taps])
			dst[done+i] = e.high.encodeHigh(high)<<6 | e.low.encodeLow(low)
		}
		copy(e.window[:history], e.window[2*k:])
		done += k
	}
	return n
}

// Decode decodes two samples of each byte, as many as fit in pcm, and returns how many samples.
func (d *Decoder) Decode(pcm []int16, codes []byte) int {
	n := min(len(pcm)/2, len(codes))
	for done := 0; done < n; {
		k := min(block, n-done)
		for i, code := range codes[done : done+k] {
			low, high := d.low.decodeLow(code&63), d.high.decodeHigh(code>>6)
			d.window[history+2*i], d.window[history+2*i+1] = low+high, low-high
		}
		for i := range k {
			pcm[2*(done+i)], pcm[2*(done+i)+1] = join(d.window[2*i : 2*i+taps])
		}
		copy(d.window[:history], d.window[2*k:])
		done += k
	}
	return 2 * n
}

// split makes one sample of each band of the last 24 samples (the recommendation's block 1, transmit QMF).
func split(x []int32) (low, high int32) {
	x = x[:taps]
	var even, odd int32
	for i, h := range filter {
		even += h * x[2*i]
		odd += h * x[taps-1-2*i]
	}
	return (odd + even) >> 14, (odd - even) >> 14
}

// join makes two samples of 12 sums and differences of both bands (block 6, receive QMF).
func join(x []int32) (first, second int16) {
	x = x[:taps]
	var even, odd int32
	for i, h := range filter {
		even += h * x[2*i]
		odd += h * x[taps-1-2*i]
	}
	return int16(saturate(odd >> 11)), int16(saturate(even >> 11))
}

// saturate keeps a value within 16 bits.
func saturate(v int32) int32 { return max(-1<<15, min(v, 1<<15-1)) }
