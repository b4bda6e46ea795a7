package providers_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/media/pace"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/elevenlabs"
	"parley/providers/local"
	"parley/providers/openai"
	"parley/providers/providertest"
)

var (
	soakTurns = flag.Int("turns", 6, "turns of each class of faults")
	soakCalls = flag.Int("calls", 20, "calls at once")
	soakOnly  = flag.String("class", "", "the one class of faults to be played")
)

// reply is what the model says in each turn. Each word has a tone of its own.
const reply = "seven tables stand beside those tall garden walls"

// A rig is what a call's vendors are at first, before they are started: first is the one that has the fault.
type rig struct {
	ear, spare  providertest.Deepgram    // recognisers
	voice       providertest.Deepgram    // the first voice
	named       *providertest.ElevenLabs // instead of it
	second      providertest.ElevenLabs
	model, next providertest.OpenAI
	absent      string // of ear, voice and model: who is not there at all
}

// A sickness is a class of faults, and how it shows in a kind of vendor.
type sickness struct {
	class, kind string
	rig         func(r *rig)
}

func sicknesses() (all []sickness) {
	add := func(class, kind string, f func(r *rig)) { all = append(all, sickness{class, kind, f}) }
	model := func(a providertest.OpenAIAnswer) func(r *rig) {
		return func(r *rig) { r.model.Answer = func(providertest.OpenAIRequest) providertest.OpenAIAnswer { return a } }
	}
	begins := func(rest ...providertest.OpenAIStep) providertest.OpenAIAnswer {
		return providertest.OpenAIAnswer{Steps: append([]providertest.OpenAIStep{
			providertest.OpenAIText("seven "), providertest.OpenAIText("tables "), providertest.OpenAIText("sta"),
		}, rest...)}
	}
	ear := func(t providertest.Trouble) func(r *rig) { return func(r *rig) { r.ear.Listen = t } }
	voice := func(t providertest.Trouble) func(r *rig) { return func(r *rig) { r.voice.Speak = t } }
	named := func(t providertest.Trouble) func(r *rig) {
		return func(r *rig) { r.named = &providertest.ElevenLabs{Trouble: t} }
	}
	for _, kind := range []string{"stt", "llm", "tts"} {
		add("refuse", kind, func(r *rig) { r.absent = kind })
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusInternalServerError} {
		t := providertest.Trouble{Fault: providertest.Refuse, Status: status}
		add(fmt.Sprint(status), "stt", ear(t))
		add(fmt.Sprint(status), "llm", model(providertest.OpenAIRefuse(status, "fake", "No.")))
		add(fmt.Sprint(status), "tts", voice(t))
	}
	add("stall", "stt", ear(providertest.Trouble{Fault: providertest.Deaf}))
	add("stall", "llm", model(begins(providertest.OpenAIStep{Then: providertest.OpenAIHang})))
	add("stall", "llm", model(providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{{Then: providertest.OpenAIHang}}}))
	add("stall", "tts", voice(providertest.Trouble{Fault: providertest.Stalls, Pieces: 12}))
	add("stall", "tts", voice(providertest.Trouble{Fault: providertest.NeverAnswers}))
	add("drip", "stt", ear(providertest.Trouble{Fault: providertest.Drip}))
	add("drip", "llm", func(r *rig) {
		r.model.Answer = func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
			a := providertest.OpenAISay(reply)
			for i := range a.Steps {
				a.Steps[i].After = 2 * time.Second
			}
			return a
		}
	})
	add("drip", "tts", voice(providertest.Trouble{Fault: providertest.Drip}))
	add("cut mid-word", "stt", ear(providertest.Trouble{Fault: providertest.CutOff}))
	add("cut mid-word", "llm", model(begins(providertest.OpenAIStep{Then: providertest.OpenAIReset})))
	add("cut mid-word", "tts", voice(providertest.Trouble{Fault: providertest.CutOff, Pieces: 12}))
	add("cut mid-word", "tts", named(providertest.Trouble{Fault: providertest.CutOff}))
	add("garbage", "stt", ear(providertest.Trouble{Fault: providertest.Garbage}))
	add("garbage", "llm", model(begins(providertest.OpenAIData("{\x00\xff"))))
	add("garbage", "tts", voice(providertest.Trouble{Fault: providertest.Garbage}))
	add("wrong codec", "tts", named(providertest.Trouble{Fault: providertest.WrongCodec}))
	add("duplicate finals", "stt", ear(providertest.Trouble{Fault: providertest.Twice}))
	add("never final", "stt", ear(providertest.Trouble{Fault: providertest.NeverAnswers}))
	return all
}

