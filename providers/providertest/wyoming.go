package providertest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A Wyoming is a stand-in for servers of the Wyoming protocol over real sockets: it listens and it speaks. It understands nothing: it answers
// each stretch of sound with the next of Transcripts, and it speaks in tones (see Tones). Its fields must not change while it runs.
type Wyoming struct {
	Transcripts []string // what stretches of sound turn out to say, over and over; default DefaultTranscript
	Streams     bool     // it takes text as it arrives, and tells words one by one before it tells all
	Stays       bool     // it goes on after a transcript; wyoming-faster-whisper hangs up
	Once        bool     // it hangs up after each text that it has spoken
	Pauses      bool     // it ends a stretch itself, after 400 ms of silence
	Rate        int      // of its voice; default 22050
	Pace        float64  // of its voice, as a multiple of real time; 0: all at once
	Listen      Trouble
	Speak       Trouble
	Told        func(kind string, data json.RawMessage) // told of each event of a client's, by any goroutine; nil: nobody is

	running handlers
	counts  WyomingCounts
	said    atomic.Int64 // stretches that were answered
}

// WyomingCounts is what a fake Wyoming has seen. They are read with Load at any time.
type WyomingCounts struct {
	Open, Connections        atomic.Int64
	Stretches, Texts, Chunks atomic.Int64 // that were heard, spoken, and told piece by piece
	strikes, speakStrikes    atomic.Int64
}

// Counts is what it has seen so far.
func (w *Wyoming) Counts() *WyomingCounts { return &w.counts }

// StartWyoming runs w on a loopback port until the test ends, and returns its base URL.
func StartWyoming(t testing.TB, w *Wyoming) (baseURL string) {
	t.Helper()
	return "tcp://" + startEar(t, w.Run)
}

// Run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (w *Wyoming) Run(ctx context.Context, ln net.Listener) error {
	defer w.running.end()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !w.running.begin() {
			return conn.Close()
		}
		go func() {
			defer w.running.done()
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			w.counts.Connections.Add(1)
			w.counts.Open.Add(1)
			defer w.counts.Open.Add(-1)
			s := &wyomingSocket{Conn: conn, w: w, in: bufio.NewReader(conn), listen: w.Listen, speak: w.Speak}
			s.stretch = stretch{rate: 16000, width: 2, onset: -1}
			s.serve(ctx)
		}()
	}
}

// A wyomingSocket is one connection.
type wyomingSocket struct {
	net.Conn
	stretch
	w             *Wyoming
	in            *bufio.Reader
	listen, speak Trouble
	struck        bool // it is counted among those that the trouble strikes
	told          int  // words
	ended         bool // by the server itself
	text          string
	streaming     bool // a text is arriving
}

// wyomingHeader is the first line of an event.
type wyomingHeader struct {
	Type    string          `json:"type"`
	Data    json.RawMessage `json:"data,omitempty"`
	More    int             `json:"data_length,omitempty"`
	Payload int             `json:"payload_length,omitempty"`
	Version string          `json:"version,omitempty"`
}

var errWyomingDone = errors.New("the connection has served")

func (s *wyomingSocket) serve(ctx context.Context) {
	for {
		line, err := s.in.ReadBytes('\n')
		var h wyomingHeader
		if err != nil || json.Unmarshal(line, &h) != nil {
			return
		}
		rest := make([]byte, h.More+h.Payload)
		if _, err := io.ReadFull(s.in, rest); err != nil {
			return
		}
		if h.More > 0 {
			h.Data = rest[:h.More]
		}
		if s.w.Told != nil {
			s.w.Told(h.Type, h.Data)
		}
		if s.obey(ctx, h.Type, h.Data, rest[h.More:]) != nil {
			return
		}
	}
}

