package providers

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/media"
	"parley/pipeline"
)

// The kinds of Use.
const (
	STT = "stt"
	LLM = "llm"
	TTS = "tts"
)

// A Use is what a provider was asked for, and what came of it.
type Use struct {
	Provider string // its name, such as deepgram
	Kind     string // STT, LLM or TTS
	Model    string // that was asked for; empty: the provider has none
	Server   string // the host that was asked, where that is another than the provider's own

	// Outcome is how a request ended: OK, Cut, or the class of its failure (Classes). Empty: it goes on. A request is an answer of a model,
	// an utterance of a voice, the whole transcription of a call.
	Outcome string
	// First is how long the first of what was asked for took: a model's first words or tool call; a voice's first sound, from when it had
	// a clause or all of the text; a recogniser's words, from the end of the speech. 0: it did not come.
	First time.Duration

	Input, Output, Cached int           // tokens
	Estimated             bool          // the tokens are: the answer was cut before the vendor had told them
	Characters            int           // of text that was spoken
	Sound                 time.Duration // that was heard or made, since the Use before
}

// A Meter tells what one provider is used for. What it decorates keeps its contract; with a frame it takes an atomic addition more. The
// zero Meter decorates nothing. Its methods may be called by any goroutine.
//
//	call ──▶ Cache, Voices ──▶ Meter ──▶ vendor
//	                               └─▶ Told: one Use a request, and for recognisers one for each stretch of speech
type Meter struct {
	Provider string
	Model    string // where a Voice names none
	Server   string
	Named    bool      // a Voice's Name is its model
	Told     func(Use) // called by any goroutine; it returns at once. nil: nobody is told
}

// tell tells of a Use, and the call's own, if that is to know.
func (m Meter) tell(own func(Use), u Use) {
	u.Provider, u.Server, u.Model = m.Provider, m.Server, cmp.Or(u.Model, m.Model)
	m.Told(u)
	if own != nil {
		own(u)
	}
}

// ownKey is of a context that belongs to a call.
type ownKey struct{}

// Told is a context in which told hears of every Use besides: a call's, that wants to know its own. It is called by any goroutine, and
// returns at once.
func Told(ctx context.Context, told func(Use)) context.Context {
	return context.WithValue(ctx, ownKey{}, told)
}

// ownOf is who wants to know of the uses of a context; nil: nobody.
func ownOf(ctx context.Context) func(Use) {
	told, _ := ctx.Value(ownKey{}).(func(Use))
	return told
}

// Responder decorates a language model.
func (m Meter) Responder(r pipeline.Responder) pipeline.Responder {
	if m.Told == nil || r == nil {
		return r
	}
	return meteredResponder{m, r}
}

type meteredResponder struct {
	meter Meter
	model pipeline.Responder
}

// Respond implements [pipeline.Responder].
func (r meteredResponder) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		u, began := Use{Kind: LLM}, time.Now()
		failure, left := error(nil), false
		var e estimate
		for d, err := range r.model.Respond(ctx, talk) {
			e.hear(d)
			switch {
			case err != nil:
				failure = err
			case u.First == 0 && (d.Text != "" || d.Aloud != nil || d.Call != nil):
				u.First = max(time.Since(began), 1)
			}
			if d.Usage != nil {
				u.Input, u.Output, u.Cached = u.Input+d.Usage.Input, u.Output+d.Usage.Output, u.Cached+d.Usage.Cached
			}
			if left = !yield(d, err); left {
				break
			}
		}
		if u.Outcome = outcome(ctx, "responder", failure, left); u.Outcome != OK && u.First > 0 && !e.needless {
			u.Input, u.Output, u.Estimated = tokensOf(talk), tokens(e.said), true
		}
		r.meter.tell(ownOf(ctx), u)
	}
}

// An estimate is of an answer whose tokens the vendor may never tell, since it does that at the end.
type estimate struct {
	said     int  // bytes
	needless bool // the vendor has told them; or it speaks itself, which text says nothing of
}

func (e *estimate) hear(d pipeline.Delta) {
	e.said += len(d.Text)
	if d.Call != nil {
		e.said += len(d.Call.Name) + len(d.Call.Args)
	}
	e.needless = e.needless || d.Usage != nil || d.Aloud != nil
}

// tokens are about as many as so many bytes of text make.
func tokens(bytes int) int { return (bytes + 3) / 4 }

// tokensOf are about those that a model reads of a talk.
func tokensOf(talk pipeline.Talk) int {
	n := 0
	if a := talk.Agent; a != nil {
		n = len(a.Prompt)
		for _, t := range a.Tools {
			n += len(t.Name) + len(t.Description) + len(t.Parameters)
		}
	}
	for _, m := range talk.History {
		n += len(m.Text)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Args)
		}
	}
	return tokens(n)
}

// Synthesizer decorates a voice.
func (m Meter) Synthesizer(s pipeline.Synthesizer) pipeline.Synthesizer {
	if m.Told == nil || s == nil {
		return s
	}
	return meteredSynthesizer{m, s}
}

type meteredSynthesizer struct {
	meter Meter
	voice pipeline.Synthesizer
}

// Speak implements [pipeline.Synthesizer]. Of an utterance without words nothing is told: no vendor is asked for it.
func (s meteredSynthesizer) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		var read reading
		u := Use{Kind: TTS, Model: s.meter.modelOf(v)}
		failure, left, samples := error(nil), false, 0
		for speech, err := range s.voice.Speak(ctx, read.of(text), v) {
			if err != nil {
				failure = err
			}
			if len(speech.PCM) > 0 && samples == 0 {
				u.First = max(read.since(), 1)
			}
			samples += len(speech.PCM)
			if left = !yield(speech, err); left {
				break
			}
		}
		u.Characters, u.Sound = read.runes(), media.Samples(samples, v.Rate)
		switch {
		case !read.speakable():
			return
		case read.failed(failure): // that is the text's author's, and has been told of them
			failure, left = nil, true
		case failure == nil && samples == 0:
			failure = errNoSound
		}
		u.Outcome = outcome(ctx, "voice", failure, left)
		s.meter.tell(ownOf(ctx), u)
	}
}

// modelOf is the model that a Voice names; empty: none.
func (m Meter) modelOf(v pipeline.Voice) string {
	if m.Named {
		return v.Name
	}
	return v.Model
}

// A reading is what a voice has read of its text, maybe on a goroutine of its own.
type reading struct {
	mu    sync.Mutex
	text  strings.Builder
	ready time.Time // when there was a clause or all of it: the voice could begin
	err   error     // that the text ended with
}

// of is the text, while it is noted what is read of it.
func (r *reading) of(text iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for piece, err := range text {
			r.note(piece, err)
			if !yield(piece, err) {
				return
			}
		}
		r.note("", nil)
	}
}

// note takes the next piece; an empty one says that there is no more.
func (r *reading) note(piece string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.WriteString(piece)
	if err != nil {
		r.err = err
	}
	if r.ready.IsZero() && (piece == "" || strings.ContainsAny(piece, ".,;:!?\n…。，！？")) && speakable(r.text.String()) {
		r.ready = time.Now()
	}
}

// since is how long ago the voice could begin; one that did not wait for so much of the text took no time.
func (r *reading) since() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready.IsZero() {
		return 0
	}
	return time.Since(r.ready)
}

func (r *reading) runes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return utf8.RuneCountInString(r.text.String())
}

func (r *reading) speakable() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return speakable(r.text.String())
}

// failed says whether a failure is the text's own.
func (r *reading) failed(failure error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil && errors.Is(failure, r.err)
}