// pitched is text as the fakes speak it here: each word of the reply a tone of its own, as long as in providertest.Tones; others are higher.
func pitched(text string, rate int) (pcm []int16) {
	for _, word := range strings.Fields(text) {
		n := int(nominal(word)) * rate / int(time.Second)
		period := periods[wordOf(word)+1]
		for i := range n {
			level := int16(8000)
			if i%period >= period/2 {
				level = -8000
			}
			pcm = append(pcm, level)
		}
		pcm = append(pcm, make([]int16, rate*60/1000)...)
	}
	return pcm
}

func nominal(word string) time.Duration {
	return time.Duration(len(strings.Trim(word, ".,!?"))) * 60 * time.Millisecond
}

// wordOf is a word's place in the reply; -1: it is not of it.
func wordOf(word string) int { return slices.Index(strings.Fields(reply), strings.Trim(word, ".,!?")) }

// periods are those of the tones of other words and of each word of the reply, in samples.
var periods = []int{3, 32, 20, 14, 10, 8, 6, 5, 4}

// A sounding is a stretch of a word's tone on the wire.
type sounding struct {
	word     int
	from, to time.Time
}

// soundings are the tones of what a caller heard.
func soundings(all []legtest.Stretch, rate int) (heard []sounding) {
	const window = 10 * time.Millisecond
	n := int(window) * rate / int(time.Second)
	for _, s := range all {
		for i := 0; i+n <= len(s.PCM); i += n {
			word, ok := toneOf(s.PCM[i : i+n])
			if !ok {
				continue
			}
			at := s.At.Add(media.Samples(i, rate))
			if k := len(heard); k > 0 && heard[k-1].word == word && at.Sub(heard[k-1].to) < 2*window {
				heard[k-1].to = at.Add(window)
			} else {
				heard = append(heard, sounding{word, at, at.Add(window)})
			}
		}
	}
	return slices.DeleteFunc(heard, func(s sounding) bool { return s.to.Sub(s.from) < 3*window })
}

// toneOf is whose tone sounds, by how often it crosses zero.
func toneOf(pcm []int16) (word int, ok bool) {
	crossings, loud := 0, 0
	for i, v := range pcm {
		if max(v, -v) > 1000 {
			loud++
		}
		if i > 0 && (v > 0) != (pcm[i-1] > 0) {
			crossings++
		}
	}
	if loud < len(pcm)*3/4 {
		return 0, false
	}
	best, least := 0, len(pcm)
	for i, period := range periods {
		if off := abs(2*len(pcm)/period - crossings); off < least {
			best, least = i, off
		}
	}
	return best - 1, true
}

func abs(n int) int { return max(n, -n) }

// An outcome is what became of a turn.
type outcome struct {
	silence time.Duration // the longest, from the end of the caller's words to the end of the reply
	twice   int           // words that were said twice, or out of order
	missing int           // words that were not heard
	other   bool          // a filler or an apology was heard
	lost    bool          // the caller's words were not answered
}

// judge is what became of a turn between two times, by what was heard.
func judge(heard []sounding, asked, over time.Time) (o outcome) {
	long := make([]time.Duration, len(strings.Fields(reply)))
	last, furthest := asked, -1
	for _, s := range heard {
		if s.from.Before(asked) || s.from.After(over) {
			continue
		}
		o.silence = max(o.silence, s.from.Sub(last))
		last = s.to
		if s.word < 0 {
			o.other = true
			continue
		}
		if long[s.word] += s.to.Sub(s.from); s.word < furthest {
			o.twice++
		}
		furthest = max(furthest, s.word)
	}
	for w, word := range strings.Fields(reply) {
		switch {
		case long[w] > nominal(word)+80*time.Millisecond:
			o.twice++
		case long[w] < nominal(word)/2:
			o.missing++
		}
	}
	if o.lost = last.Equal(asked); o.lost {
		o.silence = over.Sub(asked)
	}
	return o
}

// A soak plays calls with vendors of which the first has a fault.
type soak struct {
	t      *testing.T
	pacer  *pace.Wheel
	ears   *providers.Recognisers
	models *providers.Models
	voices *providers.Voices
	log    *slog.Logger
}

// goingOn is a model that answers, and goes on where another broke off; now and then it begins at the beginning again.
func goingOn(r providertest.OpenAIRequest) providertest.OpenAIAnswer {
	last := r.Messages[len(r.Messages)-1]
	if last.Content == nil || !strings.Contains(*last.Content, "Go on with the very next word") || rand.N(2) == 0 {
		return providertest.OpenAISay(reply)
	}
	for _, m := range slices.Backward(r.Messages) {
		if m.Role == "assistant" && m.Content != nil {
			said := strings.Fields(*m.Content)
			return providertest.OpenAISay(strings.Join(strings.Fields(reply)[max(0, len(said)-1):], " "))
		}
	}
	return providertest.OpenAISay(reply)
}