// obey does what an event says.
func (s *wyomingSocket) obey(ctx context.Context, kind string, data json.RawMessage, payload []byte) error {
	var d struct {
		Text     string `json:"text"`
		Rate     int    `json:"rate"`
		Width    int    `json:"width"`
		Channels int    `json:"channels"`
	}
	if len(data) > 0 && json.Unmarshal(data, &d) != nil {
		return errWyomingDone
	}
	switch kind {
	case "describe":
		return s.describe(ctx)
	case "transcribe":
		s.strike(&s.listen, &s.w.counts.strikes)
		return s.deaf(ctx, s.listen)
	case "audio-start":
		if d.Rate != 16000 || d.Width != 2 || d.Channels != 1 {
			return s.complain("the audio is not at 16 kHz, of 16 bits and one channel")
		}
	case "audio-chunk":
		return s.hearChunk(payload)
	case "audio-stop":
		return s.transcript(ctx)
	case "synthesize-start":
		s.strike(&s.speak, &s.w.counts.speakStrikes)
		if !s.w.Streams {
			return nil // as a server does that does not know it
		}
		s.text, s.streaming = "", true
	case "synthesize-chunk":
		if !s.w.Streams {
			return nil
		}
		s.w.counts.Chunks.Add(1)
		s.text += d.Text
	case "synthesize-stop":
		if !s.w.Streams {
			return nil
		}
		s.streaming = false
		return s.utter(ctx, s.text, true)
	case "synthesize":
		if s.streaming {
			return nil
		}
		s.strike(&s.speak, &s.w.counts.speakStrikes)
		return s.utter(ctx, d.Text, false)
	}
	return nil
}

// strike decides whether the trouble strikes this connection.
func (s *wyomingSocket) strike(trouble *Trouble, strikes *atomic.Int64) {
	if s.struck {
		return
	}
	s.struck = true
	if n := strikes.Add(1); trouble.Times > 0 && n > int64(trouble.Times) {
		*trouble = Trouble{}
	}
}

// describe says what the server can do.
func (s *wyomingSocket) describe(ctx context.Context) error {
	if s.listen.Fault == Mute || s.speak.Fault == Mute {
		<-ctx.Done()
		return ctx.Err()
	}
	made := map[string]string{"name": "parley", "url": "https://example.org"}
	return s.say("info", map[string]any{
		"asr": []any{map[string]any{
			"name": "fake", "attribution": made, "installed": true, "description": "fake", "version": "1", "supports_transcript_streaming": s.w.Streams,
			"models": []any{map[string]any{"name": "tones", "attribution": made, "installed": true, "description": "tones", "version": "1", "languages": []string{"en"}}},
		}},
		"tts": []any{map[string]any{
			"name": "fake", "attribution": made, "installed": true, "description": "fake", "version": "1", "supports_synthesize_streaming": s.w.Streams,
			"voices": []any{map[string]any{"name": "tones", "attribution": made, "installed": true, "description": "tones", "version": "1", "languages": []string{"en"}}},
		}},
		"handle": []any{}, "intent": []any{}, "wake": []any{}, "mic": []any{}, "snd": []any{},
	}, nil)
}

