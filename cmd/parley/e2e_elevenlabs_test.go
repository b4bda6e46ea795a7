//go:build e2e

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/providers/providertest"
)

// TestEndToEndElevenLabsVoice: an agent speaks through ElevenLabs, with all that is set of its voice, in the telephone's own format. What an
// interrupted caller has heard is known to the word, by the times that come with the sound.
func TestEndToEndElevenLabsVoice(t *testing.T) {
	t.Parallel()
	const greeting = "This is the office of Miller and Sons, where all of our lines are rather busy at the moment, as they are on most days of the year."
	var mu sync.Mutex
	var asked []string
	var told []string
	eleven := &providertest.ElevenLabs{
		Key: "el-key",
		Asked: func(path string, q url.Values) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, path+" "+q.Get("model_id")+" "+q.Get("output_format")+" "+q.Get("language_code"))
		},
		Told: func(message string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, message)
		},
	}
	n := serve(t, "PARLEY_STT=local", "PARLEY_TTS=local", "ELEVENLABS_API_KEY=el-key", "ELEVENLABS_BASE_URL="+providertest.StartElevenLabs(t, eleven))
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	var agent struct {
		ID string `json:"id"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "Office", "system_prompt": "p"}), &agent)
	if out, code := command(t, []string{"PARLEY_DATA_DIR=" + n.data}, "numbers", "set", "+442070000003", agent.ID); code != 0 {
		t.Fatalf("parley numbers set: %s", out)
	}
	n.into(n.api(http.MethodPatch, "/api/v1/agents/"+agent.ID, json.RawMessage(`{
		"voice_settings":{"voice":"21m00Tcm4TlvDq8ikWAM","stability":0.4,"similarity_boost":0.8,"use_speaker_boost":false,"speed":1.1},
		"settings":{"providers":{"tts":{"vendor":"11labs","model":"eleven_turbo_v2_5"}},"flow":`+deskOf("office", greeting)+`}}`)), &agent)

	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--to", "+442070000003",
		"--no-transcribe", "--json", "--wav", filepath.Join(t.TempDir(), "call.wav"), "--do", "silent 4s", "--do", "press 1", "--do", "hear")
	if code != 0 {
		t.Fatalf("parley call: %d\n%s", code, out)
	}
	var r carrier.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("parley call printed %s: %v", out, err)
	}
	c := n.record(r.CallSID)
	if len(c.Turns) < 2 {
		t.Fatalf("%d turns: %+v", len(c.Turns), c)
	}
	first, last := c.Turns[0], c.Turns[len(c.Turns)-1]
	if want := heardBy(greeting, time.Duration(first.SoundedMS)*time.Millisecond); !first.Interrupted || first.Heard != want || want == "" || want == greeting {
		t.Errorf("of %d ms the caller heard %q, want %q (interrupted %v)", first.SoundedMS, first.Heard, want, first.Interrupted)
	}
	if last.Heard != "Goodbye from the office." {
		t.Errorf("then %q was heard", last.Heard)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) == 0 {
		t.Fatal("ElevenLabs was not asked")
	}
	for _, got := range asked {
		if got != "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/multi-stream-input eleven_turbo_v2_5 ulaw_8000 en" {
			t.Errorf("ElevenLabs was asked for %s", got)
		}
	}
	opened := 0
	for _, m := range told {
		if strings.Contains(m, "voice_settings") {
			opened++
			if !strings.Contains(m, `"voice_settings":{"similarity_boost":0.8,"speed":1.1,"stability":0.4,"use_speaker_boost":false}`) {
				t.Errorf("a context began with %s", m)
			}
		}
	}
	if opened == 0 {
		t.Errorf("no context began with settings: %v", told)
	}
}

// heardBy is the words of a text in tones of which the middle has sounded after d.
func heardBy(text string, d time.Duration) string {
	const gap = 60 * time.Millisecond
	var heard []string
	at := time.Duration(0)
	for _, w := range strings.Fields(text) {
		long := providertest.TonesLength(w)
		if at+(long-gap)/2 > d {
			break
		}
		heard = append(heard, w)
		at += long
	}
	return strings.Join(heard, " ")
}
