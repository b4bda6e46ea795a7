package deepgram

import (
	"encoding/json"
	"fmt"
	"time"

	"parley/pipeline"
)

// A message is what the server says in text, on either socket. Unknown types are let through: Deepgram adds some now and then.
type message struct {
	kind string // Results, UtteranceEnd, SpeechStarted, Metadata, Flushed, Cleared, Warning, Error, ...

	// of Results
	text         string
	words        []pipeline.Word // times on the socket's clock, in order
	lang         string
	end          time.Duration // how far the result reaches, on the socket's clock
	final        bool          // this stretch of audio is settled
	speechFinal  bool          // Deepgram's own endpointing
	fromFinalize bool

	request     string // of Metadata
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
	Code        string          `json:"code"`
	ErrCode     string          `json:"err_code"`
	Description string          `json:"description"`
	ErrMsg      string          `json:"err_msg"`
	Message     string          `json:"message"`
}

type wireChannel struct {
	Alternatives []struct {
		Transcript string   `json:"transcript"`
		Languages  []string `json:"languages"`
		Words      []struct {
			Word       string  `json:"word"`
			Punctuated string  `json:"punctuated_word"`
			Start      float64 `json:"start"`
			End        float64 `json:"end"`
			Confidence float64 `json:"confidence"`
		} `json:"words"`
	} `json:"alternatives"`
}

// decode reads one text message of the server.
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
		code: printable(or(w.Code, w.ErrCode)), about: printable(or(w.Description, or(w.ErrMsg, w.Message))),
	}
	if w.Type != "Results" {
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
	var last time.Duration
	for _, word := range best.Words {
		// A word never begins before its predecessor nor ends before it begins, whatever the server says.
		start := max(seconds(word.Start), last)
		end := max(seconds(word.End), start)
		last = start
		m.words = append(m.words, pipeline.Word{
			Text: or(word.Punctuated, word.Word), Start: start, End: end, Confidence: min(max(word.Confidence, 0), 1),
		})
	}
	return m, nil
}

// seconds is s as a Duration: never negative, and never more than the longest of calls.
func seconds(s float64) time.Duration {
	const longest = 1e6
	return time.Duration(min(max(s, 0), longest) * float64(time.Second))
}
