package main

import (
	"fmt"

	"parley/bench/corpus"
	"parley/media/g711"
	"parley/media/g722"
	"parley/media/jitter"
	"parley/media/opus"
	"parley/media/resample"
)

// A codec is one that calls are in.
type codec struct {
	name  string
	rate  int
	clock int
	open  func() (encode func(pcm []int16) ([]byte, error), decoder func() (jitter.Decoder, error), err error)
}

func codecs() []codec {
	return []codec{
		{"PCMU", 8000, 8000, openLaw},
		{"G722", 16000, 8000, openWide},
		{"opus", 16000, 48000, openOpus},
	}
}

// speech is what was said: packets of 20 ms, and what is heard of them where nothing is lost.
type speech struct {
	codec    codec
	clean    []int16 // before it was coded
	sentence [][2]int
	payloads [][]byte
	decoder  func() (jitter.Decoder, error)
}

// gap is between sentences, in ms.
const gap = 700

// say codes so many seconds of the recorded prompts.
func (c codec) say(seconds int) (*speech, error) {
	all, err := corpus.ReadCorpus()
	if err != nil {
		return nil, err
	}
	up, err := resample.New(corpus.Rate, c.rate)
	if err != nil {
		return nil, err
	}
	s := &speech{codec: c, clean: make([]int16, c.rate/2)}
	long := all.Sorted(func(r corpus.Recording) bool { return r.End()-r.Begin() > 4e9 && r.End()-r.Begin() < 9e9 })
	for _, r := range long {
		if len(s.clean) >= seconds*c.rate {
			break
		}
		begin := len(s.clean)
		s.clean = append(s.clean, up.Append(nil, corpus.Level(r.Cut(), -24))...)
		s.sentence = append(s.sentence, [2]int{begin, len(s.clean)})
		s.clean = append(s.clean, make([]int16, c.rate*gap/1000)...)
	}
	if len(s.sentence) == 0 {
		return nil, fmt.Errorf("no recording lasts 4 to 9 s: %s", corpus.Fix)
	}
	for i := range s.clean { // a telephone's own noise, of -66 dBFS
		s.clean[i] += int16(i*7919%31 - 15)
	}
	encode, decoder, err := c.open()
	if err != nil {
		return nil, err
	}
	s.decoder = decoder
	for n := c.rate / 50; len(s.clean)-len(s.payloads)*n >= n; {
		at := len(s.payloads) * n
		payload, err := encode(s.clean[at : at+n])
		if err != nil {
			return nil, err
		}
		s.payloads = append(s.payloads, payload)
	}
	return s, nil
}

// law is G.711 for a jitter.Buffer.
type law struct{ g711.Law }

func (law) Clock() int { return 8000 }
func (law) Rate() int  { return 8000 }

func (l law) Decode(pcm []int16, payload []byte) (int, error) { return l.Law.Decode(pcm, payload), nil }

func (law) Recover([]int16, []byte) (int, bool) { return 0, false }
func (law) Conceal([]int16) (int, bool)         { return 0, false }

func openLaw() (func([]int16) ([]byte, error), func() (jitter.Decoder, error), error) {
	return func(pcm []int16) ([]byte, error) {
		payload := make([]byte, len(pcm))
		g711.Ulaw.Encode(payload, pcm)
		return payload, nil
	}, func() (jitter.Decoder, error) { return law{g711.Ulaw}, nil }, nil
}

// wide is G.722 for a jitter.Buffer.
type wide struct{ *g722.Decoder }

func (wide) Clock() int { return g722.Clock }
func (wide) Rate() int  { return g722.Rate }

func (w wide) Decode(pcm []int16, payload []byte) (int, error) {
	return w.Decoder.Decode(pcm, payload), nil
}

func (wide) Recover([]int16, []byte) (int, bool) { return 0, false }
func (wide) Conceal([]int16) (int, bool)         { return 0, false }

func openWide() (func([]int16) ([]byte, error), func() (jitter.Decoder, error), error) {
	var e g722.Encoder
	return func(pcm []int16) ([]byte, error) {
		payload := make([]byte, len(pcm)/2)
		e.Encode(payload, pcm)
		return payload, nil
	}, func() (jitter.Decoder, error) { return wide{new(g722.Decoder)}, nil }, nil
}

// deaf is Opus for the fixed buffer.
func openOpus() (func([]int16) ([]byte, error), func() (jitter.Decoder, error), error) {
	e, err := opus.NewEncoder(opus.EncoderOptions{Rate: 16000, FEC: true, Loss: 10})
	if err != nil {
		return nil, nil, err
	}
	return func(pcm []int16) ([]byte, error) {
		payload := make([]byte, 500)
		n, err := e.Encode(payload, pcm)
		return payload[:n], err
	}, func() (jitter.Decoder, error) { return opus.NewDecoder(16000) }, nil
}
