package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// How the fake recognisers behave.
const (
	listenIdle  = 10 * time.Second
	dripDelay   = 3 * time.Second
	cutOffAfter = 300 // ms of voice
)

// A deepgramEar is one socket of listen v1.
type deepgramEar struct {
	*deepgramSocket
	stretch
	d     *Deepgram
	said  int // stretches of sound that were answered
	words []string

	settled int  // up to where results are final, in samples
	told    int  // words of the stretch that were told in a Partial
	ended   bool // its end was told in an UtteranceEnd
	leaving bool // the client has said goodbye
	json    []byte
}

// listen serves one recogniser of listen v1.
func (d *Deepgram) listen(_ context.Context, s *deepgramSocket) {
	e := &deepgramEar{deepgramSocket: s, stretch: stretch{rate: s.rate, width: s.width, onset: -1}, d: d, words: d.words(0)}
	d.attend(s, e.hear, e.obey)
}

// attend reads a listen socket until it ends.
func (d *Deepgram) attend(s *deepgramSocket, hear, obey func(message []byte) error) {
	buf := make([]byte, 0, 4096)
	for {
		kind, message, err := s.next(buf, listenIdle)
		if err != nil {
			return
		}
		buf = message
		if kind == websocket.BinaryMessage {
			if d.Hooks.Heard != nil && s.width == 1 {
				d.Hooks.Heard(message)
			}
			d.counts.Audio.Add(1)
			err = hear(message)
		} else {
			err = obey(message)
		}
		if err != nil {
			return
		}
	}
}

// words is what the nth stretch of sound of a call says.
func (d *Deepgram) words(n int) []string {
	if len(d.Transcripts) == 0 {
		return strings.Fields(DefaultTranscript)
	}
	return strings.Fields(d.Transcripts[n%len(d.Transcripts)])
}

// hear takes audio and sends what real audio would have brought: Partials, and ends that Deepgram itself notices.
func (e *deepgramEar) hear(audio []byte) error {
	if e.trouble.Fault == CloseEarly {
		e.closeEarly()
		return websocket.ErrCloseSent
	}
	e.stretch.hear(audio)
	if e.trouble.Fault == CutOff && e.heard >= e.samples(cutOffAfter) {
		return e.Close()
	}
	return e.notice()
}

// notice tells what has become due by the audio alone.
func (e *deepgramEar) notice() error {
	if e.onset < 0 || e.leaving {
		return nil
	}
	if n := min(e.heard/e.samples(wordLength), len(e.words)); n > e.told {
		e.told = n
		return e.result(e.words[:n], "", 0)
	}
	if e.endpointing > 0 && e.silence() >= e.samples(e.endpointing) {
		return e.settle(`,"is_final":true,"speech_final":true,"from_finalize":false`, 0)
	}
	if e.utteranceEnd > 0 && e.silence() >= e.samples(e.utteranceEnd) && !e.ended {
		e.ended = true
		at := strconv.FormatFloat(e.seconds(e.voiced), 'f', 3, 64)
		return e.say([]byte(`{"type":"UtteranceEnd","channel":[0,1],"last_word_end":`+at+`}`), 0)
	}
	return nil
}

// obey does what a text message says.
func (e *deepgramEar) obey(message []byte) error {
	var m struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(message), &m); err != nil {
		e.hangUp(websocket.ClosePolicyViolation, "DATA-0000: the text message is no JSON")
		return err
	}
	switch m.Type {
	case "KeepAlive":
		e.d.counts.KeepAlives.Add(1)
	case "Finalize":
		e.d.counts.Finalizes.Add(1)
		if e.trouble.Fault == NeverAnswers {
			return nil
		}
		return e.settle(`,"is_final":true,"speech_final":false,"from_finalize":true`, e.answerAfter(e.d))
	case "CloseStream":
		e.d.counts.CloseStreams.Add(1)
		if e.trouble.Fault == NeverAnswers || e.leaving {
			return nil
		}
		e.leaving = true
		return e.goodbye(e.answerAfter(e.d))
	}
	return nil
}

// goodbye sends the last words, what the stream was, and closes; the client's answer to that ends the reading.
func (e *deepgramEar) goodbye(after time.Duration) error {
	if e.onset >= 0 {
		if err := e.settle(`,"is_final":true,"speech_final":true,"from_finalize":false`, after); err != nil {
			return err
		}
	}
	duration := strconv.FormatFloat(e.seconds(e.pos), 'f', 3, 64)
	if err := e.say([]byte(`{"type":"Metadata","transaction_key":"deprecated","request_id":"`+e.request+
		`","created":"2026-01-01T00:00:00.000Z","duration":`+duration+`,"channels":1}`), after); err != nil {
		return err
	}
	return e.post.send(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), after)
}

// settle sends the whole of the stretch of sound so far, if there was any, and begins anew.
func (e *deepgramEar) settle(how string, after time.Duration) error {
	var words []string
	if e.onset >= 0 {
		words = e.words
		e.said++
	}
	if err := e.result(words, how, after); err != nil {
		return err
	}
	if e.trouble.Fault == Twice {
		if err := e.result(words, how, after); err != nil {
			return err
		}
	}
	e.over()
	e.settled, e.told, e.ended = e.pos, 0, false
	e.words = e.d.words(e.said)
	return nil
}

// result sends a Results message with words spread over the stretch of sound.
func (e *deepgramEar) result(words []string, how string, after time.Duration) error {
	if how == "" {
		how = `,"is_final":false,"speech_final":false,"from_finalize":false`
	}
	b := append(e.json[:0], `{"type":"Results","channel_index":[0,1],"duration":`...)
	b = strconv.AppendFloat(b, e.seconds(e.pos-e.settled), 'f', 3, 64)
	b = append(b, `,"start":`...)
	b = strconv.AppendFloat(b, e.seconds(e.settled), 'f', 3, 64)
	b = append(b, how...)
	b = append(b, `,"channel":{"alternatives":[{"transcript":`...)
	b = appendText(b, words)
	b = append(b, `,"confidence":0.99,"languages":["en"],"words":[`...)
	for i, w := range words {
		from, to := e.spread(i, len(words))
		b = appendWord(b, i, w, from, to)
		b = append(b, `,"punctuated_word":`...)
		b = strconv.AppendQuote(b, w)
		b = append(b, '}')
	}
	b = append(b, `]}]},"metadata":{"request_id":"`...)
	b = append(b, e.request...)
	b = append(b, `","model_info":{"name":"fake","version":"1","arch":"fake"},"model_uuid":"fake"}}`...)
	e.json = b
	return e.say(b, after)
}

// appendText appends words as a JSON text.
func appendText(b []byte, words []string) []byte {
	b = append(b, '"')
	for i, w := range words {
		if i > 0 {
			b = append(b, ' ')
		}
		quoted := strconv.AppendQuote(b, w) // and without the quotes of each
		copy(quoted[len(b):], quoted[len(b)+1:])
		b = quoted[:len(quoted)-2]
	}
	return append(b, '"')
}

// appendWord appends word i of a list as a JSON object that is still open.
func appendWord(b []byte, i int, word string, from, to float64) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, `{"word":`...)
	b = strconv.AppendQuote(b, strings.ToLower(strings.Trim(word, ".,!?")))
	b = append(b, `,"start":`...)
	b = strconv.AppendFloat(b, from, 'f', 3, 64)
	b = append(b, `,"end":`...)
	b = strconv.AppendFloat(b, to, 'f', 3, 64)
	return append(b, `,"confidence":0.99`...)
}
