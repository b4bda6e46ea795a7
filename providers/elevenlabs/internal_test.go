package elevenlabs

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/providertest"
)

// hearing is a line without a socket that hears a context.
func hearing(id string) *line {
	l := &line{want: want{format: format{"ulaw_8000", 1, 8000}}, full: 1 << 30, news: make(chan struct{}, 1), state: lineSpeaking}
	l.room = sync.NewCond(&l.mu)
	l.open(id)
	return l
}

// TestIdleLines: one that waits is kept alive, the surplus of a burst goes, one of each kind stays, and that too goes in the end.
func TestIdleLines(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := &Client{Key: "k", BaseURL: providertest.StartElevenLabs(t, server)}
	t.Cleanup(func() { _ = c.Close() })
	for range 3 {
		for _, rate := range []int{8000, 16000} {
			if err := c.Warm(t.Context(), pipeline.Voice{Rate: rate}); err != nil {
				t.Fatal(err)
			}
		}
	}
	age := func(by time.Duration) {
		for _, l := range c.pool.Idle() {
			l.mu.Lock()
			l.since = time.Now().Add(-by)
			l.mu.Unlock()
			l.beat()
		}
	}
	idle := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); len(c.pool.Idle()) != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%d lines are idle, want %d", len(c.pool.Idle()), want)
			}
			<-time.After(time.Millisecond)
		}
	}
	idle(6)
	age(lineBeat)
	idle(2)
	age(lineBeat)
	idle(2)
	for deadline := time.Now().Add(time.Minute); server.Counts().KeepAlives.Load() < 4; {
		if time.Now().After(deadline) {
			t.Fatalf("%d lines were kept alive, want 2, twice", server.Counts().KeepAlives.Load())
		}
		<-time.After(time.Millisecond)
	}
	if l, ok := c.pool.Take(c.pool.Idle()[0].Key()); !ok {
		t.Error("a line that was kept alive cannot be taken")
	} else {
		l.release()
	}
	age(idleLimit)
	idle(0)
}

