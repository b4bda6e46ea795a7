package deepgram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"parley/pipeline"
	"parley/providers/wire"
)

// A message is what the server says in text, on either socket. Unknown types are let through: Deepgram adds some now and then.
type message struct {
	kind string // Results, TurnInfo, UtteranceEnd, SpeechStarted, Metadata, Connected, Flushed, Cleared, Warning, Error, ...

	// of Results and TurnInfo
	text  string
	words []pipeline.Word // times on the socket's clock, in order
	lang  string
	end   time.Duration // how far the result reaches, on the socket's clock

	// of Results
	final        bool // this stretch of audio is settled
	speechFinal  bool // Deepgram's own endpointing
	fromFinalize bool

	// of TurnInfo
	event string  // Update, StartOfTurn, EagerEndOfTurn, TurnResumed, EndOfTurn
	sure  float64 // that the turn has ended, 0 to 1
	again bool    // an Update whose words are known, and not read again

	request     string // of Metadata and Connected
	code, about string // of Warning and Error
}

// wireMessage is the union of all of them as JSON.
type wireMessage struct {
	Type         string  `json:"type"`
	Start        float64 `json:"start"`
	Duration     float64 `json:"duration"`
	IsFinal      bool    `json:"is_final"`
	SpeechFinal  bool    `json:"speech_final"`
	FromFinalize bool    `json:"from_finalize"`
	// Channel is an object in Results and an array of numbers in UtteranceEnd and SpeechStarted.
	Channel     json.RawMessage `json:"channel"`
	RequestID   string          `json:"request_id"`
	Event       string          `json:"event"`
	WindowEnd   float64         `json:"audio_window_end"`
	Transcript  string          `json:"transcript"`
	Sure        float64         `json:"end_of_turn_confidence"`
	Languages   []string        `json:"languages"`
	Code        string          `json:"code"`
	ErrCode     string          `json:"err_code"`
	Description string          `json:"description"`
	ErrMsg      string          `json:"err_msg"`
	Message     string          `json:"message"`
}

type wireChannel struct {
	Alternatives []struct {
		Transcript string     `json:"transcript"`
		Languages  []string   `json:"languages"`
		Words      []wireWord `json:"words"`
	} `json:"alternatives"`
}

type wireWord struct {
	Word       string  `json:"word"`
	Punctuated string  `json:"punctuated_word"` // of Results alone
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
}

// understand reads one text message of listen, with all its words.
func understand(text []byte) (*message, error) {
	m, ok := readTurnInfo(text)
	if ok {
		return &m, nil
	}
	m, err := decode(text)
	if err == nil && m.kind == "TurnInfo" {
		m.words, err = decodeWords(text)
	}
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// decode reads one text message of the server; of TurnInfo all but its words (see decodeWords).
func decode(text []byte) (message, error) {
	var w wireMessage
	if err := json.Unmarshal(text, &w); err != nil {
		return message{}, fmt.Errorf("decode message: %w", err)
	}
	if w.Type == "" {
		return message{}, fmt.Errorf("decode message: field type is missing")
	}
	m := message{
		kind: w.Type, final: w.IsFinal, speechFinal: w.SpeechFinal, fromFinalize: w.FromFinalize,
		end: seconds(w.Start) + seconds(w.Duration), request: w.RequestID,
		code: wire.Printable(or(w.Code, w.ErrCode)), about: wire.Printable(or(w.Description, or(w.ErrMsg, w.Message))),
	}
	switch w.Type {
	case "TurnInfo":
		m.event, m.text, m.end, m.sure = w.Event, w.Transcript, seconds(w.WindowEnd), min(max(w.Sure, 0), 1)
		if len(w.Languages) > 0 {
			m.lang = w.Languages[0]
		}
		return m, nil
	case "Results":
	default:
		return m, nil
	}
	var ch wireChannel
	if err := json.Unmarshal(w.Channel, &ch); err != nil {
		return message{}, fmt.Errorf("decode Results: field channel: %w", err)
	}
	if len(ch.Alternatives) == 0 {
		return m, nil
	}
	best := ch.Alternatives[0]
	m.text = best.Transcript
	if len(best.Languages) > 0 {
		m.lang = best.Languages[0]
	}
	m.words = inOrder(best.Words)
	return m, nil
}

// repeats says of an Update whether its words are known, and if so how far it reaches. Flux repeats itself four times a second on every
// call: it is looked for as Deepgram writes it, and what is written otherwise is decoded.
func repeats(text []byte, known string) (end time.Duration, ok bool) {
	if !bytes.Contains(text, []byte(`"event":"Update"`)) {
		return 0, false
	}
	_, words, ok := bytes.Cut(text, []byte(`"transcript":"`))
	if !ok || len(words) <= len(known) || string(words[:len(known)]) != known || words[len(known)] != '"' {
		return 0, false
	}
	_, rest, ok := bytes.Cut(text, []byte(`"audio_window_end":`))
	n := bytes.IndexAny(rest, ",}")
	if !ok || n < 0 {
		return 0, false
	}
	s, err := strconv.ParseFloat(string(rest[:n]), 64)
	return seconds(s), err == nil
}

// decodeWords reads the words of a TurnInfo.
func decodeWords(text []byte) ([]pipeline.Word, error) {
	var w struct {
		Words []wireWord `json:"words"`
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("decode TurnInfo: field words: %w", err)
	}
	return inOrder(w.Words), nil
}

// inOrder are words whose times can be trusted (see appendWord).
func inOrder(wire []wireWord) (words []pipeline.Word) {
	for _, w := range wire {
		words = appendWord(words, w)
	}
	return words
}

// appendWord adds a word that begins no sooner than the last one, and ends no sooner than it begins, whatever the server says.
func appendWord(words []pipeline.Word, w wireWord) []pipeline.Word {
	var last time.Duration
	if n := len(words); n > 0 {
		last = words[n-1].Start
	}
	start := max(seconds(w.Start), last)
	end := max(seconds(w.End), start)
	return append(words, pipeline.Word{
		Text: or(w.Punctuated, w.Word), Start: start, End: end, Confidence: min(max(w.Confidence, 0), 1),
	})
}

// seconds is s as a Duration: never negative, and never more than the longest of calls.
func seconds(s float64) time.Duration {
	const longest = 1e6
	return time.Duration(min(max(s, 0), longest) * float64(time.Second))
}
