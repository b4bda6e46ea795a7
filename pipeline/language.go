package pipeline

import "strings"

// VoiceAt is how the agent speaks on a leg of rate samples a second: with its Voice, and in its Lang unless the voice has one of its
// own. It is what a call asks its Synthesizer for, and so what speech that is made ahead must be made with.
func (a *Agent) VoiceAt(rate int) Voice {
	v := a.Voice
	v.Rate = rate
	if v.Lang == "" {
		v.Lang = a.Lang
	}
	return v
}

// ListeningAt is how the agent listens to a leg of rate samples a second: for its Lang.
func (a *Agent) ListeningAt(rate int) Listening { return Listening{Rate: rate, Lang: a.Lang} }

// speaksEnglish says whether English is what the agent speaks; where no language is said, it is.
func (a *Agent) speaksEnglish() bool {
	lang, _, _ := strings.Cut(strings.ToLower(a.Lang), "-")
	return lang == "" || lang == "en"
}
