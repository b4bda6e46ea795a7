package providertest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/media/g711"
)

// How the fake recogniser hears.
const (
	loud        = 300 // mean magnitude of 20 ms that counts as voice, about -40 dBFS
	wordLength  = 300 // ms of voice for each word of a Partial
	listenIdle  = 10 * time.Second
	dripDelay   = 3 * time.Second
	cutOffAfter = 300 // ms of voice
)

// ulawMagnitude is how loud each code of mu-law is.
var ulawMagnitude = func() (t [256]uint16) {
	for code := range t {
		var pcm [1]int16
		g711.Ulaw.Decode(pcm[:], []byte{byte(code)})
		t[code] = uint16(max(int(pcm[0]), -int(pcm[0])))
	}
	return t
}()

// A deepgramEar is one listen socket. All times are in samples since it was opened.
type deepgramEar struct {
	*deepgramSocket
	d     *Deepgram
	said  int // stretches of sound that were answered
	words []string

	pos           int // of the next sample
	settled       int // up to where results are final
	onset, voiced int // of the stretch that is not settled: its first sample, and the end of its last voiced 20 ms
	loudness, run int // of the 20 ms that are being heard: magnitudes, and how many
	heard         int // voiced samples of the stretch
	told          int // words of it that were told in a Partial
	ended         bool
	json          []byte
}

// listen serves one recogniser.
func (d *Deepgram) listen(ctx context.Context, s *deepgramSocket) {
	e := &deepgramEar{deepgramSocket: s, d: d, onset: -1}
	e.script()
	buf := make([]byte, 0, 4096)
	for {
		kind, message, err := s.next(buf, listenIdle)
		if err != nil {
			return
		}
		buf = message
		if kind == websocket.BinaryMessage {
			d.counts.Audio.Add(1)
			err = e.hear(message)
		} else {
			err = e.obey(ctx, message)
		}
		if err != nil {
			return
		}
	}
}

// script looks up what the next stretch of sound will say.
func (e *deepgramEar) script() {
	text := DefaultTranscript
	if n := len(e.d.Transcripts); n > 0 {
		text = e.d.Transcripts[e.said%n]
	}
	e.words = strings.Fields(text)
}

// hear takes audio and sends what real audio would have brought: Partials, and ends that Deepgram itself notices.
func (e *deepgramEar) hear(audio []byte) error {
	if e.trouble.Fault == CloseEarly {
		e.closeEarly()
		return websocket.ErrCloseSent
	}
	window := e.samples(20)
	for len(audio) >= e.width {
		n := min(window-e.run, len(audio)/e.width)
		e.loudness += e.magnitudes(audio[:n*e.width])
		audio = audio[n*e.width:]
		e.run += n
		e.pos += n
		if e.run == window {
			e.judge(window)
		}
	}
	if e.trouble.Fault == CutOff && e.heard >= e.samples(cutOffAfter) {
		return e.Close()
	}
	return e.notice()
}

func (e *deepgramEar) magnitudes(audio []byte) (sum int) {
	if e.width == 1 {
		for _, code := range audio {
			sum += int(ulawMagnitude[code])
		}
		return sum
	}
	for i := 0; i+1 < len(audio); i += 2 {
		s := int(int16(binary.LittleEndian.Uint16(audio[i:])))
		sum += max(s, -s)
	}
	return sum
}

// judge decides on the 20 ms that have just been heard.
func (e *deepgramEar) judge(window int) {
	if e.loudness >= loud*window {
		if e.onset < 0 {
			e.onset, e.ended = e.pos-window, false
		}
		e.heard += window
		e.voiced = e.pos
	}
	e.loudness, e.run = 0, 0
}

// notice tells what has become due by the audio alone.
func (e *deepgramEar) notice() error {
	if e.onset < 0 {
		return nil
	}
	if n := min(e.heard/e.samples(wordLength), len(e.words)); n > e.told {
		e.told = n
		return e.result(e.words[:n], "")
	}
	silence := e.pos - e.voiced
	if e.endpointing > 0 && silence >= e.samples(e.endpointing) {
		return e.settle(`,"is_final":true,"speech_final":true,"from_finalize":false`)
	}
	if e.utteranceEnd > 0 && silence >= e.samples(e.utteranceEnd) && !e.ended {
		e.ended = true
		at := strconv.FormatFloat(e.seconds(e.voiced), 'f', 3, 64)
		return e.say([]byte(`{"type":"UtteranceEnd","channel":[0,1],"last_word_end":` + at + `}`))
	}
	return nil
}

