//go:build e2e

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"parley/media/opus"
	"parley/media/wav"
	"parley/providers/providertest"
)

// TestEndToEndVoiceNote: a voice note of recorded speech is put into words, the bot answers by a voice note that is understood again, and both are texts
// in the thread.
func TestEndToEndVoiceNote(t *testing.T) {
	t.Parallel()
	c := chattingAs(t, "whatsapp_voice", "PARLEY_STT=local", "PARLEY_TTS=local")
	said := asteriskSentences(t)[0]
	for _, s := range asteriskSentences(t) { // a good long one
		if n := len(strings.Fields(s.text)); n > len(strings.Fields(said.text)) && n <= 20 {
			said = s
		}
	}
	sound, err := wav.ReadFile(said.file)
	if err != nil {
		t.Fatal(err)
	}
	var note bytes.Buffer
	w, err := opus.NewWriter(&note, sound.Rate, 1)
	if err == nil {
		err = w.Write(sound.PCM)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	id, sum := c.meta.Put("audio/ogg; codecs=opus", note.Bytes())
	ana := providertest.WhatsAppPerson{Number: "16505551234", Name: "Ana"}
	c.hear(c.meta.Says(ana, "wamid.note", time.Now(), "audio", map[string]any{"id": id, "mime_type": "audio/ogg; codecs=opus", "sha256": sum, "voice": true}))
	until(t, 2*time.Minute, "the bot has answered", func() bool { return len(c.meta.Sent()) == 1 })
	thread := c.threads()[0].ID
	all := c.messages(thread)
	if len(all) != 2 || all[0].Type != "audio" || all[1].Type != "audio" {
		t.Fatalf("messages %+v", all)
	}
	t.Logf("said %q, understood %q, answered %q", said.text, all[0].Content, all[1].Content)
	var wer providertest.WER
	if wer.Add(said.text, all[0].Content); wer.Rate() > 0.25 {
		t.Errorf("of the note's words, %+v are wrong", wer)
	}
	sent := c.meta.Sent()[0]
	audio, _ := sent.Body["audio"].(map[string]any)
	name, _ := audio["id"].(string)
	file, found := c.meta.File(name)
	if sent.Type != "audio" || !found || file.Type != "audio/ogg; codecs=opus" || !file.Uploaded {
		t.Fatalf("sent %+v, the file %q is there: %v", sent, name, found)
	}
	pcm, err := opus.ReadAll(bytes.NewReader(file.Content), 16000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	hear, end := listener(t.Context(), os.Getenv("PARLEY_SPEECH_DIR"))
	defer end()
	heard, err := hear(t.Context(), pcm, 16000)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the answer is heard as %q", heard)
	wer = providertest.WER{}
	if wer.Add(all[1].Content, heard); wer.Rate() > 0.25 {
		t.Errorf("of the answer's words, %+v are wrong", wer)
	}
}