// TestNudge: a context whose text pauses is kept alive, and only then.
func TestNudge(t *testing.T) {
	t.Parallel()
	server := &providertest.ElevenLabs{}
	c := &Client{Key: "k", BaseURL: providertest.StartElevenLabs(t, server)}
	t.Cleanup(func() { _ = c.Close() })
	w, err := c.want(pipeline.Voice{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.openLine(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	u := utterance{client: c, want: w, line: l, id: contextID(1), mute: true}
	if err := u.say(t.Context(), "Hello."); err != nil {
		t.Fatal(err)
	}
	if err := u.nudge(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.closed = true
	if err := u.nudge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); server.Counts().KeepAlives.Load() < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("%d signs of life, want 2", server.Counts().KeepAlives.Load())
		}
		<-time.After(time.Millisecond)
	}
	if n := server.Counts().Contexts.Load(); n != 1 {
		t.Errorf("%d contexts were opened, want 1", n)
	}
	l.release()
}

// TestWhatTheServerSays: the literal messages of the documentation, and what people have found it to say besides.
func TestWhatTheServerSays(t *testing.T) {
	t.Parallel()
	sound := base64.StdEncoding.EncodeToString([]byte{1, 2, 3})
	for _, tt := range []struct {
		says string
		want message
	}{
		{
			`{"audio":"` + sound + `","contextId":"u1","isFinal":null,"alignment":{"chars":["H","i"],"charStartTimesMs":[0,60],"charDurationsMs":[60,80]},"normalizedAlignment":null}`,
			message{Audio: []byte{1, 2, 3}, Context: "u1", Alignment: &times{Chars: []string{"H", "i"}, Starts: []int{0, 60}, Durations: []int{60, 80}}},
		},
		{`{"isFinal":true,"contextId":"u1"}`, message{Final: true, Context: "u1"}},
		{`{"is_final":true,"contextId":"u1"}`, message{Final: true, FinalToo: true, Context: "u1"}},
		{
			`{"message":"Maximum simultaneous contexts per WebSocket connection exceeded (5).","error":"max_active_conversations","code":1008}`,
			message{About: "Maximum simultaneous contexts per WebSocket connection exceeded (5).", Error: "max_active_conversations", Code: 1008},
		},
		{`{"audio":"` + sound + `","contextId":"u1","error":null}`, message{Audio: []byte{1, 2, 3}, Context: "u1"}},
		{`{"error":{"kind":"odd"},"code":1008}`, message{Error: `{"kind":"odd"}`, Code: 1008}},
	} {
		got, err := decode([]byte(tt.says))
		if err != nil {
			t.Errorf("%s: %v", tt.says, err)
		}
		if tt.says[2:7] == "error" && got.refused("k") == nil {
			t.Errorf("%s is no refusal", tt.says)
		}
		if got.Error == "null" {
			t.Errorf("%s: null is an error", tt.says)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.says, diff)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	each := func(text string) *times { // 10 ms a character
		m := &times{}
		for i, r := range []rune(text) {
			m.Chars, m.Starts, m.Durations = append(m.Chars, string(r)), append(m.Starts, 10*i), append(m.Durations, 10)
		}
		return m
	}
	word := func(text string, start, end int) pipeline.Word {
		return pipeline.Word{Text: text, Start: time.Duration(start) * time.Millisecond, End: time.Duration(end) * time.Millisecond}
	}
	for name, tt := range map[string]struct {
		pieces []*times
		want   []pipeline.Word
	}{
		"one piece":           {[]*times{each(" Hi Ana. ")}, []pipeline.Word{word("Hi", 10, 30), word("Ana.", 40, 80)}},
		"a word in two":       {[]*times{each("Hi A"), each("na.")}, []pipeline.Word{word("Hi", 0, 20), word("Ana.", 30, 1030)}},
		"no spaces":           {[]*times{each("你好。Hi")}, []pipeline.Word{word("你", 0, 10), word("好", 10, 20), word("。Hi", 20, 50)}},
		"several in one":      {[]*times{{Chars: []string{"Hi ", "Ana"}, Starts: []int{0, 30}, Durations: []int{30, 30}}}, []pipeline.Word{word("Hi", 0, 30), word("Ana", 30, 60)}},
		"times that go back":  {[]*times{{Chars: []string{"a", " ", "b"}, Starts: []int{50, 60, 10}, Durations: []int{10, 10, 10}}}, []pipeline.Word{word("a", 50, 60), word("b", 50, 50)}},
		"times that are none": {[]*times{{Chars: []string{"a"}, Starts: []int{-5}, Durations: []int{-5}}}, []pipeline.Word{word("a", 0, 0)}},
		"times that lack":     {[]*times{{Chars: []string{"a", " ", "b"}, Starts: []int{0, 10}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w words
			var got []pipeline.Word
			for i, p := range tt.pieces {
				got = w.add(got, p, time.Duration(i)*time.Second)
			}
			if diff := cmp.Diff(tt.want, w.finish(got)); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzHear: whatever the server says, a line makes no sound of it but what it said, and word times that are in order.
func FuzzHear(f *testing.F) {
	f.Add([]byte(`{"audio":"AQID","contextId":"u1","alignment":{"chars":["H","i"," "],"charStartTimesMs":[0,60,70],"charDurationsMs":[60,80,1]}}`))
	f.Add([]byte(`{"audio":"AQID","contextId":"u1","normalizedAlignment":{"chars":["H",""," "],"charStartTimesMs":[9e9,-60],"charDurationsMs":[60,80,1]}}`))
	f.Add([]byte(`{"isFinal":true,"contextId":"u1"}`))
	f.Add([]byte(`{"message":"x","error":[1],"code":1008}`))
	f.Add([]byte(`{"audio":"!","contextId":3}`))
	f.Fuzz(func(t *testing.T, said []byte) {
		m, err := decode(said)
		if err != nil {
			return
		}
		if e := m.refused("k"); e != nil && strings.ContainsAny(e.Error(), "\x00\n\r\x1b") {
			t.Errorf("control characters are told: %q", e.Error())
		}
		l := hearing("u1")
		for range 2 {
			if l.hear(&m) != nil {
				return
			}
		}
		var last time.Duration
		for _, w := range l.words {
			if w.Text == "" || w.Start < last || w.End < w.Start {
				t.Errorf("word %+v after one that began at %v", w, last)
			}
			last = w.Start
		}
		if m.Context == "u1" && !bytes.Equal(l.audio, append(bytes.Clone(m.Audio), m.Audio...)) {
			t.Errorf("%d bytes of sound became %d", 2*len(m.Audio), len(l.audio))
		}
	})
}

// TestNothingOfAnotherContext: what is of a context that was cut is dropped, and its end is known.
func TestNothingOfAnotherContext(t *testing.T) {
	t.Parallel()
	l := hearing("u1")
	l.hush()
	l.open("u2")
	for _, m := range []message{
		{Context: "u1", Audio: make([]byte, 10)},
		{Context: "", Audio: make([]byte, 10)},
		{Context: "u2", Audio: make([]byte, 4)},
		{Context: "u1", Final: true},
		{Context: "u9", Final: true},
	} {
		if err := l.hear(&m); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.audio) != 4 || l.final || l.left != 0 {
		t.Errorf("%d bytes, final %v, %d cut; want 4, false, 0", len(l.audio), l.final, l.left)
	}
}

// TestAFullLineWaits: what a slow caller has not taken is bounded, and the socket waits for room; a cut lets it go on.
func TestAFullLineWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := hearing("u1")
		l.full = 10
		heard := 0
		piece := message{Context: "u1", Audio: make([]byte, 10)}
		go func() {
			for ; heard < 3; heard++ {
				if err := l.hear(&piece); err != nil {
					t.Error(err)
				}
			}
		}()
		synctest.Wait()
		if heard != 1 {
			t.Errorf("%d pieces were kept where there is room for one", heard)
		}
		if audio, _, _, err := l.take(nil); len(audio) != 10 || err != nil {
			t.Errorf("%d bytes were taken, %v", len(audio), err)
		}
		synctest.Wait()
		if heard != 2 {
			t.Errorf("%d pieces, want 2 once there was room", heard)
		}
		l.hush()
		synctest.Wait()
		if heard != 3 || len(l.audio) != 0 {
			t.Errorf("%d pieces, %d bytes kept; want 3 and none after a cut", heard, len(l.audio))
		}
	})
}

// TestSoundDoesNotAllocate is not parallel: AllocsPerRun counts the whole process. Sound goes from the line to the caller as it is.
func TestSoundDoesNotAllocate(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		f, err := formatFor(rate)
		if err != nil {
			t.Fatal(err)
		}
		u := utterance{want: want{format: f}, pcm: make([]int16, rate/10), yield: func(pipeline.Speech, error) bool { return true }}
		sound := make([]byte, 100*f.bytes(speechPiece))
		if n := testing.AllocsPerRun(90, func() {
			if len(u.audio) == 0 {
				u.audio = sound
			}
			u.sound()
		}); n != 0 {
			t.Errorf("%d Hz: %v allocations a piece of sound, want 0", rate, n)
		}
	}
}
