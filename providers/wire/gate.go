package wire

import (
	"time"

	"parley/media"
)

// preroll is how much audio from before the Ear was sure that somebody speaks is sent where audio is gated.
const preroll = 400 * time.Millisecond

// gated says that what is heard now is not to be sent: nobody speaks, and no Ended waits to be asked for. It is called under mu.
func (t *Transcription) gated() bool {
	return t.Gated && t.hearing.open == 0 && t.hearing.unasked() == nil
}

// pass lets no more wait than belongs to what somebody may begin to say. It is called under mu.
func (t *Transcription) pass() {
	t.reel.Pass(int(preroll/media.FrameTime) - 1)
	if len(t.hearing.questions) == 0 { // else a new socket may need what was sent
		t.reel.Keep(t.reel.Head() - uint64(t.reel.Waiting()))
	}
}
