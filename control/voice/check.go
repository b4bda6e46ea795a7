package voice

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/traits"
	"parley/store"
)

// Check says all that POST /agents would find wrong with an agent, for those who make agents without it. It tidies the agent's
// JSON.
func Check(a *store.Agent) error {
	body := map[string]any{
		"name": a.Name, "system_prompt": a.SystemPrompt, "description": a.Description, "starting_message": a.StartingMessage, "enabled": a.Enabled,
	}
	var bad []error
	for name, text := range map[string]string{"voice_settings": a.VoiceSettings, "dtmf_rules": a.DTMFRules, "settings": a.Settings} {
		if text == "" {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			bad = append(bad, fmt.Errorf("%s: is no JSON: %w", name, err))
			continue
		}
		body[name] = v
	}
	types := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	schema := types.Schema(reflect.TypeFor[AgentCreate](), false, "")
	at, found := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	huma.Validate(types, schema, at, huma.ModeWriteToServer, body, found)
	create, err := decode(body)
	if err != nil {
		return err
	}
	at.Reset()
	for _, err := range append(found.Errors, create.Resolve(nil, at)...) {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			err = fmt.Errorf("%s: %s", detail.Location, detail.Message)
		}
		bad = append(bad, err)
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	a.VoiceSettings, a.DTMFRules = string(create.VoiceSettings), string(create.DTMFRules)
	var set traits.Text // as it came: models read keys in their order
	if a.Settings != "" {
		if err := json.Unmarshal([]byte(a.Settings), &set); err != nil {
			return fmt.Errorf("read agent: %w", err)
		}
	}
	a.Settings = traits.Merge("", set)
	return nil
}

func decode(body map[string]any) (create AgentCreate, err error) {
	text, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(text, &create)
	}
	if err != nil {
		return create, fmt.Errorf("read agent: %w", err)
	}
	return create, nil
}
