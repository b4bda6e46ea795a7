package providertest

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A Vosk is a stand-in for a vosk-server over real sockets. It understands nothing: it answers each stretch of sound with the next of
// Transcripts, in its own plain letters. Its fields must not change while it runs.
//
// It keeps the server's ways: a configuration is not answered, each message of audio and each reset or eof is, once and in order; any other
// text would be audio, and ends the socket.
type Vosk struct {
	Transcripts []string // what stretches of sound turn out to say, over and over; default DefaultTranscript
	Trouble     Trouble
	Configured  func(config json.RawMessage) // told of each configuration, by any goroutine; nil: nobody is

	earServer
}

// StartVosk runs v on a loopback port until the test ends, and returns its base URL.
func StartVosk(t testing.TB, v *Vosk) (baseURL string) {
	t.Helper()
	return "ws://" + startEar(t, v.Run)
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (v *Vosk) Run(ctx context.Context, ln net.Listener) error {
	return v.serveEars(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &voskSocket{ear: ear{trouble: v.Trouble, script: v.Transcripts}, v: v}
		s.rate, s.width = 8000, 2
		v.listen(ctx, w, r, &s.ear, func() (int, string) { return 0, "" }, func() { s.attend(ctx, s.hear, s.obey) })
	}))
}

// voskPatience is the silence after which the server ends an utterance itself, in ms.
const voskPatience = 1000

// A voskSocket is one connection.
type voskSocket struct {
	ear
	v       *Vosk
	partial string
}

// hear takes audio, and answers it.
func (s *voskSocket) hear(audio []byte) error {
	words, err := s.listenTo(audio)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		s.partial = unwritten(words)
	}
	if s.onset >= 0 && s.silence() >= s.samples(voskPatience) && s.trouble.Fault != NeverAnswers {
		return s.end()
	}
	return s.say(map[string]string{"partial": s.partial}, 0)
}

// obey does what a text message says.
func (s *voskSocket) obey(message []byte) error {
	switch text := string(message); {
	case strings.Contains(text, "config"):
		var told struct {
			Config json.RawMessage `json:"config"`
		}
		var config struct {
			Rate int `json:"sample_rate"`
		}
		if json.Unmarshal(message, &told) != nil || json.Unmarshal(told.Config, &config) != nil {
			s.hangUp(1011, "")
			return net.ErrClosed
		}
		if s.rate = config.Rate; s.v.Configured != nil {
			s.v.Configured(told.Config)
		}
		return nil
	case text == `{"reset" : 1}`:
		s.counts.Asks.Add(1)
		if s.trouble.Fault == NeverAnswers {
			return nil
		}
		return s.end()
	case text == `{"eof" : 1}`:
		s.counts.Goodbyes.Add(1)
		if s.trouble.Fault == NeverAnswers {
			return nil
		}
		if err := s.end(); err != nil {
			return err
		}
		return s.goodbye(s.answerAfter())
	}
	s.hangUp(1011, "")
	return net.ErrClosed
}

// end tells the whole of a stretch.
func (s *voskSocket) end() error {
	type word struct {
		Conf  float64 `json:"conf"`
		Start float64 `json:"start"`
		End   float64 `json:"end"`
		Word  string  `json:"word"`
	}
	words, times := s.settle()
	s.partial = ""
	if len(words) == 0 {
		return s.say(map[string]string{"text": ""}, s.answerAfter())
	}
	var result []word
	for i, w := range words {
		result = append(result, word{1, hundredths(times[i][0]), hundredths(times[i][1]), unwritten([]string{w})})
	}
	return s.final(s.answerAfter(), map[string]any{"result": result, "text": unwritten(words)})
}

// hundredths is s as the server writes it.
func hundredths(s float64) float64 { return math.Round(s*100) / 100 }

// unwritten is words as the server writes them.
func unwritten(words []string) string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = strings.ToLower(strings.Trim(w, ".,!?"))
	}
	return strings.Join(plain, " ")
}
