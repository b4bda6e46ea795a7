package floor

// Opus is the floor of a leg with Opus that the server transcodes: libopus itself, decoding a frame of 20 ms and encoding another, over and
// over. What a call costs is 50 of these a second. It needs cgo and libopus.
type Opus struct {
	Rate     int  // samples a second: 8000, 16000, 48000, ...; 0: 48000
	Bits     int  // a second; 0: 24000
	Effort   int  // of the encoder, 0 to 10 (OPUS_SET_COMPLEXITY)
	LowDelay bool // CELT alone (OPUS_APPLICATION_RESTRICTED_LOWDELAY); else for speech (OPUS_APPLICATION_VOIP)
	Stats    Stats
}
