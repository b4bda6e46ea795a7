package elevenlabs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/wire"
)

// What a Scribe does where its fields are zero.
const (
	DefaultSTTModel = "scribe_v2_realtime"

	defaultFinalLimit = 2 * time.Second
	defaultCloseLimit = 2 * time.Second
)

const (
	scribeChunk    = 100 * time.Millisecond // of audio in a message
	mostKeyTerms   = 100
	longestKeyTerm = 50 // characters
)

// Speaks is what a Client makes of ElevenLabs.
var Speaks = providers.Abilities{Streams: true, MuLaw: true, Words: true, Cancels: true, Languages: "32 with eleven_flash_v2_5, by the model"}

// Hears is what a Scribe makes of ElevenLabs.
var Hears = providers.Abilities{Streams: true, MuLaw: true, Words: true, Cancels: true, Languages: "90 and more"}

// A Scribe listens through ElevenLabs' Scribe in real time with one account's key. It is a pipeline.Transcriber for any number of calls at
// once. It must not be copied or changed once used.
//
//	Write ──▶ wire.Transcription ──▶ socket ──▶ partial_transcript, committed_transcript, ..._with_timestamps ──▶ Results
//	Mark  ──▶ commit ─────────────────┘
//
// The call's own Ear decides where a stretch of speech ends: at each Ended what was sent is committed. A commit is answered twice, without
// and with the times of the words; the second is taken, unless it takes long. Telephone legs (8 kHz) send mu-law, others PCM.
//
// Wire facts: elevenlabs.io/docs, api-reference speech-to-text realtime; names of errors and messages as in its npm package
// elevenlabs-js 2.73.0 (wrapper/realtime). Whether times count from the socket's beginning or from the last commit is not said: both are
// understood. That silence keeps a socket open: pipecat, services/elevenlabs/stt.py.
type Scribe struct {
	Key      string
	BaseURL  string // https or http, or wss or ws, which are the same to it; empty: BaseURL
	STTModel string // empty: DefaultSTTModel

	ListenQuery url.Values // further parameters, such as enable_logging=false; they win over the client's own

	DialLimit  time.Duration // longest wait for a socket and its first message; default 4 s
	FinalLimit time.Duration // longest wait of an Ended for its answer, then it gets the words known so far; default 2 s
	CloseLimit time.Duration // longest wait for the last results of a closing transcription; default 2 s

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // default slog.Default()

	spare wire.Spare
}

var _ pipeline.Transcriber = (*Scribe)(nil)

// Check says what is wrong with the Scribe's fields; nil if it can be used.
func (s *Scribe) Check() error {
	if s.Key == "" {
		return errors.New("elevenlabs: Key is empty")
	}
	if err := CheckSTTModel(cmp.Or(s.STTModel, DefaultSTTModel)); err != nil {
		return fmt.Errorf("elevenlabs: STTModel: %w", err)
	}
	_, err := s.address(nil)
	return err
}

// CheckSTTModel says what is wrong with the name of a model of recognition.
func CheckSTTModel(model string) error {
	switch {
	case !name.MatchString(model):
		return fmt.Errorf("%.100q is no model's name: %w", model, errName)
	case !strings.Contains(model, "realtime"):
		return fmt.Errorf("%s does not listen to calls: %s does", model, DefaultSTTModel)
	}
	return nil
}

// Close does nothing: transcriptions are closed by their calls.
func (s *Scribe) Close() error { return nil }

// Transcribe opens a socket and waits for its first message. ctx bounds the opening alone; the transcription lives until Close or until the
// socket is lost for good. A lost socket is dialled again, and what was not settled is sent again. Its errors are *wire.Error.
func (s *Scribe) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	enc, err := wire.EncodingFor(o.Rate)
	if err != nil {
		return nil, fmt.Errorf("elevenlabs: %w", err)
	}
	t, err := wire.Open(ctx, wire.Listening{
		Name: "elevenlabs", Encoding: enc, Chunk: scribeChunk, Lang: o.Lang,
		FinalLimit: cmp.Or(s.FinalLimit, defaultFinalLimit), CloseLimit: cmp.Or(s.CloseLimit, defaultCloseLimit),
		Spare: &s.spare, Log: s.log().With("provider", "elevenlabs"),
	}, newScribeDialect(s, o, enc))
	if err != nil {
		return nil, err
	}
	return t, nil
}

// query is how a socket is opened.
func (s *Scribe) query(o pipeline.Listening, enc wire.Encoding) url.Values {
	q := url.Values{
		"model_id":           {cmp.Or(s.STTModel, DefaultSTTModel)},
		"audio_format":       {"pcm_" + strconv.Itoa(enc.Rate)},
		"commit_strategy":    {"manual"},
		"include_timestamps": {"true"},
	}
	if enc.Width == 1 {
		q.Set("audio_format", "ulaw_8000")
	}
	if lang, _, _ := strings.Cut(o.Lang, "-"); lang != "" {
		q.Set("language_code", strings.ToLower(lang))
	}
	for _, w := range o.Words {
		if terms := q["keyterms"]; w != "" && len([]rune(w)) <= longestKeyTerm && len(terms) < mostKeyTerms && !slices.Contains(terms, w) {
			q.Add("keyterms", w)
		}
	}
	for k, v := range s.ListenQuery {
		q[k] = v
	}
	return q
}

func (s *Scribe) address(q url.Values) (string, error) {
	address, err := wire.Address(cmp.Or(s.BaseURL, BaseURL), "/v1/speech-to-text/realtime", q)
	if err != nil {
		return "", fmt.Errorf("elevenlabs: %w", err)
	}
	return address, nil
}

func (s *Scribe) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

// failure puts an error of a socket in ElevenLabs' words.
func (s *Scribe) failure(err error) error {
	e := wire.AsError("elevenlabs", err)
	var said struct{ Detail detail }
	if e.Code == "" && json.Unmarshal([]byte(e.Message), &said) == nil {
		e.Code, e.Message = said.Detail.code, cmp.Or(said.Detail.message, e.Message)
	}
	return e.Clean(s.Key)
}

// scribeStatus is the status of HTTP that says the same as one of Scribe's errors.
func scribeStatus(code string) int {
	switch strings.TrimSuffix(code, "_error") {
	case "auth":
		return http.StatusUnauthorized
	case "quota_exceeded":
		return http.StatusPaymentRequired
	case "unaccepted_terms":
		return http.StatusForbidden
	case "rate_limited":
		return http.StatusTooManyRequests
	case "input", "invalid_request", "chunk_size_exceeded":
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}
