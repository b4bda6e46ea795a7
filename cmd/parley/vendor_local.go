package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
	"parley/providers/local"
)

// localVoices are those that local speech has.
var localVoices = []string{"jenny", "slt"}

// localVendor is the speech of this machine. It is opened beside the others, as all calls and organisations share its models.
var localVendor = entry{
	name:   "local",
	absent: "this server has not loaded local speech",
	hears: &hears{
		Abilities: local.Hears,
		model:     func(c *config) string { return c.STTModel },
		refuses: func(_, lang string) string {
			if english(lang) {
				return ""
			}
			return "the local recogniser understands English alone"
		},
	},
	speaks: &speaks{
		Abilities:  local.Speaks,
		unmodelled: "the local vendor's voices are named by voice_settings.voice: " + strings.Join(localVoices, ", "),
		checkVoice: func(name string) error {
			if slices.Contains(localVoices, name) {
				return nil
			}
			return errors.New("the local voices are " + strings.Join(localVoices, " and "))
		},
		english: true,
	},
}

// openLocal is local speech at work: its engine, which has loaded one model of recognition.
func openLocal(engine *local.Engine, loaded string) opened {
	return opened{
		stt: func(model string) (pipeline.Transcriber, error) {
			if model != "" && model != loaded {
				return nil, fmt.Errorf("this server has loaded the local model %s", loaded)
			}
			return engine, nil
		},
		tts: engine,
	}
}
