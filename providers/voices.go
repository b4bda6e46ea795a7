package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/media"
	"parley/pipeline"
)

// DefaultStall is what a zero Stall of Voices means.
const DefaultStall = time.Second

var (
	errNoSound  = errors.New("no sound")
	errTooQuiet = fmt.Errorf("%w in time", errNoSound)
	errStalled  = &stallError{}
)

// A stallError says that a provider has stopped in the middle of what it had begun.
type stallError struct{}

func (*stallError) Error() string { return "nothing more in time" }

// Timeout says what kind of failure that is.
func (*stallError) Timeout() bool { return true }

// Voices are a Synthesizer that speaks with the next voice when one fails: before its first sound, by an error, by ending, or by none in
// time; or in mid-sentence, by an error, by a stall, or by speaking slower than it is heard. The next one goes on with the first word
// that has not begun to sound: no word is said twice, though one or two may be missing where a voice tells no times of words.
//
//	text ──▶ first ──"Your appointment is on Tue"──✕
//	            └──▶ next ──" at nine."──▶ ... ──▶ the last one's error
//
// A voice that failed rests, unless all do. Voice.Name, Model and Timbre are the first one's: the others speak in their own default voice.
// What the text fails with is passed on, and is no voice's failure.
//
// Its fields are set before the first use and not changed after. All methods may be called by any goroutine; Close when all have ended.
type Voices struct {
	All      []pipeline.Synthesizer           // the best one first
	Patience time.Duration                    // from when a voice has something to say to its first sound; 0: DefaultPatience
	Stall    time.Duration                    // what a voice may let the caller wait in mid-sentence; 0: DefaultStall
	Rest     time.Duration                    // how long a voice that failed is passed over; 0: DefaultRest
	Probe    time.Duration                    // how often one that rests is asked for a word: when it speaks, it has rested; 0: never
	Failed   func(voice, next int, err error) // told of each failure that the caller is spared; nil: nobody

	rota rota
	last atomic.Pointer[pipeline.Voice] // as which the first voice was last asked to speak

	mu    sync.Mutex
	beats map[int]time.Duration // of each voice, as far as it is known
}

// Close ends what goes on in the background.
func (f *Voices) Close() error {
	f.rota.close()
	return nil
}

// Speak implements [pipeline.Synthesizer].
func (f *Voices) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		if f.Probe > 0 {
			f.last.Store(&v)
		}
		r := recital{voices: f, text: newRetold(text), voice: v, yield: yield}
		defer r.text.stop()
		r.speak(ctx)
	}
}

// as is how a voice is asked to speak.
func (f *Voices) as(n int, v pipeline.Voice) pipeline.Voice {
	if n == 0 {
		return v
	}
	return pipeline.Voice{Lang: v.Lang, Rate: v.Rate, Pace: v.Pace}
}

// fails notes that a voice did.
func (f *Voices) fails(n int, err error) {
	if blames(err) {
		f.rota.fails(n, err, f.Rest, f.Probe, f.probe)
	}
}

// probe has a voice say a word, which nobody hears.
func (f *Voices) probe(ctx context.Context, n int) error {
	for s, err := range f.All[n].Speak(ctx, whole("Yes."), f.as(n, *f.last.Load())) {
		if err != nil || len(s.PCM) > 0 {
			return err
		}
	}
	return cmp.Or(context.Cause(ctx), errNoSound)
}

// beat is how long a beat of a voice is at its usual pace: rather too short, so that no word is said twice.
func (f *Voices) beat(n int, v pipeline.Voice) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.beats[n]; known > 0 {
		return time.Duration(surely * float64(known) / pace(v))
	}
	return time.Duration(float64(shortBeat) / pace(v))
}

// learn notes how long a voice took for a text.
func (f *Voices) learn(n int, v pipeline.Voice, text string, took time.Duration) {
	count := beatsOf(text)
	if count < 40 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.beats == nil {
		f.beats = map[int]time.Duration{}
	}
	beat := time.Duration(pace(v) * float64(took) / count)
	if known := f.beats[n]; known > 0 {
		beat = (3*known + beat) / 4
	}
	f.beats[n] = beat
}

// A recital is one Speak of Voices.
type recital struct {
	voices *Voices
	text   *retold
	voice  pipeline.Voice
	yield  func(pipeline.Speech, error) bool

	said    int           // bytes of the text that were spoken by those who failed
	sounded time.Duration // their sound
}

