package bots

import (
	"encoding/json"
	"fmt"
	"strings"

	"parley/control/ivr"
	"parley/control/traits"
	"parley/pipeline"
	"parley/store"
)

// checkMenu names what is wrong with a config's menu.
func checkMenu(parts map[string]json.RawMessage, say func(field, message string)) {
	menu := parts["menu"]
	if menu == nil || string(menu) == "null" {
		return
	}
	if flow := parts["flow"]; flow != nil && string(flow) != "null" {
		say("config.flow", "is not used beside config.menu: give one of them")
	}
	if menu[0] != '{' {
		say("config.menu", "must be an object: docs/bots.md")
		return
	}
	_, bad := ivr.Compile(menu)
	for _, f := range bad {
		say("config."+f.Path, f.Reason)
	}
}

// script makes of a config's flow or menu what its bot's agent is set to; before is what the config said until now. What is wrong with it is
// named by the config's fields.
func (h *Bots) script(b *store.Bot, c, before Config) (map[string]string, error) {
	if c.Flow == nil && before.Flow == nil && c.Menu == nil && before.Menu == nil {
		return nil, nil
	}
	if c.Menu != nil && b.Type != store.IVRBot {
		return map[string]string{"config.menu": "is for bots of the type ivr"}, nil
	}
	set := map[string]any{"flow": c.Flow}
	var menu ivr.Compiled
	if c.Menu != nil {
		var bad []ivr.Finding
		if menu, bad = ivr.Compile(c.Menu); len(bad) > 0 {
			return map[string]string{"config." + bad[0].Path: bad[0].Reason}, nil // refused already, where the request was read
		}
		set["flow"] = menu.Flow
	}
	if menu.Language != "" {
		set["languages"] = traits.Languages{Listening: menu.Language, Speaking: menu.Language}
	} else if was, _ := ivr.Compile(before.Menu); was.Language != "" {
		set["languages"] = nil
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("write flow: %w", err)
	}
	b.Settings = traits.Merge(b.Settings, text)
	return h.checkScript(*b, menu), nil
}

// checkScript says what is wrong with a bot's flow, by the names of its config; menu is what it was made of, if it was.
func (h *Bots) checkScript(b store.Bot, menu ivr.Compiled) map[string]string {
	a := store.Agent{Org: b.Org, Settings: b.Settings}
	var found []traits.Finding
	if h.House != nil {
		found = h.House.Check(a)
	} else {
		_, found = traits.Read(a.Settings, pipeline.Manners{})
	}
	bad := map[string]string{}
	for _, f := range found {
		rest, flow := strings.CutPrefix(f.Path, "settings.flow")
		switch {
		case menu.Flow == nil && flow:
			bad["config.flow"+rest] = f.Reason
		case menu.Flow != nil && (flow || strings.HasPrefix(f.Path, "settings.languages") && menu.Language != ""):
			bad["config."+menu.Locate(f.Path)] = f.Reason
		}
	}
	return bad
}

// mute says whether a bot has nothing by which it could lead callers: it is a menu, and has none.
func mute(b store.Bot) bool {
	var set struct {
		Flow json.RawMessage `json:"flow"`
	}
	if b.Type != store.IVRBot {
		return false
	}
	return b.Settings == "" || json.Unmarshal([]byte(b.Settings), &set) != nil || len(set.Flow) == 0 || string(set.Flow) == "null"
}

// noMenu is what is told of a mute bot, and giveMenu what to do about it.
const (
	noMenu   = "the bot is a menu and has none"
	giveMenu = "give it config.menu or config.flow (docs/bots.md), or its agent settings.flow"
)
