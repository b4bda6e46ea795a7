package pipeline

import "testing"

func TestLanguageOfAnAgent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		agent Agent
		voice Voice
		ear   Listening
	}{
		{Agent{}, Voice{Rate: 8000}, Listening{Rate: 8000}},
		{Agent{Lang: "de-DE"}, Voice{Lang: "de-DE", Rate: 8000}, Listening{Rate: 8000, Lang: "de-DE"}},
		{
			Agent{Lang: "de-DE", Voice: Voice{Name: "anna", Lang: "de-AT", Rate: 48000, Pace: 1.1}},
			Voice{Name: "anna", Lang: "de-AT", Rate: 8000, Pace: 1.1}, Listening{Rate: 8000, Lang: "de-DE"},
		},
	} {
		if got := tt.agent.VoiceAt(8000); got != tt.voice {
			t.Errorf("%+v speaks as %+v, want %+v", tt.agent, got, tt.voice)
		}
		if got := tt.agent.ListeningAt(8000); got.Lang != tt.ear.Lang || got.Rate != tt.ear.Rate {
			t.Errorf("%+v listens as %+v, want %+v", tt.agent, got, tt.ear)
		}
	}
}
