//go:build cgo

package local

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// moonshine is Useful Sensors' Moonshine, quantized: an encoder from samples to features, and a decoder that writes one token
// after the other, each from its predecessor, the features and its own memory (the "past"). Sessions may run in several threads.
//
// The decoder is a "merged" export: one graph whose use_cache_branch says whether there is a past. In its first step the past
// inputs are ignored but must be there; in later steps the features' part of the past is not given back, so the first is kept.
type moonshine struct {
	encoder *ort.DynamicAdvancedSession
	decoder *ort.DynamicAdvancedSession
	layers  int
	width   int64 // of one attention head; there are 8
	words   *vocabulary
}

const (
	sttHeads  = 8
	sttLogits = 32768
	sttBegin  = 1 // token
	sttEnd    = 2 // token

	tokensPerSecond = 6 // more than anybody speaks; it ends loops
	shortest        = sttRate / 5
)

func openMoonshine(f files, model string) (*moonshine, error) {
	m := &moonshine{layers: 6, width: 36}
	if model == "base" {
		m.layers, m.width = 8, 52
	}
	var err error
	if m.words, err = openVocabulary(); err != nil {
		return nil, err
	}
	if m.encoder, err = openSession(f.encoder, []string{"input_values"}, []string{"last_hidden_state"}); err != nil {
		return nil, err
	}
	inputs, outputs := []string{"input_ids", "encoder_hidden_states"}, []string{"logits"}
	for layer := range m.layers {
		for _, part := range []string{"decoder.key", "decoder.value", "encoder.key", "encoder.value"} {
			inputs = append(inputs, fmt.Sprintf("past_key_values.%d.%s", layer, part))
			outputs = append(outputs, fmt.Sprintf("present.%d.%s", layer, part))
		}
	}
	inputs = append(inputs, "use_cache_branch")
	if m.decoder, err = openSession(f.decoder, inputs, outputs); err != nil {
		_ = m.encoder.Destroy()
		return nil, err
	}
	return m, nil
}

func (m *moonshine) close() {
	_ = m.encoder.Destroy()
	_ = m.decoder.Destroy()
}

// recognise decodes greedily.
func (m *moonshine) recognise(pcm []float32, stop func() bool) (string, error) {
	if n := shortest - len(pcm); n > 0 { // the encoder's first convolutions need something to look at
		pcm = append(pcm, make([]float32, n)...)
	}
	features, err := m.encode(pcm)
	if err != nil {
		return "", fmt.Errorf("encode speech: %w", err)
	}
	defer func() { _ = features.Destroy() }()
	d, err := m.begin(features)
	if err != nil {
		return "", fmt.Errorf("decode speech: %w", err)
	}
	defer d.close()
	limit := max(4, len(pcm)*tokensPerSecond/sttRate)
	for token := int64(sttBegin); len(d.tokens) < limit; {
		if stop() {
			return "", errStopped
		}
		if token, err = d.step(token); err != nil {
			return "", fmt.Errorf("decode speech: %w", err)
		}
		if token == sttEnd {
			break
		}
		d.tokens = append(d.tokens, token)
		if n, looping := loop(d.tokens); looping {
			d.tokens = d.tokens[:n]
			break
		}
	}
	return m.words.text(d.tokens), nil
}

func (m *moonshine) encode(pcm []float32) (ort.Value, error) {
	in, err := tensor(pcm, 1, int64(len(pcm)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Destroy() }()
	out := []ort.Value{nil}
	if err := m.encoder.Run([]ort.Value{in}, out); err != nil {
		return nil, err
	}
	return out[0], nil
}

// A decoding is the state of one utterance.
type decoding struct {
	m        *moonshine
	features ort.Value
	token    *ort.Tensor[int64]
	cached   *ort.Tensor[bool]
	logits   *ort.Tensor[float32]
	past     []ort.Value // of each layer: decoder key and value, encoder key and value
	tokens   []int64
}

func (m *moonshine) begin(features ort.Value) (*decoding, error) {
	d := &decoding{m: m, features: features}
	var err error
	if d.token, err = tensor(make([]int64, 1), 1, 1); err != nil {
		return nil, err
	}
	if d.cached, err = tensor(make([]bool, 1), 1); err == nil {
		d.logits, err = tensor(make([]float32, sttLogits), 1, 1, sttLogits)
	}
	for i := 0; err == nil && i < 4*m.layers; i++ {
		var nothing *ort.Tensor[float32]
		if nothing, err = tensor(make([]float32, sttHeads*m.width), 1, sttHeads, 1, m.width); err == nil {
			d.past = append(d.past, nothing)
		}
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// step writes the token that follows.
func (d *decoding) step(token int64) (int64, error) {
	d.token.GetData()[0] = token
	in := make([]ort.Value, 0, len(d.past)+3)
	in = append(append(append(in, d.token, d.features), d.past...), d.cached)
	out := make([]ort.Value, len(d.past)+1)
	out[0] = d.logits
	if err := d.m.decoder.Run(in, out); err != nil {
		free(out[1:])
		return 0, err
	}
	first := !d.cached.GetData()[0]
	for i, present := range out[1:] {
		if first || i%4 < 2 { // the decoder's own part grows with each step, the features' part comes with the first
			_ = d.past[i].Destroy()
			d.past[i] = present
		} else {
			_ = present.Destroy()
		}
	}
	d.cached.GetData()[0] = true
	return likeliest(d.logits.GetData()), nil
}

func (d *decoding) close() {
	free(d.past)
	_ = d.token.Destroy()
	if d.cached != nil {
		_ = d.cached.Destroy()
	}
	if d.logits != nil {
		_ = d.logits.Destroy()
	}
}

func likeliest(logits []float32) int64 {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	return int64(best)
}
