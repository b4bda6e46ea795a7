package wire_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers"
	"parley/providers/wire"
)

// TestErrorsHaveAClass: metrics and failover go by it.
func TestErrorsHaveAClass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&wire.Refusal{Status: 401}, providers.Auth},
		{&wire.Refusal{Status: 402}, providers.Quota},
		{&wire.Refusal{Status: 500}, providers.Unavailable},
		{&websocket.CloseError{Code: websocket.CloseInternalServerErr}, providers.Unavailable},
		{&websocket.CloseError{Code: websocket.CloseTryAgainLater}, providers.Quota},
		{&websocket.CloseError{Code: websocket.CloseAbnormalClosure, Text: io.ErrUnexpectedEOF.Error()}, providers.Connection},
		{fmt.Errorf("dial: %w", wire.Late("answer", time.Second)), providers.Late},
		{fmt.Errorf("hear: %w", io.EOF), providers.Connection},
	} {
		if got := providers.Class(wire.AsError("vendor", tt.err)); got != tt.want {
			t.Errorf("%v is of class %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestErrorsTellNoKey(t *testing.T) {
	t.Parallel()
	e := wire.AsError("vendor", &wire.Refusal{Status: 401, Body: []byte("the key s3cret\x1b[2J is wrong")}).Clean("s3cret")
	if got, want := e.Error(), "vendor: HTTP 401 the key [key] [2J is wrong"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	again := wire.AsError("vendor", fmt.Errorf("dial: %w", e))
	if !errors.Is(again, e) || !again.Hopeless() {
		t.Errorf("got %v, want the same error", again)
	}
	if long := wire.Printable(strings.Repeat("é", 1000)); len(long) > 512 || strings.ContainsRune(long, '\uFFFD') {
		t.Errorf("%d bytes: %q", len(long), long)
	}
}