// obey does what a text message says.
func (e *deepgramEar) obey(ctx context.Context, message []byte) error {
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
		e.linger(ctx)
		return e.settle(`,"is_final":true,"speech_final":false,"from_finalize":true`)
	case "CloseStream":
		e.d.counts.CloseStreams.Add(1)
		if e.trouble.Fault == NeverAnswers {
			return nil
		}
		e.linger(ctx)
		return e.goodbye()
	}
	return nil
}

func (e *deepgramEar) linger(ctx context.Context) {
	if e.trouble.Fault == Drip {
		sleep(ctx, dripDelay)
	}
	sleep(ctx, e.d.Delay)
}

// goodbye sends the last words, what the stream was, and closes.
func (e *deepgramEar) goodbye() error {
	if e.onset >= 0 {
		if err := e.settle(`,"is_final":true,"speech_final":true,"from_finalize":false`); err != nil {
			return err
		}
	}
	duration := strconv.FormatFloat(e.seconds(e.pos), 'f', 3, 64)
	if err := e.say([]byte(`{"type":"Metadata","transaction_key":"deprecated","request_id":"` + e.request +
		`","created":"2026-01-01T00:00:00.000Z","duration":` + duration + `,"channels":1}`)); err != nil {
		return err
	}
	e.hangUp(websocket.CloseNormalClosure, "")
	return websocket.ErrCloseSent
}

// settle sends the whole of the stretch of sound so far, if there was any, and begins anew.
func (e *deepgramEar) settle(how string) error {
	var words []string
	if e.onset >= 0 {
		words = e.words
		e.said++
	}
	if err := e.result(words, how); err != nil {
		return err
	}
	e.settled, e.onset, e.heard, e.told = e.pos, -1, 0, 0
	e.script()
	return nil
}

// result sends a Results message with words spread over the stretch of sound.
func (e *deepgramEar) result(words []string, how string) error {
	if how == "" {
		how = `,"is_final":false,"speech_final":false,"from_finalize":false`
	}
	b := append(e.json[:0], `{"type":"Results","channel_index":[0,1],"duration":`...)
	b = strconv.AppendFloat(b, e.seconds(e.pos-e.settled), 'f', 3, 64)
	b = append(b, `,"start":`...)
	b = strconv.AppendFloat(b, e.seconds(e.settled), 'f', 3, 64)
	b = append(b, how...)
	b = append(b, `,"channel":{"alternatives":[{"transcript":`...)
	b = strconv.AppendQuote(b, strings.Join(words, " "))
	b = append(b, `,"confidence":0.99,"languages":["en"],"words":[`...)
	for i, w := range words {
		if i > 0 {
			b = append(b, ',')
		}
		span := float64(e.voiced-e.onset) / float64(e.rate) / float64(len(words))
		at := e.seconds(e.onset) + span*float64(i)
		b = append(b, `{"word":`...)
		b = strconv.AppendQuote(b, strings.ToLower(strings.Trim(w, ".,!?")))
		b = append(b, `,"start":`...)
		b = strconv.AppendFloat(b, at, 'f', 3, 64)
		b = append(b, `,"end":`...)
		b = strconv.AppendFloat(b, at+span, 'f', 3, 64)
		b = append(b, `,"confidence":0.99,"punctuated_word":`...)
		b = strconv.AppendQuote(b, w)
		b = append(b, '}')
	}
	b = append(b, `]}]},"metadata":{"request_id":"`...)
	b = append(b, e.request...)
	b = append(b, `","model_info":{"name":"fake","version":"1","arch":"fake"},"model_uuid":"fake"}}`...)
	e.json = b
	return e.say(b)
}

func (e *deepgramEar) seconds(samples int) float64 { return float64(samples) / float64(e.rate) }
