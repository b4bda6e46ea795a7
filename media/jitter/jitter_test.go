package jitter_test

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/bench/network"
	"parley/media/jitter"
	"parley/media/resample"
	"parley/media/wav"
)

const ms = time.Millisecond

// linear is a coding of plain samples, so that what is heard can be held against what was said.
type linear struct{ clock, rate int }

func (l linear) Clock() int { return l.clock }
func (l linear) Rate() int  { return l.rate }

func (l linear) Decode(pcm []int16, payload []byte) (int, error) {
	n := min(len(pcm), len(payload)/2)
	for i := range n {
		pcm[i] = int16(binary.LittleEndian.Uint16(payload[2*i:]))
	}
	return n, nil
}

func (linear) Recover([]int16, []byte) (int, bool) { return 0, false }
func (linear) Conceal([]int16) (int, bool)         { return 0, false }

func plain(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// speech is recorded speech with pauses between its sentences, at a rate.
func speech(t testing.TB, rate int) []int16 {
	t.Helper()
	var pcm []int16
	for _, name := range []string{"agent-pass", "conf-getpin", "cannot-complete-as-dialed", "agent-newlocation"} {
		s, err := wav.ReadFile(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav"))
		if err != nil {
			t.Fatalf("recorded speech is missing (%v): run make setup", err)
		}
		pcm = append(append(pcm, s.PCM...), make([]int16, 4000)...)
	}
	up, err := resample.New(8000, rate)
	if err != nil {
		t.Fatal(err)
	}
	pcm = up.Append(nil, pcm)
	for i := range pcm {
		pcm[i] |= 1 // so that none is as silence
	}
	return pcm
}

// say cuts sound into packets of some length. They are sent when they are whole, and Arrived says when.
func say(pcm []int16, of linear, length time.Duration, seq uint16, at uint32) []jitter.Packet {
	var packets []jitter.Packet
	for n := int(length) * of.rate / int(time.Second); len(pcm) >= n; pcm = pcm[n:] {
		i := len(packets)
		packets = append(packets, jitter.Packet{
			Seq: seq + uint16(i), Time: at + uint32(i)*uint32(int(length)*of.clock/int(time.Second)), Marker: i == 0,
			Arrived: time.Duration(i+1) * length, Payload: plain(pcm[:n]),
		})
	}
	return packets
}

// carry sends packets over a path.
func carry(path network.Path, packets []jitter.Packet) []jitter.Packet {
	sent := make([]time.Duration, len(packets))
	for i, p := range packets {
		sent[i] = p.Arrived
	}
	var came []jitter.Packet
	for _, a := range path.Carry(sent) {
		p := packets[a.Index]
		p.Arrived = a.At
		came = append(came, p)
	}
	return came
}

// listen hears packets, in the order of their arrival, until 400 ms after the last. Next is called each 20 ms, from phase on.
func listen(b *jitter.Buffer, rate int, packets []jitter.Packet, phase time.Duration) (heard []int16, kinds []jitter.Kind) {
	end := packets[len(packets)-1].Arrived + 400*ms
	pcm := make([]int16, rate/50)
	for now := phase; now < end; now += 20 * ms {
		for len(packets) > 0 && packets[0].Arrived <= now {
			b.Put(packets[0])
			packets = packets[1:]
		}
		kinds = append(kinds, b.Next(pcm, now))
		heard = append(heard, pcm...)
	}
	return heard, kinds
}

func buffer(t testing.TB, rate int, decoders ...jitter.Decoder) *jitter.Buffer {
	t.Helper()
	b, err := jitter.New(jitter.Options{Rate: rate, Decoders: decoders})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// from is where sound begins, after the silence before it.
func from(pcm []int16) int { return slices.IndexFunc(pcm, func(s int16) bool { return s != 0 }) }

// same says where two sounds begin to differ; -1: nowhere, up to the end of want.
func same(heard, want []int16) int {
	for i, s := range want {
		if i >= len(heard) || heard[i] != s {
			return i
		}
	}
	return -1
}

// TestExact: where the network does no harm, what is heard is what was said, to the sample, a packet and up to 50 ms after it was.
func TestExact(t *testing.T) {
	t.Parallel()
	for _, of := range []linear{{8000, 8000}, {8000, 16000}, {48000, 24000}, {48000, 48000}} {
		pcm := speech(t, of.rate)[:8*of.rate]
		for _, length := range []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms, 60 * ms} {
			for name, path := range map[string]network.Path{
				"nothing": {}, "a delay": {Delay: 93 * ms}, "4 ms of jitter": {Jitter: 4 * ms, Seed: 1}, "duplicates": {Twice: 0.05, Seed: 1},
			} {
				for _, phase := range []time.Duration{0, 13 * ms} {
					packets := say(pcm, of, length, 65530, 1<<32-2000) // both wrap soon
					b := buffer(t, of.rate, of)
					heard, kinds := listen(b, of.rate, carry(path, packets), phase)
					start := from(heard)
					want := pcm[:len(packets)*len(packets[0].Payload)/2]
					if at := same(heard[start:], want); at >= 0 {
						t.Fatalf("%v, packets of %v, %s, phase %v: heard is not what was said after %d of %d samples: %+v", of, length, name, phase, at, len(want), b.Stats())
					}
					after := time.Duration(start)*time.Second/time.Duration(of.rate) + phase - path.Delay - length
					if after < 20*ms || after > 30*ms+max(length, 30*ms) {
						t.Errorf("%v, packets of %v, %s, phase %v: heard %v after the first packet came", of, length, name, phase, after)
					}
					if slices.Contains(kinds[:len(kinds)-25], jitter.Concealed) {
						t.Errorf("%v, packets of %v, %s, phase %v: something was made up", of, length, name, phase)
					}
				}
			}
		}
	}
}