// newSoak starts the vendors of a rig.
func newSoak(t *testing.T, s sickness) *soak {
	t.Helper()
	var r rig
	r.next.Answer, r.model.Answer = goingOn, goingOn
	s.rig(&r)
	for _, d := range []*providertest.Deepgram{&r.ear, &r.spare, &r.voice} {
		d.Hooks.Voice = pitched
		d.FirstAudio, d.Delay, d.Pace = 100*time.Millisecond, 50*time.Millisecond, 3
	}
	r.second.Hooks.Voice, r.second.FirstAudio, r.second.Pace = pitched, 100*time.Millisecond, 3
	quiet := slog.New(slog.DiscardHandler)
	here := func(kind, url string) string {
		if r.absent == kind {
			scheme, _, _ := strings.Cut(url, "://")
			return scheme + "://127.0.0.1:1"
		}
		return url
	}
	ear := &deepgram.Client{BaseURL: here("stt", providertest.StartDeepgram(t, &r.ear)), Log: quiet}
	spare := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, &r.spare), Log: quiet}
	second := &elevenlabs.Client{BaseURL: providertest.StartElevenLabs(t, &r.second), Key: "k"}
	voice := &deepgram.Client{BaseURL: here("tts", providertest.StartDeepgram(t, &r.voice)), Log: quiet}
	first := pipeline.Synthesizer(voice)
	if r.named != nil {
		r.named.Hooks.Voice, r.named.FirstAudio, r.named.Pace = pitched, 100*time.Millisecond, 3
		named := &elevenlabs.Client{BaseURL: providertest.StartElevenLabs(t, r.named), Key: "k"}
		t.Cleanup(func() { _ = named.Close() })
		first = named
	}
	model := &openai.Client{BaseURL: here("llm", providertest.StartOpenAI(t, &r.model)), Model: "a"}
	next := &openai.Client{BaseURL: providertest.StartOpenAI(t, &r.next), Model: "b"}
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{ear, spare, second, voice} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		model.Close()
		next.Close()
	})
	wheel := &pace.Wheel{}
	turning, stop := context.WithCancel(context.Background())
	turned := make(chan error, 1)
	go func() { turned <- wheel.Run(turning) }()
	t.Cleanup(func() {
		stop()
		if err := <-turned; err != nil {
			t.Error(err)
		}
	})
	const always = time.Nanosecond // who has failed is asked first again
	return &soak{
		t: t, pacer: wheel, log: quiet,
		ears:   &providers.Recognisers{All: []providers.Recogniser{{Transcriber: ear}, {Transcriber: spare}}, Rest: always},
		models: &providers.Models{All: []pipeline.Responder{model, next}, Hedge: time.Second, Rest: always},
		voices: &providers.Voices{All: []pipeline.Synthesizer{first, second}, Rest: always},
	}
}

