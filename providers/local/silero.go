//go:build cgo

package local

import (
	_ "embed"
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"
)

//go:embed silero_vad_v6.onnx
var sileroModel []byte

// silero is a few sessions of the model that all ears share. A call's memory is swapped in for each hop: 1 KB in and out is
// nothing beside the 80 us of the hop, and a session a call would cost megabytes.
type silero struct {
	sessions chan *sileroSession // those at rest
	count    int
}

// A sileroSession is bound to tensors of its own, so that a hop allocates nothing.
type sileroSession struct {
	run     *ort.AdvancedSession
	input   *ort.Tensor[float32] // context and hop
	state   *ort.Tensor[float32]
	rate    *ort.Scalar[int64]
	verdict *ort.Tensor[float32]
	next    *ort.Tensor[float32] // state after the hop
	kept    []ort.Value
}

// openSilero makes as many sessions for each rate as there can be goroutines at work.
func openSilero() (*silero8and16, error) {
	var both silero8and16
	for i, rate := range []int{8000, 16000} {
		n := runtime.GOMAXPROCS(0)
		s := &silero{sessions: make(chan *sileroSession, n)}
		both[i] = s
		for range n {
			session, err := newSileroSession(rate)
			if err != nil {
				both.close()
				return nil, fmt.Errorf("open Silero VAD: %w", err)
			}
			s.sessions <- session
			s.count++
		}
	}
	return &both, nil
}

// silero8and16 are the sessions for narrow-band and wide-band calls.
type silero8and16 [2]*silero

func (b *silero8and16) judge(m *memory, hop []int16) float32 {
	if len(hop) == hop16k {
		return b[1].judge(m, hop)
	}
	return b[0].judge(m, hop)
}

func (b *silero8and16) close() {
	for _, s := range b {
		if s != nil {
			s.close()
		}
	}
}

func newSileroSession(rate int) (s *sileroSession, err error) {
	s = &sileroSession{}
	defer func() {
		if err != nil {
			free(s.kept)
		}
	}()
	keep := func(v ort.Value) { s.kept = append(s.kept, v) }
	hop := hop8k * rate / 8000
	if s.input, err = ort.NewEmptyTensor[float32](ort.NewShape(1, int64(hop+hop/8))); err != nil {
		return s, err
	}
	keep(s.input)
	if s.state, err = ort.NewEmptyTensor[float32](ort.NewShape(2, 1, 128)); err != nil {
		return s, err
	}
	keep(s.state)
	if s.rate, err = ort.NewScalar(int64(rate)); err != nil {
		return s, err
	}
	keep(s.rate)
	if s.verdict, err = ort.NewEmptyTensor[float32](ort.NewShape(1, 1)); err != nil {
		return s, err
	}
	keep(s.verdict)
	if s.next, err = ort.NewEmptyTensor[float32](ort.NewShape(2, 1, 128)); err != nil {
		return s, err
	}
	keep(s.next)
	o, err := sessionOptions()
	if err != nil {
		return s, err
	}
	defer func() { _ = o.Destroy() }()
	s.run, err = ort.NewAdvancedSessionWithONNXData(sileroModel, []string{"input", "state", "sr"}, []string{"output", "stateN"},
		[]ort.Value{s.input, s.state, s.rate}, []ort.Value{s.verdict, s.next}, o)
	return s, err
}

// judge borrows a session for one hop. After close it hears nothing.
func (s *silero) judge(m *memory, hop []int16) float32 {
	session, ok := <-s.sessions
	if !ok {
		return 0
	}
	p := session.judge(m, hop)
	s.sessions <- session
	return p
}

func (s *sileroSession) judge(m *memory, hop []int16) float32 {
	context := len(hop) / 8
	in := s.input.GetData()
	copy(in, m.context[:context])
	for i, v := range hop {
		in[context+i] = float32(v) / 32768
	}
	copy(s.state.GetData(), m.state[:])
	if s.run.Run() != nil {
		return 0 // the model is fixed and so are the shapes: only a broken runtime comes here, and it hears nothing
	}
	copy(m.state[:], s.next.GetData())
	copy(m.context[:context], in[len(hop):])
	return s.verdict.GetData()[0]
}

// close waits for the sessions to come to rest and frees them.
func (s *silero) close() {
	for range s.count {
		session := <-s.sessions
		_ = session.run.Destroy()
		free(session.kept)
	}
	close(s.sessions)
}
