package pipeline

import (
	"math"
	"strings"
	"testing"
	"time"

	"parley/media"
)

func TestPhrases(t *testing.T) {
	t.Parallel()
	never, always := newPhrases(Backchannels()), newPhrases(Stops())
	for _, c := range []struct {
		said        string
		is, begins  bool // a backchannel; so far, with more to come
		interrupted bool
	}{
		{"mhm", true, true, false},
		{"Mm-hmm.", true, true, false},
		{"Okay, yeah, right!", true, true, false},
		{"That's right.", true, true, false},
		{"Mm-h", true, true, false},
		{"M.", false, false, false},
		{"that's", false, true, false},
		{"That right?", true, true, false},
		{"that's wrong", false, false, false},
		{"nine", false, false, false},
		{"all", false, true, false},
		{"okay that's", false, true, false},
		{"all wrong", false, false, false},
		{"okay but", false, false, false},
		{"no", false, false, false},
		{"stop", false, false, true},
		{"Okay, hold on!", false, false, true},
		{"please hold on to it", false, false, true},
		{"hold", false, false, false},
		{"nonstop", false, false, false},
		{"", false, false, false},
	} {
		said := utterance(c.said)
		if is, begins, stop := never.all(said, false), never.all(said, true), always.in(said); is != c.is || begins != c.begins || stop != c.interrupted {
			t.Errorf("%q: %v %v %v, want %v %v %v", c.said, is, begins, stop, c.is, c.begins, c.interrupted)
		}
	}
	if newPhrases(nil).all([]string{"a"}, true) || newPhrases([]string{" ! "}).in([]string{"a"}) {
		t.Error("no phrase is found in everything")
	}
}

