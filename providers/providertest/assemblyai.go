package providertest

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An AssemblyAI is a stand-in for AssemblyAI's Universal streaming (v3) over real sockets. It understands nothing: it answers each stretch of
// sound with the next of Transcripts. Its fields must not change while it runs.
//
// It keeps the rules of the documentation: a message of audio is 50 ms to 1 s long; a turn is told as it grows, and with format_turns ends
// twice, first as it was heard and then as it is written; what nobody said is not answered.
type AssemblyAI struct {
	Key         string        // wanted in the Authorization header; empty: any
	Transcripts []string      // what stretches of sound turn out to say, over and over; default DefaultTranscript
	Delay       time.Duration // of the end of a turn
	Formatting  time.Duration // between the two ends of a turn
	Trouble     Trouble
	Asked       func(query url.Values) // told of each connection that was admitted, by any goroutine; nil: nobody is

	earServer
}

// StartAssemblyAI runs a on a loopback port until the test ends, and returns its base URL.
func StartAssemblyAI(t testing.TB, a *AssemblyAI) (baseURL string) {
	t.Helper()
	return "ws://" + startEar(t, a.Run)
}

// Run serves on ln until ctx ends, then closes every socket and waits for their goroutines.
func (a *AssemblyAI) Run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v3/ws", func(w http.ResponseWriter, r *http.Request) {
		s := &assemblyAISocket{ear: ear{trouble: a.Trouble, script: a.Transcripts, delay: a.Delay}, a: a}
		a.listen(ctx, w, r, &s.ear, func() (int, string) { return s.admit(r) }, func() { s.talk(ctx) })
	})
	return a.serveEars(ctx, ln, mux)
}

// An assemblyAISocket is one connection.
type assemblyAISocket struct {
	ear
	a          *AssemblyAI
	authorised bool
	formats    bool
	patience   int // ms of silence that end a turn
	turn       int
}

// admit checks the parameters that matter. A wrong key is admitted, and told by a close code.
func (s *assemblyAISocket) admit(r *http.Request) (status int, body string) {
	q := r.URL.Query()
	s.authorised = s.a.Key == "" || r.Header.Get("Authorization") == s.a.Key
	s.rate, _ = strconv.Atoi(q.Get("sample_rate"))
	s.width = map[string]int{"pcm_mulaw": 1, "pcm_s16le": 2}[q.Get("encoding")]
	if s.rate < 8000 || s.width == 0 || q.Get("speech_model") == "" {
		return http.StatusBadRequest, `{"error":"sample_rate, encoding or speech_model is missing"}`
	}
	if terms := q.Get("keyterms_prompt"); terms != "" && json.Unmarshal([]byte(terms), new([]string)) != nil {
		return http.StatusBadRequest, `{"error":"keyterms_prompt is no array"}`
	}
	s.formats = q.Get("format_turns") == "true"
	if s.patience, _ = strconv.Atoi(q.Get("max_turn_silence")); s.patience == 0 {
		s.patience = 1280
	}
	if s.a.Asked != nil {
		s.a.Asked(q)
	}
	return 0, ""
}

func (s *assemblyAISocket) talk(ctx context.Context) {
	if !s.authorised {
		s.hangUp(4001, "Not Authorized")
		return
	}
	if s.trouble.Fault != Deaf {
		begin := map[string]any{"type": "Begin", "id": s.request, "expires_at": time.Now().Add(3 * time.Hour).Unix()}
		if s.post.send(1, mustJSON(begin), 0) != nil {
			return
		}
	}
	s.attend(ctx, s.hear, s.obey)
}

// mustJSON is v as text; what the fakes say always can be.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// hear takes audio, tells what was said so far, and ends a turn that is over by itself.
func (s *assemblyAISocket) hear(audio []byte) error {
	if ms := len(audio) * 1000 / s.width / s.rate; ms < 50 || ms > 1000 {
		s.hangUp(3007, "Input duration violation: "+strconv.Itoa(ms)+" ms. Expected between 50 and 1000 ms")
		return net.ErrClosed
	}
	if s.trouble.Fault == Complain {
		if err := s.say(map[string]any{"type": "Error", "error_code": 3005, "error": s.trouble.Reason}, 0); err != nil {
			return err
		}
		s.hangUp(3005, s.trouble.Reason)
		return net.ErrClosed
	}
	words, err := s.listenTo(audio)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return s.say(s.turnOf(words, s.times(len(words)), false, false), 0)
	}
	if s.onset >= 0 && s.silence() >= s.samples(s.patience) && s.trouble.Fault != NeverAnswers {
		return s.end()
	}
	return nil
}

// obey does what a text message says.
func (s *assemblyAISocket) obey(message []byte) error {
	var m struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(message, &m) != nil {
		s.hangUp(4101, "Invalid JSON")
		return net.ErrClosed
	}
	switch m.Type {
	case "KeepAlive":
		s.counts.Alives.Add(1)
	case "UpdateConfiguration":
		s.counts.Terms.Add(1)
	case "ForceEndpoint":
		s.counts.Asks.Add(1)
		if s.onset >= 0 && s.trouble.Fault != NeverAnswers {
			return s.end()
		}
	case "Terminate":
		s.counts.Goodbyes.Add(1)
		if s.trouble.Fault == NeverAnswers {
			return nil
		}
		if err := s.end(); err != nil {
			return err
		}
		seconds := int(math.Ceil(s.seconds(s.pos)))
		bye := map[string]any{"type": "Termination", "audio_duration_seconds": seconds, "session_duration_seconds": seconds}
		if err := s.say(bye, s.answerAfter()); err != nil {
			return err
		}
		return s.goodbye(s.answerAfter())
	default:
		s.hangUp(4101, "Endpoint received an unknown message: "+m.Type)
		return net.ErrClosed
	}
	return nil
}

// end tells the whole of a turn, as it was heard and then as it is written.
func (s *assemblyAISocket) end() error {
	words, times := s.settle()
	if len(words) == 0 {
		return nil
	}
	plain := strings.Fields(unwritten(words))
	after := s.answerAfter()
	defer func() { s.turn++ }()
	if !s.formats {
		return s.final(after, s.turnOf(plain, times, true, false))
	}
	if err := s.say(s.turnOf(plain, times, true, false), after); err != nil {
		return err
	}
	return s.final(after+s.a.Formatting, s.turnOf(words, times, true, true))
}

// turnOf is a Turn.
func (s *assemblyAISocket) turnOf(words []string, times [][2]float64, end, formatted bool) any {
	type word struct {
		Text       string  `json:"text"`
		Start      int     `json:"start"`
		End        int     `json:"end"`
		Confidence float64 `json:"confidence"`
		Final      bool    `json:"word_is_final"`
	}
	all := []word{}
	for i, w := range words {
		all = append(all, word{w, int(times[i][0] * 1000), int(times[i][1] * 1000), 0.98, end || i < len(words)-1})
	}
	transcript := strings.Join(words, " ")
	if !end && len(words) > 1 {
		transcript = strings.Join(words[:len(words)-1], " ") // the last word may change
	}
	confidence := 0.21
	if end {
		confidence = 0.91
	}
	return map[string]any{
		"type": "Turn", "turn_order": s.turn, "turn_is_formatted": formatted, "end_of_turn": end, "transcript": transcript,
		"end_of_turn_confidence": confidence, "words": all,
	}
}
