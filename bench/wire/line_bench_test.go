package wire

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkLine makes a caller's frame, every eleventh with a stamp, in each dialect.
func BenchmarkLine(b *testing.B) {
	for _, d := range dialects {
		b.Run(d.Name, func(b *testing.B) {
			k := NewKey()
			l := d.NewLine(k, Call{Stream: d.Stream(1, 1)})
			p, err := d.NewPayload(k, law())
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if i%11 == 0 {
					l.Stamped(p, time.Second)
				} else {
					l.Media(p)
				}
			}
		})
	}
}

// BenchmarkParse reads 100 ms of Twilio's sound.
func BenchmarkParse(b *testing.B) {
	in := framed(`{"event":"media","streamSid":"` + StreamSID(1, 1) + `","media":{"payload":"` + strings.Repeat("A", 1067) + `="}}`)
	for b.Loop() {
		if _, _, err := Twilio.Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
