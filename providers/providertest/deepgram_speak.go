package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// How the fake voice speaks.
const (
	voicePiece  = 100 * time.Millisecond // of audio in a message
	flushLimit  = 20                     // Flushes in flushWindow
	flushWindow = time.Minute
	speakLimit  = 2000 // characters of one Speak
)

// A deepgramVoice is one speak socket. One goroutine reads; another speaks and is the one that writes.
type deepgramVoice struct {
	*deepgramSocket
	d        *Deepgram
	cleared  atomic.Int64 // Clears read: what belongs to an older number is not spoken
	owed     atomic.Int64 // Flushes read and not answered yet
	wake     chan struct{}
	text     strings.Builder
	queued   bool // the text came while sound was owed, and will be heard after it
	sequence int
	flushes  []time.Time
	silent   time.Time // when all that was sent has sounded
	first    []byte    // the first message of a sound that a hook may change

	turns  bool  // Flux: it speaks as text comes, and Flush ends a turn
	turn   bool  // one goes on
	offset int64 // that the last Interrupt told
}

// An order is a text message of the client's.
type order struct {
	kind, text string
	cleared    int64
	queued     bool // it came while sound was owed
	offset     int64
}

// speak serves one voice of Aura's.
func (d *Deepgram) speak(ctx context.Context, s *deepgramSocket) {
	d.recite(ctx, &deepgramVoice{deepgramSocket: s, d: d, wake: make(chan struct{}, 1)})
}

// speakTurns serves one voice of Flux's.
func (d *Deepgram) speakTurns(ctx context.Context, s *deepgramSocket) {
	d.recite(ctx, &deepgramVoice{deepgramSocket: s, d: d, wake: make(chan struct{}, 1), turns: true})
}

func (d *Deepgram) recite(ctx context.Context, v *deepgramVoice) {
	ctx, cancel := context.WithCancel(ctx)
	orders := make(chan order, 256)
	spoken := make(chan struct{})
	go func() {
		defer close(spoken)
		v.run(ctx, orders)
		_ = v.Close() // the reader is done too
	}()
	v.read(ctx, orders)
	cancel()
	<-spoken
}

// read hands on what the client says; a Clear is known at once.
func (v *deepgramVoice) read(ctx context.Context, orders chan<- order) {
	defer close(orders)
	buf := make([]byte, 0, 1024)
	for {
		kind, message, err := v.next(buf, 0)
		if err != nil {
			return
		}
		buf = message
		var m struct {
			Type, Text string
			Offset     struct {
				Type  string
				Value int64
			} `json:"playback_offset"`
		}
		if kind != websocket.TextMessage || json.Unmarshal(bytes.TrimSpace(message), &m) != nil {
			v.hangUp(websocket.ClosePolicyViolation, "DATA-0000: not a text message of JSON")
			return
		}
		o := order{kind: m.Type, text: m.Text, queued: v.owed.Load() > 0, offset: m.Offset.Value}
		switch m.Type {
		case "Clear", "Interrupt":
			v.cleared.Add(1)
			v.stir()
		case "Flush":
			v.owed.Add(1)
		}
		o.cleared = v.cleared.Load()
		select {
		case orders <- o:
		case <-ctx.Done():
			return
		}
	}
}

// stir has the one that speaks look at the time, and at what was cleared.
func (v *deepgramVoice) stir() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// run obeys orders until the socket or ctx ends.
func (v *deepgramVoice) run(ctx context.Context, orders <-chan order) {
	kind := "Metadata"
	if v.turns {
		kind = "Connected"
	}
	err := v.say([]byte(`{"type":"`+kind+`","request_id":"`+v.request+`","model_name":"fake","model_version":"1","model_uuid":"fake"}`), 0)
	for o := range orders {
		if err == nil {
			err = v.obey(ctx, o)
		}
		if err != nil {
			return
		}
	}
}

