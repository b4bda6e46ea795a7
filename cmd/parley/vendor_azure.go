package main

import (
	"fmt"

	"parley/providers/azure"
)

// azureSettings are Azure's.
type azureSettings struct {
	AzureKey     string `name:"azure-speech-key" help:"Key of a Speech resource at Azure, for its voices." var:"AZURE_SPEECH_KEY"`
	AzureRegion  string `name:"azure-speech-region" help:"Region of that resource, such as westeurope." var:"AZURE_SPEECH_REGION"`
	AzureBaseURL string `name:"azure-tts-base-url" help:"Azure's server for voices, in another cloud, or of one's own. Empty: that of the region." var:"AZURE_TTS_BASE_URL"`
	AzureBearer  bool   `name:"azure-speech-token" help:"The key is a token, and sent as one." default:"false" var:"PARLEY_AZURE_SPEECH_TOKEN"`
	AzureVoice   string `name:"azure-voice" help:"Name of the Azure voice of agents that name none." default:"en-US-AvaMultilingualNeural" var:"PARLEY_AZURE_VOICE"`
}

func (s *azureSettings) client(w wiring) *azure.Client {
	return &azure.Client{Key: s.AzureKey, Bearer: s.AzureBearer, Region: s.AzureRegion, BaseURL: s.AzureBaseURL, Voice: s.AzureVoice, HTTP: w.road.http}
}

var azureVendor = entry{
	name: "azure",
	account: func(c *config) account {
		return account{key: &c.AzureKey, base: &c.AzureBaseURL, place: &c.AzureRegion, bearer: &c.AzureBearer, variable: "AZURE_SPEECH_KEY"}
	},
	check: func(c *config) []error {
		if err := c.azureSettings.client(wiring{}).Check(); c.AzureKey != "" && err != nil {
			return []error{fmt.Errorf("--azure-speech-region, --azure-tts-base-url, --azure-voice: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		a := c.azureSettings.client(w)
		return opened{tts: a, check: a.Check, close: a.Close}
	},
	speaks: &speaks{
		Abilities:  azure.Speaks,
		auto:       true,
		unmodelled: "Azure's voices are named by voice_settings.voice",
		checkVoice: azure.CheckVoice,
	},
}
