//go:build e2e

package main

import (
	"net/http"
	"strings"
	"testing"

	"parley/providers/providertest"
)

// TestEndToEndMenu: an ivr bot of a menu alone answers a call, by keys and by speech; what is wrong with a menu is named, and without one the bot is not
// turned on.
func TestEndToEndMenu(t *testing.T) {
	t.Parallel()
	deepgram := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "k", Transcripts: []string{"prices please"}})
	n := serve(t, "PARLEY_RECORD=false", "PARLEY_STT=deepgram", "PARLEY_TTS=deepgram", "DEEPGRAM_API_KEY=k", "DEEPGRAM_BASE_URL="+deepgram)
	menu := map[string]any{
		"language": "en-GB", "greeting": "Welcome to Harbour Bikes.", "prompt": "For our address, press one. For rentals, press two.", "again": "Anything else?",
		"options": []any{
			map[string]any{"digit": "1", "words": []string{"address"}, "say": "We are at the old pier."},
			map[string]any{"digit": "2", "words": []string{"rentals"}, "submenu": map[string]any{"prompt": "Say prices, or press star.", "options": []any{
				map[string]any{"words": []string{"prices"}, "say": "A bike is ten pounds a day."}, map[string]any{"digit": "*", "back": true}}}},
		},
	}
	var agents []struct{ ID string }
	n.into(n.api("GET", "/api/v1/agents", nil), &agents)
	var bot struct {
		ID     string `json:"id"`
		Active bool   `json:"is_active"`
	}
	n.bare("POST", "/api/v1/bots", map[string]any{"name": "Menu", "type": "ivr", "config": map[string]any{"agent_id": agents[0].ID, "menu": menu}}, &bot)
	c := n.dial(t, "+16505551234", "hear", "press 1", "hear", "press 2", "hear", "say agent-pass", "hear", "hangup")
	var said strings.Builder
	for _, turn := range c.Turns {
		said.WriteString(turn.Text + "\n")
	}
	for _, want := range []string{"Welcome to Harbour Bikes.", "We are at the old pier.", "Say prices, or press star.", "A bike is ten pounds a day."} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the caller is not told %q:\n%s", want, said.String())
		}
	}
	var talk []struct{ ID, Channel string }
	n.bare("GET", "/api/v1/conversations?bot_id="+bot.ID, nil, &talk)
	if len(talk) != 1 || talk[0].Channel != "voice" || talk[0].ID != c.ID {
		t.Errorf("the bot's conversations are %+v", talk)
	}
	options, _ := menu["options"].([]any)
	options[1] = map[string]any{"digit": "1", "say": "Twice."}
	if status, text := n.send("PUT", "/api/v1/bots/"+bot.ID, map[string]any{"config": map[string]any{"menu": menu}}); status != http.StatusBadRequest || !strings.Contains(string(text), `"config.menu.options[1].digit"`) {
		t.Errorf("a key that is given twice: %d %s", status, text)
	}
	n.bare("PUT", "/api/v1/bots/"+bot.ID, map[string]any{"config": nil}, &bot)
	n.bare("POST", "/api/v1/bots/"+bot.ID+"/toggle", nil, &bot)
	if status, text := n.send("POST", "/api/v1/bots/"+bot.ID+"/toggle", nil); status != http.StatusBadRequest || !strings.Contains(string(text), "config.menu") {
		t.Errorf("a bot without a menu is turned on: %d %s", status, text)
	}
	var verified struct {
		Checks []struct{ Name, Status, Fix string }
	}
	n.bare("POST", "/api/v1/bots/"+bot.ID+"/deploy/verify", nil, &verified)
	if len(verified.Checks) < 2 || verified.Checks[1].Name != "menu" || verified.Checks[1].Status != "failed" || verified.Checks[1].Fix == "" {
		t.Errorf("checks %+v", verified.Checks)
	}
}
