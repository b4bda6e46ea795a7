package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

const ms = time.Millisecond

// What there is to say, by recorded voices (prompts of Asterisk) and by synthetic ones.
var (
	prompts = map[string][]string{
		"menu": {"basic-pbx-ivr-main", "dir-intro", "dir-intro-fn", "queue-periodic-announce", "queue-youarenext", "tt-allbusy", "conf-getconfno", "agent-user", "conf-adminmenu",
			"conf-usermenu", "vm-enter-num-to-call", "privacy-prompt", "demo-enterkeywords", "agent-pass"},
		"machine": {"vm-theperson|digits/4|digits/0|digits/7|digits/1|vm-isunavail|vm-intro", "vm-theperson|digits/2|digits/9|digits/3|vm-isonphone|vm-intro", "vm-nobodyavail|vm-intro",
			"vm-intro", "hello|vm-nobodyavail|vm-intro", "vm-theperson|digits/6|digits/5|vm-isunavail"},
		"unreachable": {"cannot-complete-as-dialed|check-number-dial-again", "all-circuits-busy-now|please-try-call-later", "ss-noservice", "privacy-unident", "im-sorry|cannot-complete-as-dialed"},
		"person":      {"hello", "hello-world", "im-sorry", "one-moment-please", "privacy-thankyou", "vm-Work", "vm-Family"},
	}
	texts = map[string][]string{
		"person": {"Hello?", "Hello.", "Yes?", "Yeah, hello?", "Hi, this is Sam.", "Sam speaking.", "Good morning, Acme Plumbing, how can I help you?", "Hello, Smith residence.", "Who is this?",
			"Doctor Miller's office, Jane speaking.", "Hey, what's up?", "Hello, hello?", "Acme Plumbing, this is Jane.", "Good afternoon.", "Hi, who's calling?", "Hang on a second. Yes, hello?"},
		"machine": {"Hi, you've reached Sam. I can't come to the phone right now. Please leave a message after the beep.", "This is the voicemail of Sam Jones. Leave your name and number, and I will call you back.",
			"We're not home right now. You know what to do.", "Your call has been forwarded to an automated voice messaging system. Sam Jones is not available. At the tone, please record your message.",
			"Sorry I missed your call. Leave your name and number and I'll get back to you as soon as I can.", "Hello? Hello? I'm just kidding. I'm not here, so leave me a message.",
			"The person you are trying to reach is not available. Please leave a message after the tone.", "You have reached Northwind Clinic. Our office is closed. Please leave a message and we will return your call.",
			"Hey, it's Sam. Leave a message.", "Hi, this is Ann. I'm away from my desk. Please leave a message. If this is urgent, press zero."},
		"menu": {"Thank you for calling Acme. For sales, press one. For support, press two.", "Your call may be recorded for quality and training. Please listen carefully, as our menu options have changed.",
			"Welcome to Acme Airlines. Para español, oprima el dos. For reservations, press one.", "All of our agents are busy. Your call is important to us. Please stay on the line.",
			"Thanks for calling the pharmacy. To refill a prescription, press one. To speak to the pharmacist, press three.", "Please enter your account number, followed by the pound key.",
			"If you know your party's extension, enter it now. For the operator, press zero."},
		"screening": {"Hi, if you record your name and reason for calling, I'll see if this person is available.", "The person you're calling is using a screening service. Please say your name and why you're calling.",
			"Before I try to connect you, please state your name.", "This call is being screened. Please say your name and the reason for your call."},
		"unreachable": {"We're sorry. The number you have dialed is not in service.", "The person you are calling is not available. Please try again later.", "Your call cannot be completed as dialed. Please check the number and dial again."},
	}
)

// allSets cuts every set.
func allSets(c *corpus.Corpus, v *voices) ([]item, error) {
	m := maker{c: c, v: v}
	m.beep = m.prompt("beep")
	m.people()
	m.machines()
	m.menus()
	m.screenings()
	m.faxes()
	m.nobody()
	m.music()
	return m.items, m.failed
}

// maker puts the sets together.
type maker struct {
	c      *corpus.Corpus
	v      *voices
	beep   []int16
	items  []item
	failed error
}

func (m *maker) add(i item) { m.items = append(m.items, i) }

// prompt is a recording by its name.
func (m *maker) prompt(name string) []int16 {
	r, err := corpus.ReadPrompt(name)
	if m.failed == nil {
		m.failed = err
	}
	return r.PCM
}

// recite adds recordings, one after the other as a machine plays them: name|name|...
func (m *maker) recite(t *tape, names string) {
	for n, name := range strings.Split(names, "|") {
		if n > 0 {
			t.quiet(60*ms, 250*ms)
		}
		t.say(m.prompt(name))
	}
}

// speaker is a synthetic voice, faster or slower than it is, and so higher or lower.
func (m *maker) speaker(t *tape, text string) {
	voice := m.v.personas[t.dice.IntN(len(m.v.personas))]
	t.say(stretch(m.v.sound(voice, text), 0.94+0.16*t.dice.Float64()))
}

