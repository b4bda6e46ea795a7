package main

import (
	"context"
	"time"

	"parley/bench/likeness"
	"parley/bench/network"
	"parley/media/jitter"
)

// A result is that of one buffer.
type result struct {
	pesq     float64 // 0: not taken
	distance float64 // dB
	madeUp   float64 // share of what was heard
	delay    time.Duration
}

// fixedDelay is the other buffer's.
const fixedDelay = 60 * ms

// compare has both buffers hear the same packets: the adaptive one, and the fixed one.
func compare(ctx context.Context, s *speech, path network.Path, p *pesq) ([2]result, error) {
	var both [2]result
	for i, fixed := range []time.Duration{0, fixedDelay} {
		heard, r, err := s.hear(path, fixed)
		if err != nil {
			return both, err
		}
		r.distance = likeness.Distance(s.clean, heard, s.codec.rate)
		if p != nil {
			if r.pesq, err = p.grade(ctx, s, heard); err != nil {
				return both, err
			}
		}
		both[i] = r
	}
	return both, nil
}

// hear sends what was said over a path to a buffer.
func (s *speech) hear(path network.Path, fixed time.Duration) ([]int16, result, error) {
	decoder, err := s.decoder()
	if err != nil {
		return nil, result{}, err
	}
	if d, ok := decoder.(interface{ Close() }); ok {
		defer d.Close()
	}
	rate := s.codec.rate
	b, err := jitter.New(jitter.Options{Rate: rate, Decoders: []jitter.Decoder{decoder}, Fixed: fixed})
	if err != nil {
		return nil, result{}, err
	}
	sent := make([]time.Duration, len(s.payloads))
	for i := range sent {
		sent[i] = time.Duration(i+1) * 20 * ms
	}
	arrivals := path.Carry(sent)
	end := sent[len(sent)-1] + 500*ms
	var heard []int16
	var delays, n time.Duration
	pcm := make([]int16, rate/50)
	for now := 7 * ms; now < end; now += 20 * ms {
		for len(arrivals) > 0 && arrivals[0].At <= now {
			i := arrivals[0].Index
			b.Put(jitter.Packet{Seq: uint16(i), Time: uint32(i * s.codec.clock / 50), Arrived: arrivals[0].At, Payload: s.payloads[i]})
			arrivals = arrivals[1:]
		}
		b.Next(pcm, now)
		heard = append(heard, pcm...)
		if len(arrivals) > 0 {
			delays, n = delays+b.Stats().Delay, n+1
		}
	}
	stats := b.Stats()
	return heard, result{madeUp: float64(stats.Concealed) / float64(len(heard)), delay: delays / max(n, 1)}, nil
}
