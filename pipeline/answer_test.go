package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestAnnouncements(t *testing.T) {
	t.Parallel()
	english := announcementsIn(&Agent{Lang: "en-GB"})
	for _, c := range []struct {
		text string
		want remarks
	}{
		{"", remarks{}},
		{"Hello?", remarks{person: true, pickup: true}},
		{"Hello, this is Sam.", remarks{pickup: true}},
		{"Sam Jones.", remarks{}},
		{"Good morning, Acme, how may I help you", remarks{person: true, pickup: true}},
		{"He's not in, would you like to leave a message?", remarks{person: true}},
		{"You've reached Sam.", remarks{likely: Machine}},
		{"Have you reached Sam?", remarks{person: true, pickup: true}},
		{"Please leave your name and number.", remarks{party: Machine}},
		{"Please leave a mess", remarks{}},
		{"Please leave a massage.", remarks{party: Machine}},
		{"At the tone, please record your message.", remarks{party: Machine, tone: true}},
		{"I can't come to the phone right now, so press one to page me.", remarks{party: Machine}},
		{"Sorry, the mailbox is full.", remarks{party: Machine, full: true}},
		{"For sales, press 1.", remarks{party: Menu}},
		{"Para español, press two", remarks{party: Menu}},
		{"in the press one reads", remarks{party: Menu}}, // as it is heard, a machine might have said so
		{"Your call may be recorded for training.", remarks{party: Menu}},
		{"All of our representatives are busy.", remarks{party: Menu}},
		{"Please say your name and why you're calling, after the tone.", remarks{party: Screening, tone: true}},
		{"Who is calling, please?", remarks{person: true, pickup: true}},
		{"Thank you, please hold.", remarks{hold: true}},
		{"The number you have dialed is not in service.", remarks{party: Nobody}},
		{"Please try your call again later.", remarks{likely: Nobody}},
	} {
		if got := english.judge(c.text); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
	if got := announcementsIn(&Agent{Lang: "de"}).judge("please leave a message"); got != (remarks{}) {
		t.Errorf("in a language that is not known: %+v", got)
	}
}

func TestJudgeAnswer(t *testing.T) {
	t.Parallel()
	const s = time.Second
	limits := DefaultManners().Answering
	for _, c := range []struct {
		name string
		e    evidence
		want Answer
		at   time.Duration
	}{
		{"nothing", evidence{now: s}, Answer{}, 0},
		{"speech goes on", evidence{now: s, onset: 500 * ms, voiced: s}, Answer{}, 0},
		{"and has words", evidence{now: s, onset: 500 * ms, voiced: s, text: "good"}, Answer{}, 6501 * ms},
		{"for long", evidence{now: 7 * s, onset: 500 * ms, voiced: 7 * s, text: "good morning and so on"}, Answer{Machine, CueLong}, 0},
		{"for long, without a word", evidence{now: 7 * s, onset: 500 * ms, voiced: 7 * s}, Answer{}, 0},
		{"for long, with a machine's words", evidence{now: 2 * s, onset: 500 * ms, voiced: 2 * s, text: "leave a message"}, Answer{Machine, CueWords}, 0},
		{"a word", evidence{now: 2 * s, onset: 500 * ms, voiced: s, text: "yes", settled: true}, Answer{Human, CueShort}, 0},
		{"a word that nobody understands", evidence{now: 2 * s, onset: 500 * ms, voiced: s, settled: true}, Answer{Human, CueShort}, 0},
		{"a click", evidence{now: 2 * s, onset: 500 * ms, voiced: 600 * ms, settled: true}, Answer{}, 0},
		{"music", evidence{now: 6 * s, onset: 500 * ms, voiced: 5 * s, settled: true}, Answer{}, 0},
		{"a question", evidence{now: 5 * s, onset: 500 * ms, voiced: 4500 * ms, text: "a b c d e?", settled: true}, Answer{Human, CueWords}, 0},
		{"an introduction", evidence{now: 2 * s, onset: 500 * ms, voiced: 1500 * ms, text: "you've reached Sam", settled: true}, Answer{}, 2700 * ms},
		{"an introduction, and nothing follows", evidence{now: 2700 * ms, onset: 500 * ms, voiced: 1500 * ms, text: "you've reached Sam", settled: true}, Answer{Machine, CueWords}, 0},
		{"a long greeting", evidence{now: 5 * s, onset: 500 * ms, voiced: 4500 * ms, text: "a b c d", settled: true}, Answer{}, 5700 * ms},
		{"a long greeting, and nothing follows", evidence{now: 5700 * ms, onset: 500 * ms, voiced: 4500 * ms, text: "a b c d", settled: true}, Answer{Machine, CueLong}, 0},
	} {
		c.e.limits = &limits
		got, again := c.e.judge(announcementsInEnglish().judge(c.e.text))
		if got != c.want || again != c.at {
			t.Errorf("%s: %v, again at %v; want %v, %v", c.name, got, again, c.want, c.at)
		}
	}
}

func TestAnsweringRefused(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Answering{
		"Answering.Wait is 20s: want 1s to 15s":                    {Wait: 20 * time.Second, Nobody: 20 * time.Second},
		"Answering.Nobody is 3s: want Answering.Wait, 4s, or more": {Nobody: 3 * time.Second},
		"Answering.Longest is 1s: want 5s to 2m0s":                 {Longest: time.Second},
		"Answering.Greeting is 1m0s: want 500ms to 10s":            {Greeting: time.Minute},
		"Answering.BeepWait is 100ms: want 500ms to 15s":           {BeepWait: 100 * ms},
		"Answering.ScreeningWait is 1h0m0s: want 5s to 3m0s":       {ScreeningWait: time.Hour},
		`Answering.Message is " - ": want words, or nothing`:       {Message: " - "},
		`Answering.Screening is "!": want words, or nothing`:       {Screening: "!"},
	} {
		if err := (Manners{Answering: a}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", a, err, want)
		}
	}
	if err := (Manners{Answering: Answering{On: true, Message: "Please call us back."}}).Validate(); err != nil {
		t.Error(err)
	}
}