func (v *deepgramVoice) obey(ctx context.Context, o order) error {
	switch o.kind {
	case "Speak":
		v.d.counts.Texts.Add(1)
		if v.trouble.Fault == CloseEarly {
			v.closeEarly()
			return websocket.ErrCloseSent
		}
		if utf8.RuneCountInString(o.text) > speakLimit {
			return v.warn("MESSAGE_TOO_LONG", "text exceeds the limit of 2000 characters")
		}
		if v.text.Len() == 0 {
			v.queued = o.queued
		}
		v.text.WriteString(o.text)
		if v.turns {
			return v.goOn(ctx, o)
		}
	case "Flush":
		v.d.counts.Flushes.Add(1)
		if v.trouble.Fault == NeverAnswers {
			return nil
		}
		defer v.owed.Add(-1)
		if v.turns {
			return v.endTurn(ctx, o)
		}
		return v.flush(ctx, o)
	case "Interrupt":
		return v.interrupt(o)
	case "Clear":
		v.d.counts.Clears.Add(1)
		v.text.Reset()
		v.silent = time.Time{}
		if v.trouble.Fault == NeverAnswers {
			return nil
		}
		return v.answer("Cleared")
	case "Close":
		v.d.counts.Closes.Add(1)
		v.hangUp(websocket.CloseNormalClosure, "")
		return websocket.ErrCloseSent
	}
	return nil
}

func (v *deepgramVoice) answer(kind string) error {
	b := []byte(`{"type":"` + kind + `","sequence_id":` + strconv.Itoa(v.sequence) + `}`)
	v.sequence++
	return v.say(b, 0)
}

func (v *deepgramVoice) warn(code, about string) error {
	return v.say([]byte(`{"type":"Warning","description":"`+about+`","code":"`+code+`"}`), 0)
}

// flush speaks what was gathered, unless a Clear overtakes it.
func (v *deepgramVoice) flush(ctx context.Context, o order) error {
	now := time.Now()
	for len(v.flushes) > 0 && now.Sub(v.flushes[0]) >= flushWindow {
		v.flushes = v.flushes[1:]
	}
	if len(v.flushes) >= flushLimit {
		return v.warn("FLUSH_LIMIT", "too many Flush messages within 60 seconds")
	}
	v.flushes = append(v.flushes, now)
	text := v.text.String()
	v.text.Reset()
	if strings.TrimSpace(text) != "" {
		v.d.counts.Utterances.Add(1)
		first := v.d.FirstAudio
		if v.d.Hooks.FirstAudio != nil {
			first = v.d.Hooks.FirstAudio()
		}
		v.rest(ctx, first, o.cleared)
		if err := v.sound(ctx, text, o.cleared); err != nil {
			return err
		}
	}
	if v.cleared.Load() != o.cleared || v.trouble.Fault == Stalls {
		return nil
	}
	return v.answer("Flushed")
}

// rest waits, unless a Clear or the end comes first.
func (v *deepgramVoice) rest(ctx context.Context, d time.Duration, cleared int64) {
	if d <= 0 {
		return
	}
	due := time.Now().Add(d)
	leave := v.d.wheel.Join(func(now time.Time) time.Time {
		if now.Before(due) {
			return due
		}
		v.stir()
		return time.Time{}
	})
	defer leave()
	for ctx.Err() == nil && v.cleared.Load() == cleared && time.Now().Before(due) {
		v.await(ctx)
	}
}

// await sleeps until it is stirred, or ctx ends.
func (v *deepgramVoice) await(ctx context.Context) {
	select {
	case <-v.wake:
	case <-ctx.Done():
	}
}

// sound sends the sound of text, paced, until a Clear has been read.
func (v *deepgramVoice) sound(ctx context.Context, text string, cleared int64) error {
	rate, pace := v.rate, v.d.Pace
	switch v.trouble.Fault {
	case WrongRate:
		rate *= 2
	case Drip:
		pace = 0.25
	}
	s, err := v.d.sound(text, rate, v.width)
	if err != nil {
		return err
	}
	start := time.Now()
	fresh := !v.queued && (pace == 0 || !start.Before(v.silent))
	if v.silent.Before(start) {
		v.silent = start
	}
	v.silent = v.silent.Add(time.Duration(len(s.pieces)) * s.length)
	if pace <= 0 {
		return v.send(s, fresh, cleared)
	}
	return v.pace(ctx, s, fresh, cleared, start, time.Duration(float64(s.length)/pace))
}

// send sends all of a sound at once.
func (v *deepgramVoice) send(s *sound, fresh bool, cleared int64) error {
	for i := 0; i < len(s.pieces) && v.cleared.Load() == cleared; i++ {
		if err := v.utter(s, i, fresh); err != nil {
			return err
		}
	}
	return nil
}