func TestReflex(t *testing.T) {
	t.Parallel()
	bar := Bar{2, 300 * ms}
	for _, c := range []struct {
		name string
		o    Overlap
		want Verdict
	}{
		{"enough words", Overlap{Bar: bar, Text: "no no"}, Meant},
		{"too few", Overlap{Bar: bar, Text: "no"}, Undecided},
		{"too few for good", Overlap{Bar: bar, Text: "no", Over: true}, NotMeant},
		{"nothing", Overlap{Bar: bar, Over: true, Sure: true, Speech: time.Second}, NotMeant},
		{"enough speech", Overlap{Bar: bar, Sure: true, Speech: 300 * ms}, Meant},
		{"not enough", Overlap{Bar: bar, Sure: true, Speech: 299 * ms}, Undecided},
		{"not sure", Overlap{Bar: bar, Speech: time.Minute}, Undecided},
		{"words will come", Overlap{Bar: bar, Sure: true, Soon: true, Speech: 1199 * ms}, Undecided},
		{"words did not come", Overlap{Bar: bar, Sure: true, Soon: true, Speech: 1200 * ms}, Meant},
		{"words will come, of many syllables", Overlap{Bar: bar, Sure: true, Soon: true, Speech: 899 * ms, Sound: Contour{true, 5}}, Undecided},
		{"many syllables", Overlap{Bar: bar, Sure: true, Soon: true, Speech: 900 * ms, Sound: Contour{true, 5}}, Meant},
		{"a few", Overlap{Bar: bar, Sure: true, Soon: true, Speech: 1199 * ms, Sound: Contour{true, 4}}, Undecided},
		{"while thinking they are not waited for", Overlap{State: AgentThinking, Bar: bar, Sure: true, Soon: true, Speech: 300 * ms}, Meant},
		{"a cough", Overlap{Bar: bar, Sure: true, Speech: 400 * ms, Sound: Contour{true, 1}}, Undecided},
		{"speech", Overlap{Bar: bar, Sure: true, Speech: 400 * ms, Sound: Contour{true, 2}}, Meant},
		{"no amount of speech", Overlap{Bar: Bar{2, Never}, Sure: true, Speech: time.Hour}, Undecided},
		{"no amount of words", Overlap{Bar: Bar{Never, 300 * ms}, Text: "a b c d e f"}, Undecided},
	} {
		if got := (Reflex{}).Judge(c.o); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestScrap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		lang   string
		said   string
		length time.Duration
		want   bool
	}{
		{"half a word", "", "We.", 320 * ms, true},
		{"a word", "en-US", "Sales.", 400 * ms, false},
		{"a curt word", "en-US", "No!", 260 * ms, false},
		{"a number", "", "2", 260 * ms, false},
		{"no room for a word", "", "no", 249 * ms, true},
		{"nor in any language", "de-DE", "nein", 249 * ms, true},
		{"another language's curt words are not known", "de-DE", "nein", 250 * ms, false},
		{"two words", "", "we do", 240 * ms, false},
		{"an expected word", "", "Bob", 240 * ms, false},
		{"a sound that was not heard", "", "we", 0, false},
		{"nothing", "", "", 240 * ms, false},
	} {
		d := newDialog(&Agent{Lang: c.lang}, media.Info{})
		d.expect.Words = []string{"Alice", "bob"}
		d.caller.length = c.length
		if got := d.scrap(utterance(c.said)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	d := newDialog(&Agent{}, media.Info{})
	d.now, d.caller.floor, d.caller.from = 10*time.Second, speaking, 10*time.Second-399*ms
	if d.caller.length = 100 * ms; !d.scrap([]string{"we"}) {
		t.Error("the first word of a sentence is taken at once")
	}
	if d.now += 10 * ms; d.scrap([]string{"we"}) {
		t.Error("the first word of a sentence is not taken")
	}
}

// An utterance of the caller that is the agent's own, by what is known of the leg.
func TestHeardBack(t *testing.T) {
	t.Parallel()
	const text = "Our clinic is open from nine to five. Would you like an appointment on Tuesday or on Friday?"
	unknown, free, echoes := echo{}, echo{clean: time.Minute}, echo{verdicts: provenEchoing}
	sounding := func(met, heard int) func(*dialog) {
		return func(d *dialog) {
			d.mouth = mouth{text: strings.Fields(text), heard: heard, sounds: true, until: d.now}
			d.caller.met = overlap{words: met}
		}
	}
	after := func(gap, spoke time.Duration) func(*dialog) {
		return func(d *dialog) {
			d.mouth = mouth{text: strings.Fields(text), heard: 18, until: 10 * time.Second}
			d.caller.from, d.caller.spoke = 10*time.Second+gap, 10*time.Second+spoke
			d.meet()
		}
	}
	for _, c := range []struct {
		name string
		leg  echo
		when func(*dialog)
		said string
		own  string
	}{
		{"an echo", unknown, sounding(2, 8), "is open from nine", ""},
		{"a garbled one", unknown, sounding(2, 8), "is open front nine two five", ""},
		{"an echo and a stop", unknown, sounding(2, 8), "is open from nine stop", "stop"},
		{"an echo and a sentence", unknown, sounding(2, 8), "is open from nine I need Help", "I need Help"},
		{"an echo and a bit", echoes, sounding(2, 8), "is open from nine hay", ""},
		{"something else", unknown, sounding(2, 8), "what about the weekend", "what about the weekend"},
		{"something else on a leg that echoes", echoes, sounding(2, 8), "what about the weekend", "what about the weekend"},
		{"words from long ago", echoes, sounding(15, 17), "our clinic is open", "our clinic is open"},
		{"words to come", echoes, sounding(1, 3), "Tuesday or Friday", "Tuesday or Friday"},
		{"the agent's words on a free leg", free, sounding(2, 8), "from nine to five", "from nine to five"[:0]},
		{"few of them on a free leg", free, sounding(2, 8), "from nine", "from nine"},
		{"one of them", unknown, sounding(6, 8), "nine", "nine"},
		{"Friday, afterwards", unknown, after(300*ms, 700*ms), "Friday", "Friday"},
		{"on Friday, at once", unknown, after(100*ms, 700*ms), "on Friday", "on Friday"},
		{"Friday at once, on a leg that echoes", echoes, after(100*ms, 500*ms), "Friday", "Friday"},
		{"on Friday, at once, on a leg that echoes", echoes, after(100*ms, 700*ms), "on Friday", ""},
		{"on Friday, soon, on a leg that echoes", echoes, after(300*ms, 900*ms), "on Friday", "on Friday"},
		{"on Tuesday, at once, on a leg that echoes", echoes, after(100*ms, 700*ms), "on Tuesday", "on Tuesday"},
		{"an echo of the end, and Friday", echoes, after(-900*ms, 800*ms), "Tuesday or on Friday Friday", "Friday"},
		{"an echo of the end, alone", echoes, after(-900*ms, 300*ms), "Tuesday or on fried hay", ""},
		{"long after", echoes, after(2*time.Second, 3*time.Second), "would you like an appointment on Tuesday or on Friday", "would you like an appointment on Tuesday or on Friday"},
		{"nothing", echoes, sounding(2, 8), "", ""},
	} {
		d := newDialog(&Agent{}, media.Info{})
		d.now, d.echo = 10*time.Second, c.leg
		c.when(d)
		d.caller.floor = quiet
		if own, _ := d.heardBack(c.said, true); own != c.own {
			t.Errorf("%s: %q, want %q", c.name, own, c.own)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		heard int
		want  bool
	}{
		{"Your number is four seven one one nine two.", 4, true},
		{"Your number is 555-0100, is it?", 3, true},
		{"Your number is 5 5 5 0 1 0 0.", 2, true},
		{"Your number is four seven one one nine two, and I wish you a very good day indeed.", 16, false},
		{"We are open from nine to five.", 4, false},
		{"", 0, false},
	} {
		m := mouth{text: strings.Fields(c.text), heard: c.heard}
		if got := m.reads(); got != c.want {
			t.Errorf("%q at %d: %v", c.text, c.heard, got)
		}
	}
}

// chord is sound of 20 ms frames, whose loudness f says in 0..1.
func chord(length time.Duration, f func(at float64) float64) (frames []media.Frame) {
	for at := time.Duration(0); at < length; at += media.FrameTime {
		pcm := make([]int16, 160)
		for i := range pcm {
			s := at.Seconds() + float64(i)/8000
			pcm[i] = int16(8000 * f(s) * math.Sin(2*math.Pi*200*s))
		}
		frames = append(frames, media.Frame{PCM: pcm, Rate: 8000, At: at})
	}
	return frames
}

func TestContour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		f           func(at float64) float64
		least, most int
	}{
		{"four syllables a second", func(at float64) float64 { return 0.05 + 0.95*math.Pow(math.Sin(2*math.Pi*2*at), 2) }, 3, 4},
		{"a hum", func(float64) float64 { return 0.5 }, 0, 0},
		{"a cough", func(at float64) float64 { return math.Exp(-8 * at) }, 1, 1},
		{"silence", func(float64) float64 { return 0 }, 0, 0},
	} {
		var m meter
		m.edge(Began)
		for _, f := range chord(time.Second, c.f) {
			m.hear(f)
		}
		m.edge(Ended)
		if got := m.contour(); got.Syllables < c.least || got.Syllables > c.most || got.Known != (c.name != "silence") {
			t.Errorf("%s: %+v, want %d to %d syllables", c.name, got, c.least, c.most)
		}
	}
}

func TestContourAllocates(t *testing.T) {
	var m meter
	m.edge(Began)
	f := chord(media.FrameTime, func(float64) float64 { return 1 })[0]
	if n := testing.AllocsPerRun(100, func() { m.hear(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestInterruptIsChecked(t *testing.T) {
	t.Parallel()
	err := Manners{Interrupt: Interrupt{
		Never: []string{"ok", " ."}, Always: []string{""}, Greeting: Bar{Words: 21}, Reading: Bar{Speech: time.Minute}, Tool: Bar{Words: -2},
	}}.Validate()
	for _, want := range []string{
		`Interrupt.Never[1] is " .": want a word`, `Interrupt.Always[0]`, "Interrupt.Greeting.Words is 21: want 1 to 20, or -1",
		"Interrupt.Reading.Speech is 1m0s: want 20ms to 5s", "Interrupt.Tool.Words is -2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
