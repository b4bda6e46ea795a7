package vendors_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/bench/report"
	"parley/bench/stamp"
	"parley/bench/vendors"
	"parley/providers/providertest"
)

// BenchmarkThousandCalls is what a thousand calls cost the vendors' process while all callers are heard (a message of 80 ms every 80 ms) and
// all agents speak (100 ms every 100 ms), with stamps. An iteration is a second of that (-benchtime 10x). The caller's side is raw
// sockets, so that it takes little from them.
func BenchmarkThousandCalls(b *testing.B) {
	for _, model := range []string{"nova-3", "flux-general-en"} {
		b.Run(model, func(b *testing.B) { thousand(b, model) })
	}
}

func thousand(b *testing.B, model string) {
	const calls, every = 1000, 80 * time.Millisecond
	p := start(b, vendors.Options{Stamps: true, Pace: 1, Transcripts: []string{providertest.DefaultTranscript}})
	version := map[string]string{"nova-3": "v1", "flux-general-en": "v2"}[model]
	var ends sync.WaitGroup
	b.Cleanup(ends.Wait)
	open := func(query string) net.Conn {
		c, _, err := websocket.DefaultDialer.DialContext(b.Context(), p.Deepgram+query, nil)
		if err != nil {
			b.Fatal(err)
		}
		conn := c.NetConn()
		b.Cleanup(func() { _ = conn.Close() })
		ends.Go(func() {
			buf := make([]byte, 4096)
			for _, err := conn.Read(buf); err == nil; _, err = conn.Read(buf) {
			}
		})
		return conn
	}
	listens, speaks := make([]net.Conn, calls), make([]net.Conn, calls)
	for i := range listens {
		listens[i] = open("/" + version + "/listen?encoding=mulaw&sample_rate=8000&model=" + model)
		speaks[i] = open("/v1/speak?encoding=mulaw&sample_rate=8000&model=aura-2-thalia-en")
	}
	text := bytes.Repeat([]byte("something to say "), 100) // 87 s of it
	speak := append(frameOf(websocket.TextMessage, append(append([]byte(`{"type":"Speak","text":"`), text...), `"}`...)),
		frameOf(websocket.TextMessage, append([]byte(`{"type":"Flush"}`), bytes.Repeat([]byte(" "), 120)...))...)
	for _, c := range speaks {
		if _, err := c.Write(speak); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Reset(); err != nil {
		b.Fatal(err)
	}
	law := bytes.Repeat([]byte{0xFF}, 640)
	frame := frameOf(websocket.BinaryMessage, law)
	b.ResetTimer()
	began := time.Now()
	for n := 0; n < b.N*25/2; n++ { // 12.5 a second
		for i, c := range listens {
			due := began.Add(time.Duration(n)*every + every*time.Duration(i)/calls)
			if wait := time.Until(due); wait > 0 {
				<-time.After(wait)
			}
			stamp.Put(frame[len(frame)-160:], stamp.Now())
			if _, err := c.Write(frame); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	took := time.Since(began).Seconds()
	r, err := p.Report()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*r.CPU/r.Seconds, "%core")
	b.ReportMetric(float64(r.Counts.Heard)/took, "heard/s")
	b.ReportMetric(float64(r.Counts.Spoken)/took, "spoken/s")
	b.ReportMetric(r.Times[vendors.VoiceLate].P99, "voice-late-p99-ms")
	b.ReportMetric(r.Times[report.FrameToSTT].P99, "to-stt-p99-ms")
}

// frameOf is a client's frame, with a key that changes nothing.
func frameOf(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode, 0x80 | 126}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	return append(append(b, 0, 0, 0, 0), payload...)
}