// call plays one call of so many turns, after its greeting.
func (s *soak) call(ctx context.Context, turns int) (all []outcome) {
	leg, carrier := legtest.New(legtest.Line{Open: true, Hum: 1, Info: media.Info{Kind: "soak", ID: "1", Rate: 8000, Chunk: media.FrameTime}})
	ended := make(chan struct{}, 100)
	manners := pipeline.Manners{Hangover: 200 * time.Millisecond, Silence: 5 * time.Minute}
	call := &pipeline.Call{
		Leg: leg, Pacer: s.pacer, Log: s.log,
		Cast: func(ctx context.Context, _ string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
			agent := pipeline.Agent{Name: "soak", Lang: "en-US", Manners: manners}
			m := manners.WithDefaults()
			ear, err := local.Energy{}.Listen(ctx, pipeline.EarOptions{Rate: info.Rate, MaybeAfter: m.Guess, EndAfter: m.Hangover})
			if err != nil {
				return agent, pipeline.Parts{}, nil, err
			}
			stt, err := s.ears.Transcribe(ctx, agent.ListeningAt(info.Rate))
			return agent, pipeline.Parts{Ear: ear, Transcription: stt, Responder: s.models, Synthesizer: s.voices}, nil, err
		},
		Watch: func(e pipeline.Event) {
			if e.Kind == pipeline.TurnEnded {
				ended <- struct{}{}
			}
		},
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		call.Run(ctx)
	}()
	const patience = 20 * time.Second
	wait := func() {
		select {
		case <-ended:
		case <-over:
		case <-time.After(patience):
		}
	}
	type span struct{ asked, over time.Time }
	var spans []span
	wait() // for the greeting
	words := providertest.Tones("hello there friend", 8000)
	for range turns {
		pause(ctx, 300*time.Millisecond+rand.N(100*time.Millisecond))
		for len(ended) > 0 {
			<-ended
		}
		if err := carrier.Say(words); err != nil {
			s.t.Errorf("the call is over: %v", err)
			break
		}
		asked := time.Now().Add(media.Samples(len(words), 8000) - 60*time.Millisecond) // it ends in a gap
		pause(ctx, time.Until(asked))
		wait()
		spans = append(spans, span{asked, time.Now()})
	}
	sounded := soundings(carrier.Sounded(), 8000)
	if err := carrier.Stop(); err != nil {
		s.t.Error(err)
	}
	<-over
	for _, sp := range spans {
		all = append(all, judge(sounded, sp.asked, sp.over))
	}
	return all
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// play plays so many turns in calls at once.
func (s *soak) play(turns, calls int) (all []outcome) {
	const perCall = 5
	var mu sync.Mutex
	var lines sync.WaitGroup
	left := turns
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := min(left, perCall)
		left -= n
		return n
	}
	for range min(calls, (turns+perCall-1)/perCall) {
		lines.Go(func() {
			pause(s.t.Context(), rand.N(time.Second))
			for n := take(); n > 0; n = take() {
				got := s.call(s.t.Context(), n)
				mu.Lock()
				all = append(all, got...)
				mu.Unlock()
			}
		})
	}
	lines.Wait()
	return all
}

// TestSoak: whatever befalls the first vendor, calls go on: see make soak-providers. Each turn begins with the vendor that has the fault.
func TestSoak(t *testing.T) {
	t.Parallel()
	all := sicknesses()
	share := map[string]int{}
	for _, s := range all {
		share[s.class]++
	}
	var mu sync.Mutex
	rows := make([]string, len(all))
	atOnce := make(chan struct{}, 1) // many turns of one after the other; a few of all at once
	if *soakTurns < 100 {
		atOnce = make(chan struct{}, len(all))
	}
	var played sync.WaitGroup
	for i, s := range all {
		if *soakOnly != "" && s.class != *soakOnly {
			continue
		}
		played.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			turns := (*soakTurns + share[s.class] - 1) / share[s.class]
			r := tally(newSoak(t, s).play(turns, *soakCalls))
			mu.Lock()
			defer mu.Unlock()
			t.Logf("%s of %s: %s", s.class, s.kind, r)
			rows[i] = fmt.Sprintf("%s\t%s\t%s", s.class, s.kind, r)
			if r.bad() {
				t.Errorf("%s of %s misses a goal", s.class, s.kind)
			}
		})
	}
	played.Wait()
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tvendor\tturns\tsilence p50\tp95\tlongest\tsaid twice\twords missing\tfillers\tunanswered")
	for _, row := range rows {
		if row != "" {
			fmt.Fprintln(w, row)
		}
	}
	_ = w.Flush() // a buffer takes all
	t.Logf("\n%s", b.String())
}

// A tallied is what became of many turns.
type tallied struct {
	turns, twice, missing, other, lost int
	p50, p95, longest                  time.Duration
}

func tally(all []outcome) (r tallied) {
	var silences []time.Duration
	for _, o := range all {
		silences = append(silences, o.silence)
		r.twice += o.twice
		if !o.other && !o.lost {
			r.missing += o.missing
		}
		if o.other {
			r.other++
		}
		if o.lost {
			r.lost++
		}
	}
	slices.Sort(silences)
	if r.turns = len(silences); r.turns > 0 {
		r.p50, r.p95, r.longest = silences[r.turns/2], silences[min(r.turns-1, r.turns*95/100)], silences[r.turns-1]
	}
	return r
}

// bad says whether a goal was missed: no word twice, each turn answered; where there are many, speech within 2 s, p95, and no silence over
// 4 s.
func (r tallied) bad() bool {
	slow := *soakTurns >= 100 && (r.p95 > 2*time.Second || r.longest > 4*time.Second)
	return r.turns == 0 || r.twice > 0 || r.lost > 0 || slow
}

func (r tallied) String() string {
	ms := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	return fmt.Sprintf("%d\t%v\t%v\t%v\t%d\t%d\t%d\t%d", r.turns, ms(r.p50), ms(r.p95), ms(r.longest), r.twice, r.missing, r.other, r.lost)
}
