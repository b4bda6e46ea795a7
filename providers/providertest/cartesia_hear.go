package providertest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A cartesiaEar is one socket of Ink.
//
//	/stt/websocket: transcript (so far) ... finalize ──▶ transcript (final), flush_done
//	/stt/turns/websocket: turn.start, turn.update ... turn.eager_end ──▶ turn.end, or turn.resume
type cartesiaEar struct {
	ear
	c        *Cartesia
	hangover int // samples
	open     bool
	ending   bool
	leaving  bool
}

// listenOn serves a socket of Ink.
func (c *Cartesia) listenOn(ctx context.Context, w http.ResponseWriter, r *http.Request, turns bool) {
	s := &cartesiaEar{ear: ear{trouble: c.Hear, script: c.Transcripts, delay: c.Delay}, c: c}
	c.listen(ctx, w, r, &s.ear, func() (int, string) { return s.admit(r, turns) }, func() {
		if !turns {
			s.attend(ctx, s.hearAll, s.obey)
			return
		}
		if s.trouble.Fault == Deaf || s.tell(map[string]any{"type": "connected"}, 0) == nil {
			s.attend(ctx, s.hearTurns, s.obeyTurns)
		}
	})
}

// admit checks the headers and the parameters that matter.
func (s *cartesiaEar) admit(r *http.Request, turns bool) (status int, body string) {
	if status, body := s.c.known(r); status != 0 {
		return status, body
	}
	q := r.URL.Query()
	s.rate, _ = strconv.Atoi(q.Get("sample_rate"))
	s.width = map[string]int{"pcm_mulaw": 1, "pcm_s16le": 2}[q.Get("encoding")]
	if s.rate < 8000 || s.width == 0 {
		return cartesiaRefusal(http.StatusBadRequest, "invalid_parameters", "encoding or sample_rate is missing")
	}
	if model := q.Get("model"); model == "" || turns == strings.HasPrefix(model, "ink-whisper") {
		return cartesiaRefusal(http.StatusBadRequest, "model_not_found", "The model is not valid, make sure it is a valid model ID.")
	}
	if s.c.Asked != nil {
		s.c.Asked(r.URL.Path, q)
	}
	hangover := s.c.Hangover
	if hangover == 0 {
		hangover = fluxHangover
	}
	s.hangover = s.samples(int(hangover.Milliseconds()))
	return 0, ""
}

// tell sends a message with what all have.
func (s *cartesiaEar) tell(message map[string]any, after time.Duration) error {
	message["request_id"] = s.request
	return s.say(message, after)
}

// complain tells of an error, if that is the trouble.
func (s *cartesiaEar) complain() error {
	if s.trouble.Fault != Complain {
		return nil
	}
	if err := s.tell(map[string]any{"type": "error", "status_code": 500, "title": "Internal error", "message": s.trouble.Reason, "error_code": "internal_error"}, 0); err != nil {
		return err
	}
	s.hangUp(1011, s.trouble.Reason)
	return net.ErrClosed
}

// hearAll takes audio where the client ends stretches.
func (s *cartesiaEar) hearAll(audio []byte) error {
	if err := s.complain(); err != nil {
		return err
	}
	words, err := s.listenTo(audio)
	if err != nil || len(words) == 0 {
		return err
	}
	return s.tell(s.transcript(words, s.times(len(words)), false), 0)
}

// transcript is a message of that type.
func (s *cartesiaEar) transcript(words []string, times [][2]float64, final bool) map[string]any {
	timed := []map[string]any{}
	for i, w := range words {
		timed = append(timed, map[string]any{"word": w, "start": times[i][0], "end": times[i][1]})
	}
	text := strings.Join(words, " ")
	if text != "" {
		text = " " + text
	}
	return map[string]any{"type": "transcript", "is_final": final, "text": text, "duration": s.seconds(s.pos), "language": "en", "words": timed}
}

// obey does what a bare word says.
func (s *cartesiaEar) obey(message []byte) error {
	switch word := string(message); word {
	case "finalize":
		s.counts.Asks.Add(1)
		if s.trouble.Fault == NeverAnswers {
			return nil
		}
		return s.flush(map[string]any{"type": "flush_done"})
	case "close":
		s.counts.Goodbyes.Add(1)
		if s.trouble.Fault == NeverAnswers {
			return nil
		}
		if err := s.flush(map[string]any{"type": "done"}); err != nil {
			return err
		}
		return s.goodbye(s.answerAfter())
	default:
		if err := s.tell(map[string]any{"type": "error", "status_code": 400, "title": "Bad request", "message": "unknown command " + word, "error_code": "bad_request"}, 0); err != nil {
			return err
		}
		return net.ErrClosed
	}
}

// flush settles what was said, and says then.
func (s *cartesiaEar) flush(then map[string]any) error {
	words, times := s.settle()
	after := s.answerAfter()
	then["request_id"] = s.request
	if len(words) == 0 {
		return s.final(after, then)
	}
	final := s.transcript(words, times, true)
	final["request_id"] = s.request
	return s.final(after, final, then)
}

// hearTurns takes audio where Ink ends turns.
func (s *cartesiaEar) hearTurns(audio []byte) error {
	if err := s.complain(); err != nil {
		return err
	}
	words, err := s.listenTo(audio)
	switch {
	case err != nil || s.leaving:
		return err
	case !s.open && s.heard >= s.samples(fluxStart):
		s.open = true
		return s.tell(map[string]any{"type": "turn.start"}, 0)
	case !s.open:
		return nil
	case s.ending && s.silence() < s.samples(20):
		s.ending = false
		return s.tell(map[string]any{"type": "turn.resume"}, 0)
	case len(words) > 0:
		return s.tell(map[string]any{"type": "turn.update", "transcript": strings.Join(words, " ")}, 0)
	case s.silence() >= s.hangover && s.trouble.Fault != NeverAnswers:
		return s.endTurn()
	case !s.ending && s.silence() >= s.hangover/2:
		s.ending = true
		return s.tell(map[string]any{"type": "turn.eager_end", "transcript": strings.Join(s.words(), " ")}, 0)
	}
	return nil
}

// endTurn tells the end of the turn, and begins anew.
func (s *cartesiaEar) endTurn() error {
	words, _ := s.settle()
	s.open, s.ending = false, false
	s.c.Turned.Add(1)
	return s.final(s.answerAfter(), map[string]any{"type": "turn.end", "request_id": s.request, "transcript": strings.Join(words, " ")})
}

// obeyTurns does what a text message says.
func (s *cartesiaEar) obeyTurns(message []byte) error {
	var m struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(message, &m) != nil || m.Type != "close" {
		return s.tell(map[string]any{"type": "error", "status_code": 400, "title": "Bad request", "message": "unknown message", "error_code": "bad_request"}, 0)
	}
	s.counts.Goodbyes.Add(1)
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	s.leaving = true
	if s.open {
		if err := s.endTurn(); err != nil {
			return err
		}
	}
	return s.goodbye(s.answerAfter())
}
