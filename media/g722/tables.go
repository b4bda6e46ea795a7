package g722

// taps is the length of the filter of both bands.
const taps = 24

// filter is one half of its coefficients, every other one; the other half are the same backwards (table 11).
var filter = [taps / 2]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// lowLimits are the ends of the low band's levels, for a step of 4,096 (table 14, Q6).
var lowLimits = [30]int32{
	0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714,
	786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
}

// lowNegative are the codes of the low band's negative levels; there is none of level 0 (table 16).
var lowNegative = [31]byte{
	0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
}

// lowFine are the differences that the low band's codes stand for, for a step of 32,768 (table 14, QQ6).
var lowFine = [64]int32{
	-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
	-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
	24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
	4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
}

// lowCoarse are those of their upper four bits, by which both ends adapt (QQ4).
var lowCoarse = [16]int32{
	0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
}

// lowWeights are by how much those four bits widen the step (WL by RIL4).
var lowWeights = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}

// highLevels are the differences that the high band's codes stand for (QQ2).
var highLevels = [4]int32{-7408, -1616, 7408, 1616}

// powers are 2,048 times the 32nd roots of 2 (ILB).
var powers = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}