// speak asks one voice after the other. Each has one try, and those who have failed another if somebody spoke since.
func (r *recital) speak(ctx context.Context) {
	order, spoke := r.voices.rota.order(len(r.voices.All)), -1
	most := 2 * len(order)
	for i := range most {
		before, n := r.sounded, order[i%len(order)]
		a := attempt{recital: r, voice: n, how: r.voices.as(n, r.voice), patient: i-spoke == len(order), last: i == most-1}
		err := a.run(ctx)
		if err == nil {
			return
		}
		if r.sounded > before {
			spoke = i
		}
		r.voices.fails(n, err)
		if a.last || i-spoke == len(order) {
			r.yield(pipeline.Speech{}, err)
			return
		}
		if r.voices.Failed != nil {
			r.voices.Failed(n, order[(i+1)%len(order)], err)
		}
		if r.done() {
			return
		}
	}
}

// done says whether nothing is left to be said by the next voice.
func (r *recital) done() bool {
	told, over, failed := r.text.state()
	return over && !failed && r.said > 0 && !speakable(told[r.said:])
}

// betweenVoices is the silence before another voice goes on.
const betweenVoices = 100 * time.Millisecond

// An attempt is one voice's at a text.
type attempt struct {
	*recital
	voice   int
	how     pipeline.Voice
	patient bool // there is nobody else to be asked for the first sound
	last    bool // nor for any other

	from    int // bytes of the text that are not its
	given   int // bytes of the text that it was given
	heard   int // bytes of it that it had been given when its last sound came
	samples int
	words   []pipeline.Word
	early   []pipeline.Word // that came before all sound
}

// run speaks with one voice. An error says that it has failed, and that another one is to go on.
func (a *attempt) run(ctx context.Context) error {
	one, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.from = a.said
	w := newPatience(a, cancel)
	defer w.end()
	for s, err := range a.voices.All[a.voice].Speak(one, a.text.from(one, a.from, w.reads), a.how) {
		switch _, _, failed := a.text.state(); {
		case err != nil && (ctx.Err() != nil || failed): // not the voice's fault
			a.yield(s, err)
			return nil
		case err != nil:
			return a.broke(cmp.Or(context.Cause(one), err))
		case !w.makes(len(s.PCM)):
			return a.broke(context.Cause(one))
		}
		if !a.sound(s) {
			return nil
		}
		w.taken()
	}
	told, over, _ := a.text.state()
	switch {
	case ctx.Err() != nil:
		return nil
	case context.Cause(one) != nil:
		return a.broke(context.Cause(one))
	case a.samples == 0 && (!over || speakable(told[a.from:])):
		return errNoSound
	}
	a.voices.rota.well(a.voice)
	if over && a.samples > 0 {
		a.voices.learn(a.voice, a.how, told[a.from:], a.made())
	}
	return nil
}

// made is how much sound it has made.
func (a *attempt) made() time.Duration { return media.Samples(a.samples, a.how.Rate) }

// sound hands over what the voice says; false: the caller wants no more.
func (a *attempt) sound(s pipeline.Speech) bool {
	a.words = append(a.words, s.Words...)
	if len(s.PCM) == 0 && a.samples == 0 {
		a.early = append(a.early, s.Words...)
		return true
	}
	if a.samples == 0 {
		if s.Words = append(a.early, s.Words...); a.sounded > 0 {
			gap := make([]int16, int(betweenVoices*time.Duration(a.how.Rate)/time.Second))
			a.sounded += betweenVoices
			if !a.yield(pipeline.Speech{PCM: gap}, nil) {
				return false
			}
		}
	}
	a.samples += len(s.PCM)
	s.Words = moved(s.Words, a.sounded)
	return a.yield(s, nil)
}

// moved are words that are said later by d.
func moved(words []pipeline.Word, d time.Duration) []pipeline.Word {
	if d == 0 || len(words) == 0 {
		return words
	}
	later := make([]pipeline.Word, len(words))
	for i, w := range words {
		w.Start, w.End = w.Start+d, w.End+d
		later[i] = w
	}
	return later
}

// broke notes what was spoken, for the one who goes on.
func (a *attempt) broke(err error) error {
	if a.samples == 0 {
		return err
	}
	told, _, _ := a.text.state()
	a.said = a.from + spoken(told[a.from:max(a.from, a.heard)], a.words, a.made(), a.voices.beat(a.voice, a.how))
	for a.said > a.from && a.said < len(told) { // not from within a word, of which a part had not come
		r, n := utf8.DecodeRuneInString(told[a.said:])
		if unicode.IsSpace(r) || isGlyph(r) {
			break
		}
		a.said += n
	}
	a.sounded += a.made()
	return err
}
