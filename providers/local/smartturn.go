//go:build cgo

package local

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// smartTurn is Daily's Smart Turn v3: the encoder of Whisper tiny and a judge on top, quantized. Its session may run in several threads.
type smartTurn struct {
	run *ort.DynamicAdvancedSession
}

func openSmartTurn(path string) (*smartTurn, error) {
	s, err := openSession(path, []string{"input_features"}, []string{"logits"})
	if err != nil {
		return nil, err
	}
	return &smartTurn{s}, nil
}

func (s *smartTurn) close() { _ = s.run.Destroy() }

// finished looks at the last 8 s of pcm.
func (s *smartTurn) finished(pcm []float32) (float64, error) {
	in, err := tensor(melSpectrum(pcm), 1, melBands, melFrames)
	if err != nil {
		return 0, fmt.Errorf("judge the end of a turn: %w", err)
	}
	defer func() { _ = in.Destroy() }()
	p := make([]float32, 1)
	out, err := tensor(p, 1, 1)
	if err != nil {
		return 0, fmt.Errorf("judge the end of a turn: %w", err)
	}
	defer func() { _ = out.Destroy() }()
	if err := s.run.Run([]ort.Value{in}, []ort.Value{out}); err != nil {
		return 0, fmt.Errorf("judge the end of a turn: %w", err)
	}
	return float64(p[0]), nil
}