// pace sends a sound piece by piece, each every so long after the one before. The wheel says when; deadlines are counted from the start.
func (v *deepgramVoice) pace(ctx context.Context, s *sound, fresh bool, cleared int64, start time.Time, every time.Duration) error {
	beat := start
	leave := v.d.wheel.Join(func(now time.Time) time.Time {
		for !beat.After(now) {
			beat = beat.Add(every)
		}
		v.stir()
		return beat
	})
	defer leave()
	for i := 0; i < len(s.pieces); {
		due := start.Add(time.Duration(i) * every)
		late := time.Since(due)
		switch {
		case ctx.Err() != nil || v.cleared.Load() != cleared:
			return nil
		case late < 0:
			v.await(ctx)
			continue
		}
		if v.d.Hooks.Paced != nil {
			v.d.Hooks.Paced(late)
		}
		if err := v.utter(s, i, fresh); err != nil {
			return err
		}
		i++
	}
	return nil
}

// utter writes piece i of a sound.
func (v *deepgramVoice) utter(s *sound, i int, fresh bool) error {
	p := s.pieces[i]
	v.d.counts.Voiced.Add(1)
	if v.trouble.Fault == Stalls && i >= v.trouble.Pieces {
		return nil
	}
	if v.trouble.Fault == CutOff && i >= v.trouble.Pieces {
		_ = v.write(websocket.BinaryMessage, p.wire[:len(p.wire)/2/v.width*v.width]) // it breaks in any case
		return v.Close()
	}
	if i == 0 && fresh && v.width == 1 && v.d.Hooks.Begins != nil {
		v.first = append(v.first[:0], p.wire...)
		v.d.Hooks.Begins(v.first)
		return v.write(websocket.BinaryMessage, v.first)
	}
	_ = v.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a write that follows says what is wrong
	return v.WritePreparedMessage(p.framed)
}

// goOn speaks what has come of a turn, if it looks like the end of a sentence.
func (v *deepgramVoice) goOn(ctx context.Context, o order) error {
	if !v.turn {
		v.turn = true
		if err := v.say([]byte(`{"type":"SpeechStarted","speech_id":"`+v.speech()+`"}`), 0); err != nil {
			return err
		}
	}
	if v.trouble.Fault == NeverAnswers || !strings.ContainsAny(v.text.String(), ".?!") {
		return nil
	}
	return v.sayTurn(ctx, o)
}

// sayTurn speaks what was gathered.
func (v *deepgramVoice) sayTurn(ctx context.Context, o order) error {
	text := v.text.String()
	v.text.Reset()
	if strings.TrimSpace(text) == "" || v.cleared.Load() != o.cleared {
		return nil
	}
	v.d.counts.Utterances.Add(1)
	v.rest(ctx, v.d.FirstAudio, o.cleared)
	return v.sound(ctx, text, o.cleared)
}

// endTurn speaks what is left of a turn, and tells that it is over. Flushed comes before the last sound, as it may.
func (v *deepgramVoice) endTurn(ctx context.Context, o order) error {
	if !v.turn {
		return v.warn("DATA-0001", "there is no turn")
	}
	if err := v.say([]byte(`{"type":"Flushed","speech_id":"`+v.speech()+`"}`), 0); err != nil {
		return err
	}
	if err := v.sayTurn(ctx, o); err != nil || v.cleared.Load() != o.cleared {
		return err
	}
	v.turn = false
	b := []byte(`{"type":"SpeechMetadata","speech_id":"` + v.speech() + `","audio_duration_ms":1,"input_character_count":1,"billable_character_count":1,"controls_applied":{}}`)
	v.sequence++
	return v.say(b, 0)
}

// interrupt ends a turn.
func (v *deepgramVoice) interrupt(o order) error {
	v.d.counts.Clears.Add(1)
	v.text.Reset()
	v.silent = time.Time{}
	v.turn = false
	v.sequence++
	switch {
	case o.offset != 0 && o.offset <= v.offset:
		return v.say([]byte(`{"type":"Error","code":"DATA-0000","description":"playback_offset does not advance"}`), 0)
	case v.trouble.Fault == NeverAnswers:
		return nil
	}
	v.offset = max(v.offset, o.offset)
	return v.say([]byte(`{"type":"SpeechInterrupted","audio_played_ms":`+strconv.FormatInt(o.offset, 10)+`,"metadata":{}}`), 0)
}

// speech is the id of the turn.
func (v *deepgramVoice) speech() string { return v.request + "-" + strconv.Itoa(v.sequence) }