// deaf is the trouble of a server that reads no more.
func (s *wyomingSocket) deaf(ctx context.Context, trouble Trouble) error {
	if trouble.Fault != Deaf {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// complain tells of an error and hangs up.
func (s *wyomingSocket) complain(about string) error {
	if err := s.say("error", map[string]string{"text": about, "code": "ValueError"}, nil); err != nil {
		return err
	}
	return errWyomingDone
}

// say writes one event as the library does: data after the line.
func (s *wyomingSocket) say(kind string, data any, payload []byte) error {
	h := wyomingHeader{Type: kind, Payload: len(payload), Version: "1.10.2"}
	var more []byte
	if data != nil {
		more = mustJSON(data)
		h.More = len(more)
	}
	_ = s.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a write that follows says what is wrong
	_, err := s.Write(append(append(append(mustJSON(h), '\n'), more...), payload...))
	return err
}

// hearChunk takes audio.
func (s *wyomingSocket) hearChunk(audio []byte) error {
	switch s.listen.Fault {
	case Complain:
		return s.complain(s.listen.Reason)
	case CloseEarly:
		return errWyomingDone
	case Garbage:
		_, err := s.Write([]byte("{\"type\":\x00\xff\n"))
		return errors.Join(err, nil)
	case Giant:
		_, err := s.Write([]byte(strings.Repeat("{", 1<<20)))
		return err
	}
	s.hear(audio)
	if s.listen.Fault == CutOff && s.heard >= s.samples(cutOffAfter) {
		return errWyomingDone
	}
	words := s.words()
	if n := min(s.heard/s.samples(wordLength), len(words)); s.w.Streams && s.onset >= 0 && n > s.told {
		if s.told == 0 {
			if err := s.say("transcript-start", nil, nil); err != nil {
				return err
			}
		}
		for ; s.told < n; s.told++ {
			if err := s.say("transcript-chunk", map[string]string{"text": words[s.told] + " "}, nil); err != nil {
				return err
			}
		}
	}
	if s.w.Pauses && s.onset >= 0 && s.silence() >= s.samples(400) && !s.ended {
		s.ended = true
		return s.tell(s.understood())
	}
	return nil
}

// words is what the stretch says.
func (s *wyomingSocket) words() []string {
	if len(s.w.Transcripts) == 0 {
		return strings.Fields(DefaultTranscript)
	}
	return strings.Fields(s.w.Transcripts[int(s.w.said.Load())%len(s.w.Transcripts)])
}

// transcript answers a stretch that has ended.
func (s *wyomingSocket) transcript(ctx context.Context) error {
	s.w.counts.Stretches.Add(1)
	text := s.understood()
	if s.listen.Fault == NeverAnswers {
		return nil
	}
	if s.listen.Fault == Drip {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(dripDelay):
		}
	}
	if !s.ended {
		if err := s.tell(text); err != nil {
			return err
		}
	}
	s.ended = false
	if !s.w.Stays {
		return errWyomingDone
	}
	return nil
}

// understood is what the stretch said, which is over then.
func (s *wyomingSocket) understood() (text string) {
	if s.onset >= 0 {
		text = strings.Join(s.words(), " ")
		s.w.said.Add(1)
	}
	s.over()
	s.told = 0
	return text
}

// tell says what was understood, twice if that is the trouble.
func (s *wyomingSocket) tell(text string) error {
	if s.listen.Fault == Twice {
		if err := s.say("transcript", map[string]string{"text": text, "language": "en"}, nil); err != nil {
			return err
		}
	}
	if err := s.say("transcript", map[string]string{"text": text, "language": "en"}, nil); err != nil || !s.w.Streams {
		return err
	}
	return s.say("transcript-stop", nil, nil)
}

// utter speaks text.
func (s *wyomingSocket) utter(ctx context.Context, text string, stream bool) error {
	s.w.counts.Texts.Add(1)
	rate := s.w.Rate
	if rate == 0 {
		rate = 22050
	}
	sound := map[string]int{"rate": rate, "width": 2, "channels": 1}
	pcm := Tones(text, rate)
	switch s.speak.Fault {
	case Complain:
		return s.complain(s.speak.Reason)
	case CloseEarly:
		return errWyomingDone
	case Deaf, NeverAnswers:
		return s.deaf(ctx, Trouble{Fault: Deaf})
	case Garbage:
		_, err := s.Write([]byte("no event\n"))
		return err
	case Giant:
		_, err := s.Write([]byte(`{"type":"audio-chunk","payload_length":1000000000}` + "\n"))
		return err
	case WrongCodec:
		sound["width"] = 4
	case WrongRate:
		sound["rate"] = 12345
	}
	if err := s.say("audio-start", sound, nil); err != nil {
		return err
	}
	began, pace := time.Now(), s.w.Pace
	if s.speak.Fault == Drip {
		pace = 0.25
	}
	piece := rate / 20
	for at := 0; at < len(pcm); at += piece {
		if s.speak.Fault == CutOff && at >= rate*cutOffAfter/1000 {
			return errWyomingDone
		}
		if pace > 0 {
			due := began.Add(time.Duration(float64(at) / float64(rate) / pace * float64(time.Second)))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Until(due)):
			}
		}
		if err := s.say("audio-chunk", sound, wired(pcm[at:min(at+piece, len(pcm))], 2)); err != nil {
			return err
		}
	}
	if err := s.say("audio-stop", nil, nil); err != nil {
		return err
	}
	if stream {
		if err := s.say("synthesize-stopped", nil, nil); err != nil {
			return err
		}
	}
	if s.w.Once {
		return errWyomingDone
	}
	return nil
}
