package load

import (
	"encoding/base64"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/bench/wire"
	"parley/media/g711"
)

// BenchmarkFrame is what a call of Twilio's costs the generator every 20 ms, but for the sockets: a frame each way.
func BenchmarkFrame(b *testing.B) {
	steps, err := carrier.ParseScript("bench", "silent 1m")
	if err != nil {
		b.Fatal(err)
	}
	p, err := Plan{URL: "http://localhost/voice", Steps: []Step{{Calls: 1, Hold: time.Second}}, Script: steps, Repeat: -1, MaxLength: 1000 * time.Hour}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	g := &generator{plan: p, dialect: wire.Twilio, key: wire.NewKey(), now: newMeasures(), tally: newTally(), squares: squaresOf(), measuring: true}
	if g.program, err = compile(g.dialect, g.key, p.Script, p.Library); err != nil {
		b.Fatal(err)
	}
	c := &call{g: g, line: g.dialect.NewLine(g.key, wire.Call{Stream: wire.StreamSID(1, 1)}), until: p.MaxLength}
	law := make([]byte, wire.Samples)
	g711.Ulaw.Encode(law, tone(wire.FrameTime))
	m := wire.Message{Kind: wire.Media, Text: true, Payload: []byte(base64.StdEncoding.EncodeToString(law)), Audio: wire.FrameTime}
	now := time.Second
	for b.Loop() {
		now += wire.FrameTime
		c.Speak(now)
		if err := c.Hear(m, now); err != nil {
			b.Fatal(err)
		}
	}
}
