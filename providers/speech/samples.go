package speech

import (
	"bytes"
	"mime"
	"net/http"

	"parley/pipeline"
)

// A Samples is an answer whose body is samples and nothing else. It implements Sound.
type Samples struct {
	Answer *http.Response
	Piece  int // bytes of a piece at most

	begun bool
}

// Unmoved is h without redirects, which would take a key along that is in a header of its own.
func Unmoved(h *http.Client) *http.Client {
	stays := *h
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &stays
}

// A NoSoundError is that something else came than samples: it would be heard as noise.
type NoSoundError struct{ Kind string }

// Error names it.
func (e *NoSoundError) Error() string { return e.Kind + " came where samples were asked for" }

// Next implements Sound.
func (s *Samples) Next() ([]byte, []pipeline.Word, error) {
	piece := make([]byte, s.Piece)
	n, err := s.Answer.Body.Read(piece)
	if n > 0 && !s.begun {
		if kind := notSound(s.Answer.Header, piece[:n]); kind != "" {
			return nil, nil, &NoSoundError{kind}
		}
		s.begun = true
	}
	return piece[:n], nil, err
}

// Close implements Sound.
func (s *Samples) Close() error { return s.Answer.Body.Close() }

// notSound names what an answer is if it is anything else than samples; empty: it may be.
func notSound(h http.Header, begin []byte) string {
	switch kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")); kind {
	case "application/json", "text/html", "text/plain", "text/event-stream":
		return kind
	}
	for name, mark := range map[string]string{"MP3": "ID3", "WAV": "RIFF", "Ogg": "OggS", "FLAC": "fLaC"} {
		if bytes.HasPrefix(begin, []byte(mark)) {
			return name
		}
	}
	return ""
}
