package load

import (
	"encoding/base64"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/bench/wire"
	"parley/media/g711"
)

func BenchmarkFrame(b *testing.B) {
	p, err := Plan{URL: "http://localhost/voice", Steps: []Step{{Calls: 1, Hold: time.Second}}, Repeat: -1, MaxLength: 1000 * time.Hour}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	p.Script = p.Script[:0:0]
	p.Script, _ = scriptOf("silent 1m")
	g := &generator{plan: p, dialect: wire.Twilio, key: wire.NewKey(), now: newMeasures(), tally: newTally(), squares: squaresOf(), wake: make(chan struct{}, 1), measuring: true}
	if g.program, err = compile(g.dialect, g.key, p.Script, p.Library); err != nil {
		b.Fatal(err)
	}
	c := &call{g: g, line: g.dialect.NewLine(g.key, wire.Call{Stream: wire.StreamSID(1, 1)}), until: 1000 * time.Hour}
	law := make([]byte, 160)
	g711.Ulaw.Encode(law, tone(20*time.Millisecond))
	m := wire.Message{Kind: wire.Media, Text: true, Payload: []byte(base64.StdEncoding.EncodeToString(law)), Audio: 20 * time.Millisecond}
	now := time.Second
	for b.Loop() {
		now += 20 * time.Millisecond
		c.Speak(now)
		if err := c.Hear(m, now); err != nil {
			b.Fatal(err)
		}
	}
}

func scriptOf(text string) ([]carrier.Step, error) { return carrier.ParseScript("bench", text) }