// stretch is pcm played so many times faster.
func stretch(pcm []int16, speed float64) []int16 {
	out := make([]int16, int(float64(len(pcm))/speed))
	for i := range out {
		at := float64(i) * speed
		k := min(int(at), len(pcm)-1)
		next := pcm[min(k+1, len(pcm)-1)]
		out[i] = corpus.Clip(float64(pcm[k]) + (at-float64(k))*(float64(next)-float64(pcm[k])))
	}
	return out
}

// person is somebody who answers, and then waits for an answer.
func (m *maker) person(set, name string, recorded bool, least, most time.Duration, speak func(*tape)) {
	t := newTape(set, name, recorded, pipeline.Human)
	t.quiet(least, most)
	speak(t)
	t.item.spoke = t.now()
	m.add(t.done(6 * time.Second))
}

func (m *maker) people() {
	var words []corpus.Recording
	for _, name := range prompts["person"] {
		words = append(words, corpus.Recording{Name: name, PCM: m.prompt(name)})
	}
	words = append(words, m.c.Sorted(func(r corpus.Recording) bool { return strings.HasPrefix(r.Name, "phonetic/") })...)
	for _, r := range m.c.Others {
		if r.End()-r.Begin() <= 2400*ms {
			words = append(words, r)
		}
	}
	for n, r := range words {
		m.person("person", r.Name, true, 200*ms, 1200*ms, func(t *tape) { t.say(r.PCM) })
		if n < 16 {
			m.person("late person", r.Name, true, 2800*ms, 3700*ms, func(t *tape) { t.say(r.PCM) })
		}
	}
	for n, text := range slices.Repeat(texts["person"], 3) {
		m.person("person", fmt.Sprintf("%02d %s", n, text), false, 200*ms, 1200*ms, func(t *tape) { m.speaker(t, text) })
	}
}

// machine is a greeting, and then one of the ways in which machines go on.
func (m *maker) machine(name string, recorded bool, n int, greet func(*tape)) {
	t := newTape("machine", name, recorded, pipeline.Machine)
	t.item.leave = true
	t.quiet(200*ms, 900*ms)
	greet(t)
	switch n % 8 {
	case 5:
		t.item.set, t.item.name = "machine, no beep", "no beep/"+t.item.name
	case 7:
		t.item.set, t.item.name = "machine, two beeps", "two beeps/"+t.item.name
		t.quiet(200*ms, 1500*ms)
		t.beep(m.beep)
		t.quiet(400*ms, 1500*ms)
		t.beep(m.beep)
	default:
		t.quiet(100*ms, 1900*ms)
		t.beep(m.beep)
	}
	m.add(t.done(14 * time.Second))
}

func (m *maker) machines() {
	for n, names := range slices.Repeat(prompts["machine"], 9) {
		m.machine(fmt.Sprintf("%02d %s", n, names), true, n/3, func(t *tape) { m.recite(t, names) })
	}
	for n, text := range slices.Repeat(texts["machine"], 4) {
		m.machine(fmt.Sprintf("%02d %s", n, text), false, n, func(t *tape) { m.speaker(t, text) })
	}
	for n := range 8 {
		t := newTape("machine, only a beep", fmt.Sprint(n), n%2 == 0, pipeline.Machine)
		t.item.leave = true
		t.quiet(400*ms, 2500*ms)
		t.beep(m.beep)
		m.add(t.done(14 * time.Second))
	}
	for n := range 6 {
		t := newTape("machine, full", fmt.Sprint(n), true, pipeline.Machine)
		t.quiet(200*ms, 900*ms)
		m.recite(t, []string{"vm-mailboxfull", "vm-nobodyavail|vm-mailboxfull", "im-sorry|vm-mailboxfull"}[n%3])
		m.add(t.done(8 * time.Second))
	}
	for n, names := range prompts["machine"] {
		t := newTape("picked up", fmt.Sprintf("%02d %s", n, names), false, pipeline.Machine)
		t.quiet(200*ms, 900*ms)
		m.recite(t, names)
		t.quiet(300*ms, 900*ms)
		if t.item.last = pipeline.Human; n%2 == 0 {
			t.beep(m.beep)
			t.quiet(1500*ms, 2500*ms)
		} else {
			t.quiet(500*ms, 900*ms)
		}
		t.item.until = t.now()
		m.speaker(t, "Hello? I'm here, I'm here.")
		m.add(t.done(8 * time.Second))
	}
}

func (m *maker) menus() {
	for n, names := range slices.Repeat(prompts["menu"], 2) {
		t := newTape("menu", fmt.Sprintf("%02d %s", n, names), true, pipeline.Menu)
		t.quiet(200*ms, 1200*ms)
		m.recite(t, names)
		m.add(t.done(4 * time.Second))
	}
	for n, text := range slices.Repeat(texts["menu"], 3) {
		t := newTape("menu", fmt.Sprintf("%02d %s", n, text), false, pipeline.Menu)
		t.quiet(200*ms, 1200*ms)
		m.speaker(t, text)
		m.add(t.done(4 * time.Second))
	}
}

