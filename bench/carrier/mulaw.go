package carrier

import "math/bits"

// silence is 20 ms of mu-law silence byte, which a carrier sends while its caller does not speak.
const silence = 0xFF

// decodeMulaw appends the linear samples of mu-law bytes to pcm. Source: ITU-T G.711, section 3.
func decodeMulaw(pcm []int16, law []byte) []int16 {
	for _, b := range law {
		b = ^b
		s := (int16(b&0x0F)<<3+0x84)<<(b>>4&7) - 0x84
		if b&0x80 != 0 {
			s = -s
		}
		pcm = append(pcm, s)
	}
	return pcm
}

// encodeMulaw appends linear samples to law as mu-law bytes.
func encodeMulaw(law []byte, pcm []int16) []byte {
	for _, s := range pcm {
		v, sign := int(s), byte(0)
		if v < 0 {
			v, sign = ^v, 0x80 // as the ITU's reference software (G.191) does
		}
		v = min(v, 32635) + 0x84
		segment := bits.Len(uint(v)) - 8
		law = append(law, ^(sign | byte(segment)<<4 | byte(v>>(segment+3))&0x0F))
	}
	return law
}
