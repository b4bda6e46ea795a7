package vendors

import (
	"fmt"
	"syscall"
	"time"

	"parley/bench/report"
)

// VoiceLate is the name of a distribution among a Report's Times: a voice's messages against their own schedule. Where it is large, the
// vendors were the bottleneck.
const VoiceLate = "voice_late"

// A Report is what the vendors saw and did since the last reset.
type Report struct {
	Seconds float64 `json:"seconds"`     // since the reset
	CPU     float64 `json:"cpu_seconds"` // that the process used
	Counts  Counts  `json:"counts"`
	// Times are by the names of report: frame_to_stt and frame_to_stt_gathered of the stamps that were heard; and VoiceLate. Those of
	// which there was nothing are left out.
	Times map[string]report.Spread `json:"times"`
}

// Counts are what there was. Open counts what there is.
type Counts struct {
	Open       int64 `json:"open"`       // sockets to Deepgram and ElevenLabs now
	Listens    int64 `json:"listens"`    // sockets of recognisers opened
	Speaks     int64 `json:"speaks"`     // and of voices
	Refused    int64 `json:"refused"`    // of both, and requests
	Heard      int64 `json:"heard"`      // messages of sound to recognisers
	Finalizes  int64 `json:"finalizes"`  // that were asked for
	Turns      int64 `json:"turns"`      // that Flux ended
	Forced     int64 `json:"forced"`     // that it was told to end
	Utterances int64 `json:"utterances"` // Flushes of text to Deepgram, contexts of ElevenLabs
	Cleared    int64 `json:"cleared"`    // that were cut, of Deepgram: ElevenLabs is told no difference
	Spoken     int64 `json:"spoken"`     // messages of voices
	Requests   int64 `json:"requests"`   // to the model
	Abandoned  int64 `json:"abandoned"`  // that their caller did not wait for
	Found      int64 `json:"found"`      // stamps in what recognisers heard
	Stamped    int64 `json:"stamped"`    // utterances that begin with a stamp
}

// less is what came after the counts before.
func (c Counts) less(before Counts) Counts {
	return Counts{
		Open: c.Open, Listens: c.Listens - before.Listens, Speaks: c.Speaks - before.Speaks, Refused: c.Refused - before.Refused,
		Heard: c.Heard - before.Heard, Finalizes: c.Finalizes - before.Finalizes, Turns: c.Turns - before.Turns, Forced: c.Forced - before.Forced,
		Utterances: c.Utterances - before.Utterances, Cleared: c.Cleared - before.Cleared, Spoken: c.Spoken - before.Spoken,
		Requests: c.Requests - before.Requests, Abandoned: c.Abandoned - before.Abandoned, Found: c.Found - before.Found, Stamped: c.Stamped - before.Stamped,
	}
}

// A mark is where a report begins.
type mark struct {
	at     time.Time
	cpu    time.Duration
	counts Counts
}

func (m *mocks) mark() (mark, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return mark{}, fmt.Errorf("read the process's use: %w", err)
	}
	return mark{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.counts()}, nil
}

func (m *mocks) counts() Counts {
	d, e, o := m.deepgram.Counts(), m.elevenlabs.Counts(), m.openai.Counts()
	return Counts{
		Open: d.Open.Load() + e.Open.Load(), Listens: d.Listens.Load(), Speaks: d.Speaks.Load() + e.Sockets.Load(),
		Refused: d.Refused.Load() + e.Refused.Load() + o.Refused.Load(),
		Heard:   d.Audio.Load(), Finalizes: d.Finalizes.Load(), Turns: d.Turns.Load(), Forced: d.Forced.Load(),
		Utterances: d.Utterances.Load() + e.Contexts.Load(), Cleared: d.Clears.Load(), Spoken: d.Voiced.Load() + e.Voiced.Load(),
		Requests: o.Requests.Load(), Abandoned: o.Abandoned.Load(), Found: m.stamps.found.Load(), Stamped: m.stamps.written.Load(),
	}
}

// reset begins a report.
func (m *mocks) reset() error {
	since, err := m.mark()
	m.since = since
	m.stamps.reset()
	return err
}

// report is what there was since the last reset.
func (m *mocks) report() (Report, error) {
	now, err := m.mark()
	if err != nil {
		return Report{}, err
	}
	return Report{
		Seconds: now.at.Sub(m.since.at).Seconds(), CPU: (now.cpu - m.since.cpu).Seconds(), Counts: now.counts.less(m.since.counts), Times: m.stamps.times(),
	}, nil
}
