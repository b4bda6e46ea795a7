package providertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// A scribeSocket is one socket of a fake ElevenLabs' Scribe in real time. It is told when to commit, and answers each commit twice. Times
// count from the socket's beginning, or from the last commit (ElevenLabs.TimesOfCommits).
type scribeSocket struct {
	ear
	e         *ElevenLabs
	format    string
	timed     bool
	committed int // samples before the last commit
}

// scribe takes one connection.
func (e *ElevenLabs) scribe(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	s := &scribeSocket{ear: ear{trouble: e.Listen, script: e.Transcripts}, e: e}
	e.ears.listen(ctx, w, r, &s.ear, func() (int, string) { return s.admit(r) }, func() { s.talk(ctx) })
}

// Listeners is what the Scribe of e has seen so far.
func (e *ElevenLabs) Listeners() *EarCounts { return &e.ears.counts }

// admit checks the key and the parameters that matter.
func (s *scribeSocket) admit(r *http.Request) (status int, body string) {
	if s.trouble.Fault == Refuse {
		return 0, ""
	}
	if s.e.Key != "" && r.Header.Get("xi-api-key") != s.e.Key {
		return http.StatusUnauthorized, `{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}`
	}
	q := r.URL.Query()
	s.format, s.timed = q.Get("audio_format"), q.Get("include_timestamps") == "true"
	name, rate, _ := strings.Cut(s.format, "_")
	s.rate, _ = strconv.Atoi(rate)
	s.width = map[string]int{"ulaw": 1, "pcm": 2}[name]
	if s.width == 0 || s.rate < 8000 || q.Get("model_id") == "" || q.Get("commit_strategy") != "manual" {
		return http.StatusBadRequest, `{"detail":{"status":"invalid_parameters","message":"audio_format, model_id or commit_strategy is not known"}}`
	}
	if s.e.Asked != nil {
		s.e.Asked(r.URL.Path, q)
	}
	return 0, ""
}

func (s *scribeSocket) talk(ctx context.Context) {
	if s.trouble.Fault != Deaf {
		config := map[string]any{"sample_rate": s.rate, "audio_format": s.format, "commit_strategy": "manual", "model_id": "scribe_v2_realtime"}
		if s.post.send(1, mustJSON(map[string]any{"message_type": "session_started", "session_id": s.request, "config": config}), 0) != nil {
			return
		}
	}
	s.attend(ctx, func([]byte) error { return s.complain("input_error", "Audio comes in text.") }, s.obey)
}

// complain tells of an error and hangs up.
func (s *scribeSocket) complain(code, about string) error {
	if err := s.say(map[string]string{"message_type": code, "error": about}, 0); err != nil {
		return err
	}
	s.hangUp(1008, about)
	return net.ErrClosed
}

// obey takes a piece of audio, or a commit.
func (s *scribeSocket) obey(message []byte) error {
	var m struct {
		Type   string `json:"message_type"`
		Audio  string `json:"audio_base_64"`
		Commit *bool  `json:"commit"`
		Rate   int    `json:"sample_rate"`
	}
	if json.Unmarshal(message, &m) != nil || m.Type != "input_audio_chunk" || m.Rate != s.rate || m.Commit == nil {
		return s.complain("invalid_request", "The message is not understood.")
	}
	audio, err := base64.StdEncoding.DecodeString(m.Audio)
	if err != nil {
		return s.complain("input_error", "The audio is no base64.")
	}
	if len(audio) > 0 {
		if s.trouble.Fault == Complain {
			return s.complain("transcriber_error", s.trouble.Reason)
		}
		words, err := s.listenTo(audio)
		if err == nil && len(words) > 0 {
			err = s.say(map[string]string{"message_type": "partial_transcript", "text": strings.Join(words, " ")}, 0)
		}
		if err != nil {
			return err
		}
	}
	if *m.Commit {
		return s.commit()
	}
	return nil
}

// commit answers a commit: without the times of the words, and with them.
func (s *scribeSocket) commit() error {
	s.counts.Asks.Add(1)
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	if s.pos-s.committed < s.samples(300) {
		return s.say(map[string]string{"message_type": "commit_throttled", "error": "Commit request ignored: too little uncommitted audio."}, s.answerAfter())
	}
	type word struct {
		Text    string  `json:"text"`
		Start   float64 `json:"start"`
		End     float64 `json:"end"`
		Type    string  `json:"type"`
		Logprob float64 `json:"logprob"`
	}
	words, times := s.settle()
	text, since := strings.Join(words, " "), 0.0
	if s.e.TimesOfCommits {
		since = s.seconds(s.committed)
	}
	s.committed = s.pos
	timed := []word{}
	for i, w := range words {
		if i > 0 {
			timed = append(timed, word{" ", times[i][0] - since, times[i][0] - since, "spacing", 0})
		}
		timed = append(timed, word{w, times[i][0] - since, times[i][1] - since, "word", -0.1})
	}
	plain := map[string]any{"message_type": "committed_transcript", "text": text}
	if !s.timed {
		return s.final(s.answerAfter(), plain)
	}
	return s.final(s.answerAfter(), plain, map[string]any{
		"message_type": "committed_transcript_with_timestamps", "text": text, "language_code": "en", "words": timed,
	})
}
