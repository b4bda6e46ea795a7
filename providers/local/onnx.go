//go:build cgo

package local

import (
	"context"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// shared counts the users of the ONNX runtime. The binding keeps the runtime in variables of its package, so that there is one a
// process; engines share it, and the last to leave unloads it.
var shared struct {
	sync.Mutex
	users int
}

// openRuntime loads the library at path, unless an engine of this process has loaded one already.
func openRuntime(path string) error {
	shared.Lock()
	defer shared.Unlock()
	if shared.users == 0 {
		ort.SetSharedLibraryPath(path)
		if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
			return fmt.Errorf("load ONNX runtime: %w", err)
		}
	}
	shared.users++
	return nil
}

func closeRuntime() {
	shared.Lock()
	defer shared.Unlock()
	if shared.users--; shared.users == 0 {
		_ = ort.DestroyEnvironment() // all sessions are gone; there is nobody to tell
	}
}

// sessionOptions are for sessions that run on the caller's thread alone: workers are our own, and none spins.
func sessionOptions() (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(1) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error { return o.AddSessionConfigEntry("session.inter_op.allow_spinning", "0") },
	} {
		if err := set(); err != nil {
			_ = o.Destroy()
			return nil, err
		}
	}
	return o, nil
}

// openSession opens the model at path.
func openSession(path string, inputs, outputs []string) (*ort.DynamicAdvancedSession, error) {
	o, err := sessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.Destroy() }()
	s, err := ort.NewDynamicAdvancedSession(path, inputs, outputs, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// runUntil runs a session, and breaks off as soon as ctx ends: a clause that nobody wants any more would keep a worker from the
// caller who cut in. The error is then the cause of ctx.
func runUntil(ctx context.Context, s *ort.DynamicAdvancedSession, in, out []ort.Value) error {
	o, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer func() { _ = o.Destroy() }()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		_ = o.Terminate() // it only sets a flag
	})
	err = s.RunWithOptions(in, out, o)
	if !stop() {
		<-told // the options must not go before it
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// tensor makes a tensor of data; like all tensors it is freed by free.
func tensor[T ort.TensorData](data []T, shape ...int64) (*ort.Tensor[T], error) {
	return ort.NewTensor(ort.NewShape(shape...), data)
}

func free(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy()
		}
	}
}
