package envelope

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// IdleTime is how long the next bytes of a body that Arriving reads may take to arrive.
const IdleTime = 30 * time.Second

// ErrArrival is within every error by which a body ended before its end.
var ErrArrival = errors.New("read body")

// Arriving is a LongBody that may come slowly, but not stand still: after IdleTime its error is os.ErrDeadlineExceeded.
func Arriving(w http.ResponseWriter, r *http.Request, most int64) io.Reader {
	return arriving{LongBody(w, r, most), http.NewResponseController(w)}
}

type arriving struct {
	body io.Reader
	wait *http.ResponseController
}

// Read implements io.Reader.
func (a arriving) Read(p []byte) (int, error) {
	_ = a.wait.SetReadDeadline(time.Now().Add(IdleTime)) // where it cannot be set, as in tests, it is not
	n, err := a.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrArrival, err)
	}
	return n, err
}
