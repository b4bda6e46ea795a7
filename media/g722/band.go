package g722

// A band codes the difference of its samples from what it predicts. Names in parentheses are the recommendation's.
type band struct {
	predicted int32    // (s)
	zeroes    int32    // what of it is by the last differences (sz)
	rebuilt   int32    // the last sample as it was decoded (r)
	partial   [2]int32 // differences with what was predicted by zeroes, newest first (p)
	pole      [2]int32 // of the predictor (a)
	zero      [6]int32 // of the predictor (b)
	diffs     [6]int32 // newest first (d)
	scale     int32    // logarithm of the quantiser's step (nb)
	step      int32    // (det); 0 until the first code
}

// The least steps, with which bands begin.
const (
	lowStep  = 32
	highStep = 8
)

func (b *band) begin(step int32) {
	if b.step == 0 {
		b.step = step
	}
}

// encodeLow codes a sample in 6 bits (blocks 1L to 4L).
func (b *band) encodeLow(sample int32) byte {
	b.begin(lowStep)
	diff := saturate(sample - b.predicted)
	size, level := magnitude(diff), 1
	for level < len(lowLimits) && size >= (lowLimits[level]*b.step)>>12 {
		level++
	}
	code := byte(level) // of a positive one: 61 for the first level, and so on downwards
	if diff < 0 {
		code = lowNegative[level]
	} else {
		code = 62 - code
	}
	b.adaptLow(code)
	return code
}

// decodeLow is the sample of a code of 6 bits (blocks 5L and 6L).
func (b *band) decodeLow(code byte) int32 {
	b.begin(lowStep)
	sample := clampBand(b.predicted + (b.step*lowFine[code])>>15)
	b.adaptLow(code)
	return sample
}

// adaptLow does what both ends do after a code: its lowest two bits are of no account, so that bits may be robbed on the way.
func (b *band) adaptLow(code byte) {
	diff := (b.step * lowCoarse[code>>2]) >> 15
	b.scale = max(0, min((b.scale*127)>>7+lowWeights[code>>2], 18432))
	b.step = antilog(b.scale, 8)
	b.predict(diff)
}

// encodeHigh codes a sample in 2 bits (blocks 1H to 4H).
func (b *band) encodeHigh(sample int32) byte {
	b.begin(highStep)
	diff := saturate(sample - b.predicted)
	far := magnitude(diff) >= (564*b.step)>>12
	var code byte // from 0: negative far, negative near, positive far, positive near
	if !far {
		code |= 1
	}
	if diff >= 0 {
		code |= 2
	}
	b.decodeHigh(code)
	return code
}

// decodeHigh is the sample of a code of 2 bits (blocks 5H and 6H).
func (b *band) decodeHigh(code byte) int32 {
	b.begin(highStep)
	diff := (b.step * highLevels[code]) >> 15
	sample := clampBand(b.predicted + diff)
	weight := int32(798)
	if code&1 != 0 {
		weight = -214
	}
	b.scale = max(0, min((b.scale*127)>>7+weight, 22528))
	b.step = antilog(b.scale, 10)
	b.predict(diff)
	return sample
}

// antilog is the step of a scale (SCALEL, SCALEH).
func antilog(scale, base int32) int32 {
	mantissa, exponent := powers[scale>>6&31], base-scale>>11
	if exponent < 0 {
		return mantissa << -exponent << 2
	}
	return mantissa >> exponent << 2
}

// predict takes in a difference: it adapts the predictor and predicts the next sample (block 4).
func (b *band) predict(diff int32) {
	rebuilt := saturate(b.predicted + diff)
	partial := saturate(b.zeroes + diff)

	same, before := sameSign(partial, b.partial[0]), sameSign(partial, b.partial[1])
	lean := saturate(b.pole[0] << 2) // UPPOL2
	if same {
		lean = saturate(-lean)
	}
	second := int32(-128)
	if before {
		second = 128
	}
	second += lean>>7 + (b.pole[1]*32512)>>15
	second = max(-12288, min(second, 12288))
	first := int32(-192) // UPPOL1
	if same {
		first = 192
	}
	first = saturate(first + (b.pole[0]*32640)>>15)
	most := saturate(15360 - second)
	b.pole = [2]int32{max(-most, min(first, most)), second}
	b.partial = [2]int32{partial, b.partial[0]}

	pull := int32(128) // UPZERO, and FILTEZ with the delays after it
	if diff == 0 {
		pull = 0
	}
	var sum int32
	newer := diff
	for i, d := range b.diffs {
		w := -pull
		if sameSign(d, diff) {
			w = pull
		}
		b.zero[i] = saturate(w + (b.zero[i]*32640)>>15)
		b.diffs[i] = newer
		sum += (saturate(newer<<1) * b.zero[i]) >> 15
		newer = d
	}
	b.zeroes = saturate(sum)

	sum = (saturate(rebuilt<<1)*b.pole[0])>>15 + (saturate(b.rebuilt<<1)*b.pole[1])>>15 // FILTEP
	b.rebuilt = rebuilt
	b.predicted = saturate(saturate(sum) + b.zeroes) // PREDIC
}

// sameSign: zero is positive.
func sameSign(a, b int32) bool { return a^b >= 0 }

// magnitude is the distance from zero, negative values being counted from -1.
func magnitude(v int32) int32 {
	if v < 0 {
		return ^v
	}
	return v
}

// clampBand keeps a band's sample within 15 bits (LIMIT).
func clampBand(v int32) int32 { return max(-1<<14, min(v, 1<<14-1)) }
