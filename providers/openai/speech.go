package openai

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/text"
)

// How a voice is asked for its sound.
const (
	speechRate = 24000                  // of pcm, in samples a second; there is no other
	textPause  = 300 * time.Millisecond // without text, what looks like the end of a sentence is spoken
	longestAsk = 300                    // bytes of what has waited that are asked for at once: an interruption would waste more
	mostTakes  = 2                      // the one that plays, and the one after it
)

// Speak has what is said spoken clause by clause, each by a request of its own, the next while one plays; its sound is yielded as it comes.
// There are no word times. When it is cut, by ctx or by the caller's break, the requests are cancelled. An error in what is said is yielded
// after what came before it was spoken. Errors of the server's wrap *Error.
//
//	text ──▶ clauses ──▶ POST {base}/audio/speech ──▶ take ──▶ 24 kHz ──▶ resampler ──▶ yield
//	             └─────▶ POST, while that one plays ──▶ take ──┘
//
// Each request is made on a goroutine of its own. The sequence waits for them, and for the one that pulls text, before it ends; so said must
// end when ctx does.
//
// Wire: https://platform.openai.com/docs/api-reference/audio/createSpeech
func (a *Audio) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := utterance{audio: a, voice: v, feed: feed, yield: yield}
			if err := u.speak(ctx); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}

// An utterance is one Speak.
type utterance struct {
	audio  *Audio
	voice  pipeline.Voice
	feed   <-chan text.Piece // nil once the text has ended
	yield  func(pipeline.Speech, error) bool
	broken bool // the caller wants no more

	cut     text.Clauses
	textErr error
	waiting []string // clauses that were not asked for yet
	takes   []*take  // that were, the one that plays first
	plays   bool     // it has begun to

	narrow *resample.Resampler
	odd    []byte // half a sample
	wide   []int16
	pcm    []int16
	sounds bool
}

// speak runs the utterance. No take is left when it returns.
func (u *utterance) speak(ctx context.Context) (err error) {
	if u.narrow, err = resample.New(speechRate, u.voice.Rate); err != nil {
		return fmt.Errorf("openai: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() { // also when the caller's loop panics
		cancel()
		for _, t := range u.takes {
			<-t.ended
		}
	}()
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	return u.textErr
}

// loop goes on until all is spoken, the caller breaks (broken is set), ctx ends or the server fails.
func (u *utterance) loop(ctx context.Context) error {
	pause := time.NewTimer(textPause)
	defer pause.Stop()
	for ctx.Err() == nil && !u.broken {
		if err := u.ask(ctx); err != nil {
			return err
		}
		var sound <-chan []byte
		switch {
		case len(u.takes) > 0:
			sound = u.takes[0].sound
		case u.feed == nil:
			u.rest()
			return nil
		}
		select {
		case <-ctx.Done():
		case p, ok := <-u.feed:
			u.heed(p, ok)
			pause.Reset(textPause)
		case <-pause.C:
			u.wait(u.cut.Paused()) // nobody knows when the text will go on
		case wire, ok := <-sound:
			if ok {
				u.hear(wire)
			} else if err := u.next(); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// heed takes the next text, or its end.
func (u *utterance) heed(p text.Piece, ok bool) {
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		u.wait(u.cut.Rest())
		return
	}
	for clause, whole := u.cut.Add(p.Text); whole; clause, whole = u.cut.Add("") {
		u.wait(clause)
	}
}

// wait lets a clause wait until it is asked for; nothing if there are no words in it.
func (u *utterance) wait(clause string) {
	if text.Speakable(clause) {
		u.waiting = append(u.waiting, clause)
	}
}

// ask asks for what waits, as far as it is its time: what follows does not slow down what is to sound first.
func (u *utterance) ask(ctx context.Context) error {
	for len(u.waiting) > 0 && (len(u.takes) == 0 || len(u.takes) < mostTakes && u.plays) {
		n, size := 1, len(u.waiting[0])
		for n < len(u.waiting) && size+len(u.waiting[n]) <= longestAsk {
			size += len(u.waiting[n])
			n++
		}
		to, body, err := u.audio.speechRequest(strings.Join(u.waiting[:n], ""), u.voice)
		if err != nil {
			return fmt.Errorf("openai: %w", err)
		}
		u.waiting = append(u.waiting[:0], u.waiting[n:]...)
		u.takes = append(u.takes, u.audio.take(ctx, to, body))
	}
	return nil
}

// hear yields sound as it came.
func (u *utterance) hear(wire []byte) {
	if len(u.odd) > 0 {
		wire = append(u.odd, wire...)
	}
	u.wide = u.wide[:0]
	for ; len(wire) >= 2; wire = wire[2:] {
		u.wide = append(u.wide, int16(binary.LittleEndian.Uint16(wire)))
	}
	u.odd = append([]byte(nil), wire...)
	u.plays, u.sounds = true, true
	if u.pcm = u.narrow.Append(u.pcm[:0], u.wide); len(u.pcm) > 0 {
		u.broken = !u.yield(pipeline.Speech{PCM: u.pcm}, nil)
	}
}

// next turns to the take after the one that has ended.
func (u *utterance) next() error {
	done := u.takes[0]
	<-done.ended
	u.takes = append(u.takes[:0], u.takes[1:]...)
	u.odd, u.plays = nil, false
	if done.err != nil {
		return fmt.Errorf("openai: %w", done.err)
	}
	return nil
}

// rest yields what is still in the resampler.
func (u *utterance) rest() {
	if !u.sounds {
		return
	}
	if u.pcm = u.narrow.Flush(u.pcm[:0]); len(u.pcm) > 0 {
		u.broken = !u.yield(pipeline.Speech{PCM: u.pcm}, nil)
	}
}

// speechRequest asks for words to be spoken.
func (a *Audio) speechRequest(words string, v pipeline.Voice) (to string, body []byte, err error) {
	if to, err = a.endpoint("audio/speech"); err != nil {
		return "", nil, err
	}
	ask := struct {
		Model        string  `json:"model"`
		Voice        any     `json:"voice"`
		Input        string  `json:"input"`
		Instructions string  `json:"instructions,omitempty"`
		Format       string  `json:"response_format"`
		Speed        float64 `json:"speed,omitempty"`
	}{
		Model: cmp.Or(v.Model, a.Model, DefaultTTSModel), Voice: cmp.Or(v.Name, a.Voice, DefaultVoice), Input: strings.TrimSpace(words),
		Instructions: a.Instructions, Format: "pcm",
	}
	if id := cmp.Or(v.Name, a.Voice); strings.HasPrefix(id, "voice_") { // one that was made for the account
		ask.Voice = map[string]string{"id": id}
	}
	if v.Pace != 1 {
		ask.Speed = v.Pace
	}
	if body, err = json.Marshal(ask); err != nil {
		return "", nil, fmt.Errorf("encode the request: %w", err)
	}
	return to, body, nil
}
