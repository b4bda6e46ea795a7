package vitals

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A Kind of profile.
type Kind string

// The kinds.
const (
	CPU    Kind = "cpu"    // where processor time goes: go tool pprof
	Allocs Kind = "allocs" // what is allocated meanwhile: go tool pprof
	Trace  Kind = "trace"  // every event of the runtime: go tool trace
	Flight Kind = "flight" // the same, of the seconds before: what the server's flight recorder holds
)

// mostTrace bounds a trace, which grows by megabytes a second.
const mostTrace = 5 * time.Second

// A Window is a server's listener for debugging, such as http://127.0.0.1:6060.
type Window struct {
	URL    string
	Client *http.Client // default: http.DefaultClient. It must have the patience of the longest profile.
}

// Ask says whether the window is open.
func (w Window) Ask(ctx context.Context) error {
	answer, err := w.get(ctx, "/debug/pprof/cmdline")
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Fetch writes a profile of so many seconds from now; of a trace five at the most, of the flight recorder what it holds.
func (w Window) Fetch(ctx context.Context, kind Kind, lasts time.Duration, to io.Writer) error {
	lasts = max(lasts.Truncate(time.Second), time.Second)
	var path string
	switch kind {
	case CPU:
		path = fmt.Sprintf("/debug/pprof/profile?seconds=%.0f", lasts.Seconds())
	case Allocs:
		path = fmt.Sprintf("/debug/pprof/allocs?seconds=%.0f", lasts.Seconds())
	case Trace:
		path = fmt.Sprintf("/debug/pprof/trace?seconds=%.0f", min(lasts, mostTrace).Seconds())
	case Flight:
		path = "/debug/flight"
	default:
		return fmt.Errorf("profile %q: want cpu, allocs, trace or flight", kind)
	}
	answer, err := w.get(ctx, path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(to, answer.Body); err != nil {
		return fmt.Errorf("fetch %s: %w", path, err)
	}
	return nil
}

func (w Window) get(ctx context.Context, path string) (*http.Response, error) {
	answer, err := get(ctx, Source{Client: w.Client}.client(), strings.TrimRight(w.URL, "/")+path)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", path, err)
	}
	return answer, nil
}