// screenings ask who calls; then somebody comes.
func (m *maker) screenings() {
	ask := func(name string, recorded bool, say, person func(*tape)) {
		t := newTape("screening", name, recorded, pipeline.Screening)
		t.item.last = pipeline.Human
		t.quiet(200*ms, 1200*ms)
		say(t)
		t.quiet(8*time.Second, 14*time.Second)
		t.item.until = t.now()
		person(t)
		m.add(t.done(6 * time.Second))
	}
	for n := range 6 {
		ask(fmt.Sprint(n), true, func(t *tape) {
			m.recite(t, "priv-recordintro")
			t.quiet(200*ms, 600*ms)
			t.item.tones = append(t.item.tones, t.sound(corpus.Level(m.beep, -18)))
			t.quiet(6*time.Second, 7*time.Second)
			m.recite(t, "priv-introsaved")
		}, func(t *tape) { m.recite(t, "hello") })
	}
	for n, text := range slices.Repeat(texts["screening"], 3) {
		ask(fmt.Sprintf("%02d %s", n, text), false, func(t *tape) { m.speaker(t, text) }, func(t *tape) { m.speaker(t, "Hello?") })
	}
}

func (m *maker) faxes() {
	for n := range 6 {
		t := newTape("fax", fmt.Sprint(n), false, pipeline.Fax)
		t.quiet(300*ms, 1800*ms)
		if n%2 == 0 {
			t.item.tones = append(t.item.tones, t.sound(tone(corpus.Between(t.dice, 2600*ms, 4000*ms), t.db, 2100)))
		} else {
			for range 4 {
				t.item.tones = append(t.item.tones, t.sound(tone(500*ms, t.db, 1080+40*t.dice.Float64())))
				t.quiet(2900*ms, 3100*ms)
			}
		}
		m.add(t.done(3 * time.Second))
	}
}

// cadence is tones on and off.
type cadence struct {
	name  string
	hz    []float64
	parts []time.Duration // on, off, on, off...
}

var cadences = []cadence{
	{"ringing, North America", []float64{440, 480}, []time.Duration{2000 * ms, 4000 * ms}},
	{"ringing, United Kingdom", []float64{400, 450}, []time.Duration{400 * ms, 200 * ms, 400 * ms, 2000 * ms}},
	{"ringing, Europe", []float64{425}, []time.Duration{1000 * ms, 4000 * ms}},
	{"busy, North America", []float64{480, 620}, []time.Duration{500 * ms, 500 * ms}},
	{"congestion, North America", []float64{480, 620}, []time.Duration{250 * ms, 250 * ms}},
	{"busy, Europe", []float64{425}, []time.Duration{500 * ms, 500 * ms}},
	{"congestion, Europe", []float64{425}, []time.Duration{250 * ms, 250 * ms}},
}

func (m *maker) nobody() {
	for n := range 4 {
		m.add(newTape("silence", fmt.Sprint(n), false, pipeline.Nobody).done(18 * time.Second))
	}
	for _, c := range cadences {
		for n := range 2 {
			t := newTape("network tones", fmt.Sprintf("%s, %d", c.name, n), false, pipeline.Nobody)
			for t.quiet(300*ms, 1500*ms); t.now() < 64*time.Second; {
				for k, d := range c.parts {
					if k%2 == 0 {
						t.item.tones = append(t.item.tones, t.sound(tone(d, t.db, c.hz...)))
					} else {
						t.quiet(d, d)
					}
				}
			}
			m.add(t.done(time.Second))
		}
	}
	for n := range 4 {
		t := newTape("network tones", fmt.Sprintf("special, %d", n), n < 2, pipeline.Nobody)
		t.quiet(300*ms, 1500*ms)
		for _, hz := range []float64{950, 1400, 1800} {
			t.item.tones = append(t.item.tones, t.sound(tone(330*ms, t.db, hz)))
		}
		if t.quiet(100*ms, 300*ms); n < 2 {
			m.recite(t, "ss-noservice")
		} else {
			m.speaker(t, texts["unreachable"][0])
		}
		m.add(t.done(5 * time.Second))
	}
	for n, names := range slices.Repeat(prompts["unreachable"], 2) {
		t := newTape("announcement", fmt.Sprintf("%02d %s", n, names), true, pipeline.Nobody)
		t.quiet(300*ms, 1500*ms)
		m.recite(t, names)
		m.add(t.done(5 * time.Second))
	}
	for n, text := range slices.Repeat(texts["unreachable"], 3) {
		t := newTape("announcement", fmt.Sprintf("%02d %s", n, text), false, pipeline.Nobody)
		t.quiet(300*ms, 1500*ms)
		m.speaker(t, text)
		m.add(t.done(5 * time.Second))
	}
}

func (m *maker) music() {
	for _, r := range m.c.Music {
		const excerpt = 26 * time.Second
		for n, from := range []time.Duration{10 * time.Second, min(60*time.Second, corpus.Length(r.PCM)-excerpt)} {
			t := newTape("music", fmt.Sprintf("%s, %d", r.Name, n), true, pipeline.Unknown)
			t.item.pcm = append(t.item.pcm, corpus.Level(r.Part(from, from+excerpt), -22)...)
			m.add(t.done(time.Second))
		}
	}
}
