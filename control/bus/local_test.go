package bus_test

import (
	"testing"

	"go.uber.org/goleak"

	"parley/control/bus"
	"parley/control/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLocal(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t *testing.T) (a, b bus.Bus) {
		l := &bus.Local{}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		return l, l
	})
}

// TestPublishWithoutReaders: what nobody hears costs nothing to speak of.
func TestPublishWithoutReaders(t *testing.T) {
	l := &bus.Local{}
	s, data := bus.CallEvents("1"), []byte("x")
	if n := testing.AllocsPerRun(100, func() { _ = l.Publish(s, data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
