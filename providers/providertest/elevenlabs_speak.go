package providertest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gorilla/websocket"

	"parley/media/g711"
)

// mostContexts is how many contexts a socket has at once.
const mostContexts = 5

// An elevenLabsSocket is one connection and what it was opened with. One goroutine reads, and each context speaks on one of its own.
type elevenLabsSocket struct {
	*websocket.Conn
	e           *ElevenLabs
	trouble     Trouble
	rate, width int
	auto, timed bool
	patience    time.Duration

	work    sync.WaitGroup
	writing sync.Mutex

	mu       sync.Mutex
	contexts map[string]*elevenLabsContext
}

// An elevenLabsContext is an utterance.
type elevenLabsContext struct {
	id     string
	texts  chan elevenLabsText // of the reader, which closes it
	closed bool                // the reader's
}

type elevenLabsText struct {
	text  string
	flush bool
}

func (s *elevenLabsSocket) find(id string) *elevenLabsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contexts[id]
}

// begin opens a context; nil if there are too many.
func (s *elevenLabsSocket) begin(ctx context.Context, id string) *elevenLabsContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.contexts) >= mostContexts {
		return nil
	}
	s.e.counts.Contexts.Add(1)
	c := &elevenLabsContext{id: id, texts: make(chan elevenLabsText, 256)}
	s.contexts[id] = c
	s.work.Go(func() {
		if s.speak(ctx, c) != nil {
			_ = s.Close() // the reader is done too
		}
	})
	return c
}

// dismiss ends the contexts that the client has left open.
func (s *elevenLabsSocket) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.contexts {
		if !c.closed {
			c.closed = true
			close(c.texts)
		}
	}
	_ = s.Close()
}

// speak speaks what a context is told, to its end.
func (s *elevenLabsSocket) speak(ctx context.Context, c *elevenLabsContext) error {
	var held strings.Builder
	for said := range c.texts {
		held.WriteString(said.text)
		if said.flush {
			if err := s.sound(ctx, c.id, held.String()); err != nil {
				return err
			}
			held.Reset()
		}
	}
	if err := s.sound(ctx, c.id, held.String()); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.contexts, c.id)
	s.mu.Unlock()
	if s.trouble.Fault == NeverAnswers {
		return nil
	}
	return s.tell(map[string]any{"isFinal": true, "contextId": c.id})
}

func (s *elevenLabsSocket) tell(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return s.say(text)
}

// elevenLabsSound is a piece of sound, and when the characters that begin in it are said.
type elevenLabsSound struct {
	Audio     []byte          `json:"audio"`
	Final     *bool           `json:"isFinal"`
	Context   string          `json:"contextId"`
	Alignment *characterTimes `json:"alignment"`
	Spoken    *characterTimes `json:"normalizedAlignment"`
}

// characterTimes are in milliseconds from the beginning of a piece.
type characterTimes struct {
	Chars     []string `json:"chars"`
	Starts    []int64  `json:"charStartTimesMs"`
	Durations []int64  `json:"charDurationsMs"`
}

// sound sends the tones of text, paced, until ctx ends.
func (s *elevenLabsSocket) sound(ctx context.Context, id, text string) error {
	if strings.TrimSpace(text) == "" || s.trouble.Fault == NeverAnswers {
		return nil
	}
	sleep(ctx, s.e.FirstAudio)
	piece, pace, tones := s.e.Piece, s.e.Pace, toneReader{words: strings.Fields(text), rate: s.rate}
	if piece == 0 {
		piece = voicePiece
	}
	switch s.trouble.Fault {
	case WrongRate:
		tones.rate *= 2
	case Drip:
		pace = 0.25
	}
	pcm := make([]int16, piece*time.Duration(s.rate)/time.Second)
	letters, start := spell(text), time.Now()
	for sent := time.Duration(0); ctx.Err() == nil; sent += piece {
		if pace > 0 {
			sleep(ctx, time.Until(start.Add(time.Duration(float64(sent)/pace))))
		}
		n := tones.read(pcm)
		if n == 0 {
			return nil
		}
		if s.trouble.Fault == CutOff {
			n /= 2
		}
		m := elevenLabsSound{Audio: s.encode(pcm[:n]), Context: id}
		if s.timed {
			m.Alignment = letters.until(sent, sent+piece)
			m.Spoken = m.Alignment
		}
		if err := s.tell(m); err != nil {
			return err
		}
		if s.trouble.Fault == CutOff {
			return s.Close()
		}
	}
	return ctx.Err()
}

func (s *elevenLabsSocket) encode(pcm []int16) []byte {
	if s.trouble.Fault == WrongCodec {
		return append([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), make([]byte, len(pcm))...)
	}
	wire := make([]byte, len(pcm)*s.width)
	if s.width == 1 {
		g711.Ulaw.Encode(wire, pcm)
		return wire
	}
	for i, v := range pcm {
		binary.LittleEndian.PutUint16(wire[2*i:], uint16(v))
	}
	return wire
}

// spelling is when each character of a text is said in its Tones; until takes them from it.
type spelling []spelled

type spelled struct {
	char     string
	at, long time.Duration
}

func spell(text string) (all spelling) {
	at := time.Duration(0)
	for _, word := range strings.Fields(text) {
		end := at + wordTime(word)
		for _, r := range word {
			long := time.Duration(0)
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				long = letterTime
			}
			all = append(all, spelled{string(r), at, long})
			at += long
		}
		all = append(all, spelled{" ", end, wordGap})
		at = end + wordGap
	}
	return all
}

// until takes the characters that begin before to, with their times since from; nil if there are none.
func (s *spelling) until(from, to time.Duration) *characterTimes {
	var t characterTimes
	for len(*s) > 0 && (*s)[0].at < to {
		c := (*s)[0]
		t.Chars = append(t.Chars, c.char)
		t.Starts = append(t.Starts, (c.at - from).Milliseconds())
		t.Durations = append(t.Durations, c.long.Milliseconds())
		*s = (*s)[1:]
	}
	if t.Chars == nil {
		return nil
	}
	return &t
}
