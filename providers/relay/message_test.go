package relay

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]message{
		`{"type":"text","token":"Hello ","last":false}`:                             {kind: "text", token: "Hello "},
		`{"type":"text","token":"there.","last":true,"lang":"en-US"}`:               {kind: "text", token: "there.", last: true, lang: "en-US"},
		`{"type":"text","token":"","last":null,"new":1}`:                            {kind: "text"},
		`{"type":"play","source":"https://example.com/a.wav"}`:                      {kind: "play", source: "https://example.com/a.wav", loop: 1},
		`{"type":"play","source":"https://example.com/a.wav","loop":0}`:             {kind: "play", source: "https://example.com/a.wav", loop: mostLoops},
		`{"type":"sendDigits","digits":"9www4085551212#"}`:                          {kind: "sendDigits", digits: "9www4085551212#"},
		`{"type":"language","ttsLanguage":"sv-SE","transcriptionLanguage":"en"}`:    {kind: "language", speaking: "sv-SE", listening: "en"},
		`{"type":"end","handoffData":"{\"reasonCode\":\"live-agent-handoff\"}"}`:    {kind: "end", handoff: `{"reasonCode":"live-agent-handoff"}`},
		`{"type":"end","handoffData":{"reasonCode":"an object, which is no text"}}`: {kind: "end", handoff: `{"reasonCode":"an object, which is no text"}`},
		`{"type":"end"}`: {kind: "end"},
	} {
		if got, err := parse([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]Interruptible{"true": byAny, "false": byNothing, `"none"`: byNothing, `"dtmf"`: byKeys, `"speech"`: bySpeech, `"any"`: byAny} {
		m, err := parse([]byte(`{"type":"text","token":"a","preemptible":true,"interruptible":` + text + `}`))
		if err != nil || m.interruptible == nil || *m.interruptible != want || m.preemptible == nil || !*m.preemptible {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`Hello`:                     "no JSON object",
		`[]`:                        "no JSON object",
		`null`:                      "no JSON object",
		`{"foo":"bar"}`:             "message: type: is missing",
		`{"type":7}`:                "message: type: is 7",
		`{"type":"prompt"}`:         `type: there is no "prompt"`,
		`{"type":"text"}`:           "text: token: is missing",
		`{"type":"text","token":7}`: "text: token: is 7: want a text",
		`{"type":"text","token":"a","last":"yes"}`:           `text: last: is "yes": want true or false`,
		`{"type":"text","token":"a","interruptible":"keys"}`: `text: interruptible: is "keys": want none, dtmf, speech or any`,
		`{"type":"text","token":"a","interruptible":3}`:      "text: interruptible: is 3",
		`{"type":"play"}`: "play: source: is missing",
		`{"type":"play","source":"https://a.example","loop":1001}`:    "play: loop: is 1001",
		`{"type":"play","source":"https://a.example","loop":"twice"}`: "play: loop: is \"twice\"",
		`{"type":"sendDigits"}`:                "sendDigits: digits: is missing",
		`{"type":"sendDigits","digits":"12E"}`: "sendDigits: digits: 'E' is no key",
		`{"type":"language"}`:                  "language: ttsLanguage: is missing",
		`{"type":"text","token":"` + strings.Repeat("a", longestToken+1) + `"}`:      "text: token: has 16385 bytes",
		`{"type":"end","handoffData":"` + strings.Repeat("a", longestHandoff) + `"}`: "end: handoffData: has",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

// FuzzParse: whatever an app sends, it is understood, or told in few words what is wrong.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":"text","token":"Hello","last":true,"interruptible":"any","preemptible":false,"lang":"en"}`))
	f.Add([]byte(`{"type":"play","source":"https://example.com/a.wav","loop":3}`))
	f.Add([]byte(`{"type":"end","handoffData":{"a":[1,2]}}`))
	f.Add([]byte(`{"type":"language","ttsLanguage":"es-ES"}`))
	f.Add([]byte(`{"type":"sendDigits","digits":"1w2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%d bytes of error", len(err.Error()))
		}
		if err == nil && (m.kind == "" || m.kind == "play" && (m.loop < 1 || m.loop > mostLoops) || len(m.token) > longestToken) {
			t.Errorf("%+v", m)
		}
	})
}
