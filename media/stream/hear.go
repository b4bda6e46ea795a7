package stream

import (
	"errors"
	"io"
	"strings"

	"github.com/segmentio/asm/base64"

	"parley/media"
)

// This file is what a Leg makes of the messages that it hears; all of it runs on the reading goroutine.

const (
	// The rule of media time, in milliseconds: see Leg.align.
	gapFloor = 40
	gapLimit = 60_000
	// malformedLimit is how many senseless messages in a row end a stream.
	malformedLimit = 100
)

// take moves audio into pcm and says whether a frame is full.
func (l *Leg) take() bool {
	frame := l.hears.frame()
	if l.filled < frame && len(l.rest) > 0 {
		if l.filled == 0 {
			l.begin = l.pos
		}
		n := l.hears.decode(l.pcm[l.filled:frame], l.rest)
		l.rest = l.rest[n*l.hears.width():]
		l.filled += n
		l.pos += int64(n)
	}
	return l.filled == frame
}

// hear acts on one text message. Senseless ones are counted and survived, up to a point.
func (l *Leg) hear(text []byte) (media.Packet, error) {
	m := &l.said
	if err := l.speaks.parse(text, m); err != nil {
		return media.Packet{}, l.senseless(err)
	}
	if len(m.stream) > 0 && string(m.stream) != l.stream {
		l.stats.Unknown.Add(1)
		return media.Packet{}, nil
	}
	var packet media.Packet
	switch m.kind {
	case kindMedia:
		if !l.hearAudio(m) {
			return packet, l.senseless(errSenseless)
		}
	case kindMark:
		packet = l.hearMark(m.mark)
	case kindDigit:
		if packet.Digit = key(m.digit); packet.Digit == 0 {
			return packet, l.senseless(errSenseless)
		}
	case kindStop:
		return packet, io.EOF
	case kindCleared: // an epoch has begun with our own
	case kindAsked:
		l.malformed = 0
		return l.answer(m)
	case kindFull:
		l.out.hold()
	case kindRoom:
		l.out.release()
	default:
		l.stats.Unknown.Add(1)
	}
	l.malformed = 0
	return packet, nil
}

// hearAudio takes a media message's audio as what take moves next; false: it is not base64, or ends within a sample.
func (l *Leg) hearAudio(m *message) bool {
	if len(m.track) > 0 && string(m.track) != "inbound" {
		l.stats.OtherTrack.Add(1)
		return true
	}
	if n := base64.StdEncoding.DecodedLen(len(m.audio)); len(l.heard) < n {
		l.heard = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(l.heard, m.audio)
	if err != nil || n%l.hears.width() != 0 {
		return false
	}
	if l.speaks.numbered && !l.hasTurn(m.chunk, m.at, l.heard[:n]) {
		return true
	}
	l.rest = l.heard[:n]
	l.align(m.at)
	return true
}

// hearBinary takes a binary frame as what take moves next: it is lent until all of it is moved.
func (l *Leg) hearBinary(sound []byte) error {
	switch {
	case !l.speaks.binary:
		l.stats.Unknown.Add(1)
		return nil
	case len(sound)%l.hears.width() != 0:
		return l.senseless(errSenseless)
	}
	l.rest, l.malformed = sound, 0
	return nil
}

// align keeps media time true when audio is lost on its way.
//
// Media time is counted in samples. The carrier's timestamp (ms) of each message is compared with the count: up to 40 ms ahead is
// jitter and means nothing; more, up to 60 s, is audio that was lost, and the count jumps forward by it, so that the loss is a gap
// in At (a frame that had begun is filled up with silence); anything else is a clock that was set, and becomes the new origin.
func (l *Leg) align(ms int64) {
	if ms == unstamped {
		return
	}
	per := int64(l.hears.rate / 1000)
	told := ms * per
	if !l.anchored {
		l.anchored, l.origin = true, told-l.pos
		return
	}
	switch gap := told - l.origin - l.pos; {
	case gap > gapLimit*per || gap < -gapFloor*per:
		l.origin = told - l.pos
		l.stats.ClockSets.Add(1)
	case gap > gapFloor*per:
		l.stats.Gaps.Add(1)
		l.pos += gap
		if l.filled > 0 {
			clear(l.pcm[l.filled:l.hears.frame()])
			l.filled = l.hears.frame()
		}
	}
}

// hearMark makes a note of a mark that we sent. A name that is not ours, or from beyond what we have sent, is counted.
func (l *Leg) hearMark(name []byte) media.Packet {
	m, ok := parseMark(name)
	if !ok || m.after(markOf(l.sent.Load())) {
		l.stats.ForeignMarks.Add(1)
		return media.Packet{}
	}
	return media.Packet{Note: media.Note{Kind: media.Played, Through: media.Samples(int(m.samples), l.hears.rate), Epoch: m.epoch}}
}

// senseless counts a malformed message. Text that is not UTF-8, and too many in a row, are violations.
func (l *Leg) senseless(why error) error {
	l.stats.Malformed.Add(1)
	l.malformed++
	switch {
	case errors.Is(why, errNotUTF8):
		return errNotUTF8
	case l.malformed >= malformedLimit:
		return errTooMany
	}
	return nil
}

// What ends a stream although its framing is sound, and (errSenseless) what alone does not.
var (
	errNoStart   = &violation{closePolicy, "no start in time"}
	errEarly     = &violation{closePolicy, "sound before start"}
	errNotUTF8   = &violation{closeBadData, "text is not UTF-8"}
	errTooMany   = &violation{closePolicy, "too many malformed messages"}
	errSenseless = errors.New("malformed message")
)

// key is the telephone key that s names, 0 if none.
func key(s string) rune {
	if len(s) != 1 || !strings.Contains("0123456789*#ABCDabcd", s) {
		return 0
	}
	return rune(strings.ToUpper(s)[0])
}
