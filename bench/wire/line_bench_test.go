package wire

import (
	"bytes"
	"strings"
	"testing"
)

func BenchmarkLine(b *testing.B) {
	k := NewKey()
	l := Twilio.NewLine(k, Call{Stream: StreamSID(1, 1)})
	p, _ := Twilio.NewPayload(k, bytes.Repeat([]byte{0xFF}, Samples))
	for b.Loop() {
		l.Media(p)
	}
}

func BenchmarkStamped(b *testing.B) {
	k := NewKey()
	l := Twilio.NewLine(k, Call{Stream: StreamSID(1, 1)})
	p, _ := Twilio.NewPayload(k, bytes.Repeat([]byte{0xFF}, Samples))
	for b.Loop() {
		l.Stamped(p, 12345)
	}
}

func BenchmarkParse(b *testing.B) {
	in := framed(`{"event":"media","streamSid":"` + StreamSID(1, 1) + `","media":{"payload":"` + strings.Repeat("A", 1067) + `="}}`)
	for b.Loop() {
		if _, _, err := Twilio.Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
