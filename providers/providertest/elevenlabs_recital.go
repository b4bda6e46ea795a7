package providertest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"
	"unicode"
)

// recitalsKept is how many texts' messages are kept. A load run says the same few over and over.
const recitalsKept = 256

// recitals are texts as the voice speaks them, made so far.
type recitals struct {
	mu   sync.Mutex
	made map[recitalKey][]recited
}

type recitalKey struct {
	text        string
	rate, width int
	timed       bool
}

// recited is a message of sound, whole but for the id of its context: head, id, tail.
type recited struct {
	wire       []byte // the sound in head
	head, tail []byte
}

// headOf appends what comes before the id.
func headOf(b, wire []byte) []byte {
	b = append(b, `{"audio":"`...)
	b = base64.StdEncoding.AppendEncode(b, wire)
	return append(b, `","isFinal":null,"contextId":"`...)
}

// recite is how a text is spoken.
func (e *ElevenLabs) recite(key recitalKey) []recited {
	m := &e.made
	m.mu.Lock()
	known := m.made[key]
	m.mu.Unlock()
	if known != nil {
		return known
	}
	voice := Tones
	if e.Hooks.Voice != nil {
		voice = e.Hooks.Voice
	}
	made := cutRecital(voice(key.text, key.rate), key, e.piece())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made == nil || len(m.made) >= recitalsKept {
		m.made = map[recitalKey][]recited{}
	}
	m.made[key] = made
	return made
}

// piece is how much sound is in a message.
func (e *ElevenLabs) piece() time.Duration {
	if e.Piece > 0 {
		return e.Piece
	}
	return voicePiece
}

// cutRecital makes messages of pcm, each with the times of the characters that begin in it.
func cutRecital(pcm []int16, key recitalKey, piece time.Duration) (all []recited) {
	letters := spell(key.text)
	most := max(int(piece*time.Duration(key.rate)/time.Second), 1)
	for at := time.Duration(0); len(pcm) > 0; at += piece {
		n := min(most, len(pcm))
		wire := wired(pcm[:n], key.width)
		pcm = pcm[n:]
		times := []byte("null")
		if t := letters.until(at, at+piece); key.timed && t != nil {
			times, _ = json.Marshal(t) // it is texts and numbers
		}
		tail := append([]byte(`","alignment":`), times...)
		tail = append(append(tail, `,"normalizedAlignment":`...), times...)
		all = append(all, recited{wire: wire, head: headOf(nil, wire), tail: append(tail, '}')})
	}
	return all
}

// characterTimes are in milliseconds from the beginning of a piece.
type characterTimes struct {
	Chars     []string `json:"chars"`
	Starts    []int64  `json:"charStartTimesMs"`
	Durations []int64  `json:"charDurationsMs"`
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
